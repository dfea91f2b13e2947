"""A list in all the forms that a running service publishes, each verified by its own rules."""

from __future__ import annotations

import time
from typing import Any

import aiohttp
import pytest

from status_lists.bitstring import get_entry
from status_lists.cwt import verify_token_list_cwt
from status_lists.jose import verify_list_jwt
from status_lists.json_text import parse_json_object
from status_lists.keys import key_from_did_key
from status_lists.public_keys import PublicKey
from status_lists.published import parse_list_document, parse_status_entry
from status_lists.signing import verify_list
from status_lists.signing_jcs import verify_list_jcs
from status_lists.token_bits import get_token_entry
from status_lists.token_jwt import verify_token_list_jwt
from status_lists.validation import check_status
from tests.support.running_service import IssuerAccess, RunningService

pytestmark = [pytest.mark.anvil, pytest.mark.asyncio(loop_scope="module")]

LIST_BYTES = 16_384
MAX_CHARS = 1_000_000


async def _get(service: RunningService, path: str, accept: str = "*/*") -> tuple[int, str, bytes]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(service.base_url + path, headers={"Accept": accept}) as response,
    ):
        return response.status, response.content_type, await response.read()


async def _post(service: RunningService, issuer: IssuerAccess, path: str, body: Any) -> Any:
    status, answer = await service.request("POST", path, headers=issuer.headers, json=body)
    assert status in (200, 201), answer
    return answer


async def test_revoked_entry_reads_revoked_in_every_form(shared_service: RunningService) -> None:
    """JSON with either suite, vc+jwt, statuslist+jwt and statuslist+cwt say the same, signed by the issuer's key."""
    service = shared_service
    issuer = await service.add_issuer()
    raw_key = key_from_did_key(issuer.identifier)
    key = PublicKey(algorithm="EdDSA", key_bytes=raw_key)
    allocated = await _post(service, issuer, "/v1/status-entries", {"count": 1})
    entry = allocated["entries"][0]
    index, path = entry["index"], f"/status-lists/{entry['list']}"
    change = {"list": entry["list"], "index": index, "purpose": "revocation", "value": True, "reason": "left"}
    await _post(service, issuer, "/v1/status-changes", change)

    _, rdfc_type, rdfc = await _get(service, path)
    _, jcs_type, jcs = await _get(service, path + "?proof=eddsa-jcs-2022")
    _, jwt_type, jwt = await _get(service, path, "application/vc+jwt, */*;q=0.1")
    _, token_jwt_type, token_jwt = await _get(service, path, "application/statuslist+jwt")
    _, token_cwt_type, token_cwt = await _get(service, path, "application/statuslist+cwt")
    verify_list(parse_json_object(rdfc), public_key=raw_key)
    verify_list_jcs(parse_json_object(jcs), public_key=raw_key)
    from_jwt = verify_list_jwt(
        jwt.decode(), public_key=key, now_ms=time.time_ns() // 1_000_000, max_chars=MAX_CHARS
    )
    tokens = (
        verify_token_list_jwt(token_jwt.decode(), public_key=key, max_bits_bytes=LIST_BYTES),
        verify_token_list_cwt(token_cwt, public_key=key, max_bits_bytes=LIST_BYTES),
    )
    documents = [
        parse_list_document(document, max_bits_bytes=LIST_BYTES) for document in (rdfc, jcs, dict(from_jwt))
    ]

    assert (rdfc_type, jcs_type, jwt_type) == ("application/vc", "application/vc", "application/vc+jwt")
    assert (token_jwt_type, token_cwt_type) == ("application/statuslist+jwt", "application/statuslist+cwt")
    assert [get_entry(document.bits, index) for document in documents] == [1, 1, 1]
    assert [get_token_entry(token.bits, index, 1) for token in tokens] == [1, 1]
    assert {token.uri for token in tokens} == {service.base_url + path}
    assert all(sum(byte.bit_count() for byte in token.bits) == 1 for token in tokens)


async def test_aggregation_names_every_list_of_the_issuer(shared_service: RunningService) -> None:
    """The address that token lists give for their aggregation answers with all lists of their issuer."""
    service = shared_service
    issuer = await service.add_issuer()
    key = PublicKey(algorithm="EdDSA", key_bytes=key_from_did_key(issuer.identifier))
    allocated = await _post(service, issuer, "/v1/status-entries", {"count": 1})
    first = allocated["entries"][0]["list"]
    _, _, token = await _get(service, f"/status-lists/{first}", "application/statuslist+jwt")
    aggregation_uri = verify_token_list_jwt(
        token.decode(), public_key=key, max_bits_bytes=LIST_BYTES
    ).aggregation_uri
    assert aggregation_uri is not None
    status, aggregated = await service.request("GET", aggregation_uri.removeprefix(service.base_url))

    assert (status, aggregated) == (
        200,
        {"status_lists": [f"{service.base_url}/status-lists/{first + offset}" for offset in (0, 1)]},
    )


async def test_message_list_says_what_its_values_mean(shared_service: RunningService) -> None:
    """A list of two-bit messages: made, allocated from, changed, read by the specification's algorithm."""
    service = shared_service
    issuer = await service.add_issuer()
    messages = ["in training", "qualified", "on leave", "retired"]
    made = await _post(
        service, issuer, "/v1/status-lists", {"purpose": "message", "statusSize": 2, "messages": messages}
    )
    allocated = await _post(service, issuer, "/v1/status-entries", {"count": 1, "purpose": "message"})
    entry = allocated["entries"][0]
    change = {
        "list": made["list"],
        "index": entry["index"],
        "purpose": "message",
        "value": 2,
        "reason": "parental",
    }
    await _post(service, issuer, "/v1/status-changes", change)
    _, _, document = await _get(service, f"/status-lists/{made['list']}")
    verify_list_jcs(parse_json_object(document), public_key=key_from_did_key(issuer.identifier))
    result = check_status(
        parse_status_entry(entry["credentialStatus"][0]),
        parse_list_document(document, max_bits_bytes=2 * LIST_BYTES),
        now_ms=time.time_ns() // 1_000_000,
    )

    assert (result.status, result.message) == (2, "on leave")


@pytest.mark.parametrize(
    "body",
    [
        {"purpose": "message", "statusSize": 3, "messages": ["a"] * 8},
        {"purpose": "message", "statusSize": 2, "messages": ["a", "b"]},
        {"purpose": "revocation", "statusSize": 2},
        {"purpose": "refresh", "length": 1000},
        {"purpose": "refresh", "length": 131_073},
        {"purpose": "colour"},
    ],
)
async def test_impossible_list_is_refused(shared_service: RunningService, body: dict[str, Any]) -> None:
    """What the specification does not allow is refused before anything is made."""
    service = shared_service
    issuer = await service.add_issuer()
    status, problem = await service.request("POST", "/v1/status-lists", headers=issuer.headers, json=body)
    _, lists = await service.request("GET", "/v1/status-lists", headers=issuer.headers)

    assert (status, problem["type"].rpartition("/")[2]) == (400, "invalid-input")
    assert lists == {"lists": []}
