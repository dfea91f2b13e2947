"""Request bodies: bounded in size and time, then strictly parsed."""

from __future__ import annotations

import asyncio

from aiohttp import hdrs, web

from anchor.api.keys import SERVICES
from anchor.core.strict_json import JsonValue, parse_strict_json
from anchor.errors import InvalidInput, TooLarge

JSON_TYPE = "application/json"
PACKED_TYPE = "application/octet-stream"

_DECODED = frozenset({"gzip", "deflate", "identity"})
"""Content codings that aiohttp undoes, or that change nothing (RFC 9110, section 8.4)."""

_HELD_BYTES = web.RequestKey("held_bytes", int)


async def read_body(request: web.Request, *, limit_bytes: int, timeout_s: float) -> bytes:
    """
    Return the whole body.

    Raises TooLarge as soon as more than `limit_bytes` have come, whatever Content-Length said, InvalidInput where the
    body is not complete after `timeout_s`, comes in drips, breaks off, or does not decompress, and Overloaded where
    the bodies of all requests under way take too much memory. What is taken of that lasts until `release_body`.
    """
    _require_known_codings(request)
    if request.content_length is not None and request.content_length > limit_bytes:
        raise TooLarge(
            f"a body of {request.content_length} bytes is over the limit of {limit_bytes}: split it"
        )
    limits = request.app[SERVICES].limits
    parts: list[bytes] = []
    size = 0
    started_s = asyncio.get_running_loop().time()
    try:
        async with asyncio.timeout_at(started_s + min(timeout_s, limits.head_timeout_s)) as deadline:
            async for part in request.content.iter_chunked(1 << 18):
                size += len(part)
                if size > limit_bytes:
                    raise TooLarge(f"the body is over the limit of {limit_bytes} bytes: split it")
                _hold(request, len(part))
                parts.append(part)
                # Whoever sends at the least rate has all the time, whoever sends a byte now and then has not.
                earned_s = limits.head_timeout_s + size / limits.min_bytes_per_s
                deadline.reschedule(started_s + min(timeout_s, earned_s))
    except TimeoutError as exc:
        raise InvalidInput(
            f"the body was not complete in time ({size} bytes came): send it within {timeout_s:g} s, and "
            f"{limits.min_bytes_per_s} bytes a second at least"
        ) from exc
    except (web.RequestPayloadError, ConnectionError) as exc:
        raise InvalidInput("the body broke off, or is not encoded as its Content-Encoding says") from exc
    return b"".join(parts)


def _require_known_codings(request: web.Request) -> None:
    """Refuse codings that aiohttp hands on as they are: encoded bytes would pass for digests."""
    transfer = request.headers.getall(hdrs.TRANSFER_ENCODING, ["chunked"])
    content = request.headers.getall(hdrs.CONTENT_ENCODING, ["identity"])
    if [coding.strip().lower() for coding in transfer] != ["chunked"]:
        raise InvalidInput("the only Transfer-Encoding taken is chunked")
    if len(content) > 1 or content[0].strip().lower() not in _DECODED:
        raise InvalidInput("the only Content-Encodings taken are gzip and deflate, one of them, once")


def release_body(request: web.Request) -> None:
    """Give back the memory that a request's body took; to be called when the request is done."""
    request.app[SERVICES].bodies.give_back(request.get(_HELD_BYTES, 0))


def _hold(request: web.Request, size_bytes: int) -> None:
    request.app[SERVICES].bodies.take(size_bytes)
    request[_HELD_BYTES] = request.get(_HELD_BYTES, 0) + size_bytes


async def read_json(request: web.Request, *, limit_bytes: int, timeout_s: float) -> JsonValue:
    """Return the body as strict JSON; large bodies are parsed beside the event loop."""
    if request.content_type != JSON_TYPE:
        raise InvalidInput(f"Content-Type must be {JSON_TYPE}, not {request.content_type[:60]!r}")
    body = await read_body(request, limit_bytes=limit_bytes, timeout_s=timeout_s)
    if len(body) > 64 * 1024:
        return await asyncio.to_thread(parse_strict_json, body)
    return parse_strict_json(body)
