"""`anchor demo`: the whole story, by real programs on a real development chain."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from anchor.chain.development import DEVELOPMENT_PRIVATE_KEY
from anchor.core.verdict import Verdict
from anchor.demo.narrator import Narrator
from anchor.demo.programs import Ran, clean_environment
from anchor.demo.story import _require
from anchor.demo.workspace import CREDENTIALS, Workspace
from anchor.errors import ConfigError, FatalError


@pytest.mark.anvil
def test_demo_tells_the_story_with_the_expected_verdicts(tmp_path: Path) -> None:
    """It ends by itself with exit code 0; each step is there; no secret is in output or log."""
    folder = tmp_path / "demo"

    done = subprocess.run(
        [sys.executable, "-m", "anchor.cli", "demo", "--data", str(folder)],
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )

    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "All verdicts were as they must be." in done.stdout
    assert done.stdout.count("is a test network") == 1
    verdicts = re.findall(r"\$ anchor verify (\S+) ", done.stdout)
    assert {"open-badge.json", "forged-open-badge.json", "forged-diploma.pdf"} | set(CREDENTIALS) == set(
        verdicts
    )
    seen = done.stdout + done.stderr + (folder / "service.log").read_text()
    secrets = [path.read_text().strip() for path in (*folder.glob("*.key"), *folder.glob("data/*.key"))]
    assert len(secrets) == 5
    for secret in (*secrets, DEVELOPMENT_PRIVATE_KEY.hex()):
        assert secret not in seen


@pytest.mark.parametrize(
    ("output", "exit_code", "expected"),
    [
        ("verdict: revoked", 1, Verdict.VALID),
        ("verdict: revoked", 1, Verdict.TAMPERED),
        ("verdict: valid", 1, Verdict.VALID),
        ("verdict: revoked", 0, Verdict.REVOKED),
        ("", 0, Verdict.VALID),
    ],
)
def test_unexpected_verdict_ends_the_story(output: str, exit_code: int, expected: Verdict) -> None:
    """A verdict or an exit code that is not the expected one is fatal, whatever the other says."""
    with pytest.raises(FatalError, match=f"x should be {expected.value}"):
        _require(Ran(output, exit_code), "x", expected)


def test_workspace_that_holds_something_is_refused(tmp_path: Path) -> None:
    """Nobody's files are mixed with the demonstration's."""
    (tmp_path / "mine").write_text("mine")

    with pytest.raises(ConfigError, match="is not empty"):
        Workspace(tmp_path).prepare()


def test_workspace_gets_copies_of_the_examples(tmp_path: Path) -> None:
    """The demonstration writes beside copies, never into the examples."""
    workspace = Workspace(tmp_path / "new")

    workspace.prepare()

    assert sorted(path.name for path in workspace.credentials.iterdir()) == sorted(CREDENTIALS)


def test_environment_loses_settings_of_other_services() -> None:
    """A key or address that is set for daily work neither leaks into the demonstration nor bends it."""
    environment = {"ANCHOR_SERVICE": "x", "ANCHOR_API_KEY": "y", "ANCHOR_ANVIL": "/anvil", "PATH": "/bin"}

    assert clean_environment(environment) == {"ANCHOR_ANVIL": "/anvil", "PATH": "/bin"}


def test_narrator_writes_times_and_typed_commands() -> None:
    """Steps carry the time since the beginning; words with spaces are quoted as a shell needs them."""
    lines: list[str] = []
    times = iter([100.0, 102.5])
    narrator = Narrator(write=lines.append, now_s=lambda: next(times))

    narrator.step("The beginning")
    narrator.command(("revoke", "x.json", "--reason", "two words"), "done\n")

    assert lines == [
        "",
        "[  2.5 s]  The beginning",
        '           $ anchor revoke x.json --reason "two words"',
        "             done",
    ]
