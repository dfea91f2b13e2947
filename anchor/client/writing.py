"""From values to the JSON and the queries of requests."""

from __future__ import annotations

import json

from anchor.client.values import JsonObject, NewTokenKey, StatusChange, Submission
from anchor.core.digest import Method
from anchor.core.entries import StatusEntry
from anchor.core.strict_json import JsonValue
from status_lists.multibase import encode_base64url, encode_digest


def submission_to_json(item: Submission) -> JsonObject:
    """Return a submission as the API takes it."""
    body: JsonObject = {"digest": encode_digest(item.digest), "method": item.method.label}
    if item.salted:
        body["salted"] = True
    if isinstance(item.status, StatusEntry):
        body["status"] = _status_to_json(item.status)
    elif item.status is not None:
        body["status"] = item.status
    if item.again:
        body["again"] = True
    return body


def change_to_json(change: StatusChange) -> JsonObject:
    """Return a status change as the API takes it."""
    body: JsonObject = {"purpose": change.purpose.label, "value": change.value, "reason": change.reason}
    if isinstance(change.target, StatusEntry):
        return body | _status_to_json(change.target)
    body["digest"] = encode_digest(change.target.digest)
    if change.target.method is not None:
        body["method"] = change.target.method.label
    if change.target.salted:
        body["salted"] = True
    return body


def token_key_to_json(key: NewTokenKey) -> JsonObject:
    """Return what the API takes as a wish for a token key."""
    body: JsonObject = {"algorithm": "ES256"}
    if key.secret is not None:
        body["secret"] = encode_base64url(key.secret)
    return body


def _status_to_json(status: StatusEntry) -> JsonObject:
    return {"list": status.list_number, "index": status.index}


def digest_params(method: Method | None, *, salted: bool) -> dict[str, str]:
    """Return the query that names one of a digest's submissions."""
    params = {} if method is None else {"method": method.label}
    return params | {"salted": "true"} if salted else params


def encode_json(body: JsonValue) -> bytes:
    """Return a request body."""
    return json.dumps(body).encode("ascii")
