"""When a list gets a new version, how long each holds, and what HTTP caches are told about it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from status_lists.errors import OutOfRange
from status_lists.multibase import encode_base64url

BACKDATED_MS = 60_000
"""How far a version's time lies back, for verifiers whose clocks run behind refuse a list from the future."""

_DAY_MS = 86_400_000
_IMMUTABLE_S = 31_536_000  # a year, the longest that RFC 9111 implementations honour


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishingPolicy:
    """How long verifiers may keep a list (`ttl_ms`) and how long its signature holds (`validity_ms`).

    A list is signed again, unchanged if need be, once half its validity has passed: so an outage of the other
    half makes no list invalid, and no copy that a cache may still hand out has expired. Requires 1 s ≤ ttl ≤
    validity / 2, else raises OutOfRange.
    """

    ttl_ms: int = 300_000
    validity_ms: int = 7 * _DAY_MS

    def __post_init__(self) -> None:
        if not 1_000 <= self.ttl_ms <= self.validity_ms // 2:
            raise OutOfRange(
                f"a ttl of {self.ttl_ms} ms is not from 1 s to half the validity, {self.validity_ms} ms"
            )

    def valid_until_ms(self, version: int) -> int:
        """Give the end of a version's validity, in Unix milliseconds."""
        return version + self.validity_ms

    def renewal_due_ms(self, version: int) -> int:
        """Give the time from which an unchanged list must be signed again, in Unix milliseconds."""
        return version + self.validity_ms // 2


def next_version(now_ms: int, previous: int | None) -> int:
    """Choose the version of a list about to be signed: its `validFrom` in Unix milliseconds.

    Guarantees a number above `previous`, and otherwise one minute before `now_ms`. When the clock steps back,
    versions go on rising by one millisecond.
    """
    backdated = now_ms - BACKDATED_MS
    return backdated if previous is None else max(backdated, previous + 1)


def entity_tag(body: bytes) -> str:
    """Give the strong ETag of a response body (RFC 9110 section 8.8.3): its SHA-256, quoted."""
    return f'"{encode_base64url(hashlib.sha256(body).digest())}"'


def cache_headers(body: bytes, *, ttl_ms: int, valid_until_ms: int, now_ms: int) -> dict[str, str]:
    """Give the cache headers of a list's current version.

    `max-age` is the ttl, as Bitstring Status List v1.0 section 2.2 asks, and less where the list ends
    earlier, so that no cache hands out an expired list. `no-transform` keeps the body what its strong ETag
    says.
    """
    fresh_s = max(0, min(ttl_ms, valid_until_ms - now_ms)) // 1_000
    return {"ETag": entity_tag(body), "Cache-Control": f"public, max-age={fresh_s}, no-transform"}


def immutable_cache_headers(body: bytes) -> dict[str, str]:
    """Give the cache headers of a version that never changes again (RFC 8246)."""
    return {
        "ETag": entity_tag(body),
        "Cache-Control": f"public, max-age={_IMMUTABLE_S}, immutable, no-transform",
    }


def is_unchanged(if_none_match: str | None, etag: str) -> bool:
    """Say whether a request's `If-None-Match` names this ETag, so that the answer is 304.

    Source: RFC 9110 section 13.1.2. A weak form of the same tag counts: a proxy that compresses makes one.
    """
    if if_none_match is None:
        return False
    candidates = [candidate.strip() for candidate in if_none_match.split(",")]
    return "*" in candidates or any(candidate.removeprefix("W/") == etag for candidate in candidates)
