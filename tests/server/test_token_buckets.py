"""Token buckets hold their rate whatever the pattern of requests."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from anchor.server.token_buckets import Rate, TokenBuckets
from tests.support.clock import FakeClock

PAUSES = st.lists(st.floats(0, 5), min_size=1, max_size=60)
EPSILON = 1e-6


@example(pauses=[0.0, 5.0, 0.0, 0.0], per_s=1.0, burst=1)
@given(pauses=PAUSES, per_s=st.floats(0.1, 20), burst=st.integers(1, 10))
def test_no_window_holds_more_than_burst_and_rate(pauses: list[float], per_s: float, burst: int) -> None:
    """Between any two moments at most burst + rate * time requests are let through."""
    clock = FakeClock()
    buckets = TokenBuckets(rate=Rate(per_s=per_s, burst=burst), clock=clock, max_buckets=10)
    taken_s: list[float] = []
    for pause in pauses:
        clock.advance(pause)
        if buckets.take("a") == 0:
            taken_s.append(clock.monotonic_s())

    for first, start in enumerate(taken_s):
        for last, end in enumerate(taken_s[first:], first):
            assert last - first + 1 <= burst + per_s * (end - start) + EPSILON


@given(pauses=PAUSES, per_s=st.floats(0.1, 20), burst=st.integers(1, 10))
def test_wait_that_is_told_suffices_and_no_less(pauses: list[float], per_s: float, burst: int) -> None:
    """After the wait there is a token, and before its end there is none."""
    clock = FakeClock()
    buckets = TokenBuckets(rate=Rate(per_s=per_s, burst=burst), clock=clock, max_buckets=10)
    for pause in pauses:
        clock.advance(pause)
        wait_s = buckets.take("a")
        if wait_s:
            clock.advance(wait_s * 0.9)
            assert buckets.wait_s("a") > 0
            clock.advance(wait_s * 0.1 + EPSILON)
            assert buckets.take("a") == 0


def test_names_are_bounded_and_the_oldest_is_forgotten() -> None:
    """Whoever comes under a thousand names costs no more memory than a few."""
    buckets = TokenBuckets(rate=Rate(per_s=1, burst=1), clock=FakeClock(), max_buckets=3)
    for name in ("a", "b", "c", "a", "d"):
        buckets.take(name)

    assert [name in buckets for name in "abcd"] == [True, False, True, True]
    assert len(buckets) == 3


@pytest.mark.parametrize("name", ["never seen", "forgotten"])
def test_name_that_is_not_known_has_a_full_bucket(name: str) -> None:
    """To ask for the wait takes nothing and remembers nothing."""
    buckets = TokenBuckets(rate=Rate(per_s=1, burst=2), clock=FakeClock(), max_buckets=3)
    buckets.take("forgotten")
    buckets.forget("forgotten")

    assert buckets.wait_s(name) == 0
    assert name not in buckets
