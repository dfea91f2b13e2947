"""Who is calling: the API key of a request, and the issuer or operator that it belongs to."""

from __future__ import annotations

from contextlib import AbstractContextManager

from aiohttp import web

from anchor.api.keys import SERVICES
from anchor.errors import Unauthorized
from anchor.service.keys import hash_api_key
from anchor.store.records import Issuer

_SCHEME = "bearer"
_MAX_KEY_CHARS = 200


async def calling_issuer(request: web.Request) -> Issuer:
    """Return the issuer whose key the request carries; raises Unauthorized or TooManyRequests."""
    return await issuer_of_key(request, _presented_key(request))


async def issuer_of_key(request: web.Request, key: str) -> Issuer:
    """Return the issuer of a key that came with a request in whatever way; raises Unauthorized or TooManyRequests."""
    with _attempt(request, key):
        return await request.app[SERVICES].issuers.authenticate(_present(key))


def require_operator(request: web.Request) -> None:
    """Raise Unauthorized unless the request carries the operator's key, and TooManyRequests if too often."""
    key = _presented_key(request)
    with _attempt(request, key):
        request.app[SERVICES].issuers.require_operator(_present(key))


def _attempt(request: web.Request, key: str) -> AbstractContextManager[None]:
    services = request.app[SERVICES]
    address = services.proxies.client(request.remote or "", request.headers.getall("X-Forwarded-For", []))
    return services.admission.attempt(address=address, key_hash=hash_api_key(key))


def _presented_key(request: web.Request) -> str:
    """Return the key, or nothing where none of a sane length is presented."""
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    return key.strip() if scheme.lower() == _SCHEME and len(key) <= _MAX_KEY_CHARS else ""


def _present(key: str) -> str:
    if not key:
        raise Unauthorized("send your API key as 'Authorization: Bearer KEY'")
    return key
