"""The policy of what is paid for and when: limits that nothing passes, waits that always end."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from anchor.core.spending import (
    DAY_S,
    MAX_STATUS_HOLD_S,
    SEND,
    DueBatch,
    Move,
    Purse,
    SpendingPolicy,
    days_left,
    ether_text,
    rule_on_price,
    why_unpayable,
)

wei = st.integers(0, 10**20)
seconds = st.floats(0, 10 * DAY_S)
purses = st.builds(Purse, balance_wei=wei, spent_wei=wei, open_wei=wei)
policies = st.builds(
    SpendingPolicy,
    daily_budget_wei=st.just(0) | wei,
    cheap_base_fee_wei=st.just(0) | st.integers(1, 10**12),
    cheap_wait_s=seconds,
)
batches = st.builds(
    DueBatch, held_s=seconds, status_held_s=st.none() | st.floats(-60, 10 * DAY_S), cannot_wait=st.booleans()
)
base_fees = st.none() | st.integers(0, 10**12)


@given(policies, purses, wei)
def test_what_is_payable_leaves_funds_and_budget_whole(
    policy: SpendingPolicy, purse: Purse, cost: int
) -> None:
    """Whatever becomes of the payloads that are out, all of them are paid for, and within the budget."""
    payable = why_unpayable(policy, purse, cost_wei=cost) is None

    within_funds = purse.open_wei + cost <= purse.balance_wei
    within_budget = (
        not policy.daily_budget_wei or purse.spent_wei + purse.open_wei + cost <= policy.daily_budget_wei
    )
    assert payable == (within_funds and within_budget)


@given(policies, purses, wei, wei)
def test_more_money_never_forbids_what_less_allowed(
    policy: SpendingPolicy, purse: Purse, cost: int, more: int
) -> None:
    """A refill, and spending that grows old, only ever help."""
    assume(why_unpayable(policy, purse, cost_wei=cost) is None)
    richer = Purse(purse.balance_wei + more, max(0, purse.spent_wei - more), purse.open_wei)

    assert why_unpayable(policy, richer, cost_wei=cost) is None


@given(policies, purses, wei, wei)
def test_replacing_a_payload_counts_the_dearer_of_both_only(
    policy: SpendingPolicy, purse: Purse, old: int, raise_by: int
) -> None:
    """One payload of a nonce is mined at most: what stood for the old one stands for the new."""
    with_old = Purse(purse.balance_wei, purse.spent_wei, purse.open_wei + old)

    assert (why_unpayable(policy, with_old.without(old), cost_wei=old + raise_by) is None) == (
        why_unpayable(policy, purse, cost_wei=old + raise_by) is None
    )


@given(policies, batches, base_fees)
def test_wait_for_a_cheap_block_always_ends_in_time(
    policy: SpendingPolicy, due: DueBatch, base_fee: int | None
) -> None:
    """Never beyond the set time, never beyond 25 minutes where a status change waits, never for a full batch."""
    ruling = rule_on_price(policy, due, base_fee_wei=base_fee)

    if ruling.move is Move.WAIT:
        assert ruling.at_most_s > 0
        assert not due.cannot_wait
        assert due.held_s + ruling.at_most_s <= policy.cheap_wait_s * (1 + 1e-9) + 1e-6
        if due.status_held_s is not None:
            assert due.status_held_s + ruling.at_most_s <= MAX_STATUS_HOLD_S + 1e-6
        assert base_fee is None or base_fee > policy.cheap_base_fee_wei > 0
    else:
        assert ruling == SEND


@given(policies, batches, base_fees, seconds)
def test_wait_that_is_over_stays_over(
    policy: SpendingPolicy, due: DueBatch, base_fee: int | None, later: float
) -> None:
    """As time passes a batch only comes nearer to being sent; nothing puts it off again."""
    first = rule_on_price(policy, due, base_fee_wei=base_fee)
    then = DueBatch(
        held_s=due.held_s + later,
        status_held_s=None if due.status_held_s is None else due.status_held_s + later,
        cannot_wait=due.cannot_wait,
    )
    second = rule_on_price(policy, then, base_fee_wei=base_fee)

    assert second.at_most_s <= first.at_most_s
    if later > first.at_most_s + 1e-6:
        assert second == SEND


def test_status_changes_wait_for_less_than_half_an_hour() -> None:
    """Verifiers rely on a change for 1800 s without its anchor: the rest is for the block that takes it."""
    policy = SpendingPolicy(cheap_base_fee_wei=1, cheap_wait_s=DAY_S / 2)
    due = DueBatch(held_s=0.0, status_held_s=60.0, cannot_wait=False)

    assert rule_on_price(policy, due, base_fee_wei=2).at_most_s == 1440.0
    assert MAX_STATUS_HOLD_S <= 1800 - 300


@pytest.mark.parametrize(
    ("base_fee", "move"), [(10, Move.SEND), (11, Move.WAIT), (None, Move.WAIT), (0, Move.SEND)]
)
def test_cheap_is_up_to_the_threshold_and_unknown_is_dear(base_fee: int | None, move: Move) -> None:
    """A service that has not seen the chain yet does not send into a storm."""
    policy = SpendingPolicy(cheap_base_fee_wei=10, cheap_wait_s=100)

    assert rule_on_price(policy, DueBatch(0.0, None, cannot_wait=False), base_fee_wei=base_fee).move is move


@given(balance=wei, spent=st.integers(1, 10**20), days=st.integers(1, 7))
def test_days_left_is_the_balance_at_the_rate(balance: int, spent: int, days: int) -> None:
    """Spent in so many days, lasts for so many."""
    left = days_left(balance, spent_wei=spent, in_s=days * DAY_S)

    assert left == pytest.approx(float(Fraction(balance * days, spent)))


def test_days_left_of_the_first_hour_are_those_of_a_day() -> None:
    """A service that just anchored twice in a minute is not about to spend that every minute."""
    assert days_left(100, spent_wei=10, in_s=60) == 10
    assert days_left(100, spent_wei=0, in_s=60) is None


def test_reasons_name_what_matters_and_what_to_do() -> None:
    """The amounts, and whether a person is needed."""
    policy = SpendingPolicy(daily_budget_wei=10**15)
    poor, spent = Purse(10**12, 0, 0), Purse(10**18, 9 * 10**14, 0)

    assert why_unpayable(policy, poor, cost_wei=2 * 10**14) == (
        "the publisher's account has 0.000001 ether, and an anchor may cost 0.0002 ether now: send it some ether; "
        "anchoring goes on by itself then"
    )
    used_up = why_unpayable(policy, spent, cost_wei=2 * 10**14)
    assert used_up is not None
    assert "daily budget of 0.001 ether is used up (0.0009 ether in 24 hours" in used_up
    too_small = why_unpayable(policy, spent, cost_wei=2 * 10**15)
    assert too_small is not None
    assert "less than one anchor may cost now, 0.002 ether: raise anchoring.daily_budget_ether" in too_small


@pytest.mark.parametrize(
    ("amount", "text"),
    [(0, "0 ether"), (1, "0.000000000000000001 ether"), (10**18, "1 ether"), (15 * 10**17, "1.5 ether")],
)
def test_ether_is_told_exactly(amount: int, text: str) -> None:
    """No rounding: an operator compares it with a bill."""
    assert ether_text(amount) == text
