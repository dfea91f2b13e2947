"""`anchor issuer`: the operator's commands, and where keys go."""

from __future__ import annotations

import json
import stat
from pathlib import Path

from status_lists.multibase import encode_base64url
from tests.cli.conftest import Cli
from tests.support.fake_service import FakeService


def test_add_tells_the_key_once_and_warns(operator_cli: Cli) -> None:
    """The new issuer's key is the one thing to keep; the service's warnings reach the operator."""
    result = operator_cli(
        "issuer", "add", "--name", "Riverside", "--id", "https://r.example", "--list-signer", "service"
    )

    assert "new-key-1   (told this once: keep it)" in result.stdout
    assert "warning: some verifiers refuse this" in result.stderr


def test_add_key_file_keeps_the_key_off_the_screen(operator_cli: Cli, tmp_path: Path) -> None:
    """With --key-file the key is in a file that only its owner reads."""
    path = tmp_path / "riverside.key"

    result = operator_cli("issuer", "add", "--name", "Riverside", "--key-file", path, "--json")

    assert "new-key-1" not in result.output
    assert "apiKey" not in json.loads(result.stdout)
    assert path.read_text() == "new-key-1\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_add_existing_key_file_is_refused_before_the_issuer_exists(
    operator_cli: Cli, service: FakeService, tmp_path: Path
) -> None:
    """An issuer whose key could not be kept must not come into being."""
    path = tmp_path / "old.key"
    path.write_text("old")

    result = operator_cli("issuer", "add", "--name", "Riverside", "--key-file", path, code=2)

    assert "exists already" in result.stderr
    assert path.read_text() == "old"
    assert service.issuers == []


def test_add_seed_file_is_sent_as_base64url(operator_cli: Cli, service: FakeService, tmp_path: Path) -> None:
    """A seed is read from a file, in hex or base64url, and never from the command line."""
    seed = bytes(range(32))
    for text in (seed.hex(), encode_base64url(seed) + "\n"):
        path = tmp_path / "seed"
        path.write_text(text)
        operator_cli("issuer", "add", "--name", "Riverside", "--seed-file", path)

        assert json.loads(service.seen[-1].body)["seed"] == encode_base64url(seed)


def test_add_bad_seed_file_is_refused_without_showing_it(operator_cli: Cli, tmp_path: Path) -> None:
    """A file that holds no seed is named; what it holds is not."""
    path = tmp_path / "seed"
    path.write_text("not-a-seed-but-secret")

    result = operator_cli("issuer", "add", "--name", "Riverside", "--seed-file", path, code=2)

    assert "holds no seed" in result.stderr
    assert "not-a-seed-but-secret" not in result.output


def test_list_shows_issuers_without_keys(operator_cli: Cli) -> None:
    """The list names number, id, signer and state."""
    operator_cli(
        "issuer", "add", "--name", "Riverside", "--id", "https://r.example", "--list-signer", "service"
    )
    operator_cli("issuer", "disable", "1")

    result = operator_cli("issuer", "list")
    listed = json.loads(operator_cli("issuer", "list", "--json").stdout)["issuers"]

    assert "1       https://r.example  Riverside  service      disabled" in result.stdout
    assert listed[0]["disabled"] is True
    assert "apiKey" not in listed[0]


def test_rotate_key_tells_the_new_key(operator_cli: Cli) -> None:
    """The new key is told once, as the first was."""
    operator_cli("issuer", "add", "--name", "Riverside")

    assert "rotated-key" in operator_cli("issuer", "rotate-key", "1").stdout


def test_rotate_key_of_unknown_issuer_is_not_found(operator_cli: Cli) -> None:
    """The service's reason is passed on."""
    result = operator_cli("issuer", "rotate-key", "9", code=1)

    assert "there is no issuer 9" in result.stderr


def test_issuer_key_does_not_manage_issuers(cli: Cli) -> None:
    """An issuer's key is not the operator's."""
    result = cli("issuer", "list", code=1)

    assert "error: the service at 127.0.0.1" in result.stderr
