"""Handlers under /v1/digests: issuers submit digests, look them up and fetch their proofs."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from anchor.api.auth import calling_issuer
from anchor.api.body import PACKED_TYPE, read_body, read_json
from anchor.api.keys import SERVICES, Services
from anchor.core.digest import SALTED, Method
from anchor.core.entries import CredentialEntry, StatusEntry, identifier_hash
from anchor.core.expectation import Expectation
from anchor.core.lifecycle import BatchState
from anchor.core.strict_json import JsonValue
from anchor.documents import promise_to_json, proof_to_json, receipt_to_json, receipts_of
from anchor.errors import Conflict, InvalidInput
from anchor.fields import MAX_INTEGER, Fields, encode_hex
from anchor.store.records import Accepted, Batch, DigestPlace, Issuer, Submission
from status_lists.credential import status_entry
from status_lists.datetimes import format_datetime
from status_lists.errors import StatusListError
from status_lists.multibase import decode_digest, encode_base64url, encode_digest

ALLOCATE = "allocate"


async def submit(request: web.Request) -> web.Response:
    """POST /v1/digests: accept one digest, an array of them, or a packed body."""
    if request.content_type == PACKED_TYPE:
        return await _submit_packed(request)
    services = request.app[SERVICES]
    issuer = await calling_issuer(request)
    limits = services.limits
    body = await read_json(request, limit_bytes=limits.json_body_bytes, timeout_s=limits.body_timeout_s)
    items = body if isinstance(body, list) else [body]
    if not 1 <= len(items) <= limits.items_per_request:
        raise InvalidInput(f"a request holds 1 to {limits.items_per_request} digests, not {len(items)}")
    submissions = [_read_submission(item, position) for position, item in enumerate(items)]
    accepted = await services.intake.submit(issuer, submissions)
    # Signed only now that it is durable: a promise is never taken back.
    promise = await services.receipts.promise_items(issuer, accepted)
    states = await _states(services, accepted)
    expected = {number: await _expected(services, batch) for number, batch in states.items()}
    receipts = [_receipt(services, item, states[item.batch]) | expected[item.batch] for item in accepted]
    if not isinstance(body, list):
        (signed,) = receipts_of(promise, [_entry(issuer, accepted[0])]) if promise else (None,)
        return web.json_response(
            receipts[0] | {"receipt": None if signed is None else receipt_to_json(signed)},
            status=201 if accepted[0].is_new else 200,
        )
    new = sum(item.is_new for item in accepted)
    return web.json_response(
        {
            "new": new,
            "known": len(accepted) - new,
            "accepted": format_datetime(services.clock.now_ms()),
            "items": receipts,
            "promise": None if promise is None else promise_to_json(promise),
        }
    )


async def _submit_packed(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    issuer = await calling_issuer(request)
    method_code = _method_code(request)
    if method_code is None:
        raise InvalidInput("name the method of a packed body in the query: ?method=jcs")
    limits = services.limits
    body = await read_body(request, limit_bytes=limits.packed_body_bytes, timeout_s=limits.body_timeout_s)
    accepted = await services.intake.submit_packed(issuer, method_code, body, again=_flag(request, "again"))
    promise = await services.receipts.promise(
        issuer,
        root=accepted.root,
        entry_count=accepted.new + accepted.known,
        known_batches=accepted.known_batches,
    )
    return web.json_response(
        {
            "new": accepted.new,
            "known": accepted.known,
            "accepted": format_datetime(services.clock.now_ms()),
            "expected": _expectation_json(await services.expectations.of_newest()),
            "promise": None if promise is None else promise_to_json(promise),
        }
    )


async def look_up(request: web.Request) -> web.Response:
    """GET /v1/digests/{digest}: the receipt of a digest, with its anchor once it has one."""
    services = request.app[SERVICES]
    place = await _find_one(request)
    return web.json_response(
        _receipt(services, place.accepted, place.batch)
        | await _expected(services, place.batch)
        | {"anchor": _anchor(place.batch)}
    )


async def proof(request: web.Request) -> web.Response:
    """GET /v1/digests/{digest}/proof: the proof document of a mined digest."""
    services = request.app[SERVICES]
    issuer = await calling_issuer(request)
    document = await services.publications.proof(issuer, await _find_one(request))
    return web.json_response(proof_to_json(document))


async def _find_one(request: web.Request) -> DigestPlace:
    issuer = await calling_issuer(request)
    try:
        digest = decode_digest(request.match_info["digest"])
    except StatusListError as exc:
        raise InvalidInput(f"the digest in the path: {exc}") from exc
    places = await request.app[SERVICES].intake.find(issuer, digest, _method_code(request))
    if len(places) > 1:
        labels = ", ".join(_method_label(place.accepted.method_code) for place in places)
        raise Conflict(f"this digest was submitted under several methods ({labels}): add ?method=")
    return places[0]


def _read_submission(item: JsonValue, position: int) -> Submission:
    fields = Fields(item, f"digests[{position}]")
    digest = fields.digest("digest")
    method = Method.from_label(fields.text("method"))
    salted = fields.boolean("salted", default=False)
    status = fields.value("status") if fields.has("status") else None
    if status is None and "status" in (item if isinstance(item, dict) else {}):
        fields.value("status")
    again = fields.boolean("again", default=False)
    fields.end()
    return Submission(
        method_code=method | (SALTED if salted else 0),
        digest=digest,
        status=None if status in (None, ALLOCATE) else _read_status(status, position),
        allocate=status == ALLOCATE,
        again=again,
    )


def _read_status(value: JsonValue, position: int) -> StatusEntry:
    if isinstance(value, str):
        raise InvalidInput(
            f"digests[{position}].status: {value[:40]!r} is neither 'allocate' nor a status entry"
        )
    fields = Fields(value, f"digests[{position}].status")
    entry = StatusEntry(
        list_number=fields.integer("list", maximum=MAX_INTEGER),
        index=fields.integer("index", maximum=MAX_INTEGER),
    )
    fields.end()
    return entry


def _method_code(request: web.Request) -> int | None:
    label, salted = request.query.get("method"), _flag(request, "salted")
    if label is None:
        if salted:
            raise InvalidInput("name the method too: ?method=jcs&salted=true")
        return None
    return Method.from_label(label) | (SALTED if salted else 0)


def _flag(request: web.Request, name: str) -> bool:
    text = request.query.get(name, "false")
    if text not in ("true", "false"):
        raise InvalidInput(f"?{name}= is true or false")
    return text == "true"


def _method_label(code: int) -> str:
    return Method(code & ~SALTED).label


async def _states(services: Services, accepted: Sequence[Accepted]) -> dict[int, Batch]:
    batches: dict[int, Batch] = {}
    for number in {item.batch for item in accepted}:
        batch = await services.store.batch(number)
        if batch is None:
            raise AssertionError("an accepted digest has a batch")
        batches[number] = batch
    return batches


def _entry(issuer: Issuer, accepted: Accepted) -> CredentialEntry:
    return CredentialEntry(
        issuer_id=identifier_hash(issuer.identifier),
        method=Method(accepted.method_code & ~SALTED),
        digest=accepted.digest,
        salted=bool(accepted.method_code & SALTED),
        status=accepted.status,
    )


def _receipt(services: Services, accepted: Accepted, batch: Batch) -> dict[str, object]:
    status = accepted.status
    return {
        "digest": encode_digest(accepted.digest),
        "method": _method_label(accepted.method_code),
        "salted": bool(accepted.method_code & SALTED),
        "new": accepted.is_new,
        "state": batch.state.value,
        "accepted": format_datetime(accepted.accepted_s * 1000),
        "status": {"list": status.list_number, "index": status.index} if status else None,
        "credentialStatus": credential_status(services, status) if status else [],
        "sequence": batch.sequence,
        "leafIndex": accepted.leaf_index,
    }


def credential_status(services: Services, entry: StatusEntry) -> list[dict[str, object]]:
    """Return the ready `credentialStatus` objects of a status entry: revocation and suspension."""
    first = services.lists.url(entry.list_number)
    second = services.lists.url(entry.list_number + 1)
    return [status_entry(first, "revocation", entry.index), status_entry(second, "suspension", entry.index)]


async def _expected(services: Services, batch: Batch) -> dict[str, object]:
    return {"expected": _expectation_json(await services.expectations.of_batch(batch))}


def _expectation_json(expected: Expectation | None) -> dict[str, object] | None:
    if expected is None:
        return None
    return {
        "mined": format_datetime(expected.mined_s * 1000),
        "final": format_datetime(expected.final_s * 1000),
    }


def _anchor(batch: Batch) -> dict[str, object] | None:
    if batch.state not in (BatchState.MINED, BatchState.FINAL) or not batch.root or not batch.transaction:
        return None
    return {
        "sequence": batch.sequence,
        "root": encode_base64url(batch.root),
        "transaction": encode_hex(batch.transaction),
        "blockNumber": batch.block_number,
        "blockTime": batch.block_time_s,
    }
