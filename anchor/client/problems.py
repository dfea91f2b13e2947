"""What the service refuses, as this package's errors: the only mapping from HTTP to them."""

from __future__ import annotations

from dataclasses import dataclass

from anchor.core.strict_json import parse_strict_json
from anchor.errors import (
    AnchorError,
    Conflict,
    InvalidInput,
    MayBeAnchored,
    NotFound,
    Overloaded,
    ServiceUnavailable,
    TooLarge,
    Unauthorized,
)
from anchor.fields import Fields

MAX_DETAIL_CHARS = 600
MAX_RETRY_AFTER_S = 3600
_DEFAULT_RETRY_AFTER_S = 5


@dataclass(frozen=True, slots=True)
class Problem:
    """A refusal of the service (RFC 9457): the end of its type, and its words, fit for a terminal."""

    status: int
    slug: str
    detail: str
    retry_after_s: int


def read_problem(*, status: int, body: bytes, retry_after: str | None) -> Problem:
    """Return the problem that an answer of status 400 or more describes, however badly it does so."""
    slug, detail = "", ""
    try:
        fields = Fields(parse_strict_json(body), "problem")
        slug = (fields.optional_text("type") or "").rpartition("/")[2]
        detail = fields.optional_text("detail") or fields.optional_text("title") or ""
    except InvalidInput:
        # A proxy between answers in HTML: its status is all that can be used.
        pass
    return Problem(
        status=status,
        slug=slug,
        detail=_printable(detail) or f"it gave no reason with its status {status}",
        retry_after_s=_seconds(retry_after),
    )


def error_of(problem: Problem, *, host: str) -> AnchorError:
    """Return the error that says what the caller can do about a problem."""
    said = f"the service at {host} says: {problem.detail}"
    match problem.status:
        case 400 | 405 | 406 | 415 | 416 | 422:
            return InvalidInput(said)
        case 401 | 403:
            return Unauthorized(f"{said} (pass a valid key in ANCHOR_API_KEY)")
        case 404 | 410:
            return NotFound(said)
        case 409 if problem.slug == "may-be-anchored":
            return MayBeAnchored(said)
        case 409 | 412:
            return Conflict(said)
        case 413:
            return TooLarge(said)
        case 429 | 503:
            return Overloaded(
                f"{said} (try again in {problem.retry_after_s} s)", retry_after_s=problem.retry_after_s
            )
        case _:
            return ServiceUnavailable(
                f"the service at {host} answered with status {problem.status}: try later"
            )


def _printable(text: str) -> str:
    """Return text without control characters, which could rewrite a terminal's lines."""
    kept = "".join(character if character.isprintable() else " " for character in text)
    return kept[:MAX_DETAIL_CHARS].strip()


def _seconds(retry_after: str | None) -> int:
    if retry_after is None or not retry_after.isascii() or not retry_after.isdigit() or len(retry_after) > 9:
        return _DEFAULT_RETRY_AFTER_S
    return min(int(retry_after), MAX_RETRY_AFTER_S)
