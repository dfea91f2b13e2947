"""Handlers under /v1/status-lists: issuers make lists of their own and see how full they are."""

from __future__ import annotations

from aiohttp import web

from anchor.api.auth import calling_issuer
from anchor.api.body import read_json
from anchor.api.keys import SERVICES, Services
from anchor.core.entries import Purpose
from anchor.errors import Conflict, InvalidInput
from anchor.fields import Fields
from anchor.store.records import Issuer, IssuerList

MAX_BODY_BYTES = 256 * 1024
MAX_MESSAGE_CHARS = 200
MAX_LIST_BITS = 100_000_256
"""A hundred million one-bit entries, rounded up to whole chunks."""

MAX_ISSUER_BITS = 4 * MAX_LIST_BITS
"""All lists of one issuer together: each large one takes memory and time of everybody's at every change."""


async def add_list(request: web.Request) -> web.Response:
    """POST /v1/status-lists: make a refresh or message list, or another pair of revocation and suspension lists."""
    services = request.app[SERVICES]
    issuer = await calling_issuer(request)
    body = await read_json(request, limit_bytes=MAX_BODY_BYTES, timeout_s=services.limits.body_timeout_s)
    fields = Fields(body, "body")
    purpose = Purpose.from_label(fields.text("purpose"))
    bits = fields.integer("statusSize", minimum=1, maximum=8) if fields.has("statusSize") else 1
    messages = _read_messages(fields) if fields.has("messages") else ()
    length = fields.integer("length", minimum=1, maximum=MAX_LIST_BITS) if fields.has("length") else None
    fields.end()
    await _require_room(services, issuer, purpose, bits * (length or services.list_length))
    number = await services.intake.add_list(
        issuer, purpose, bits_per_entry=bits, length=length, messages=messages
    )
    return web.json_response(await _list_json(services, issuer, number), status=201)


async def own_lists(request: web.Request) -> web.Response:
    """GET /v1/status-lists: the issuer's lists, and how full they are."""
    services = request.app[SERVICES]
    issuer = await calling_issuer(request)
    lists = await services.store.issuer_lists(issuer.number)
    return web.json_response({"lists": [list_json(services, item) for item in lists]})


async def _require_room(services: Services, issuer: Issuer, purpose: Purpose, size_bits: int) -> None:
    if size_bits > MAX_LIST_BITS:
        raise InvalidInput(f"a list has at most {MAX_LIST_BITS} bits, not {size_bits}")
    pair = 2 if purpose in (Purpose.REVOCATION, Purpose.SUSPENSION) else 1
    lists = await services.store.issuer_lists(issuer.number)
    taken = sum(item.spec.length * item.spec.bits_per_entry for item in lists)
    if taken + pair * size_bits > MAX_ISSUER_BITS:
        raise Conflict(
            f"your lists have {taken} bits and may have {MAX_ISSUER_BITS}: ask the operator for a way"
        )


def _read_messages(fields: Fields) -> tuple[str, ...]:
    items = fields.items("messages", max_items=256)
    if not all(isinstance(item, str) and 0 < len(item) <= MAX_MESSAGE_CHARS for item in items):
        raise InvalidInput(f"each of 'messages' must be a text of 1 to {MAX_MESSAGE_CHARS} characters")
    return tuple(str(item) for item in items)


async def _list_json(services: Services, issuer: Issuer, number: int) -> dict[str, object]:
    lists = await services.store.issuer_lists(issuer.number)
    return next(list_json(services, item) for item in lists if item.number == number)


def list_json(services: Services, item: IssuerList) -> dict[str, object]:
    """Return what an issuer sees of a list."""
    return {
        "list": item.number,
        "url": services.lists.url(item.number),
        "purpose": item.spec.purpose.label,
        "statusSize": item.spec.bits_per_entry,
        "messages": list(item.spec.messages),
        "length": item.spec.length,
        "allocated": item.allocated,
    }
