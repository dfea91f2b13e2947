"""
When an anchor is paid for: now, at a cheaper block, or not before there is money for it. Pure, in wei and seconds.

Funds and budget are limits, and every payload counts for the most that it can cost until it is mined. Waiting for a
cheap block is a wish: it ends at its deadline, sooner where status changes wait, and at once for a full batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

DAY_S = 86_400

MAX_STATUS_HOLD_S = 1500.0
"""Verifiers rely on a status change for half an hour without its anchor: five minutes of it are left for the block."""

_WEI_AN_ETHER = 10**18


class Move(Enum):
    """What to do with a batch that is due."""

    SEND = "send"
    WAIT = "wait"
    PAUSE = "pause"


@dataclass(frozen=True, slots=True)
class SpendingPolicy:
    """What an operator allows: at most so much in any 24 hours (0: no limit), and how long to wait for which base fee.

    With a `cheap_base_fee_wei` of 0 every block is cheap.
    """

    daily_budget_wei: int = 0
    cheap_base_fee_wei: int = 0
    cheap_wait_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Purse:
    """What the account has, what its anchors cost in the last 24 hours, and what those not mined may yet cost."""

    balance_wei: int
    spent_wei: int
    open_wei: int

    def without(self, wei: int) -> Purse:
        """Return the purse as it is if a payload that is not mined, and may cost so much, is replaced."""
        return Purse(self.balance_wei, self.spent_wei, max(0, self.open_wei - wei))


@dataclass(frozen=True, slots=True)
class DueBatch:
    """A batch that is due: since when, since when its oldest status change waits (None: it has none), whether full."""

    held_s: float
    status_held_s: float | None
    cannot_wait: bool


@dataclass(frozen=True, slots=True)
class Ruling:
    """A move and, where it is to wait, why and for how many seconds at most."""

    move: Move
    reason: str = ""
    at_most_s: float = 0.0


SEND = Ruling(Move.SEND)


def why_unpayable(policy: SpendingPolicy, purse: Purse, *, cost_wei: int) -> str | None:
    """Return why an anchor that may cost so much cannot be paid for now; None where it can.

    Whatever this allows, funds suffice for every payload that is out, and a day's spending stays within the budget.
    """
    needed_wei = purse.open_wei + cost_wei
    if purse.balance_wei < needed_wei:
        return (
            f"the publisher's account has {ether_text(purse.balance_wei)}, and an anchor may cost "
            f"{ether_text(needed_wei)} now: send it some ether; anchoring goes on by itself then"
        )
    budget_wei = policy.daily_budget_wei
    if not budget_wei or purse.spent_wei + needed_wei <= budget_wei:
        return None
    if cost_wei > budget_wei:
        return (
            f"the daily budget of {ether_text(budget_wei)} is less than one anchor may cost now, "
            f"{ether_text(cost_wei)}: raise anchoring.daily_budget_ether, or wait for cheaper blocks"
        )
    return (
        f"the daily budget of {ether_text(budget_wei)} is used up ({ether_text(purse.spent_wei + purse.open_wei)} in "
        f"24 hours, an anchor may cost {ether_text(cost_wei)} now): anchoring goes on by itself as earlier "
        "spending is a day old"
    )


def rule_on_price(policy: SpendingPolicy, due: DueBatch, *, base_fee_wei: int | None) -> Ruling:
    """Return whether a batch that is due goes now or waits for a cheap block, and for how long at most.

    A base fee that is not known counts as dear. Waits end by themselves: `at_most_s` falls as the batch waits.
    """
    is_cheap = base_fee_wei is not None and base_fee_wei <= policy.cheap_base_fee_wei
    if not policy.cheap_base_fee_wei or is_cheap or due.cannot_wait:
        return SEND
    left_s = policy.cheap_wait_s - due.held_s
    if due.status_held_s is not None:
        left_s = min(left_s, MAX_STATUS_HOLD_S - due.status_held_s)
    if left_s <= 0:
        return SEND
    seen = "not known yet" if base_fee_wei is None else f"{gwei_text(base_fee_wei)}"
    return Ruling(
        Move.WAIT, f"the base fee is {seen}, cheap is {gwei_text(policy.cheap_base_fee_wei)}", left_s
    )


def days_left(balance_wei: int, *, spent_wei: float, in_s: float) -> float | None:
    """
    Return for how many days a balance lasts at the rate at which so much was spent in a time; None at no rate.

    A time of less than a day counts as one: the first hour of a service tells nothing of its days.
    """
    if spent_wei <= 0:
        return None
    return balance_wei / spent_wei * max(in_s, DAY_S) / DAY_S


def ether_text(wei: int) -> str:
    """Return an amount in ether, exact, as people read it."""
    whole, rest = divmod(wei, _WEI_AN_ETHER)
    return f"{whole}.{rest:018d}".rstrip("0").rstrip(".") + " ether"


def gwei_text(wei: int) -> str:
    """Return a price of gas in gwei."""
    return f"{wei / 10**9:g} gwei"
