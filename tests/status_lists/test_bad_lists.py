"""The project's own corpus of bad lists and entries, run through the whole of a verifier's work."""

from __future__ import annotations

import json
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import pytest

from status_lists.datetimes import parse_datetime
from status_lists.errors import ListTooLarge, StatusListError
from status_lists.public_keys import IssuerKey, public_key_from_multikey
from status_lists.published import parse_status_entry
from status_lists.secured import read_secured_list
from status_lists.validation import EntryStatus, check_status

ROOT = Path(__file__).parents[2]
CORPUS: dict[str, Any] = json.loads((ROOT / "tests" / "vectors" / "bad_lists.json").read_text("utf-8"))
KEYS = [
    IssuerKey(
        issuer=key["issuer"],
        verification_method=key["verification_method"],
        public_key=public_key_from_multikey(key["multikey"]),
    )
    for key in CORPUS["trusted_keys"]
]
RUNS = [
    pytest.param(case, CORPUS["bodies"][name], id=f"{case['name']} / {name}")
    for case in CORPUS["cases"]
    for name in case["bodies"]
]


def _judge(case: dict[str, Any], body: dict[str, str]) -> EntryStatus:
    now_ms = parse_datetime(CORPUS["now"])
    min_entries = case.get("min_entries", CORPUS["min_entries"])
    published = read_secured_list(
        body["text"].encode(),
        keys=KEYS,
        now_ms=now_ms,
        max_bits_bytes=CORPUS["max_list_bytes"],
        min_entries=min_entries,
    )
    return check_status(parse_status_entry(case["entry"]), published, now_ms=now_ms, min_entries=min_entries)


@pytest.mark.parametrize(("case", "body"), RUNS)
def test_corpus_case_gives_what_it_says(case: dict[str, Any], body: dict[str, str]) -> None:
    """Each bad list and entry raises the error named for it, and each good one is read."""
    expected = case["expect"]
    if "error" not in expected:
        result = _judge(case, body)
        read = {"status": result.status, "purpose": result.purpose, "valid": result.is_valid}
        assert expected == (read if result.message is None else {**read, "message": result.message})
        return
    with pytest.raises(StatusListError) as raised:
        _judge(case, body)

    assert raised.value.code == expected["error"]


def test_corpus_is_as_large_and_varied_as_promised() -> None:
    """At least 40 bad cases, each of the specification's errors but the one of fetching, names used once."""
    bad = [case for case in CORPUS["cases"] if "error" in case["expect"]]
    names = [case["name"] for case in CORPUS["cases"]]

    assert len(bad) >= 40
    assert {case["expect"]["error"] for case in bad} == {
        "MALFORMED_VALUE_ERROR",
        "STATUS_VERIFICATION_ERROR",
        "STATUS_LIST_LENGTH_ERROR",
        "RANGE_ERROR",
    }
    assert len(set(names)) == len(names)
    assert {name for case in CORPUS["cases"] for name in case["bodies"]} == set(CORPUS["bodies"])


def test_corpus_short_lists_are_read_under_a_lower_bound() -> None:
    """100,000 entries are too few by default only: the same list, the bound set lower, has a status."""
    case = next(case for case in CORPUS["cases"] if case["name"] == "100,000 entries")
    for name in case["bodies"]:
        assert _judge({**case, "min_entries": 100_000}, CORPUS["bodies"][name]).is_valid


def test_corpus_bomb_is_refused_for_its_size() -> None:
    """Not because something else is wrong with it."""
    case = next(case for case in CORPUS["cases"] if case["name"] == "gzip bomb")
    for name in case["bodies"]:
        with pytest.raises(ListTooLarge):
            _judge(case, CORPUS["bodies"][name])


@pytest.mark.skipif(
    zlib.ZLIB_RUNTIME_VERSION.count(".") > 2 or "ng" in zlib.ZLIB_RUNTIME_VERSION,
    reason="zlib-ng and patched zlibs compress the same bits to other bytes",
)
def test_corpus_is_what_its_script_makes() -> None:
    """Nobody edits the file by hand."""
    made = subprocess.run(
        [sys.executable, "scripts/make_bad_lists.py", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (made.returncode, made.stdout) == (0, "as it should be\n"), made.stderr


def test_list_with_its_one_proof_in_an_array_is_read() -> None:
    """1EdTech publishes such lists; two proofs are still refused, since nobody says which of them counts."""
    case, body = next(
        (case, json.loads(CORPUS["bodies"][name]["text"]))
        for case in CORPUS["cases"]
        for name in case["bodies"]
        if "error" not in case["expect"] and CORPUS["bodies"][name]["text"].startswith("{")
    )
    one = {**body, "proof": [body["proof"]]}
    two = {**body, "proof": [body["proof"], body["proof"]]}

    assert _judge(case, {"text": json.dumps(one)}).status == case["expect"]["status"]
    with pytest.raises(StatusListError):
        _judge(case, {"text": json.dumps(two)})
