"""What anchors cost and what there is to pay for them: read from the chain, kept in the store, asked before signing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

import structlog

from anchor.chain.protocol import Chain, Receipt
from anchor.core.fees import Fees, first_offer
from anchor.core.spending import DAY_S, Purse, SpendingPolicy, days_left, why_unpayable
from anchor.errors import ChainUnavailable
from anchor.service.look import Look
from anchor.store.protocol import Store
from anchor.store.records import PayloadCost

log = structlog.get_logger()

ANCHOR_GAS_LIMIT = 120_000
"""Twice what the dearest anchor costs, the first of a publisher; unused gas is not paid for."""

NONCES_AHEAD = 64
"""A payload whose nonce is further ahead, since an endpoint once told a wrong one, keeps nothing back.

It can be mined only after as many others, and counts again before that.
"""

RATE_PERIOD_S = 7 * DAY_S
"""The present rate is that of the last week: term and holidays show in it, one busy hour does not."""


@dataclass(frozen=True, slots=True)
class Funds:
    """
    The account as of one block: its purse, the rate of spending, and what keeps the next anchor from being paid for.

    `days_left` is None while nothing was spent; `anchors_left` counts anchors at the most that one may cost now.
    """

    purse: Purse
    spent_per_day_wei: int
    days_left: float | None
    anchors_left: int
    pause: str | None


class Spending:
    """
    Counts what the publisher's payloads cost, reverted ones too, and rules on whether one more can be paid for.

    Times are those of blocks, so that no clock makes a day longer or shorter. All that counts is in the store.
    """

    def __init__(
        self, *, store: Store, chain: Chain, publisher: str, policy: SpendingPolicy, max_fee_wei: int
    ) -> None:
        self._store = store
        self._chain = chain
        self._publisher = publisher
        self._policy = policy
        self._max_fee_wei = max_fee_wei
        self._tip_wei: int | None = None

    async def settle(self, look: Look) -> None:
        """Note the cost of every payload that is mined as of a look, and settle those that a final block decides."""
        for (sender, nonce), costs in _by_nonce(await self._store.open_costs()):
            used, used_final = await self._nonces(sender, look)
            if nonce >= used:
                if sender != self._publisher:
                    # An account that was succeeded: whatever it may still pay is not this publisher's money.
                    await self._store.settle_costs(sender, nonce)
                continue
            is_final = nonce < used_final
            if is_final or all(cost.mined_s is None for cost in costs):
                is_noted = await self._note(costs)
                if is_final and not is_noted and all(cost.mined_s is None for cost in costs):
                    await self._note_worst(costs, mined_s=look.final.timestamp_s)
            if is_final:
                await self._store.settle_costs(sender, nonce)

    async def _nonces(self, account: str, look: Look) -> tuple[int, int]:
        """Return an account's nonce at the latest and at the final block of a look."""
        if account == look.line[-1]:
            return look.nonce, look.nonce_final
        used = await self._chain.nonce(account, look.latest.hash)
        # Where the state at the final block cannot be read, nothing is settled yet.
        return used, 0 if look.final_problem else await self._chain.nonce(account, look.final.hash)

    async def purse(self, *, balance_wei: int, now_s: int, nonce: int) -> Purse:
        """Return the purse as of a block's time and the publisher's nonce there."""
        spent_wei = (await self._store.spent_since(now_s - DAY_S)).spent_wei
        open_wei = 0
        for (sender, of_nonce), costs in _by_nonce(await self._store.open_costs()):
            noted = next((cost for cost in costs if cost.cost_wei is not None), None)
            if noted is not None and (sender != self._publisher or of_nonce < nonce):
                spent_wei += (noted.cost_wei or 0) if (noted.mined_s or 0) >= now_s - DAY_S else 0
            elif sender == self._publisher and of_nonce < nonce + NONCES_AHEAD:
                # One payload of a nonce is mined at most: the dearest is the worst that can come.
                open_wei += max(cost.worst_wei for cost in costs)
        return Purse(balance_wei=balance_wei, spent_wei=spent_wei, open_wei=open_wei)

    async def ask_tip_wei(self) -> int:
        """Return the priority fee that the endpoints suggest now."""
        self._tip_wei = await self._chain.priority_fee_wei()
        return self._tip_wei

    async def _last_tip_wei(self) -> int:
        """Return the tip that was suggested last; 0 where nobody tells one, since only signing cannot do without."""
        if self._tip_wei is not None:
            return self._tip_wei
        try:
            return await self.ask_tip_wei()
        except ChainUnavailable as exc:
            log.warning("chain.tip_unknown", reason=str(exc))
            return 0

    async def funds(self, purse: Purse, *, now_s: int, base_fee_wei: int) -> Funds:
        """Return what can be said of the account at a base fee, and the tip that was suggested last."""
        week = await self._store.spent_since(now_s - RATE_PERIOD_S)
        in_s = max(DAY_S, now_s - week.first_mined_s) if week.first_mined_s is not None else DAY_S
        offer = first_offer(
            base_fee_wei=base_fee_wei, priority_fee_wei=await self._last_tip_wei(), cap_wei=self._max_fee_wei
        )
        cost_wei = ANCHOR_GAS_LIMIT * offer.max_fee_wei
        pause = why_unpayable(self._policy, purse, cost_wei=cost_wei)
        if pause is not None:
            # Nothing is signed in a pause, so nothing else asks: it must end with the tip that brought it about.
            self._tip_wei = None
        return Funds(
            purse=purse,
            spent_per_day_wei=week.spent_wei * DAY_S // in_s,
            days_left=days_left(purse.balance_wei, spent_wei=week.spent_wei, in_s=in_s),
            anchors_left=purse.balance_wei // max(1, cost_wei),
            pause=pause,
        )

    def why_not(self, purse: Purse, fees: Fees, *, replaced_wei: int) -> str | None:
        """Return why a payload that replaces what may cost so much cannot be paid for; None where it can."""
        cost_wei = ANCHOR_GAS_LIMIT * fees.max_fee_wei
        return why_unpayable(self._policy, purse.without(replaced_wei), cost_wei=cost_wei)

    async def _note(self, costs: Sequence[PayloadCost]) -> bool:
        """Note what that payload cost whose receipt is there; return whether one is."""
        for cost in reversed(costs):
            receipt = await self._chain.receipt(cost.hash)
            if receipt is None:
                continue
            mined_s = await self._time_of(receipt)
            if (receipt.cost_wei, mined_s) != (cost.cost_wei, cost.mined_s):
                await self._store.note_cost(cost.hash, receipt.cost_wei, mined_s=mined_s)
                log.info(
                    "anchor.paid", nonce=cost.nonce, cost_wei=receipt.cost_wei, succeeded=receipt.succeeded
                )
            return True
        return False

    async def _note_worst(self, costs: Sequence[PayloadCost], *, mined_s: int) -> None:
        """Count the most that it may have cost: an endpoint that has lost a receipt must not make room in a budget."""
        worst = max(costs, key=lambda cost: cost.worst_wei)
        await self._store.note_cost(worst.hash, worst.worst_wei, mined_s=mined_s)
        log.warning("anchor.cost_not_known", nonce=worst.nonce, counted_wei=worst.worst_wei)

    async def _time_of(self, receipt: Receipt) -> int:
        block = await self._chain.block(receipt.block_hash)
        if block is None:
            raise ChainUnavailable("the endpoint does not know the block of a receipt that it gave")
        return block.timestamp_s


def _by_nonce(costs: Iterable[PayloadCost]) -> list[tuple[tuple[str, int], list[PayloadCost]]]:
    def account_and_nonce(cost: PayloadCost) -> tuple[str, int]:
        return cost.sender, cost.nonce

    return [
        (key, list(group))
        for key, group in groupby(sorted(costs, key=account_and_nonce), key=account_and_nonce)
    ]
