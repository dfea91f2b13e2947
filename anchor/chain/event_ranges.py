"""Reads events over any range of blocks from endpoints that cap the range or the number of results."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from anchor.chain import answers, registry
from anchor.chain.failures import AnswerTooLarge, BadAnswer, EndpointRefusal
from anchor.chain.protocol import AnchoredEvent
from anchor.chain.rpc import RpcClient
from anchor.errors import ChainUnavailable

FIRST_SPAN_BLOCKS = 2**17
"""The first range asked for; halved as often as the endpoint demands."""

MAX_SPAN_BLOCKS = 2**22

MAX_EVENTS_PER_ANSWER = 10_000
"""Some providers cut an answer at this length without saying so: a range that yields as many is split."""

_SUCCESSES_BEFORE_GROWTH = 8


class EventReader:
    """
    Reads `Anchored` events of one contract; remembers the range that the endpoint accepts between calls.

    After a refusal the range is halved, at most 22 times down to a single block; after eight answers in a row
    it is doubled, so that at most one request in nine is wasted on an endpoint with a fixed cap.
    """

    def __init__(self, *, rpc: RpcClient, contract: str) -> None:
        self._rpc = rpc
        self._contract = contract
        self._span_blocks = FIRST_SPAN_BLOCKS
        self._successes = 0

    async def read(self, publisher: str, *, from_block: int, to_block: int) -> Sequence[AnchoredEvent]:
        """Return the events of an inclusive range, whose sequences are checked to follow each other."""
        events: list[AnchoredEvent] = []
        start = from_block
        while start <= to_block:
            end = min(start + self._span_blocks - 1, to_block)
            found = await self._try_range(publisher, start, end)
            if found is None:
                self._span_blocks = max(1, (end - start + 1) // 2)
                self._successes = 0
                continue
            events += found
            start = end + 1
            self._grow()
        # The contract numbers a publisher's anchors without a gap: a gap means that an event was left out.
        for before, after in pairwise(events):
            if after.sequence != before.sequence + 1 or after.block_number < before.block_number:
                raise ChainUnavailable(
                    f"{self._rpc.origin} left out events: {after.sequence} follows {before.sequence}"
                )
        return events

    def _grow(self) -> None:
        self._successes += 1
        if self._successes >= _SUCCESSES_BEFORE_GROWTH:
            self._successes = 0
            self._span_blocks = min(self._span_blocks * 2, MAX_SPAN_BLOCKS)

    async def _try_range(self, publisher: str, start: int, end: int) -> list[AnchoredEvent] | None:
        """Return a range's events, or None where a shorter range must be asked for."""
        log_filter = {
            "address": self._contract,
            "topics": registry.anchored_topics(publisher),
            "fromBlock": hex(start),
            "toBlock": hex(end),
        }
        try:
            logs = await self._rpc.read("eth_getLogs", [log_filter])
        except (EndpointRefusal, AnswerTooLarge):
            # Providers word their caps in too many ways to tell them from other refusals.
            if start == end:
                raise
            return None
        try:
            found = self._read_logs(logs, publisher, start, end)
        except BadAnswer as exc:
            raise ChainUnavailable(f"{self._rpc.origin} answered eth_getLogs with {exc}") from exc
        return None if len(found) >= MAX_EVENTS_PER_ANSWER and start < end else found

    def _read_logs(self, logs: object, publisher: str, start: int, end: int) -> list[AnchoredEvent]:
        entries = answers.sequence(logs, name="logs")
        found = [registry.read_anchored(log, contract=self._contract, publisher=publisher) for log in entries]
        if any(not start <= event.block_number <= end for event in found):
            raise BadAnswer("a log outside the range")
        return sorted(found, key=lambda event: (event.block_number, event.sequence))
