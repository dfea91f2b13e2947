"""When anchors are likely to come, as far as the service can tell: estimates, never promises."""

from __future__ import annotations

import math

from anchor.clock import Clock
from anchor.core.expectation import Expectation, Pace, expect_final, expect_mined
from anchor.core.lifecycle import BatchState
from anchor.service.chain_status import ChainStatus
from anchor.service.due import DueTimes
from anchor.store.protocol import Store
from anchor.store.records import Batch


class Expectations:
    """Estimates from the batch's state, what holds it back, and the pace of the chain's last blocks."""

    def __init__(self, *, store: Store, due: DueTimes, status: ChainStatus, clock: Clock) -> None:
        self._store = store
        self._due = due
        self._status = status
        self._clock = clock

    async def of_batch(self, batch: Batch) -> Expectation | None:
        """
        Return what to expect of a batch.

        None where there is nothing more to expect, since it is final, and where nobody can tell: the chain does not
        answer, or the account cannot pay.
        """
        pace = self._pace()
        if pace is None or batch.state is BatchState.FINAL:
            return None
        if batch.block_time_s is not None:
            return expect_final(pace, mined_s=batch.block_time_s)
        waits_s = 0.0
        if batch.state is BatchState.ACCEPTED and not batch.is_closed:
            waits_s = await self._open_waits_s(pace)
        return self._mined_in(waits_s, pace)

    async def of_newest(self) -> Expectation | None:
        """Return what to expect of the batch that takes digests now."""
        pace = self._pace()
        return None if pace is None else self._mined_in(await self._open_waits_s(pace), pace)

    def _mined_in(self, waits_s: float, pace: Pace) -> Expectation | None:
        funds = self._status.funds
        if not math.isfinite(waits_s) or self._status.unpaid or (funds is not None and funds.pause):
            return None
        return expect_mined(pace, now_s=self._clock.now_ms() / 1000, waits_s=waits_s)

    async def _open_waits_s(self, pace: Pace) -> float:
        waits_s = self._due.goes_in_s(await self._store.backlog())
        # One anchor is unmined at a time: the open batch goes when the one before it is in a block.
        is_behind = any(not batch.state.is_mined for batch in await self._store.unfinished_batches())
        return max(waits_s, pace.block_time_s) if is_behind else waits_s

    def _pace(self) -> Pace | None:
        """Return how the chain went on between its final block and its newest; None where neither is known."""
        latest, final = self._status.latest, self._status.final
        if latest is None or final is None or self._status.problem is not None:
            return None
        lag_s = max(0, latest.timestamp_s - final.timestamp_s)
        blocks = latest.number - final.number
        return Pace(block_time_s=lag_s / blocks if blocks > 0 else 0.0, finality_lag_s=lag_s)
