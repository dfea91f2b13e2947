"""Make tests/vectors/bad_lists.json: bad status lists and entries, each with the error that it must give.

python scripts/make_bad_lists.py          write the file
python scripts/make_bad_lists.py --check  exit 1 if it differs from what would be written

A case changes one thing in a good list or a good entry. A list is signed after the change, so that nothing
else is wrong with it, except where the signature is what the case is about. Everything is made from what
stands in `bad_lists/`; only another zlib (zlib-ng) would compress the lists to other bytes.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from bad_lists.entries import entry_cases
from bad_lists.good import good_cases
from bad_lists.lists import bits_cases, form_cases
from bad_lists.model import LENGTH, MAX_LIST_BYTES, NOW_MS, Case
from bad_lists.securing import TRUSTED, bodies_of
from bad_lists.trust import match_cases, signature_cases

from status_lists.datetimes import format_datetime

FILE = Path(__file__).resolve().parent.parent / "tests" / "vectors" / "bad_lists.json"


def main() -> int:
    """Write the file, or compare it; return the exit code."""
    text = corpus_text()
    if "--check" in sys.argv[1:]:
        is_same = FILE.read_text("utf-8") == text
        print("as it should be" if is_same else f"differs: {FILE.name}")
        return 0 if is_same else 1
    FILE.write_text(text, "utf-8")
    print(f"wrote {FILE.name}")
    return 0


def corpus_text() -> str:
    """Return the whole file; bodies that several cases share are written once."""
    cases = [
        *good_cases(),
        *form_cases(),
        *bits_cases(),
        *entry_cases(),
        *match_cases(),
        *signature_cases(),
    ]
    bodies: dict[tuple[str, str], str] = {}
    described = [described_case(case, bodies) for case in cases]
    corpus = {
        "specification": "https://www.w3.org/TR/2025/REC-vc-bitstring-status-list-20250515/",
        "now": format_datetime(NOW_MS),
        "min_entries": LENGTH,
        "max_list_bytes": MAX_LIST_BYTES,
        "trusted_keys": [
            {"issuer": issuer, "verification_method": method, "multikey": key.multikey}
            for issuer, method, key in TRUSTED
        ],
        "cases": described,
        "bodies": {
            name: {"media_type": media_type, "text": text} for (media_type, text), name in bodies.items()
        },
    }
    return json.dumps(corpus, ensure_ascii=False, indent=1) + "\n"


def described_case(case: Case, bodies: dict[tuple[str, str], str]) -> dict[str, object]:
    """Describe a case; its bodies are added to those there are, each under a name."""
    names = [bodies.setdefault(body, f"list-{len(bodies) + 1:03d}") for body in bodies_of(case)]
    expect = {"error": case.expect} if isinstance(case.expect, str) else case.expect
    lower_bound = {} if case.min_entries == LENGTH else {"min_entries": case.min_entries}
    return {
        "name": case.name,
        "why": case.why,
        "entry": case.entry,
        "bodies": names,
        **lower_bound,
        "expect": expect,
    }


if __name__ == "__main__":
    sys.exit(main())
