"""Routes and middlewares: the whole HTTP surface on one page."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from importlib.resources import files

import structlog
from aiohttp import hdrs, web
from prometheus_client import Histogram

from anchor.api import digests, events, health, issuers, lists, own_lists, public, status, webhooks
from anchor.api.body import release_body
from anchor.api.keys import SERVICES, Services
from anchor.api.problems import http_problem, problem_response
from anchor.api.vc_api import vc_routes
from anchor.errors import AnchorError, FatalError

log = structlog.get_logger()

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

# Numbers have one spelling and stay below 2^53; a digest is multibase base64url or hex. Anything else is a plain 404.
_NUMBER = "0|[1-9][0-9]{0,14}"
_DIGEST = "u[A-Za-z0-9_-]{46}|[0-9a-f]{64}"
_SLUG = "[a-z0-9-]{1,60}"

_CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "ETag, Content-Range, Accept-Ranges",
}
_CORS_PREFLIGHT = _CORS | {
    "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS",
    "Access-Control-Allow-Headers": "Cache-Control, Pragma, If-None-Match, Range, Content-Type, Accept",
    "Access-Control-Max-Age": "86400",
}
_HEADERS = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'"}

REQUEST_SECONDS = web.AppKey("request_seconds", Histogram)
_OPENAPI = web.AppKey("openapi", bytes)


def make_app(services: Services) -> web.Application:
    """Return the aiohttp application; it serves as long as its services run."""
    app = web.Application(
        middlewares=[_measure_and_translate], client_max_size=services.limits.packed_body_bytes
    )
    app.on_response_prepare.append(_add_headers)
    app[SERVICES] = services
    app[events.STREAMS] = set()
    app[health.METRICS] = health.Metrics(services.metrics)
    app[REQUEST_SECONDS] = Histogram(
        "anchor_request_seconds", "Time to answer", ["route", "status"], registry=services.metrics
    )
    app[_OPENAPI] = files("anchor.api").joinpath("openapi.json").read_bytes()
    app.add_routes(_private_routes())
    for path, handler in _public_routes().items():
        app.router.add_get(path, handler)
        app.router.add_options(path, _preflight)
    return app


def _private_routes() -> list[web.RouteDef]:
    return [
        web.post("/v1/issuers", issuers.add),
        web.get("/v1/issuers", issuers.all_issuers),
        web.post(f"/v1/issuers/{{number:{_NUMBER}}}/rotate-key", issuers.rotate_key),
        web.post(f"/v1/issuers/{{number:{_NUMBER}}}/rotate-list-key", issuers.rotate_list_key),
        web.post(f"/v1/issuers/{{number:{_NUMBER}}}/rotate-token-key", issuers.rotate_token_key),
        web.post(f"/v1/issuers/{{number:{_NUMBER}}}/disable", issuers.disable),
        web.post("/v1/digests", digests.submit),
        web.get(f"/v1/digests/{{digest:{_DIGEST}}}", digests.look_up),
        web.get(f"/v1/digests/{{digest:{_DIGEST}}}/proof", digests.proof),
        web.post("/v1/status-entries", status.allocate),
        web.get(f"/v1/status-entries/{{list:{_NUMBER}}}/{{index:{_NUMBER}}}", status.show),
        web.post("/v1/status-changes", status.change),
        web.post("/v1/status-lists", own_lists.add_list),
        web.get("/v1/status-lists", own_lists.own_lists),
        web.post("/v1/webhooks", webhooks.add),
        web.get("/v1/webhooks", webhooks.own_webhooks),
        web.delete(f"/v1/webhooks/{{id:{_NUMBER}}}", webhooks.delete),
        web.get("/healthz", health.healthz),
        web.get("/readyz", health.readyz),
        web.get("/metrics", health.metrics),
        *vc_routes(),
    ]


def _public_routes() -> dict[str, Handler]:
    return {
        "/openapi.json": _openapi,
        "/v1/publisher": public.publisher,
        "/v1/receipt-keys": public.receipt_keys,
        "/v1/events": events.events,
        f"/v1/batches/{{sequence:{_NUMBER}}}": public.batch,
        f"/v1/batches/{{sequence:{_NUMBER}}}/leaves": public.leaves,
        f"/v1/anchorages/{{anchorage:{_NUMBER}}}/batches/{{sequence:{_NUMBER}}}": public.batch,
        f"/v1/anchorages/{{anchorage:{_NUMBER}}}/batches/{{sequence:{_NUMBER}}}/leaves": public.leaves,
        f"/v1/issuers/{{number:{_NUMBER}}}/status-lists": lists.aggregation,
        f"/v1/evidence/{{list:{_NUMBER}}}/{{index:{_NUMBER}}}": lists.evidence,
        f"/dids/{{slug:{_SLUG}}}/did.json": issuers.did_document,
        f"/status-lists/{{number:{_NUMBER}}}": lists.status_list,
        f"/status-lists/{{number:{_NUMBER}}}/versions/{{version:{_NUMBER}}}": lists.status_list_version,
    }


async def _add_headers(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(_HEADERS)
    if request.method in (hdrs.METH_GET, hdrs.METH_HEAD) and hdrs.AUTHORIZATION not in request.headers:
        response.headers.update(_CORS)


async def _openapi(request: web.Request) -> web.Response:
    return web.Response(body=request.app[_OPENAPI], content_type="application/json")


async def _preflight(_request: web.Request) -> web.Response:
    return web.Response(status=204, headers=_CORS_PREFLIGHT)


@web.middleware
async def _measure_and_translate(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer every error as a problem document, count and log every request, without keys, bodies or queries."""
    started = time.perf_counter()
    try:
        response = await _answer(request, handler)
    finally:
        release_body(request)
    resource = request.match_info.route.resource
    route = resource.canonical if resource is not None else "unknown"
    seconds = time.perf_counter() - started
    request.app[REQUEST_SECONDS].labels(route=route, status=response.status).observe(seconds)
    log.info(
        "request", method=request.method, route=route, status=response.status, ms=round(seconds * 1000, 1)
    )
    return response


async def _answer(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except FatalError as exc:
        # The state is unknown: say so, and let the process end and recover at its next start.
        log.error("request.fatal", reason=str(exc))
        request.app[SERVICES].fatal.set()
        return problem_response(exc)
    except AnchorError as exc:
        return problem_response(exc)
    except web.HTTPException as exc:
        return http_problem(exc)
    except Exception:  # the outermost edge: nothing of our own bugs may leak to a caller
        log.exception("request.failed", route=request.path)
        return problem_response(AnchorError("unexpected"))
