"""Handlers of what is published about status: lists, their versions, evidence of single entries."""

from __future__ import annotations

from aiohttp import web

from anchor.api.keys import SERVICES
from anchor.api.list_forms import AskedForm, asked_form, asked_time_ms
from anchor.documents import evidence_to_json
from anchor.errors import NotFound
from anchor.service.list_signing import ListForm
from anchor.store.records import PublishedVersion
from status_lists.publishing import cache_headers, entity_tag, immutable_cache_headers, is_unchanged
from status_lists.token_list import aggregation_document


async def status_list(request: web.Request) -> web.Response:
    """
    GET /status-lists/{number}: the newest signed version, or with `?timestamp=` the one in force at that time.

    `Accept` chooses among the signed forms; `?proof=eddsa-jcs-2022` asks for that suite. Token status lists take the
    time in Unix seconds, as `?time=`. Nothing is signed here: every form was when the list changed.
    """
    services = request.app[SERVICES]
    number, asked = int(request.match_info["number"]), asked_form(request)
    time_ms = asked_time_ms(request)
    if time_ms is not None:
        published = await services.store.list_version_at(number, time_ms, form=_stored_name(asked.form))
        # The present version will be superseded, and this answer with it.
        return _document(request, published, asked, {"Cache-Control": "no-cache"})
    published = await services.store.list_version(number, None, form=_stored_name(asked.form))
    if published is None:
        raise NotFound("there is no such status list")
    headers = cache_headers(
        published.document,
        ttl_ms=services.lists.policy.ttl_ms,
        valid_until_ms=published.valid_until_ms,
        now_ms=services.clock.now_ms(),
    )
    return _document(request, published, asked, headers)


async def status_list_version(request: web.Request) -> web.Response:
    """GET /status-lists/{number}/versions/{version}: one version of a list, for ever the same."""
    number, version = int(request.match_info["number"]), int(request.match_info["version"])
    asked = asked_form(request)
    published = await request.app[SERVICES].store.list_version(number, version, form=_stored_name(asked.form))
    headers = immutable_cache_headers(published.document) if published else {}
    return _document(request, published, asked, headers)


async def aggregation(request: web.Request) -> web.Response:
    """GET /v1/issuers/{number}/status-lists: the addresses of all lists of an issuer (Token Status List, section 9)."""
    services = request.app[SERVICES]
    lists = await services.store.issuer_lists(int(request.match_info["number"]))
    document = aggregation_document(services.lists.url(item.number) for item in lists)
    return web.json_response(document, headers={"Cache-Control": "no-cache"})


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


def _stored_name(form: ListForm) -> str | None:
    return None if form is ListForm.VC else form.value


def _document(
    request: web.Request, published: PublishedVersion | None, asked: AskedForm, headers: dict[str, str]
) -> web.Response:
    if published is None:
        raise NotFound(
            "there is, or was at that time, no such version of a status list in this form: of versions that were not "
            "anchored application/vc alone is kept"
        )
    headers = {"ETag": entity_tag(published.document), "Vary": "Accept"} | headers
    if is_unchanged(request.headers.get("If-None-Match"), headers["ETag"]):
        return web.Response(status=304, headers=headers)
    return web.Response(body=published.document, content_type=asked.media_type, headers=headers)
