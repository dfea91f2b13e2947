"""Handlers under /v1/status-entries and /v1/status-changes: issuers allocate status entries and change them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence

from aiohttp import web

from anchor.api.auth import calling_issuer
from anchor.api.body import read_body, read_json
from anchor.api.change_reading import read_changes, read_csv, read_ndjson
from anchor.api.digests import credential_status
from anchor.api.keys import SERVICES, Services
from anchor.core.entries import Purpose, StatusEntry
from anchor.core.strict_json import JsonValue
from anchor.errors import InvalidInput
from anchor.fields import Fields
from anchor.service.intake import PublishedChanges
from anchor.store.records import HistoryItem, IssuerList, StatusChange
from status_lists.credential import status_entry
from status_lists.datetimes import format_datetime

NDJSON_TYPE = "application/x-ndjson"
CSV_TYPE = "text/csv"

_IDEMPOTENCY_KEY = re.compile(r"[!-~]{1,200}")


async def allocate(request: web.Request) -> web.Response:
    """POST /v1/status-entries: hand out fresh status entries as ready `credentialStatus` objects."""
    services = request.app[SERVICES]
    issuer = await calling_issuer(request)
    fields = Fields(await _json(request, services), "body")
    count = fields.integer("count", minimum=1, maximum=services.limits.items_per_request)
    purpose = Purpose.from_label(fields.text("purpose")) if fields.has("purpose") else Purpose.REVOCATION
    fields.end()
    key = request.headers.get("Idempotency-Key")
    if key is not None and not _IDEMPOTENCY_KEY.fullmatch(key):
        raise InvalidInput("an Idempotency-Key is 1 to 200 visible ASCII characters")
    entries = await services.intake.allocate(issuer, count, purpose=purpose, idempotency_key=key)
    lists = {item.number: item for item in await services.store.issuer_lists(issuer.number)}
    return web.json_response(
        {
            "entries": [
                {
                    "list": entry.list_number,
                    "index": entry.index,
                    "credentialStatus": _objects(services, entry, lists[entry.list_number]),
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
                    "time": format_datetime(item.changed_ms),
                    "purpose": item.purpose.label,
                    "value": _shown(item),
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
    done = await services.intake.change_status(issuer, await _read_changes(request, services))
    return web.json_response(await _change_json(services, done))


async def _read_changes(request: web.Request, services: Services) -> list[StatusChange]:
    """Read the changes of a body: JSON, or NDJSON and CSV for a great many, parsed beside the event loop."""
    limits = services.limits
    bulk = {NDJSON_TYPE: read_ndjson, CSV_TYPE: read_csv}.get(request.content_type)
    if bulk is None:
        return read_changes(await _json(request, services), max_items=limits.items_per_request)
    body = await read_body(request, limit_bytes=limits.packed_body_bytes, timeout_s=limits.body_timeout_s)
    return await asyncio.to_thread(bulk, body, max_items=limits.changes_per_request)


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
        "published": format_datetime(done.published_ms),
        "lists": lists,
        "anchoredBy": format_datetime(done.published_ms + int(services.status_wait_s * 1000))
        if await _anchors_in_time(services)
        else None,
    }


async def _anchors_in_time(services: Services) -> bool:
    """Whether the next anchor can be foretold: the chain answers, and no earlier batch still waits for its block."""
    status = services.status
    if status.problem or status.clock_fault or status.anchoring_problems():
        return False
    return all(batch.state.is_mined for batch in await services.store.unfinished_batches())


def _objects(services: Services, entry: StatusEntry, listed: IssuerList) -> list[dict[str, object]]:
    spec = listed.spec
    if spec.purpose is Purpose.REVOCATION:
        return credential_status(services, entry)
    url = services.lists.url(entry.list_number)
    return [status_entry(url, spec.purpose.label, entry.index, messages=spec.messages)]


def _shown(item: HistoryItem) -> bool | int:
    return item.value if item.purpose is Purpose.MESSAGE else bool(item.value)


def _latest(history: Sequence[HistoryItem], purpose: Purpose) -> bool:
    return next((bool(item.value) for item in reversed(history) if item.purpose is purpose), False)


async def _json(request: web.Request, services: Services) -> JsonValue:
    limits = services.limits
    return await read_json(request, limit_bytes=limits.json_body_bytes, timeout_s=limits.body_timeout_s)
