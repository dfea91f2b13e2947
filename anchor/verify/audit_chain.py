"""Every anchor of a publisher as the chain tells it: events against records, gapless, up to the head."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from anchor.chain.protocol import AnchoredEvent, AnchorRecord
from anchor.verify.chain_view import ChainView

_CONCURRENT_READS = 16
"""How many records are asked for at once: enough to hide an endpoint's delay, few enough for its limits."""


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """Something that does not agree; `sequence` is the batch's, None where it concerns none; `code` is stable."""

    sequence: int | None
    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditedAnchor:
    """An anchor of one publisher of the line, as its event says; `time_s` is its record's, None without one.

    `previous_root` is the root that was anchored under the sequence before, None where that is not known.
    """

    publisher: str
    event: AnchoredEvent
    time_s: int | None
    previous_root: bytes | None


async def read_anchors(view: ChainView) -> tuple[list[AuditedAnchor], list[Discrepancy]]:
    """Return every anchor up to the view's block in order of sequence, and what in them does not agree."""
    found = [
        (publisher, event)
        for publisher in view.publishers
        for event in await view.reader.anchored_events(
            publisher, from_block=view.anchorage.from_block, to_block=view.block.number
        )
    ]
    records = await _records(view, found)
    discrepancies = _gaps(view, [event for _publisher, event in found])
    anchors = []
    previous_root: bytes | None = bytes(32)
    expected = 1
    for (publisher, event), record in zip(found, records, strict=True):
        discrepancies += _against_record(event, record)
        anchors.append(
            AuditedAnchor(
                publisher=publisher,
                event=event,
                time_s=record.timestamp_s if record else None,
                previous_root=previous_root if event.sequence == expected else None,
            )
        )
        previous_root, expected = event.root, event.sequence + 1
    return anchors, [*discrepancies, *await _against_head(view, anchors)]


async def _records(view: ChainView, found: Sequence[tuple[str, AnchoredEvent]]) -> list[AnchorRecord | None]:
    records: list[AnchorRecord | None] = []
    for start in range(0, len(found), _CONCURRENT_READS):
        records += await asyncio.gather(
            *(
                view.reader.record(publisher, event.root, view.block.hash)
                for publisher, event in found[start : start + _CONCURRENT_READS]
            )
        )
    return records


def _gaps(view: ChainView, events: Sequence[AnchoredEvent]) -> list[Discrepancy]:
    if not events:
        message = f"no anchor of this publisher from block {view.anchorage.from_block} to {view.block.number}"
        return [Discrepancy(None, "no_anchors", f"{message}: check publisher, contract and from_block")]
    discrepancies = []
    expected = 1
    for event in events:
        if event.sequence != expected:
            missing = f"after batch {expected - 1} comes batch {event.sequence}"
            hint = f": is from_block {view.anchorage.from_block} too late?" if expected == 1 else ""
            discrepancies.append(Discrepancy(event.sequence, "sequence_gap", missing + hint))
        expected = event.sequence + 1
    return discrepancies


def _against_record(event: AnchoredEvent, record: AnchorRecord | None) -> list[Discrepancy]:
    if record is None:
        return [
            Discrepancy(
                event.sequence, "record_missing", "the contract has no record of the root of its event"
            )
        ]
    recorded = (record.sequence, record.leaf_count, record.block_number)
    if recorded != (event.sequence, event.leaf_count, event.block_number):
        return [Discrepancy(event.sequence, "record_differs", "the contract's record differs from its event")]
    return []


async def _against_head(view: ChainView, anchors: Sequence[AuditedAnchor]) -> list[Discrepancy]:
    """Catch anchors whose events an endpoint leaves out at the end, where no gap would show."""
    head = await view.head()
    newest = anchors[-1].event if anchors else None
    if (head.root if head else None) == (newest.root if newest else None):
        return []
    sequence = head.record.sequence if head else None
    return [Discrepancy(sequence, "head_differs", "the contract's head is not the root of the newest event")]
