"""`anchor issuer add --did-web-hosted` and `anchor issuer rotate-list-key`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from status_lists.multibase import encode_base64url
from tests.cli.conftest import Cli
from tests.support.fake_service import Canned, FakeService

DID = "did:web:a.example:dids:riverside"
LIST_SIGNER: dict[str, object] = {
    "type": "did-web",
    "did": DID,
    "verificationMethod": f"{DID}#new",
    "publicKeyMultibase": "z6Mk",
}
ROTATED = {
    "number": 3,
    "id": DID,
    "name": "Riverside",
    "listSigner": LIST_SIGNER,
    "disabled": False,
    "created": "2026-05-01T12:00:00Z",
    "retired": f"{DID}#old",
    "warnings": ["keep the old key"],
}


def test_add_hosted_asks_for_a_did_web(operator_cli: Cli, service: FakeService) -> None:
    """The slug alone says who signs and what the id is."""
    operator_cli("issuer", "add", "--name", "Riverside", "--did-web-hosted", "riverside")

    assert json.loads(service.seen[-1].body) == {
        "name": "Riverside",
        "listSigner": "did-web",
        "hosted": "riverside",
    }


@pytest.mark.parametrize("option", [("--id", "did:web:r.example"), ("--list-signer", "service")])
def test_add_hosted_with_another_identity_is_refused(
    operator_cli: Cli, service: FakeService, option: tuple[str, str]
) -> None:
    """What contradicts the slug is refused before anything is sent."""
    result = operator_cli(
        "issuer", "add", "--name", "Riverside", "--did-web-hosted", "riverside", *option, code=2
    )

    assert "leave out --id and --list-signer" in result.stderr
    assert service.seen == []


def test_rotate_list_key_shows_both_keys_and_warns(operator_cli: Cli, service: FakeService) -> None:
    """The operator sees which method signs now and which did; warnings go to standard error."""
    service.canned.append(Canned(200, json.dumps(ROTATED).encode()))

    result = operator_cli("issuer", "rotate-list-key", "3")

    assert service.seen[-1].path == "/v1/issuers/3/rotate-list-key"
    assert f"{DID}#new" in result.stdout
    assert f"{DID}#old" in result.stdout
    assert result.stderr == "warning: keep the old key\n"


TOKEN_KEY = {"algorithm": "ES256", "verificationMethod": f"{DID}#zDn", "publicKeyMultibase": "zDn"}


def test_add_with_token_key_asks_for_one_and_shows_it(operator_cli: Cli, service: FakeService) -> None:
    """The flag is enough; both keys are shown."""
    signer = LIST_SIGNER | {"tokenKey": TOKEN_KEY}
    service.canned.append(
        Canned(201, json.dumps(ROTATED | {"apiKey": "cai_x", "listSigner": signer}).encode())
    )

    result = operator_cli("issuer", "add", "--name", "R", "--did-web-hosted", "riverside", "--token-key")

    assert json.loads(service.seen[-1].body)["tokenKey"] == {"algorithm": "ES256"}
    assert f"{DID}#zDn" in result.stdout
    assert f"{DID}#new" in result.stdout


def test_add_imports_a_token_key_from_a_file(operator_cli: Cli, service: FakeService, tmp_path: Path) -> None:
    """The file alone says that there is to be one; hex and base64url are the same."""
    for number, text in enumerate((bytes(range(32)).hex(), encode_base64url(bytes(range(32))))):
        path = tmp_path / f"secret-{number}"
        path.write_text(text + "\n", "ascii")
        operator_cli(
            "issuer", "add", "--name", "R", "--did-web-hosted", "r", "--token-secret-file", str(path)
        )

        asked = json.loads(service.seen[-1].body)["tokenKey"]
        assert asked == {"algorithm": "ES256", "secret": encode_base64url(bytes(range(32)))}


def test_rotate_token_key_shows_the_new_one_and_what_it_replaced(
    operator_cli: Cli, service: FakeService
) -> None:
    """A first token key replaces none, which JSON says as null."""
    signer = LIST_SIGNER | {"tokenKey": TOKEN_KEY}
    first = ROTATED | {"listSigner": signer, "retired": None}
    service.canned += [Canned(200, json.dumps(item).encode()) for item in (first, first, ROTATED)]

    text = operator_cli("issuer", "rotate-token-key", "3").stdout
    as_json = operator_cli("issuer", "rotate-token-key", "3", "--json").stdout
    replacing = operator_cli("issuer", "rotate-token-key", "3").stdout

    assert [seen.path for seen in service.seen] == ["/v1/issuers/3/rotate-token-key"] * 3
    assert f"{DID}#zDn" in text
    assert "retired" not in text
    assert json.loads(as_json) == first
    assert f"{DID}#old" in replacing


def test_rotate_list_key_json_is_for_programs(operator_cli: Cli, service: FakeService) -> None:
    """The answer as it is, without a key."""
    service.canned.append(Canned(200, json.dumps(ROTATED).encode()))

    result = operator_cli("issuer", "rotate-list-key", "3", "--json")

    assert json.loads(result.stdout) == ROTATED


def test_rotate_list_key_of_a_did_key_says_why_not(operator_cli: Cli, service: FakeService) -> None:
    """The service's reason is passed on."""
    service.canned.append(Canned.problem(409, "conflict", "its did:key is the key itself"))

    result = operator_cli("issuer", "rotate-list-key", "1", code=1)

    assert "its did:key is the key itself" in result.stderr
