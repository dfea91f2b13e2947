"""What holds for all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SAMPLES = Path(__file__).parents[2] / "shared" / "samples"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Make a complete run fail where anything was skipped: a missing tool must not make a check vanish silently."""
    is_complete = os.environ.get("CI") == "true" and SAMPLES.is_dir()
    skipped = terminalreporter.stats.get("skipped", [])
    if is_complete and skipped:
        terminalreporter.write_line(f"{len(skipped)} tests were skipped, and CI skips none", red=True)
        terminalreporter._session.exitstatus = pytest.ExitCode.TESTS_FAILED  # type: ignore[union-attr]
