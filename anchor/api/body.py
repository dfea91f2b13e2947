"""Request bodies: bounded in size and time, then strictly parsed."""

from __future__ import annotations

import asyncio

from aiohttp import web

from anchor.core.strict_json import JsonValue, parse_strict_json
from anchor.errors import InvalidInput, TooLarge

JSON_TYPE = "application/json"
PACKED_TYPE = "application/octet-stream"


async def read_body(request: web.Request, *, limit_bytes: int, timeout_s: float) -> bytes:
    """
    Return the whole body.

    Raises TooLarge as soon as more than `limit_bytes` have come, whatever Content-Length said, and InvalidInput where
    the body is not complete after `timeout_s`, breaks off, or does not decompress.
    """
    if request.content_length is not None and request.content_length > limit_bytes:
        raise TooLarge(
            f"a body of {request.content_length} bytes is over the limit of {limit_bytes}: split it"
        )
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(timeout_s):
            async for part in request.content.iter_chunked(1 << 18):
                size += len(part)
                if size > limit_bytes:
                    raise TooLarge(f"the body is over the limit of {limit_bytes} bytes: split it")
                parts.append(part)
    except TimeoutError as exc:
        raise InvalidInput(f"the body was not complete after {timeout_s:g} s") from exc
    except (web.RequestPayloadError, ConnectionError) as exc:
        raise InvalidInput("the body broke off, or is not encoded as its Content-Encoding says") from exc
    return b"".join(parts)


async def read_json(request: web.Request, *, limit_bytes: int, timeout_s: float) -> JsonValue:
    """Return the body as strict JSON; large bodies are parsed beside the event loop."""
    if request.content_type != JSON_TYPE:
        raise InvalidInput(f"Content-Type must be {JSON_TYPE}, not {request.content_type[:60]!r}")
    body = await read_body(request, limit_bytes=limit_bytes, timeout_s=timeout_s)
    if len(body) > 64 * 1024:
        return await asyncio.to_thread(parse_strict_json, body)
    return parse_strict_json(body)
