"""Fixtures of the command line's tests: a fake service and a way to call commands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from anchor.cli import main
from tests.support.fake_service import ISSUER_KEY, OPERATOR_KEY, FakeService, running_service


@pytest.fixture
def service() -> Iterator[FakeService]:
    """Return a fake service that anchors at once."""
    with running_service() as fake:
        yield fake


@dataclass(frozen=True)
class Cli:
    """Calls `anchor` with a service and a key in the environment; no output may ever hold the key."""

    url: str
    key: str

    def __call__(self, *arguments: str | Path, code: int = 0) -> Result:
        """Return the result of a command, which must end with the exit code."""
        environment = {"ANCHOR_SERVICE": self.url, "ANCHOR_API_KEY": self.key}
        result = CliRunner().invoke(main, [str(argument) for argument in arguments], env=environment)

        assert self.key not in result.output
        assert result.exit_code == code, result.output
        return result


@pytest.fixture
def cli(service: FakeService) -> Cli:
    """Return the command line of an issuer."""
    return Cli(service.url, ISSUER_KEY)


@pytest.fixture
def operator_cli(service: FakeService) -> Cli:
    """Return the command line of the operator."""
    return Cli(service.url, OPERATOR_KEY)


@pytest.fixture
def badge(tmp_path: Path) -> Path:
    """Return a small credential file."""
    path = tmp_path / "badge.json"
    path.write_text('{"issuer": "https://university.example", "name": "Badge"}')
    return path
