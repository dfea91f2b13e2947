"""Versions, validity and what caches are told."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from status_lists.errors import OutOfRange
from status_lists.publishing import (
    PublishingPolicy,
    cache_headers,
    entity_tag,
    immutable_cache_headers,
    is_unchanged,
    next_version,
)

NOW_MS = 1_780_000_000_000


def test_next_version_first_is_a_minute_old() -> None:
    """A verifier whose clock runs a minute behind does not see a list from the future."""
    assert next_version(NOW_MS, None) == NOW_MS - 60_000


@given(st.lists(st.integers(60_000, 2**43), min_size=1, max_size=20))
def test_next_version_always_rises_whatever_the_clock_does(clock: list[int]) -> None:
    """Versions rise strictly, and no faster than by one beyond the latest time that the clock has shown."""
    versions: list[int] = []
    for now_ms in clock:
        versions.append(next_version(now_ms, versions[-1] if versions else None))

    assert all(before < after for before, after in itertools.pairwise(versions))
    assert all(version <= max(clock[: count + 1]) - 60_000 + count for count, version in enumerate(versions))


def test_next_version_same_millisecond_rises_by_one() -> None:
    """Two changes within one millisecond get two versions."""
    first = next_version(NOW_MS, None)

    assert next_version(NOW_MS, first) == first + 1
    assert next_version(NOW_MS + 5_000, first) == first + 5_000


def test_policy_renews_at_half_the_validity() -> None:
    """A list that nobody changes is signed again long before it ends, and later than a cache keeps it."""
    policy = PublishingPolicy(ttl_ms=60_000, validity_ms=600_000)

    assert policy.valid_until_ms(NOW_MS) == NOW_MS + 600_000
    assert policy.renewal_due_ms(NOW_MS) == NOW_MS + 300_000
    assert policy.renewal_due_ms(NOW_MS) + policy.ttl_ms < policy.valid_until_ms(NOW_MS)


@pytest.mark.parametrize(
    ("ttl_ms", "validity_ms"), [(0, 600_000), (999, 600_000), (300_001, 600_000), (-1, 10)]
)
def test_policy_impossible_times_are_refused(ttl_ms: int, validity_ms: int) -> None:
    """A ttl longer than half the validity would let caches hand out lists that have ended."""
    with pytest.raises(OutOfRange):
        PublishingPolicy(ttl_ms=ttl_ms, validity_ms=validity_ms)


@pytest.mark.parametrize(
    ("left_ms", "max_age"),
    [(10_000_000, 300), (300_000, 300), (299_999, 299), (1_500, 1), (0, 0), (-5_000, 0)],
)
def test_cache_headers_follow_ttl_and_end(left_ms: int, max_age: int) -> None:
    """Caches keep a list as long as its ttl says, and never past its end."""
    headers = cache_headers(b"list", ttl_ms=300_000, valid_until_ms=NOW_MS + left_ms, now_ms=NOW_MS)

    assert headers["Cache-Control"] == f"public, max-age={max_age}, no-transform"
    assert headers["ETag"] == entity_tag(b"list")


def test_immutable_cache_headers_keep_a_version_for_a_year() -> None:
    """A version that never changes need not be asked for again."""
    headers = immutable_cache_headers(b"list")

    assert headers["Cache-Control"] == "public, max-age=31536000, immutable, no-transform"


def test_entity_tag_is_the_hash_of_the_body() -> None:
    """Strong, quoted, and another one for any other body."""
    assert entity_tag(b"") == '"47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"'
    assert entity_tag(b"a") != entity_tag(b"b")


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, False),
        ("", False),
        ("*", True),
        ("{}", True),
        ("W/{}", True),
        ('"x", {} , "y"', True),
        ('"x"', False),
    ],
)
def test_is_unchanged_compares_each_tag(header: str | None, *, expected: bool) -> None:
    """Any of several tags, weak ones included, makes the answer 304; another tag does not."""
    etag = entity_tag(b"list")

    assert is_unchanged(header.format(etag) if header else header, etag) is expected
