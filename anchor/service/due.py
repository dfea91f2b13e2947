"""When a batch falls due, and whether a due one goes now: by size, age, waiting status changes, silence, and price."""

from __future__ import annotations

import math

from anchor.clock import Clock
from anchor.config import BatchingSettings
from anchor.core.spending import DueBatch, Move, Ruling, SpendingPolicy, rule_on_price
from anchor.service.chain_status import ChainStatus
from anchor.service.waits import Waits
from anchor.store.records import Backlog


class DueTimes:
    """
    Tells the sealer when to seal, and whoever asks when that will be.

    A batch is held before it is sealed, so that all that comes meanwhile goes with it, in one anchor. Nothing of a
    wait is stored: after a restart the same times lead to the same answer. A clock that is set back puts nothing off.
    """

    def __init__(
        self, *, batching: BatchingSettings, policy: SpendingPolicy, status: ChainStatus, clock: Clock
    ) -> None:
        self._batching = batching
        self._policy = policy
        self._status = status
        self._waits = Waits(clock)

    def due_in_s(self, backlog: Backlog) -> float:
        """Return in how many seconds a batch falls due; 0 where one is."""
        return 0.0 if self._cannot_wait(backlog) else max(0.0, self._until_due_s(backlog))

    def rule(self, backlog: Backlog) -> Ruling:
        """Return whether a due batch goes now, waits for a cheap block, or cannot be paid for."""
        funds, latest = self._status.funds, self._status.latest
        if funds is not None and funds.pause:
            return Ruling(Move.PAUSE, funds.pause, math.inf)
        due = DueBatch(
            held_s=max(0.0, -self._until_due_s(backlog)),
            status_held_s=self._lists_waited_s(backlog),
            cannot_wait=self._cannot_wait(backlog),
        )
        return rule_on_price(self._policy, due, base_fee_wei=latest.base_fee_wei if latest else None)

    def goes_in_s(self, backlog: Backlog) -> float:
        """Return in how many seconds a batch goes at the latest, as things stand; infinity while it is not paid for."""
        due_in_s = self.due_in_s(backlog)
        ruling = self.rule(backlog)
        return due_in_s + ruling.at_most_s

    def _cannot_wait(self, backlog: Backlog) -> bool:
        """Whether a batch is full, or status, which is read in the last anchorage alone, has no root there yet."""
        is_moving = backlog.last_sealed_s is None and backlog.has_moved
        return is_moving or backlog.open_entries >= self._batching.max_entries

    def _until_due_s(self, backlog: Backlog) -> float:
        """Return in how many seconds a batch falls due by age, status changes or silence; negative once it is."""
        batching, waited_s = self._batching, self._waits.waited_s
        # Before the first anchor there is no silence to break: nobody has anything to check yet.
        due_in_s = [batching.heartbeat_s]
        if backlog.last_sealed_s is not None:
            due_in_s.append(batching.heartbeat_s - waited_s("silence", backlog.last_sealed_s))
        if backlog.open_since_s is not None and backlog.open_entries:
            due_in_s.append(batching.max_age_s - waited_s("digests", backlog.open_since_s))
        lists_waited_s = self._lists_waited_s(backlog)
        if lists_waited_s is not None:
            due_in_s.append(batching.status_wait_s - lists_waited_s)
        return min(due_in_s)

    def _lists_waited_s(self, backlog: Backlog) -> float | None:
        changed_ms = backlog.lists_waiting_since_ms
        return None if changed_ms is None else self._waits.waited_s("lists", changed_ms / 1000)
