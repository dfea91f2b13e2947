"""Handlers that anyone may call: publisher, receipt keys, batches, leaves."""

from __future__ import annotations

import re

from aiohttp import hdrs, web

from anchor.api.keys import SERVICES
from anchor.api.problems import range_problem
from anchor.core.lifecycle import BatchState
from anchor.core.merkle import HASH_BYTES
from anchor.documents import batch_to_json, publisher_to_json, receipt_keys_to_json
from anchor.errors import FatalError
from status_lists.publishing import entity_tag

LEAVES_AT_ONCE = 32_768
"""Leaf hashes that are read and written at once: 1 MiB."""

_RANGE = re.compile(r"bytes=(?:([0-9]{1,18})-([0-9]{1,18})?|-([0-9]{1,18}))")
"""One range of bytes; anything else in the header is as good as no header (RFC 9110, section 14.2)."""

_FINAL_CACHE = "public, max-age=31536000, immutable"
_LAST_ANCHORAGE_CACHE = "public, max-age=300"
"""A path without an anchorage means another batch once the publisher has moved."""
_CHANGING_CACHE = "no-cache"


async def publisher(request: web.Request) -> web.Response:
    """GET /v1/publisher: who anchors where, and the newest mined root."""
    document = await request.app[SERVICES].publications.publisher()
    return web.json_response(publisher_to_json(document), headers={"Cache-Control": _CHANGING_CACHE})


async def receipt_keys(request: web.Request) -> web.Response:
    """GET /v1/receipt-keys: the keys that sign receipts, now and before."""
    document = await request.app[SERVICES].receipts.keys()
    return web.json_response(receipt_keys_to_json(document), headers={"Cache-Control": _CHANGING_CACHE})


async def batch(request: web.Request) -> web.Response:
    """GET /v1/batches/{sequence}: everything that a mined batch's root commits to, but for the leaves."""
    document = await request.app[SERVICES].publications.batch(
        int(request.match_info["sequence"]), anchorage=_anchorage(request)
    )
    cache = _cache(request, is_final=document.is_final)
    return web.json_response(batch_to_json(document), headers={"Cache-Control": cache})


async def leaves(request: web.Request) -> web.StreamResponse:
    """GET /v1/batches/{sequence}/leaves: the leaf hashes, 32 bytes each, leaf 0 the header's; ranges are honoured."""
    publications = request.app[SERVICES].publications
    found = await publications.mined_batch(int(request.match_info["sequence"]), anchorage=_anchorage(request))
    size = found.leaf_count * HASH_BYTES
    headers = {
        "Accept-Ranges": "bytes",
        "Cache-Control": _cache(request, is_final=found.state is BatchState.FINAL),
        "ETag": entity_tag(found.root or b""),
    }
    first, last, status = _range(request, size, headers["ETag"])
    if status == 416:
        return range_problem(size)
    if status == 206:
        headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    response = web.StreamResponse(status=status, headers=headers)
    response.content_type = "application/octet-stream"
    response.content_length = last - first + 1
    await response.prepare(request)
    if request.method == hdrs.METH_HEAD:
        # aiohttp sends what a stream writes, and after a HEAD the client would read it as the next answer.
        return response
    at = first
    while at <= last:
        leaf, offset = divmod(at, HASH_BYTES)
        part = await publications.leaves(found, start=leaf, count=LEAVES_AT_ONCE)
        if not part:
            raise FatalError(f"batch {found.sequence} has fewer leaves than it counts: restore a backup")
        part = part[offset : offset + last - at + 1]
        await response.write(part)
        at += len(part)
    await response.write_eof()
    return response


def _anchorage(request: web.Request) -> int | None:
    """Return the anchorage that a path names; None where it names none, and means the last one."""
    named = request.match_info.get("anchorage")
    return None if named is None else int(named)


def _cache(request: web.Request, *, is_final: bool) -> str:
    if not is_final:
        return _CHANGING_CACHE
    return _LAST_ANCHORAGE_CACHE if _anchorage(request) is None else _FINAL_CACHE


def _range(request: web.Request, size: int, etag: str) -> tuple[int, int, int]:
    """Return the first and last byte asked for and the status (RFC 9110, section 14.2); one range is honoured."""
    # A client that holds a part of another version must get the whole of this one, never a mixture.
    asked = _RANGE.fullmatch(request.headers.get("Range", ""))
    if asked is None or request.headers.get("If-Range", etag) != etag:
        return 0, size - 1, 200
    first, last, suffix = (None if text is None else int(text) for text in asked.groups())
    if first is not None and last is not None and last < first:
        return 0, size - 1, 200
    start = max(0, size - (suffix or 0)) if first is None else first
    stop = size if last is None else min(size, last + 1)
    return (start, stop - 1, 206) if start < stop else (0, 0, 416)
