"""Looks for a leaf in anchored batches: by their published leaves, whose roots must be those on chain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from anchor.core.merkle import HASH_BYTES, leaf_hash
from anchor.documents import parse_batch
from anchor.errors import InvalidProof, NotFound, ServiceUnavailable
from anchor.verify.audit_chain import AuditedAnchor, Discrepancy
from anchor.verify.audit_files import against_chain, credential_root
from anchor.verify.receipt_report import ReceiptAnchor
from anchor.verify.sources import PublishedFiles


@dataclass(frozen=True, slots=True)
class LeafSearch:
    """Where a leaf was found, or which batches could not be read and may hold it."""

    found: ReceiptAnchor | None
    unread: tuple[Discrepancy, ...]


class _Spotter:
    """Notes the first place of a leaf among leaves that come in pieces."""

    def __init__(self, leaf: bytes) -> None:
        self._leaf = leaf
        self._seen = 0
        self.index: int | None = None

    def look(self, leaves: bytes) -> None:
        """Look through whole leaves."""
        at = leaves.find(self._leaf)
        # What stands across a border between two leaves is none.
        while at % HASH_BYTES and at != -1:
            at = leaves.find(self._leaf, at + 1)
        if at != -1 and self.index is None:
            self.index = self._seen + at // HASH_BYTES
        self._seen += len(leaves) // HASH_BYTES


async def search_leaf(leaf: bytes, anchors: Sequence[AuditedAnchor], files: PublishedFiles) -> LeafSearch:
    """Look for a leaf in the batches of some anchors, the newest first, until it is found.

    What is found stands in a batch whose leaves give its root on chain. A batch that is withheld, or is not the
    one anchored, is told as unread.
    """
    unread = []
    for anchor in reversed(anchors):
        try:
            index = await _index_in(leaf, anchor, files)
        except (NotFound, ServiceUnavailable, InvalidProof) as exc:
            message = f"batch {anchor.event.sequence} cannot be read: {exc}"
            unread.append(Discrepancy(anchor.event.sequence, "batch_unread", message))
            continue
        if index is not None and anchor.time_s is not None:
            return LeafSearch(_place(anchor, anchor.time_s, index), ())
    return LeafSearch(None, tuple(unread))


async def _index_in(leaf: bytes, anchor: AuditedAnchor, files: PublishedFiles) -> int | None:
    sequence = anchor.event.sequence
    document = parse_batch(await files.batch(sequence))
    differing = against_chain(document, anchor)
    if differing:
        raise InvalidProof(differing[0].message)
    spotter = _Spotter(leaf)
    description = document.description
    root = await credential_root(
        files,
        sequence,
        description.leaf_count,
        leaf_hash(description.header.encode()),
        on_leaves=spotter.look,
    )
    if root != description.credential_root:
        raise InvalidProof("its leaves do not give its credential root")
    return spotter.index


def _place(anchor: AuditedAnchor, time_s: int, index: int) -> ReceiptAnchor:
    event = anchor.event
    return ReceiptAnchor(
        sequence=event.sequence,
        block_number=event.block_number,
        time_s=time_s,
        root=event.root,
        leaf_index=index,
    )
