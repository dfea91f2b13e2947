"""The root that replaced another, and the two between which a moment lies (docs/protocol.md, Verification 5).

Where a root is to be looked for is learnt from events, or from published batch documents; neither is believed.
What counts is the contract's record: its sequence, and its block's time.
"""

from __future__ import annotations

from dataclasses import dataclass

from anchor.chain.protocol import AnchorRecord, Block, Head
from anchor.documents import BatchDocument, parse_batch
from anchor.errors import ChainUnavailable, InvalidProof, NotFound, ServiceUnavailable
from anchor.verify.chain_view import Anchor, ChainView
from anchor.verify.sources import ListSource

WINDOW_BLOCKS = 10_000
"""How many blocks are searched first; each window is twice as long as the one before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A root and the one that replaced it, None where it is the head: from one to the other it was the newest."""

    start: Anchor
    end: Anchor | None

    def covers(self, at_s: int, block: Block) -> bool:
        """Whether the root was the newest at a time (Unix seconds), as a chain shows that has come to a block."""
        if at_s < self.start.record.timestamp_s:
            return False
        if self.end is None:
            return at_s <= block.timestamp_s
        return at_s < self.end.record.timestamp_s


async def span_of(anchor: Anchor, head: Head, *, view: ChainView, lists: ListSource | None) -> Span | None:
    """Return from when until when an anchored root was the newest.

    None where nobody names the root that replaced it: neither the chain's events nor `lists`. Raises
    ChainUnavailable where the records cannot be read.
    """
    if anchor.root == head.root:
        return Span(start=anchor, end=None)
    end = await _next_anchor(anchor, head, view=view, lists=lists)
    return None if end is None else Span(start=anchor, end=end)


async def span_at(
    at_s: int, head: Head, *, view: ChainView, lists: ListSource
) -> tuple[BatchDocument, Span] | None:
    """Return the newest batch at a time (Unix seconds), and from when until when it was that.

    None where the publisher had anchored nothing by then. Looks at about log2 of all batches. Raises
    InvalidProof for a document of another batch than the chain's, NotFound and ServiceUnavailable as the
    source does, ChainUnavailable.
    """
    newest = await view.find(head.root)
    if newest is None:
        raise ChainUnavailable("the endpoint's answers contradict each other: the head has no record")
    if head.record.timestamp_s <= at_s:
        return await batch_of(head.root, head.record, lists), Span(start=newest, end=None)
    # All batches up to `low` are known to be anchored by then, those from `high` on later.
    low, high, start, end = 0, head.record.sequence, None, newest
    while high - low > 1:
        middle = (low + high) // 2
        found = await _anchored_batch(middle, view=view, lists=lists)
        if found[1].record.timestamp_s <= at_s:
            low, start = middle, found
        else:
            high, end = middle, found[1]
    return None if start is None else (start[0], Span(start=start[1], end=end))


async def batch_of(root: bytes, record: AnchorRecord, lists: ListSource) -> BatchDocument:
    """Return the batch document of an anchored root; InvalidProof for any other, NotFound, ServiceUnavailable."""
    document = parse_batch(await lists.batch(record.sequence))
    _require_record(document, root, record)
    return document


async def _anchored_batch(
    sequence: int, *, view: ChainView, lists: ListSource
) -> tuple[BatchDocument, Anchor]:
    document = parse_batch(await lists.batch(sequence))
    anchor = await view.find(document.root)
    if anchor is None or anchor.record.sequence != sequence:
        raise InvalidProof(f"the document of batch {sequence} is not of the batch that is on chain")
    _require_record(document, anchor.root, anchor.record)
    return document, anchor


def _require_record(document: BatchDocument, root: bytes, record: AnchorRecord) -> None:
    description = document.description
    stated = (document.root, description.header.sequence, description.leaf_count)
    if stated != (root, record.sequence, record.leaf_count):
        raise InvalidProof(f"the document of batch {record.sequence} is not of the batch that is on chain")


async def _next_anchor(
    anchor: Anchor, head: Head, *, view: ChainView, lists: ListSource | None
) -> Anchor | None:
    sequence = anchor.record.sequence + 1
    root = head.root if head.record.sequence == sequence else await _root_in_events(anchor, head, view)
    if root is None and lists is not None:
        root = await _published_root(sequence, lists)
    found = None if root is None else await view.find(root)
    return found if found is not None and found.record.sequence == sequence else None


async def _root_in_events(anchor: Anchor, head: Head, view: ChainView) -> bytes | None:
    """Look for the next root among the events between an anchor and the head, the nearest blocks first."""
    start, last, window = anchor.record.block_number, head.record.block_number, WINDOW_BLOCKS
    while start <= last:
        end = min(start + window - 1, last)
        for publisher in view.publishers:
            try:
                events = await view.reader.anchored_events(publisher, from_block=start, to_block=end)
            except ChainUnavailable:
                # Many endpoints keep no old events; the records may be had all the same.
                return None
            for event in events:
                if event.sequence == anchor.record.sequence + 1:
                    return event.root
        start, window = end + 1, window * 2
    return None


async def _published_root(sequence: int, lists: ListSource) -> bytes | None:
    try:
        return parse_batch(await lists.batch(sequence)).root
    except (InvalidProof, NotFound, ServiceUnavailable):
        return None
