"""What holds for all tests."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support.secret_watch import secrets_in

# How long an example takes tells how busy the machine is: no test fails for that. The rest is as it was, in CI too.
settings.register_profile("any machine", settings(deadline=None))
settings.load_profile("any machine")

WATCHED = ("log", "stderr")
"""Standard output is where a command shows a key that was asked for."""

LONGEST = (
    "tests/faults/test_crash_matrix.py",
    "tests/faults/test_chain_faults.py",
    "tests/faults/",
    "tests/soak/",
    "tests/e2e/",
    "tests/rebuild/",
)
"""Where single tests take seconds; the rest fills the gaps."""

SAMPLES = Path(__file__).parents[2] / "shared" / "samples"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Make a complete run fail where anything was skipped: a missing tool must not make a check vanish silently."""
    is_complete = os.environ.get("CI") == "true" and SAMPLES.is_dir()
    skipped = terminalreporter.stats.get("skipped", [])
    if is_complete and skipped:
        terminalreporter.write_line(f"{len(skipped)} tests were skipped, and CI skips none", red=True)
        terminalreporter._session.exitstatus = pytest.ExitCode.TESTS_FAILED  # type: ignore[union-attr]  # there is one by now


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that no worker is left with it when the others have nothing more to do."""
    items.sort(
        key=lambda item: next(
            (place for place, name in enumerate(LONGEST) if item.nodeid.startswith(name)), len(LONGEST)
        )
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail any test during which a key was logged or written to standard error, whatever it is a test of."""
    report = yield
    if call.when != "teardown":
        return report
    told = [
        f"{secret} in the {stream} of {when}"
        for when, stream, text in item._report_sections
        if stream in WATCHED
        for secret in secrets_in(text)
    ]
    if told and report.passed:
        report.outcome = "failed"
        report.longrepr = "secrets were written: " + "; ".join(dict.fromkeys(told))
    return report
