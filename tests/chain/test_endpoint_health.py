"""When an endpoint is passed over, for how long, and when its past is forgiven."""

from __future__ import annotations

import pytest

from anchor.chain.endpoint_health import (
    FORGIVEN_AFTER,
    SETBACKS_BELIEVED,
    EndpointHealth,
    FailoverPolicy,
    Fault,
    jitter,
)
from tests.chain.endpoints import Clock

POLICY = FailoverPolicy(first_back_off_s=1.0, max_back_off_s=10.0, max_lag_blocks=5)


@pytest.fixture
def clock() -> Clock:
    """Return a clock at rest."""
    return Clock()


@pytest.fixture
def health(clock: Clock) -> EndpointHealth:
    """Return the health of an endpoint that has passed its first probe; its delays are without jitter."""
    fresh = EndpointHealth(policy=POLICY, monotonic_s=clock.monotonic_s, jitter=lambda ceiling_s: ceiling_s)
    fresh.passed_probe()
    return fresh


def test_health_of_new_endpoint_is_due_for_a_probe_and_not_usable(clock: Clock) -> None:
    """Nobody is believed before having been compared."""
    fresh = EndpointHealth(policy=POLICY, monotonic_s=clock.monotonic_s)

    assert (fresh.fault, fresh.is_due, fresh.is_usable) == (Fault.UNSEEN, True, False)


def test_health_after_failures_backs_off_twice_as_long_each_time_up_to_the_bound(
    health: EndpointHealth, clock: Clock
) -> None:
    """Each failure opens the circuit for longer; a probe that passes closes it at once."""
    for back_off_s in (1.0, 2.0, 4.0, 8.0, 10.0, 10.0):
        health.failed(Fault.FAILED)
        clock.now_s += back_off_s - 0.01
        early = health.is_due
        clock.now_s += 0.01

        assert (early, health.is_due, health.is_usable) == (False, True, False)
        health.passed_probe()
        assert health.is_usable


def test_health_never_overflows_however_often_it_fails(health: EndpointHealth, clock: Clock) -> None:
    """A year of failures is still a bounded wait."""
    for _ in range(5000):
        health.failed(Fault.FAILED)
    clock.now_s += POLICY.max_back_off_s

    assert health.is_due


def test_health_forgives_after_a_row_of_good_answers_only(health: EndpointHealth) -> None:
    """An endpoint that answers one question well and fails at the next keeps its rank and its long back-off."""
    health.failed(Fault.FAILED)
    health.passed_probe()
    for _ in range(FORGIVEN_AFTER - 1):
        health.answered()
    health.failed(Fault.FAILED)
    health.passed_probe()
    level_before = health.level
    for _ in range(FORGIVEN_AFTER - 1):
        health.answered()
    level_almost = health.level
    health.answered()

    assert (level_before, level_almost, health.level) == (2, 2, 0)


def test_health_of_head_going_backwards_is_passed_over_until_it_returns(health: EndpointHealth) -> None:
    """Fault 31: one stale answer, as of a balancer's other node, changes nothing."""
    health.saw_head(100)
    health.saw_head(99)
    fault = health.fault
    connected = health.is_connected
    health.saw_head(100)

    assert (fault, connected) == (Fault.BACKWARDS, True)
    assert health.is_usable


def test_health_of_head_that_stays_back_is_believed_in_the_end(health: EndpointHealth) -> None:
    """A reorganisation may shorten a chain: what is told again and again is so, and is the new mark."""
    health.saw_head(100)
    seen = []
    for _ in range(SETBACKS_BELIEVED):
        health.saw_head(90)
        seen.append(health.is_usable)
    health.saw_head(91)

    assert seen == [False] * (SETBACKS_BELIEVED - 1) + [True]
    assert health.is_usable


def test_health_alternating_between_new_and_old_is_never_believed_when_old(health: EndpointHealth) -> None:
    """Setbacks count in a row only: a balancer between a fresh and a stale node never wears the mark down."""
    for number in range(100, 120):
        health.saw_head(number)
        assert health.is_usable
        health.saw_head(number - 1)
        assert not health.is_usable


@pytest.mark.parametrize(("reference", "usable"), [(100, True), (105, True), (106, False)])
def test_health_lagging_more_than_allowed_is_passed_over(
    health: EndpointHealth,
    reference: int,
    usable: bool,  # noqa: FBT001
) -> None:
    """So many blocks behind are allowed, not one more."""
    health.saw_head(100)
    health.compare_head(reference)

    assert health.is_usable is usable
    assert health.fault is (None if usable else Fault.BEHIND)


def test_jitter_spreads_between_half_and_all_of_the_ceiling() -> None:
    """Clients of one endpoint do not come back at the same moment."""
    delays = [jitter(8.0) for _ in range(200)]

    assert all(4.0 <= delay_s <= 8.0 for delay_s in delays)
    assert len(set(delays)) > 100
