"""Handlers under /v1/issuers: the operator manages issuers."""

from __future__ import annotations

from aiohttp import web

from anchor.api.auth import require_operator
from anchor.api.body import read_json
from anchor.api.keys import SERVICES
from anchor.errors import InvalidInput
from anchor.fields import Fields
from anchor.service.issuers import NewKey
from anchor.store.records import Issuer, SignerKind
from status_lists.datetimes import format_datetime
from status_lists.multibase import decode_base64url, encode_multikey

MAX_BODY_BYTES = 16 * 1024
SEED_BYTES = 32


async def add(request: web.Request) -> web.Response:
    """POST /v1/issuers: add an issuer and show its API key, once."""
    require_operator(request)
    services = request.app[SERVICES]
    body = await read_json(request, limit_bytes=MAX_BODY_BYTES, timeout_s=services.limits.body_timeout_s)
    fields = Fields(body, "body")
    identifier = fields.optional_text("id", max_chars=500)
    name = fields.text("name", max_chars=200)
    kind = _signer_kind(fields.text("listSigner")) if fields.has("listSigner") else SignerKind.SERVICE
    seed = fields.decoded("seed", _decode_seed) if fields.has("seed") else None
    fields.end()
    new = await services.issuers.add(identifier=identifier, name=name, kind=kind, seed=seed)
    return web.json_response(_new_key_json(new), status=201)


async def all_issuers(request: web.Request) -> web.Response:
    """GET /v1/issuers: list all issuers."""
    require_operator(request)
    issuers = await request.app[SERVICES].issuers.all()
    return web.json_response({"issuers": [issuer_json(issuer) for issuer in issuers]})


async def rotate_key(request: web.Request) -> web.Response:
    """POST /v1/issuers/{number}/rotate-key: replace an issuer's API key."""
    require_operator(request)
    new = await request.app[SERVICES].issuers.rotate_key(int(request.match_info["number"]))
    return web.json_response(_new_key_json(new))


async def disable(request: web.Request) -> web.Response:
    """POST /v1/issuers/{number}/disable: refuse an issuer's API key from now on."""
    require_operator(request)
    issuer = await request.app[SERVICES].issuers.disable(int(request.match_info["number"]))
    return web.json_response(issuer_json(issuer))


def issuer_json(issuer: Issuer) -> dict[str, object]:
    """Return what the operator sees of an issuer: no secret."""
    signer = issuer.signer
    return {
        "number": issuer.number,
        "id": issuer.identifier,
        "name": issuer.name,
        "listSigner": {
            "type": signer.kind.value,
            "did": signer.did,
            "verificationMethod": signer.verification_method,
            "publicKeyMultibase": encode_multikey(signer.public_key),
        },
        "disabled": issuer.is_disabled,
        "created": format_datetime(issuer.created_ms),
    }


def _new_key_json(new: NewKey) -> dict[str, object]:
    return issuer_json(new.issuer) | {"apiKey": new.api_key, "warnings": list(new.warnings)}


def _signer_kind(text: str) -> SignerKind:
    try:
        return SignerKind(text)
    except ValueError as exc:
        kinds = ", ".join(kind.value for kind in SignerKind)
        raise InvalidInput(f"unknown listSigner {text[:40]!r}: use one of {kinds}") from exc


def _decode_seed(text: str) -> bytes:
    return decode_base64url(text, length=SEED_BYTES)
