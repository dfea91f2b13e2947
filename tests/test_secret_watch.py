"""The watch for keys sees what it is to see: every other test relies on it (fault 48)."""

from __future__ import annotations

from pathlib import Path

import pytest

from anchor.service.keys import new_api_key
from tests.support.anvil import SECOND_KEY
from tests.support.assembly import RPC_URL
from tests.support.secret_watch import secrets_in

pytest_plugins = ["pytester"]

LEAKS = {
    "an issuer's key": f"refused: {new_api_key('issuer')}",
    "the operator's key": new_api_key("operator"),
    "a private key": f"0x{SECOND_KEY.hex()}",
    "a private key in capitals": SECOND_KEY.hex().upper(),
    "the head of a private key": f"key {SECOND_KEY[:8].hex()}…",
    "an RPC URL": f"cannot reach {RPC_URL}",
}


@pytest.mark.parametrize("leak", LEAKS)
def test_secret_is_found(leak: str) -> None:
    """Each kind of secret is found in running text, and the finding does not repeat it."""
    (found,) = secrets_in(f"before {LEAKS[leak]} after")

    assert found not in LEAKS[leak]


@pytest.mark.parametrize("text", ["", "cai_short", "https://rpc.example.org", "0x" + "00" * 32])
def test_what_is_no_secret_is_left_alone(text: str) -> None:
    """Origins, hashes and prefixes may be told."""
    assert secrets_in(text) == []


def test_leaking_tests_fail(pytester: pytest.Pytester) -> None:
    """The control: tests that pass by themselves fail for what was written meanwhile."""
    pytester.syspathinsert(Path(__file__).parents[1])
    pytester.makeini("[pytest]\nlog_level = DEBUG\nasyncio_default_fixture_loop_scope = function\n")
    pytester.makeconftest("from tests.conftest import pytest_runtest_makereport")
    pytester.makepyfile(f"""
        import logging, sys

        LEAK = {LEAKS["an issuer's key"]!r}

        def test_that_logs():
            logging.getLogger("web3").debug(LEAK)

        def test_that_writes():
            sys.stderr.write(LEAK)

        def test_that_does_neither():
            print(LEAK)
    """)

    # In a process of its own: otherwise this test's own log would hold the key.
    result = pytester.runpytest_subprocess()

    result.assert_outcomes(passed=3, errors=2)
    result.stdout.fnmatch_lines(["*an API key in the log*", "*an API key in the stderr*"])
