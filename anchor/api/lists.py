"""Handlers of what is published about status: lists, their versions, evidence of single entries."""

from __future__ import annotations

from aiohttp import web

from anchor.api.keys import SERVICES
from anchor.documents import evidence_to_json
from anchor.errors import InvalidInput, NotFound
from anchor.store.records import PublishedVersion
from status_lists.datetimes import parse_datetime
from status_lists.errors import StatusListError
from status_lists.publishing import cache_headers, immutable_cache_headers, is_unchanged

LIST_TYPE = "application/vc"


async def status_list(request: web.Request) -> web.Response:
    """GET /status-lists/{number}: the newest signed version, or with `?timestamp=` the one in force at that time."""
    services = request.app[SERVICES]
    number = int(request.match_info["number"])
    if "timestamp" in request.query:
        return await _as_it_was(request, number)
    published = await services.store.list_version(number, None)
    if published is None:
        raise NotFound("there is no such status list")
    headers = cache_headers(
        published.document,
        ttl_ms=services.lists.policy.ttl_ms,
        valid_until_ms=published.valid_until_ms,
        now_ms=services.clock.now_ms(),
    )
    return _document(request, published, headers)


async def status_list_version(request: web.Request) -> web.Response:
    """GET /status-lists/{number}/versions/{version}: one version of a list, for ever the same."""
    number, version = int(request.match_info["number"]), int(request.match_info["version"])
    published = await request.app[SERVICES].store.list_version(number, version)
    if published is None:
        raise NotFound("there is no such version of this status list")
    return _document(request, published, immutable_cache_headers(published.document))


async def evidence(request: web.Request) -> web.Response:
    """
    GET /v1/evidence/{list}/{index}: what one entry says as of the newest mined batch, in about a kilobyte.

    For issuers and holders, who know the entry anyway. A verifier fetches whole lists instead: asking for one entry
    tells whose credential it is looking at.
    """
    services = request.app[SERVICES]
    document = await services.evidence.newest(
        int(request.match_info["list"]), int(request.match_info["index"])
    )
    return web.json_response(evidence_to_json(document), headers={"Cache-Control": "no-store"})


async def _as_it_was(request: web.Request, number: int) -> web.Response:
    try:
        time_ms = parse_datetime(request.query["timestamp"])
    except StatusListError as exc:
        raise InvalidInput(f"?timestamp=: {exc}") from exc
    published = await request.app[SERVICES].store.list_version_at(number, time_ms)
    if published is None:
        raise NotFound("there was no such status list at that time")
    # The present version will be superseded, and its answer with it.
    return _document(request, published, {"Cache-Control": "no-cache"} | _etag(published))


def _etag(published: PublishedVersion) -> dict[str, str]:
    return {"ETag": immutable_cache_headers(published.document)["ETag"]}


def _document(request: web.Request, published: PublishedVersion, headers: dict[str, str]) -> web.Response:
    if is_unchanged(request.headers.get("If-None-Match"), headers["ETag"]):
        return web.Response(status=304, headers=headers)
    return web.Response(body=published.document, content_type=LIST_TYPE, headers=headers)
