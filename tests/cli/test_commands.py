"""Help, errors and exit codes that all commands share."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from anchor import __version__
from anchor.cli import main
from anchor.cli.group import exit_code
from anchor.errors import (
    AnchorError,
    ChainUnavailable,
    ConfigError,
    Conflict,
    InvalidInput,
    InvalidProof,
    NotFound,
    NotStrictJson,
    Overloaded,
    ServiceUnavailable,
    TooLarge,
    Unauthorized,
)

COMMANDS = [
    "init",
    "deploy",
    "serve",
    "key new",
    "key show",
    "key appoint",
    "key rotate",
    "move",
    "demo",
    "chain",
    "submit",
    "status",
    "proof",
    "revoke",
    "suspend",
    "reinstate",
    "issuer",
    "issuer add",
    "issuer list",
    "issuer rotate-key",
    "issuer disable",
    "verify",
    "audit",
    "backup",
    "restore",
    "mirror",
    "rebuild",
    "trust export",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_each_command_shows_examples(command: str) -> None:
    """Every command's help ends with examples of itself."""
    result = CliRunner().invoke(main, [*command.split(), "--help"])

    assert result.exit_code == 0, result.output
    _text, _title, shown = result.output.partition("Examples:\n")
    assert f"anchor {command}" in shown


def test_help_lists_every_command_without_loading_it() -> None:
    """The list of commands is complete, in a newcomer's order."""
    result = CliRunner().invoke(main, ["--help"])

    listed = result.output.partition("Commands:\n")[2].partition("\n\n")[0]
    names = [line.split()[0] for line in listed.splitlines()]
    assert names == [
        *("init", "deploy", "serve", "demo", "chain", "issuer", "submit", "status", "proof"),
        *("revoke", "suspend", "reinstate", "apply", "evidence", "verify", "audit", "fsck"),
        *("backup", "restore", "mirror", "rebuild", "receipt", "key", "move", "trust"),
    ]


def test_version_is_the_package_version() -> None:
    """`anchor --version` says which."""
    result = CliRunner().invoke(main, ["--version"])

    assert result.output == f"anchor, version {__version__}\n"


def test_unknown_command_is_wrong_usage() -> None:
    """A misspelt command ends with exit code 2."""
    result = CliRunner().invoke(main, ["sumbit"])

    assert result.exit_code == 2
    assert "No such command 'sumbit'" in result.output


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InvalidInput("x"), 2),
        (InvalidProof("x"), 2),
        (NotStrictJson("x", line=1, column=1), 2),
        (Unauthorized("x"), 1),
        (NotFound("x"), 1),
        (Conflict("x"), 1),
        (TooLarge("x"), 1),
        (ConfigError("x"), 1),
        (Overloaded("x", retry_after_s=1), 3),
        (ServiceUnavailable("x"), 3),
        (ChainUnavailable("x"), 3),
    ],
)
def test_exit_code_says_what_kind_of_error(error: AnchorError, code: int) -> None:
    """2 is wrong usage, 3 what could not be reached, 1 every other refusal."""
    assert exit_code(error) == code


def test_serve_without_settings_says_how_to_make_them(tmp_path: Path) -> None:
    """A missing settings file is one line of advice, no traceback."""
    result = CliRunner().invoke(main, ["serve", "--config", str(tmp_path / "none.toml")])

    assert result.exit_code == 1
    assert result.output.startswith("error: there is no ")
    assert "anchor init" in result.output


def test_key_of_the_command_line_is_not_shown_in_help_or_errors(badge: Path) -> None:
    """Neither help nor a usage error repeats the key that was given."""
    for arguments in (["--help"], ["--wait", "never", str(badge)], ["--json", str(badge)]):
        result = CliRunner().invoke(main, ["submit", "--api-key", "a-secret-key", *arguments])

        assert "a-secret-key" not in result.output
