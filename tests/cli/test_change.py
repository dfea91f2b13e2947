"""`anchor revoke`, `suspend` and `reinstate`: what they change, and what they say of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from anchor.core.digest import Method, credential_digest
from status_lists.multibase import encode_digest
from tests.cli.conftest import Cli
from tests.support.fake_service import FakeService


def _changes(service: FakeService) -> list[dict[str, object]]:
    bodies = [json.loads(seen.body) for seen in service.seen if seen.path == "/v1/status-changes"]
    return [change for body in bodies for change in body["changes"]]


def test_revoke_file_says_when_public_and_when_anchored(cli: Cli, service: FakeService, badge: Path) -> None:
    """The answer names the time of publication, the lists and the time of the anchor."""
    cli("submit", badge)

    result = cli("revoke", badge, "--reason", "issued in error")

    assert "revoked: 1 credential" in result.stdout
    assert "public since 2026-05-01T12:00:00Z" in result.stdout
    assert f"{service.url}/status-lists/0" in result.stdout
    assert "to be anchored by 2026-05-01T12:00:00Z" in result.stdout
    assert _changes(service) == [
        {
            "purpose": "revocation",
            "value": True,
            "reason": "issued in error",
            "digest": encode_digest(credential_digest(Method.JCS, badge.read_bytes())),
            "method": "jcs",
        }
    ]


def test_revoke_of_several_files_names_the_one_that_was_not_submitted(
    cli: Cli, badge: Path, tmp_path: Path
) -> None:
    """Of hundreds of files a person looks for one: the refusal says which."""
    cli("submit", badge)
    other = tmp_path / "never-submitted.pdf"
    other.write_bytes(b"%PDF")

    result = cli("revoke", badge, other, "--reason", "issued in error", code=1)

    assert f"{other}: the service at" in result.stderr
    assert "was not submitted with your key" in result.stderr


def test_revoke_wait_anchored_names_the_batch(cli: Cli, badge: Path) -> None:
    """With --wait anchored it ends once a mined batch commits to the changed lists."""
    cli("submit", badge)

    result = cli("revoke", badge, "--reason", "issued in error", "--wait", "anchored")
    body = json.loads(cli("suspend", badge, "--reason", "x", "--wait", "anchored", "--json").stdout)

    assert "anchored in batch 2" in result.stdout
    assert body["anchoredIn"] == 3


def test_suspend_and_reinstate_by_list_and_index(cli: Cli, service: FakeService) -> None:
    """A status entry is named without a file; reinstating lifts the suspension."""
    cli("suspend", "--list", "0", "--index", "7", "--reason", "fee unpaid")
    cli("reinstate", "--list", "1", "--index", "7", "--reason", "fee paid")

    assert _changes(service) == [
        {"purpose": "suspension", "value": True, "reason": "fee unpaid", "list": 0, "index": 7},
        {"purpose": "suspension", "value": False, "reason": "fee paid", "list": 1, "index": 7},
    ]


def test_revoke_several_files_is_one_request(
    cli: Cli, service: FakeService, badge: Path, tmp_path: Path
) -> None:
    """All files of a command change together or not at all."""
    other = tmp_path / "other.json"
    other.write_text('{"name": "other"}')
    cli("submit", badge, other)

    result = cli("revoke", badge, other, "--reason", "course withdrawn")

    assert "revoked: 2 credentials" in result.stdout
    assert sum(seen.path == "/v1/status-changes" for seen in service.seen) == 1


def test_revoke_salted_digest_says_that_it_is_salted(
    cli: Cli, service: FakeService, badge: Path, tmp_path: Path
) -> None:
    """The digest of a salted file is the salted one, found through the proof beside it."""
    secret = tmp_path / "secret"
    secret.write_text("0123456789abcdef0123456789abcdef")
    cli("submit", "--salt", secret, badge)

    cli("revoke", badge, "--reason", "x")

    (change,) = _changes(service)
    assert change["salted"] is True
    assert change["digest"] != encode_digest(credential_digest(Method.JCS, badge.read_bytes()))


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--list", "0"],
        ["--index", "7"],
        ["--digest", "00" * 32, "--list", "0", "--index", "7"],
        ["badge.json", "--digest", "00" * 32],
    ],
)
def test_revoke_named_in_no_way_or_in_two_is_refused(
    cli: Cli, service: FakeService, arguments: list[str]
) -> None:
    """What is to be revoked must be unmistakable."""
    result = cli("revoke", *arguments, "--reason", "x", code=2)

    assert "name either FILES" in result.stderr or "name both" in result.stderr
    assert service.seen == []


def test_revoke_without_reason_is_refused(cli: Cli, badge: Path) -> None:
    """Every change is kept with its reason."""
    result = cli("revoke", badge, code=2)

    assert "--reason" in result.stderr


def test_revoke_bad_digest_is_refused(cli: Cli) -> None:
    """A digest that is none never leaves the machine."""
    result = cli("revoke", "--digest", "abc", "--reason", "x", code=2)

    assert "'abc'" in result.stderr


def test_suspend_twice_says_that_nothing_changed(cli: Cli) -> None:
    """A change that changed nothing is not told as if it had been published or were to be anchored."""
    cli("suspend", "--list", "0", "--index", "7", "--reason", "fee unpaid")

    result = cli("suspend", "--list", "0", "--index", "7", "--reason", "fee unpaid")

    assert result.stdout == "nothing changed: 1 already suspended\n"


def test_reinstate_of_a_revoked_one_does_not_sound_as_if_it_were_good_again(cli: Cli) -> None:
    """A revoked entry that was never suspended is told as just that."""
    cli("revoke", "--list", "0", "--index", "7", "--reason", "issued in error")

    result = cli("reinstate", "--list", "0", "--index", "7", "--reason", "issued rightly")

    assert result.stdout == "nothing changed: 1 not suspended (a revocation stays)\n"
