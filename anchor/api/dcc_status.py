"""
Handlers that take the place of DCC's status service: what `@digitalcredentials/issuer-coordinator` calls.

Requests, answers and errors are those of `status-service-db` 0.2; of the bodies only a hash of the credential's id is
kept. The coordinator sends no key of its own: give it the address of this service as `issuer:API-KEY@host:port`, which
it turns into HTTP Basic authentication.
"""

from __future__ import annotations

import base64
import binascii
import uuid
from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web

from anchor.api.auth import calling_issuer, issuer_of_key
from anchor.api.digests import credential_status
from anchor.api.keys import SERVICES, Services
from anchor.api.problems import problem_of, retry_headers
from anchor.api.vc_reading import read_object
from anchor.core.entries import Purpose, StatusEntry
from anchor.core.strict_json import JsonValue
from anchor.errors import AnchorError, FatalError, InvalidInput, TooLarge, Unauthorized
from anchor.service.named_credentials import NamedCredentials
from anchor.store.records import HistoryItem, Issuer

MAX_ID_CHARS = 2048
UPDATE_TYPE = "BitstringStatusListCredential"
REASON = "asked for by the issuer's coordinator"

_UPDATES = {
    "revoked": (Purpose.REVOCATION, 1),
    "suspended": (Purpose.SUSPENSION, 1),
    "unsuspended": (Purpose.SUSPENSION, 0),
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def dcc_errors(handler: Handler) -> Handler:
    """Return a handler that answers errors as `{code, message}`; failures of our own still end the process."""

    async def answering(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except FatalError:
            raise
        except AnchorError as exc:
            code = problem_of(exc).status
            return web.json_response(
                {"code": code, "message": str(exc)}, status=code, headers=retry_headers(exc)
            )

    return answering


async def allocate(request: web.Request) -> web.Response:
    """POST /credentials/status/allocate: return the credential with our status entries; as it is where it has some."""
    services = request.app[SERVICES]
    issuer = await _caller(request)
    body = await read_object(request)
    if not isinstance(body, dict) or not body:
        raise InvalidInput("A Verifiable Credential must be provided in the body.")
    missing = [name for name in ("@context", "type") if name not in body]
    if missing:
        raise InvalidInput(f"the body is no credential: it has no {missing[0]!r}")
    if body.get("credentialStatus"):
        return web.json_response(body)
    credential_id = body.get("id", f"urn:uuid:{uuid.uuid4()}")
    if not isinstance(credential_id, str) or not 0 < len(credential_id) <= MAX_ID_CHARS:
        raise InvalidInput(f"the credential's id must be a text of 1 to {MAX_ID_CHARS} characters")
    entry = await _names(services).entry(issuer, credential_id)
    unsigned = {name: value for name, value in body.items() if name != "proof"}
    return web.json_response(
        {**unsigned, "id": credential_id, "credentialStatus": credential_status(services, entry)}
    )


async def update(request: web.Request) -> web.Response:
    """POST /credentials/status: revoke, suspend or unsuspend by the credential's id."""
    services = request.app[SERVICES]
    issuer = await _caller(request)
    body = await read_object(request)
    if not isinstance(body, dict) or not body.get("credentialId") or not body.get("credentialStatus"):
        raise InvalidInput("A status update request must be provided in the body.")
    credential_id, status = body["credentialId"], body["credentialStatus"]
    if not isinstance(credential_id, str) or len(credential_id) > MAX_ID_CHARS:
        raise InvalidInput(f"'credentialId' must be a text of at most {MAX_ID_CHARS} characters")
    word, change = _read_update(status)
    await _names(services).change(issuer, credential_id, [change], reason=REASON)
    return web.json_response({"code": 200, "message": f"Credential successfully {word}."})


async def show(request: web.Request) -> web.Response:
    """GET /credentials/{id}: what the statuses of a credential are now."""
    services = request.app[SERVICES]
    issuer = await _caller(request)
    credential_id = request.match_info["id"]
    if len(credential_id) > MAX_ID_CHARS:
        raise TooLarge(f"a credential's id has at most {MAX_ID_CHARS} characters")
    entry = (await _names(services).entries(issuer, credential_id))[-1]
    history = await services.store.status_history(issuer.number, entry)
    return web.json_response(
        {
            "id": credential_id,
            "issuer": issuer.identifier,
            "statusInfo": {
                "revocation": _info(entry, history, Purpose.REVOCATION),
                "suspension": _info(entry, history, Purpose.SUSPENSION),
            },
        }
    )


async def greet(_request: web.Request) -> web.Response:
    """GET /: that the service is there, which the coordinator asks before it says so of itself."""
    return web.json_response(
        {"message": "credential-anchor server status: ok.", "description": "/openapi.json"}
    )


async def redirect_to_list(request: web.Request) -> web.Response:
    """GET /{list}: where the status list is."""
    url = request.app[SERVICES].lists.url(int(request.match_info["list"]))
    return web.Response(status=301, headers={"Location": url})


def _read_update(status: JsonValue) -> tuple[str, tuple[Purpose, int]]:
    item = status[0] if isinstance(status, list) and len(status) == 1 else status
    if not isinstance(item, dict):
        raise InvalidInput("'credentialStatus' must be an array of one object")
    if item.get("type") != UPDATE_TYPE:
        raise InvalidInput(f"{UPDATE_TYPE} is the only supported status type.")
    word = item.get("status")
    if not isinstance(word, str) or word not in _UPDATES:
        raise InvalidInput(f'Unsupported credential status: "{str(word)[:40]}"')
    return word, _UPDATES[word]


def _info(entry: StatusEntry, history: Sequence[HistoryItem], purpose: Purpose) -> dict[str, object]:
    values = [item.value for item in history if item.purpose is purpose]
    number = entry.list_number if purpose is Purpose.REVOCATION else entry.list_number + 1
    return {
        "statusCredentialId": str(number),
        "statusListIndex": entry.index,
        "valid": not (values and values[-1]),
    }


async def _caller(request: web.Request) -> Issuer:
    """Return the issuer of the API key, sent as Bearer or as the password of HTTP Basic."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return await calling_issuer(request)
    try:
        _, _, key = base64.b64decode(value.strip(), validate=True).decode("utf-8").partition(":")
    except (binascii.Error, UnicodeDecodeError) as exc:
        raise Unauthorized("the Authorization header is no HTTP Basic authentication") from exc
    return await issuer_of_key(request, key)


def _names(services: Services) -> NamedCredentials:
    return NamedCredentials(store=services.store, intake=services.intake)
