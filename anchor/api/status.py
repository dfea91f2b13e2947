"""Handlers under /v1/status-entries and /v1/status-changes: issuers allocate status entries and change them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from aiohttp import web

from anchor.api.auth import calling_issuer
from anchor.api.body import read_json
from anchor.api.digests import credential_status
from anchor.api.keys import SERVICES, Services
from anchor.clock import format_time
from anchor.core.digest import SALTED, Method
from anchor.core.entries import Purpose, StatusEntry
from anchor.core.strict_json import JsonValue
from anchor.errors import Conflict, InvalidInput
from anchor.fields import Fields
from anchor.service.intake import PublishedChanges
from anchor.store.records import HistoryItem, Issuer, StatusChange

MAX_REASON_CHARS = 500
_IDEMPOTENCY_KEY = re.compile(r"[!-~]{1,200}")
_CHANGEABLE = (Purpose.REVOCATION, Purpose.SUSPENSION)


async def allocate(request: web.Request) -> web.Response:
    """POST /v1/status-entries: hand out fresh status entries as ready `credentialStatus` objects."""
    services = request.app[SERVICES]
    issuer = await calling_issuer(request)
    fields = Fields(await _json(request, services), "body")
    count = fields.integer("count", minimum=1, maximum=services.limits.items_per_request)
    fields.end()
    key = request.headers.get("Idempotency-Key")
    if key is not None and not _IDEMPOTENCY_KEY.fullmatch(key):
        raise InvalidInput("an Idempotency-Key is 1 to 200 visible ASCII characters")
    entries = await services.intake.allocate(issuer, count, idempotency_key=key)
    return web.json_response(
        {
            "entries": [
                {
                    "list": entry.list_number,
                    "index": entry.index,
                    "credentialStatus": credential_status(services, entry),
                }
                for entry in entries
            ]
        }
    )


async def show(request: web.Request) -> web.Response:
    """GET /v1/status-entries/{list}/{index}: what a status entry says now, and its history."""
    services = request.app[SERVICES]
    issuer = await calling_issuer(request)
    entry = StatusEntry(int(request.match_info["list"]), int(request.match_info["index"]))
    history = await services.store.status_history(issuer.number, entry)
    return web.json_response(
        {
            "list": entry.list_number,
            "index": entry.index,
            "revoked": _latest(history, Purpose.REVOCATION),
            "suspended": _latest(history, Purpose.SUSPENSION),
            "history": [
                {
                    "time": format_time(item.changed_ms),
                    "purpose": item.purpose.label,
                    "value": item.value,
                    "reason": item.reason,
                    "actor": item.actor,
                }
                for item in history
            ],
        }
    )


async def change(request: web.Request) -> web.Response:
    """POST /v1/status-changes: revoke, suspend, reinstate; answered once the changed lists are published."""
    services = request.app[SERVICES]
    issuer = await calling_issuer(request)
    body = await _json(request, services)
    if isinstance(body, dict) and "changes" in body:
        fields = Fields(body, "body")
        items = fields.items("changes", max_items=services.limits.items_per_request)
        fields.end()
    else:
        items = [body]
    if not items:
        raise InvalidInput("'changes' is empty: name at least one")
    changes = [await _read_change(services, issuer, item, position) for position, item in enumerate(items)]
    done = await services.intake.change_status(issuer, changes)
    return web.json_response(await _change_json(services, done))


async def _change_json(services: Services, done: PublishedChanges) -> dict[str, object]:
    lists = []
    for number in done.outcome.lists:
        published = await services.store.list_version(number, None)
        if published is None:
            raise AssertionError("a changed list is published")
        lists.append({"list": number, "url": services.lists.url(number), "version": published.version})
    return {
        "changed": done.outcome.changed,
        "unchanged": done.outcome.unchanged,
        "published": format_time(done.published_ms),
        "lists": lists,
        "anchoredBy": format_time(done.published_ms + int(services.status_wait_s * 1000)),
    }


async def _read_change(services: Services, issuer: Issuer, item: JsonValue, position: int) -> StatusChange:
    fields = Fields(item, f"changes[{position}]")
    purpose = Purpose.from_label(fields.text("purpose"))
    if purpose not in _CHANGEABLE:
        raise InvalidInput(f"changes[{position}]: only revocation and suspension can be changed")
    value = fields.boolean("value")
    reason = fields.text("reason", max_chars=MAX_REASON_CHARS)
    if fields.has("digest"):
        entry = await _entry_of_digest(services, issuer, fields)
    else:
        entry = StatusEntry(fields.integer("list"), fields.integer("index"))
    fields.end()
    return StatusChange(
        list_number=entry.list_number, index=entry.index, purpose=purpose, value=value, reason=reason
    )


async def _entry_of_digest(services: Services, issuer: Issuer, fields: Fields) -> StatusEntry:
    digest = fields.digest("digest")
    salted = fields.boolean("salted", default=False)
    label = fields.optional_text("method")
    code = None if label is None else Method.from_label(label) | (SALTED if salted else 0)
    places = await services.intake.find(issuer, digest, code)
    bound = [place.accepted.status for place in places if place.accepted.status is not None]
    if not bound:
        raise Conflict(
            "no status entry is bound to this digest: name the list and index of its credentialStatus"
        )
    if len(bound) > 1:
        raise Conflict("this digest was submitted under several methods: name one in 'method'")
    return bound[0]


def _latest(history: Sequence[HistoryItem], purpose: Purpose) -> bool:
    return next((item.value for item in reversed(history) if item.purpose is purpose), False)


async def _json(request: web.Request, services: Services) -> JsonValue:
    limits = services.limits
    return await read_json(request, limit_bytes=limits.json_body_bytes, timeout_s=limits.body_timeout_s)
