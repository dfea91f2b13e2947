"""Who is calling: the API key of a request, and the issuer or operator that it belongs to."""

from __future__ import annotations

from aiohttp import web

from anchor.api.keys import SERVICES
from anchor.errors import Unauthorized
from anchor.store.records import Issuer

_SCHEME = "bearer"
_MAX_KEY_CHARS = 200


async def calling_issuer(request: web.Request) -> Issuer:
    """Return the issuer whose key the request carries, or raise Unauthorized."""
    return await request.app[SERVICES].issuers.authenticate(_presented_key(request))


def require_operator(request: web.Request) -> None:
    """Raise Unauthorized unless the request carries the operator's key."""
    request.app[SERVICES].issuers.require_operator(_presented_key(request))


def _presented_key(request: web.Request) -> str:
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != _SCHEME or not key or len(key) > _MAX_KEY_CHARS:
        raise Unauthorized("send your API key as 'Authorization: Bearer KEY'")
    return key.strip()
