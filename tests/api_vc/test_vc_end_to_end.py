"""A credential that the running service issued, judged by a verifier that others deploy, anchored, and revoked."""

from __future__ import annotations

import asyncio
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from anchor.core.strict_json import canonical_json
from anchor.vc.linked_data import LinkedData
from status_lists.multibase import encode_digest
from tests.interop.verifier import VerifierAnswer, ask_verifier, is_installed
from tests.support.anvil import running_chain
from tests.support.running_service import IssuerAccess, RunningService
from tests.support.vc_documents import HOLDER, open_badge, presentation, presented

pytestmark = [
    pytest.mark.anvil,
    pytest.mark.node,
    pytest.mark.skipif(not is_installed(), reason="run npm install in tests/interop"),
]


async def test_issued_credential_is_accepted_anchored_and_revoked(tmp_path: Path) -> None:
    """Issue, judged good by npm's verifier, anchored and provable, revoked as DCC does, judged revoked by both."""
    async with running_chain(state_path=tmp_path / "chain.json") as chain:
        service = RunningService(folder=tmp_path / "service", chain=chain)
        await service.start()
        try:
            await _whole_story(service)
        finally:
            await service.stop()


async def _whole_story(service: RunningService) -> None:
    issuer = await service.add_issuer()
    signed = await _issue(service, issuer)

    before = await _ask(signed)
    assert (before.signature_valid, before.revoked, before.suspended) == (True, False, False), before.errors
    assert (await _verify(service, issuer, signed))[0] == 200
    digest = encode_digest(hashlib.sha256(canonical_json(signed)).digest())
    receipt = await service.wait_for_state(issuer, digest, "mined")
    assert receipt["credentialStatus"] == signed["credentialStatus"]
    status, proof = await service.request("GET", f"/v1/digests/{digest}/proof", headers=issuer.headers)
    assert (status, proof["issuer"]) == (200, issuer.identifier)

    await _change(service, issuer, signed["id"], "suspended")
    suspended = await _ask(signed)
    assert (suspended.revoked, suspended.suspended) == (False, True), suspended.errors
    await _change(service, issuer, signed["id"], "revoked")
    after = await _ask(signed)
    assert (after.signature_valid, after.revoked) == (True, True), after.errors
    code, verified = await _verify(service, issuer, signed)
    assert (code, verified["problemDetails"][0]["title"]) == (400, "the credential was revoked")


async def _issue(service: RunningService, issuer: IssuerAccess) -> dict[str, Any]:
    status, body = await service.request(
        "POST",
        "/credentials/issue",
        headers=issuer.headers,
        json={"credential": open_badge(issuer.identifier)},
    )
    assert status == 201, body
    signed: dict[str, Any] = body["verifiableCredential"]
    return signed


async def _verify(service: RunningService, issuer: IssuerAccess, document: Any) -> tuple[int, Any]:
    shown = presented(presentation(document), HOLDER, linked_data=LinkedData())
    status, body = await service.request(
        "POST", "/presentations/verify", headers=issuer.headers, json={"verifiablePresentation": shown}
    )
    alone, _ = await service.request(
        "POST", "/credentials/verify", headers=issuer.headers, json={"verifiableCredential": document}
    )
    assert alone == status
    return status, body


async def _change(service: RunningService, issuer: IssuerAccess, credential_id: str, word: str) -> None:
    status, body = await service.request(
        "POST",
        "/credentials/status",
        headers=issuer.headers,
        json={
            "credentialId": credential_id,
            "credentialStatus": [{"type": "BitstringStatusListCredential", "status": word}],
        },
    )
    assert status == 200, body


async def _ask(document: dict[str, Any]) -> VerifierAnswer:
    # As the holder has it: through a file, not the very object.
    return await asyncio.to_thread(ask_verifier, json.loads(json.dumps(document)))
