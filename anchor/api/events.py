"""Server-sent events: every new version of a status list, as it is published (WHATWG HTML, section 9.2)."""

from __future__ import annotations

import asyncio
import json

from aiohttp import hdrs, web

from anchor.api.keys import SERVICES, Services
from anchor.errors import InvalidInput, Overloaded
from anchor.service.webhook_message import event_data
from anchor.store.records import ListEvent

KEEP_ALIVE_S = 15.0
"""A comment is sent after so much silence, so that proxies keep the stream and dead clients are noticed."""

EVENTS_AT_ONCE = 100
MAX_STREAMS = 200
"""Open streams: each costs a socket and a task."""

_MAX_ID_CHARS = 15

STREAMS = web.AppKey("streams", set[asyncio.Task[object]])


async def events(request: web.Request) -> web.StreamResponse:
    """
    GET /v1/events: a stream of new list versions.

    A client that comes back with `Last-Event-ID` gets what it missed; one that comes without it begins with what is
    published from now on.
    """
    services, streams = request.app[SERVICES], request.app[STREAMS]
    last = await _last_event(request, services)
    if len(streams) >= MAX_STREAMS:
        raise Overloaded(f"{MAX_STREAMS} event streams are open already", retry_after_s=30)
    task = asyncio.current_task()
    if task is None:
        raise AssertionError("a handler runs in a task")
    streams.add(task)
    try:
        response = web.StreamResponse(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        response.content_type = "text/event-stream"
        await response.prepare(request)
        if request.method != hdrs.METH_HEAD:
            await _stream(response, services, last)
    except ConnectionError:
        pass  # The client is gone, and there is nobody left to tell.
    finally:
        streams.discard(task)
    return response


async def _stream(response: web.StreamResponse, services: Services, last: int) -> None:
    while not services.stopping.is_set():
        # Taken before the store is read: see Announcer.
        announced = services.announcer.next()
        batch = await services.store.list_events(after=last, limit=EVENTS_AT_ONCE)
        for event in batch:
            await response.write(_event_text(services, event))
            last = event.id
        if not batch and not await _set_within(announced, KEEP_ALIVE_S):
            await response.write(b": still here\n\n")


async def _set_within(event: asyncio.Event, timeout_s: float) -> bool:
    try:
        await asyncio.wait_for(event.wait(), timeout_s)
    except TimeoutError:
        return False
    return True


async def _last_event(request: web.Request, services: Services) -> int:
    text = request.headers.get("Last-Event-ID")
    if text is None:
        return await services.store.newest_list_event()
    if not (text.isascii() and text.isdigit() and len(text) <= _MAX_ID_CHARS):
        raise InvalidInput("Last-Event-ID is the id of an event of this stream")
    return int(text)


def _event_text(services: Services, event: ListEvent) -> bytes:
    data = json.dumps(event_json(services, event))
    return f"id: {event.id}\nevent: status-list\ndata: {data}\n\n".encode()


def event_json(services: Services, event: ListEvent) -> dict[str, object]:
    """Return what is told of a new version: which list, and where it is."""
    return event_data(event, url=services.lists.url(event.list_number))
