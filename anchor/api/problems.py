"""Errors on the wire: RFC 9457 problem documents, from one table."""

from __future__ import annotations

from dataclasses import dataclass

import structlog
from aiohttp import web

from anchor.errors import (
    AnchorError,
    ChainUnavailable,
    ConfigError,
    Conflict,
    FatalError,
    InvalidInput,
    InvalidProof,
    MayBeAnchored,
    NotFound,
    NotStrictJson,
    Overloaded,
    RevocationIsFinal,
    ServiceUnavailable,
    TooLarge,
    TooManyRequests,
    Unauthorized,
)
from anchor.service.proofs import NotMinedYet

log = structlog.get_logger()

PROBLEM_TYPE = "https://credential-anchor.org/problems/"
NOT_MINED_RETRY_S = 5
UNAVAILABLE_RETRY_S = 10


@dataclass(frozen=True, slots=True)
class Problem:
    """How one class of errors looks on the wire: the stable end of its type, the status, a title."""

    slug: str
    status: int
    title: str


PROBLEMS: dict[type[AnchorError], Problem] = {
    NotMinedYet: Problem("not-yet-mined", 409, "the proof does not exist yet"),
    NotStrictJson: Problem("malformed-json", 400, "the body is no strict JSON"),
    InvalidProof: Problem("invalid-proof", 400, "the proof is damaged"),
    InvalidInput: Problem("invalid-input", 400, "the request breaks a rule"),
    Unauthorized: Problem("unauthorized", 401, "a valid API key is needed"),
    NotFound: Problem("not-found", 404, "there is nothing by that name"),
    RevocationIsFinal: Problem("revocation-is-final", 409, "a revocation is never lifted"),
    MayBeAnchored: Problem("may-be-anchored", 409, "the digest may be anchored already"),
    Conflict: Problem("conflict", 409, "the request contradicts what is stored"),
    TooLarge: Problem("too-large", 413, "the request is too large"),
    TooManyRequests: Problem("rate-limited", 429, "this is too often"),
    Overloaded: Problem("overloaded", 503, "the service cannot take more now"),
    ChainUnavailable: Problem("chain-unavailable", 503, "the chain does not answer"),
    ServiceUnavailable: Problem("unavailable", 503, "a service that is needed does not answer"),
    ConfigError: Problem("internal", 500, "the service is misconfigured"),
    # The process ends by it and is started again: a client that comes back later is served.
    FatalError: Problem("stopping", 503, "the service failed and is stopping"),
    AnchorError: Problem("internal", 500, "the service failed"),
}

NOT_KEPT = {"Cache-Control": "no-store"}
"""Of every problem: a cache that kept a 404 (RFC 9111, section 4.2.2) would hide what is published a moment later."""

_INTERNAL = ("internal", "stopping")
_INTERNAL_DETAIL = "the service failed and may be stopping: repeat the request, it is safe to do so"


def problem_of(error: AnchorError) -> Problem:
    """Return the problem of an error: that of its nearest ancestor in the table."""
    return next(PROBLEMS[kind] for kind in type(error).__mro__ if kind in PROBLEMS)


def problem_response(error: AnchorError) -> web.Response:
    """Return the problem document of an error; internals stay inside."""
    problem = problem_of(error)
    headers = NOT_KEPT | retry_headers(error)
    if isinstance(error, Unauthorized):
        headers["WWW-Authenticate"] = 'Bearer realm="credential-anchor"'
    body: dict[str, object] = {
        "type": PROBLEM_TYPE + problem.slug,
        "title": problem.title,
        "status": problem.status,
        "detail": _INTERNAL_DETAIL if problem.slug in _INTERNAL else str(error),
    }
    if isinstance(error, NotStrictJson):
        body |= {"line": error.line, "column": error.column}
    return web.json_response(
        body, status=problem.status, headers=headers, content_type="application/problem+json"
    )


def retry_headers(error: AnchorError) -> dict[str, str]:
    """Return the header that says when to come back (RFC 9110, section 10.2.3); none where that would not help."""
    if isinstance(error, Overloaded | TooManyRequests):
        return {"Retry-After": str(error.retry_after_s)}
    if isinstance(error, NotMinedYet):
        return {"Retry-After": str(NOT_MINED_RETRY_S)}
    return {"Retry-After": str(UNAVAILABLE_RETRY_S)} if problem_of(error).status == 503 else {}


def range_problem(size_bytes: int) -> web.Response:
    """Return the problem document of a range that lies outside what there is."""
    return web.json_response(
        {
            "type": PROBLEM_TYPE + "range-not-satisfiable",
            "title": "the range lies outside",
            "status": 416,
            "detail": f"there are {size_bytes} bytes",
        },
        status=416,
        headers=NOT_KEPT | {"Content-Range": f"bytes */{size_bytes}"},
        content_type="application/problem+json",
    )


def http_problem(error: web.HTTPException) -> web.Response:
    """Return the problem document of an error that aiohttp's router found."""
    slugs = {404: "not-found", 405: "method-not-allowed", 413: "too-large"}
    allowed = error.headers.get("Allow")
    return web.json_response(
        {
            "type": PROBLEM_TYPE + slugs.get(error.status, "invalid-input"),
            "title": error.reason.lower(),
            "status": error.status,
            "detail": f"{error.reason}; allowed here: {allowed}" if allowed else error.reason,
        },
        status=error.status,
        headers=NOT_KEPT | ({"Allow": allowed} if allowed else {}),
        content_type="application/problem+json",
    )
