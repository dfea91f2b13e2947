"""Handlers under /v1/webhooks: an issuer says where it wants to be told of new versions of its lists."""

from __future__ import annotations

from aiohttp import web

from anchor.api.auth import calling_issuer
from anchor.api.body import read_json
from anchor.api.keys import SERVICES
from anchor.fields import Fields
from anchor.store.webhooks import Webhook
from status_lists.datetimes import format_datetime

MAX_BODY_BYTES = 16 * 1024


async def add(request: web.Request) -> web.Response:
    """POST /v1/webhooks: add a webhook and show its secret, once."""
    services = request.app[SERVICES]
    issuer = await calling_issuer(request)
    body = await read_json(request, limit_bytes=MAX_BODY_BYTES, timeout_s=services.limits.body_timeout_s)
    fields = Fields(body, "body")
    url = fields.text("url", max_chars=2048)
    fields.end()
    created = await services.webhooks.add(issuer, url)
    return web.json_response(_webhook_json(created.webhook) | {"secret": created.secret}, status=201)


async def own_webhooks(request: web.Request) -> web.Response:
    """GET /v1/webhooks: the issuer's webhooks, and how they fare."""
    issuer = await calling_issuer(request)
    webhooks = await request.app[SERVICES].webhooks.all(issuer)
    return web.json_response({"webhooks": [_webhook_json(webhook) for webhook in webhooks]})


async def delete(request: web.Request) -> web.Response:
    """DELETE /v1/webhooks/{id}: stop calling a webhook."""
    issuer = await calling_issuer(request)
    await request.app[SERVICES].webhooks.delete(issuer, int(request.match_info["id"]))
    return web.Response(status=204)


def _webhook_json(webhook: Webhook) -> dict[str, object]:
    since_ms = webhook.failing_since_ms
    return {
        "id": webhook.id,
        "url": webhook.url,
        "created": format_datetime(webhook.created_ms),
        "disabled": webhook.is_disabled,
        "failures": webhook.failures,
        "failingSince": None if since_ms is None else format_datetime(since_ms),
        "lastFailure": webhook.last_failure,
    }
