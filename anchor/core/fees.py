"""EIP-1559 fee arithmetic, in wei: the first offer and the raises that pools accept as replacements."""

from __future__ import annotations

from dataclasses import dataclass

BUMP_NUMERATOR, BUMP_DENOMINATOR = 9, 8
"""12.5 %: pools ask for at least 10 % on both caps, and some clients round theirs up."""


@dataclass(frozen=True, slots=True)
class Fees:
    """What a transaction offers: the cap per gas unit in all, and the part of it that goes to the block's proposer."""

    max_fee_wei: int
    priority_fee_wei: int


def first_offer(*, base_fee_wei: int, priority_fee_wei: int, cap_wei: int) -> Fees:
    """
    Return an offer that stays includable while the base fee doubles, or `cap_wei` where that is less.

    The base fee rises by at most 12.5 % a block, so a doubling takes six full blocks.
    """
    max_fee = min(2 * base_fee_wei + priority_fee_wei, cap_wei)
    return Fees(max_fee_wei=max_fee, priority_fee_wei=min(priority_fee_wei, max_fee))


def raised(previous: Fees, *, base_fee_wei: int, priority_fee_wei: int, cap_wei: int) -> Fees | None:
    """
    Return the replacement of an offer, or None where the cap allows none.

    Both caps are at least 12.5 % higher (rounded up, at least 1 wei), or more where the market asks for it.
    """
    market = first_offer(base_fee_wei=base_fee_wei, priority_fee_wei=priority_fee_wei, cap_wei=cap_wei)
    max_fee = max(_bumped(previous.max_fee_wei), market.max_fee_wei)
    tip = max(_bumped(previous.priority_fee_wei), market.priority_fee_wei)
    if max_fee > cap_wei:
        return None
    return Fees(max_fee_wei=max_fee, priority_fee_wei=min(tip, max_fee))


def _bumped(wei: int) -> int:
    return max(wei + 1, -(-wei * BUMP_NUMERATOR // BUMP_DENOMINATOR))
