"""Fees: the first offer and the raises that every pool accepts as replacements, within the cap."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchor.core.fees import Fees, first_offer, raised

wei = st.integers(0, 10**12) | st.integers(0, 100)


def least_replacement(old_wei: int) -> Fraction:
    """Return 12.5 % more, but at least one wei more, before rounding up to whole wei."""
    return max(Fraction(old_wei + 1), old_wei * Fraction(9, 8))


@given(wei, wei, wei)
def test_first_offer_in_any_market_keeps_within_the_cap(base: int, tip: int, cap: int) -> None:
    """Never more than the cap, never a tip above the whole; room for a doubled base fee where the cap has it."""
    offer = first_offer(base_fee_wei=base, priority_fee_wei=tip, cap_wei=cap)

    assert 0 <= offer.priority_fee_wei <= offer.max_fee_wei <= cap
    if 2 * base + tip <= cap:
        assert offer == Fees(max_fee_wei=2 * base + tip, priority_fee_wei=tip)
    else:
        assert offer.max_fee_wei == cap


@given(wei, wei, wei, wei, wei)
def test_raised_offer_is_one_that_every_pool_takes_as_a_replacement(
    max_fee: int, previous_tip: int, base: int, tip: int, cap: int
) -> None:
    """Both caps rise by at least 12.5 %, rounded up, and by a wei; not below the market; and never over the cap."""
    previous = Fees(max_fee_wei=max_fee, priority_fee_wei=min(previous_tip, max_fee))
    offer = raised(previous, base_fee_wei=base, priority_fee_wei=tip, cap_wei=cap)
    market = first_offer(base_fee_wei=base, priority_fee_wei=tip, cap_wei=cap)

    if offer is None:
        assert cap < least_replacement(max_fee)
        return
    for old, new in (
        (previous.max_fee_wei, offer.max_fee_wei),
        (previous.priority_fee_wei, offer.priority_fee_wei),
    ):
        assert new >= least_replacement(old)
    assert offer.priority_fee_wei <= offer.max_fee_wei <= cap
    assert offer.max_fee_wei >= market.max_fee_wei
    assert offer.priority_fee_wei >= market.priority_fee_wei


@given(wei, wei)
def test_raised_offer_in_a_market_without_demand_is_the_least_replacement(max_fee: int, tip: int) -> None:
    """No more is paid than pools ask for: 12.5 % rounded up, or one wei."""
    previous = Fees(max_fee_wei=max_fee, priority_fee_wei=min(tip, max_fee))
    offer = raised(previous, base_fee_wei=0, priority_fee_wei=0, cap_wei=10**15)

    assert offer is not None
    assert offer.max_fee_wei - 1 < least_replacement(previous.max_fee_wei)
    assert offer.priority_fee_wei - 1 < least_replacement(previous.priority_fee_wei)


@pytest.mark.parametrize(
    ("previous", "cap_wei", "expected"),
    [
        (Fees(8, 8), 9, Fees(9, 9)),
        (Fees(8, 8), 8, None),
        (Fees(9, 0), 11, Fees(11, 1)),
        (Fees(9, 0), 10, None),
        (Fees(0, 0), 1, Fees(1, 1)),
        (Fees(0, 0), 0, None),
        (Fees(30_000_000_000, 1_000_000_000), 33_750_000_000, Fees(33_750_000_000, 1_125_000_000)),
        (Fees(30_000_000_000, 1_000_000_000), 33_749_999_999, None),
    ],
)
def test_raised_offer_at_the_cap_is_made_or_given_up(
    previous: Fees, cap_wei: int, expected: Fees | None
) -> None:
    """One wei decides: an offer that pools would refuse is never made."""
    assert raised(previous, base_fee_wei=0, priority_fee_wei=0, cap_wei=cap_wei) == expected


def test_raised_offer_after_a_leap_of_the_market_follows_it() -> None:
    """Where the base fee has risen tenfold, 12.5 % would wait for ever."""
    offer = raised(Fees(100, 1), base_fee_wei=500, priority_fee_wei=7, cap_wei=10_000)

    assert offer == Fees(max_fee_wei=1_007, priority_fee_wei=7)
