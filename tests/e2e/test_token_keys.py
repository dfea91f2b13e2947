"""An issuer whose tokens are signed with ES256, from the command line to a stranger's verdict."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from click.testing import CliRunner

from anchor.cli import main
from anchor.verify.files import foreign_fetcher
from anchor.verify.foreign_lists import ForeignLists
from anchor.verify.trust import ForeignHost, TrustSet
from anchor.verify.trust_file import parse_trust
from status_lists.multibase import decode_p256_multikey
from status_lists.p256 import P256Key
from status_lists.published import parse_status_entry
from status_lists.token_list import TokenReference
from tests.support.running_service import IssuerAccess, RunningService

pytestmark = [pytest.mark.anvil, pytest.mark.asyncio(loop_scope="module")]

SECRET = bytes(31) + b"\x05"
TOKEN_FORMS = ("application/vc+jwt", "application/statuslist+jwt", "application/statuslist+cwt")


async def _anchor(service: RunningService, *arguments: str) -> str:
    environment = {"ANCHOR_SERVICE": service.base_url, "ANCHOR_API_KEY": service.operator_key}
    result = await asyncio.to_thread(CliRunner().invoke, main, arguments, env=environment)
    assert result.exit_code == 0, result.output
    return result.stdout


async def _add(service: RunningService, slug: str, *options: str) -> tuple[IssuerAccess, dict[str, Any]]:
    arguments = ("issuer", "add", "--name", slug, "--did-web-hosted", slug, "--json", *options)
    added = json.loads(await _anchor(service, *arguments))
    return IssuerAccess(identifier=added["id"], api_key=added["apiKey"]), added


async def _revoked_entry(service: RunningService, issuer: IssuerAccess) -> dict[str, Any]:
    _, allocated = await service.request(
        "POST", "/v1/status-entries", headers=issuer.headers, json={"count": 1}
    )
    entry: dict[str, Any] = allocated["entries"][0]
    change = {
        "list": entry["list"],
        "index": entry["index"],
        "purpose": "revocation",
        "value": True,
        "reason": "x",
    }
    status, _ = await service.request("POST", "/v1/status-changes", headers=issuer.headers, json=change)
    assert status == 200
    return entry


async def _get(service: RunningService, path: str, accept: str) -> bytes:
    async with (
        aiohttp.ClientSession() as session,
        session.get(service.base_url + path, headers={"Accept": accept}) as response,
    ):
        assert response.content_type == accept
        return await response.read()


def _asking_only(trust: TrustSet, service: RunningService) -> TrustSet:
    """Return the trust set of somebody who relies on signatures alone and fetches from the service as from any host."""
    host = ForeignHost(authority=f"127.0.0.1:{service.port}", is_local=True)
    return replace(trust, files=None, foreign_hosts=(host,))


async def _codes(
    service: RunningService, trust: TrustSet, issuer: str, entry: dict[str, Any]
) -> list[str | None]:
    """Return what the list says by its JSON form and by its token form, as codes."""
    lists = ForeignLists(fetcher=foreign_fetcher(trust), trust=trust, now_s=int(time.time()))
    reference = TokenReference(uri=f"{service.base_url}/status-lists/{entry['list']}", index=entry["index"])
    findings = [
        await lists.check(parse_status_entry(entry["credentialStatus"][0]), issuer=issuer),
        await lists.check_token(reference, issuer=issuer),
    ]
    return [None if finding.reason is None else finding.reason.code for finding in findings]


async def test_es256_list_verifies_by_the_keys_that_trust_export_drafts(
    shared_service: RunningService, tmp_path: Path
) -> None:
    """`anchor trust export` finds both keys; with the P-256 one missing the tokens prove nothing."""
    service = shared_service
    secret = tmp_path / "secret"
    secret.write_text(SECRET.hex(), "ascii")
    issuer, added = await _add(service, "utopia", "--token-secret-file", str(secret))
    entry = await _revoked_entry(service, issuer)
    await service.wait_for_anchored_version(entry["list"], 0)
    exported = await _anchor(service, "trust", "export", "--issuer", issuer.identifier)
    trust = _asking_only(parse_trust(exported.encode()), service)
    trusted = trust.issuer(issuer.identifier)
    assert trusted is not None

    by_both = await _codes(service, trust, issuer.identifier, entry)
    one_key = replace(trust, issuers=(replace(trusted, p256_keys=()),))
    by_one = await _codes(service, one_key, issuer.identifier, entry)

    point = decode_p256_multikey(added["listSigner"]["tokenKey"]["publicKeyMultibase"])
    assert point == P256Key(SECRET).public_key
    assert trusted.p256_keys == (point,)
    assert len(trusted.keys) == 1
    assert by_both == ["revoked", "revoked"]
    assert by_one == ["revoked", "STATUS_VERIFICATION_ERROR"]
    assert SECRET.hex() not in service.log


async def test_rotated_token_key_signs_at_once_and_survives_a_restart(
    shared_service: RunningService,
) -> None:
    """The forms as served change at the rotation and not at the restart: nothing is signed when it is read."""
    service = shared_service
    issuer, added = await _add(service, "riverside")
    entry = await _revoked_entry(service, issuer)
    path = f"/status-lists/{entry['list']}"
    before = [await _get(service, path, form) for form in TOKEN_FORMS]
    printed = await _anchor(service, "issuer", "rotate-token-key", str(added["number"]))
    after = [await _get(service, path, form) for form in TOKEN_FORMS]
    await service.kill()
    await service.start()
    again = [await _get(service, path, form) for form in TOKEN_FORMS]
    _, document = await service.request("GET", "/dids/riverside/did.json")

    assert not set(before) & set(after)
    assert again == after
    present = document["assertionMethod"][-1]
    assert present in printed
    assert present.partition("#")[2].startswith("zDn")
