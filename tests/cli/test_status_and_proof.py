"""`anchor status` and `anchor proof`: by file, by digest, by the proof beside a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from anchor.core.digest import Method, credential_digest
from anchor.documents import parse_proof
from status_lists.multibase import encode_digest
from tests.cli.conftest import Cli
from tests.support.fake_service import FakeService


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """Return a file with a salt secret."""
    path = tmp_path / "secret"
    path.write_text("0123456789abcdef0123456789abcdef")
    return path


def test_status_of_file_shows_state_and_status(cli: Cli, badge: Path) -> None:
    """A mined file shows its batch, block and status entry."""
    cli("submit", badge)

    result = cli("status", badge)

    assert "state         final" in result.stdout
    assert "block         11 of 2026-05-01T12:00:05Z" in result.stdout
    assert "list 0, index 101" in result.stdout
    assert "neither revoked nor suspended" in result.stdout


def test_status_shows_changes_with_their_reasons(cli: Cli, badge: Path) -> None:
    """A suspended file shows since when and why."""
    cli("submit", badge)
    cli("suspend", badge, "--reason", "inquiry pending")

    result = cli("status", badge)
    body = json.loads(cli("status", badge, "--json").stdout)

    assert "suspension set by issuer 1: inquiry pending" in result.stdout
    assert (body["revoked"], body["suspended"]) == (False, True)
    assert body["history"][0]["reason"] == "inquiry pending"


def test_status_of_digest_in_either_spelling(cli: Cli, badge: Path) -> None:
    """A digest is taken as multibase or as hex."""
    cli("submit", badge)
    digest = credential_digest(Method.JCS, badge.read_bytes())

    for text in (encode_digest(digest), digest.hex()):
        assert json.loads(cli("status", text, "--json").stdout)["digest"] == encode_digest(digest)


def test_status_of_unknown_digest_is_not_found(cli: Cli) -> None:
    """What this issuer did not submit does not exist for it."""
    result = cli("status", "00" * 32, code=1)

    assert "you did not submit this digest" in result.stderr


def test_status_of_nothing_known_says_what_is_expected(cli: Cli) -> None:
    """A word that is neither file nor digest is wrong usage."""
    result = cli("status", "no-such-file.json", code=2)

    assert "'no-such-file.json' is no file, and no digest either" in result.stderr


def test_proof_of_file_is_written_beside_it(cli: Cli, badge: Path) -> None:
    """A proof that was not waited for is fetched later."""
    cli("submit", "--wait", "none", badge)

    result = cli("proof", badge)

    proof = parse_proof(badge.with_name("badge.json.proof.json").read_bytes())
    assert proof.proof.entry.digest == credential_digest(Method.JCS, badge.read_bytes())
    assert "badge.json.proof.json: batch 1, block 11" in result.stdout


def test_proof_of_digest_is_printed(cli: Cli, badge: Path) -> None:
    """Without a file there is nothing to write beside: the proof goes to stdout, whole."""
    cli("submit", "--wait", "none", badge)
    digest = credential_digest(Method.JCS, badge.read_bytes())

    result = cli("proof", digest.hex())

    assert parse_proof(result.stdout.encode()).proof.entry.digest == digest


def test_proof_before_mined_ends_with_code_3(cli: Cli, service: FakeService, badge: Path) -> None:
    """Too early is not an error of the user's; the code says that it is open."""
    service.looks_before_mined = 5
    cli("submit", "--wait", "none", badge)

    result = cli("proof", badge, code=3)

    assert "not anchored yet: the digest is safe, ask again after 2026-" in result.stderr
    assert not badge.with_name("badge.json.proof.json").exists()


def test_proof_of_salted_file_gets_its_salt_again(cli: Cli, badge: Path, secret: Path) -> None:
    """A lost proof is made again from file and secret, salt included."""
    cli("submit", "--salt", secret, badge)
    path = badge.with_name("badge.json.proof.json")
    first = path.read_bytes()
    path.unlink()

    cli("proof", "--salt", secret, badge)

    assert path.read_bytes() == first
    assert parse_proof(first).salt is not None


def test_status_of_salted_file_uses_the_proof_beside_it(cli: Cli, badge: Path, secret: Path) -> None:
    """Method and salt stand in the proof: the secret is not needed again."""
    cli("submit", "--salt", secret, badge)

    assert json.loads(cli("status", badge, "--json").stdout)["salted"] is True


def test_status_of_changed_file_is_refused(cli: Cli, badge: Path) -> None:
    """A file that no longer fits the proof beside it is named, not looked up under another digest."""
    cli("submit", badge)
    badge.write_text('{"name": "another"}')

    result = cli("status", badge, code=2)

    assert "one of them has changed" in result.stderr


def test_status_of_proof_file_asks_for_the_credential(cli: Cli, badge: Path) -> None:
    """A proof is not a credential."""
    cli("submit", badge)

    result = cli("status", badge.with_name("badge.json.proof.json"), code=2)

    assert "name the credential beside it" in result.stderr


def test_damaged_proof_beside_a_file_is_named(cli: Cli, badge: Path) -> None:
    """A proof file that does not parse is refused with its path."""
    beside = badge.with_name("badge.json.proof.json")
    beside.write_text("{}")

    result = cli("status", badge, code=2)

    assert str(beside) in result.stderr
