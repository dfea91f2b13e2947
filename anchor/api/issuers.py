"""Handlers under /v1/issuers, where the operator manages issuers, and the DID documents hosted for them."""

from __future__ import annotations

from aiohttp import web

from anchor.api.auth import require_operator
from anchor.api.body import read_json
from anchor.api.keys import SERVICES
from anchor.errors import InvalidInput
from anchor.fields import Fields
from anchor.service.issuers import NewKey, NewTokenKey
from anchor.service.list_keys import RotatedListKey
from anchor.store.records import Issuer, ListSigner, SignerKind
from status_lists.datetimes import format_datetime
from status_lists.did_web import MEDIA_TYPE as DID_TYPE
from status_lists.multibase import decode_base64url, encode_multikey, encode_p256_multikey
from status_lists.publishing import entity_tag, is_unchanged

MAX_BODY_BYTES = 16 * 1024
SEED_BYTES = 32
TOKEN_ALGORITHM = "ES256"  # noqa: S105 - an algorithm's name

_DID_CACHE = "public, max-age=60"
"""Short: while a cache keeps a document, its readers refuse what a newer key signed."""


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
    hosted = fields.optional_text("hosted", max_chars=60)
    token_key = _token_key(fields.child("tokenKey")) if fields.has("tokenKey") else None
    fields.end()
    new = await services.issuers.add(
        identifier=identifier, name=name, kind=kind, seed=seed, hosted=hosted, token_key=token_key
    )
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


async def rotate_list_key(request: web.Request) -> web.Response:
    """POST /v1/issuers/{number}/rotate-list-key: let a new key sign an issuer's lists, and sign them all again."""
    require_operator(request)
    rotated = await request.app[SERVICES].list_keys.rotate(int(request.match_info["number"]))
    return web.json_response(_rotated_json(rotated))


async def rotate_token_key(request: web.Request) -> web.Response:
    """POST /v1/issuers/{number}/rotate-token-key: let a new P-256 key sign the token forms of an issuer's lists."""
    require_operator(request)
    rotated = await request.app[SERVICES].list_keys.rotate_token_key(int(request.match_info["number"]))
    return web.json_response(_rotated_json(rotated))


async def did_document(request: web.Request) -> web.Response:
    """GET /dids/{slug}/did.json: the DID document of an issuer that has it hosted here, with all its list keys."""
    document = await request.app[SERVICES].list_keys.hosted_document(request.match_info["slug"])
    headers = {"ETag": entity_tag(document), "Cache-Control": _DID_CACHE}
    if is_unchanged(request.headers.get("If-None-Match"), headers["ETag"]):
        return web.Response(status=304, headers=headers)
    return web.Response(body=document, content_type=DID_TYPE, headers=headers)


async def disable(request: web.Request) -> web.Response:
    """POST /v1/issuers/{number}/disable: refuse an issuer's API key from now on."""
    require_operator(request)
    issuer = await request.app[SERVICES].issuers.disable(int(request.match_info["number"]))
    return web.json_response(issuer_json(issuer))


def issuer_json(issuer: Issuer) -> dict[str, object]:
    """Return what the operator sees of an issuer: no secret."""
    return {
        "number": issuer.number,
        "id": issuer.identifier,
        "name": issuer.name,
        "listSigner": _signer_json(issuer.signer),
        "disabled": issuer.is_disabled,
        "created": format_datetime(issuer.created_ms),
    }


def _signer_json(signer: ListSigner) -> dict[str, object]:
    shown: dict[str, object] = {
        "type": signer.kind.value,
        "did": signer.did,
        "verificationMethod": signer.verification_method,
        "publicKeyMultibase": encode_multikey(signer.public_key),
    }
    if signer.token_key is not None:
        shown["tokenKey"] = {
            "algorithm": TOKEN_ALGORITHM,
            "verificationMethod": signer.token_key.verification_method,
            "publicKeyMultibase": encode_p256_multikey(signer.token_key.public_key),
        }
    return shown


def _rotated_json(rotated: RotatedListKey) -> dict[str, object]:
    return issuer_json(rotated.issuer) | {
        "retired": rotated.retired_method,
        "warnings": list(rotated.warnings),
    }


def _token_key(fields: Fields) -> NewTokenKey:
    algorithm = fields.text("algorithm", max_chars=40)
    if algorithm != TOKEN_ALGORITHM:
        raise InvalidInput(f"a token key is for {TOKEN_ALGORITHM}, not {algorithm!r}")
    secret = fields.decoded("secret", _decode_seed) if fields.has("secret") else None
    fields.end()
    return NewTokenKey(secret)


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
