"""A verifier library that others deploy reads the lists of a running service."""

from __future__ import annotations

import asyncio
import secrets

import pytest

from status_lists.keys import ListKey, verification_method_of
from status_lists.multibase import encode_base58btc, encode_base64url
from tests.interop.verifier import VerifierAnswer, ask_verifier, is_installed
from tests.status_lists.linked_data import CONTEXT_V2, data_to_sign
from tests.support.running_service import IssuerAccess, RunningService

pytestmark = [
    pytest.mark.anvil,
    pytest.mark.node,
    pytest.mark.skipif(not is_installed(), reason="run npm install in tests/interop"),
]


async def test_verifier_core_reads_served_list_as_not_revoked_then_revoked(service: RunningService) -> None:
    """An issuer imports its key, embeds an allocated entry, revokes: the npm library follows."""
    key = ListKey(secrets.token_bytes(32))
    issuer = await _imported_issuer(service, key)
    status, allocated = await service.request(
        "POST", "/v1/status-entries", headers=issuer.headers, json={"count": 1}
    )
    assert status == 200
    entry = allocated["entries"][0]
    credential = _signed_credential(key, entry["credentialStatus"])

    before = await _ask(credential)
    assert (before.signature_valid, before.revoked, before.suspended) == (True, False, False), before.errors

    for purpose in ("suspension", "revocation"):
        change = {
            "list": entry["list"],
            "index": entry["index"],
            "purpose": purpose,
            "value": True,
            "reason": "test",
        }
        status, _ = await service.request("POST", "/v1/status-changes", headers=issuer.headers, json=change)
        assert status == 200

    after = await _ask(credential)
    assert (after.signature_valid, after.revoked, after.suspended) == (True, True, True), after.errors


async def _imported_issuer(service: RunningService, key: ListKey) -> IssuerAccess:
    status, body = await service.request(
        "POST",
        "/v1/issuers",
        headers={"Authorization": f"Bearer {service.operator_key}"},
        json={"name": "Imported", "listSigner": "managed", "seed": encode_base64url(key.seed)},
    )
    assert status == 201
    assert body["id"] == key.did_key
    return IssuerAccess(identifier=body["id"], api_key=body["apiKey"])


async def _ask(credential: dict[str, object]) -> VerifierAnswer:
    return await asyncio.to_thread(ask_verifier, credential)


def _signed_credential(key: ListKey, credential_status: list[dict[str, object]]) -> dict[str, object]:
    credential: dict[str, object] = {
        "@context": [CONTEXT_V2],
        "id": "urn:uuid:58172aac-d8ba-11ed-83dd-0b3aef56cc33",
        "type": ["VerifiableCredential"],
        "issuer": key.did_key,
        "validFrom": "2026-01-01T00:00:00Z",
        "credentialSubject": {"id": "did:example:holder"},
        "credentialStatus": credential_status,
    }
    proof = {
        "type": "DataIntegrityProof",
        "cryptosuite": "eddsa-rdfc-2022",
        "created": "2026-01-01T00:00:00Z",
        "verificationMethod": verification_method_of(key),
        "proofPurpose": "assertionMethod",
    }
    signature = key.sign(data_to_sign(credential, proof))
    return {**credential, "proof": {**proof, "proofValue": encode_base58btc(signature)}}
