"""Published batches against the chain: every root computed again, and what lists may never do."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing

from anchor.core.merkle import HASH_BYTES, Tree, leaf_hash
from anchor.documents import BatchDocument, PublisherDocument, parse_batch
from anchor.errors import InvalidProof, NotFound, ServiceUnavailable
from anchor.verify.anchorage_files import place_of
from anchor.verify.audit_chain import AuditedAnchor, Discrepancy
from anchor.verify.audit_lists import ListHistory
from anchor.verify.chain_view import ChainView
from anchor.verify.sources import LeafSource, PublishedFiles

_SUBTREE_LEAVES = 1 << 16


def check_publisher(document: PublisherDocument, view: ChainView) -> list[Discrepancy]:
    """Compare the publisher document with the chain that is audited, as its last anchorage or an earlier one."""
    place = place_of(document, view.anchorage)
    if place is None:
        message = "the publisher document names another chain or contract"
        return [Discrepancy(None, "publisher_differs", message)]
    named = (place.publisher, *(document.successors if place is document else ()))
    known = {publisher.lower() for publisher in view.publishers}
    # A line of succession neither branches nor closes: two that share an account are one.
    if not known & {publisher.lower() for publisher in named}:
        message = f"the publisher document names another publisher, {place.publisher}"
        return [Discrepancy(None, "publisher_differs", message)]
    return []


class FileAudit:
    """Checks published batches in order, from anchorage to anchorage, and the lists' history over them."""

    __slots__ = ("_lists",)

    def __init__(self) -> None:
        self._lists = ListHistory()

    async def check(self, anchor: AuditedAnchor, files: PublishedFiles) -> list[Discrepancy]:
        """Return what in the published batch of an anchor differs from the chain, or is missing."""
        sequence = anchor.event.sequence
        try:
            document = parse_batch(await files.batch(sequence))
        except (NotFound, ServiceUnavailable) as exc:
            return [Discrepancy(sequence, "batch_missing", f"the batch's document cannot be had: {exc}")]
        except InvalidProof as exc:
            return [Discrepancy(sequence, "batch_invalid", f"the batch's document: {exc}")]
        differing = against_chain(document, anchor)
        if differing:
            return differing
        return [*await _check_leaves(document, sequence, files), *await self._lists.check(document, files)]


async def _check_leaves(document: BatchDocument, sequence: int, files: PublishedFiles) -> list[Discrepancy]:
    description = document.description
    try:
        root = await credential_root(
            files, sequence, description.leaf_count, leaf_hash(description.header.encode())
        )
    except (NotFound, ServiceUnavailable) as exc:
        return [Discrepancy(sequence, "leaves_missing", f"the batch's leaves cannot be had: {exc}")]
    except InvalidProof as exc:
        return [Discrepancy(sequence, "leaves_differ", str(exc))]
    if root != description.credential_root:
        return [Discrepancy(sequence, "leaves_differ", "the leaves do not give the batch's credential root")]
    return []


def against_chain(document: BatchDocument, anchor: AuditedAnchor) -> list[Discrepancy]:
    """Return in what a published batch differs from its anchor: root, sequence, leaf count, the root before."""
    event, header = anchor.event, document.description.header
    found = []
    if document.root != event.root:
        found.append(("root_differs", "the published batch gives another root than the one anchored"))
    if header.sequence != event.sequence:
        found.append(("sequence_differs", f"the batch's header says batch {header.sequence}"))
    if document.description.leaf_count != event.leaf_count:
        found.append(("leaf_count_differs", "the published leaf count is not the one on chain"))
    if anchor.previous_root not in (None, header.previous_root):
        found.append(("chain_broken", "the batch's header does not name the root anchored before it"))
    return [Discrepancy(event.sequence, code, message) for code, message in found]


async def credential_root(
    files: LeafSource,
    sequence: int,
    leaf_count: int,
    header_leaf: bytes,
    *,
    on_leaves: Callable[[bytes], None] | None = None,
) -> bytes:
    """Return the root over a batch's leaves; InvalidProof where their number or the first of them is wrong.

    Memory stays flat: a tree over the roots of equal complete subtrees is the tree over all their leaves, so
    only one subtree's leaves are held at a time. `on_leaves` sees them all, whole leaves at a time; they count
    for nothing before the root is right.
    """
    note = on_leaves or _ignore
    upper = Tree()
    pending = bytearray()
    received = 0
    subtree_bytes = _SUBTREE_LEAVES * HASH_BYTES
    async with aclosing(files.leaves(sequence, max_bytes=leaf_count * HASH_BYTES)) as pieces:
        async for piece in pieces:
            pending += piece
            received += len(piece)
            while len(pending) >= subtree_bytes:
                note(bytes(pending[:subtree_bytes]))
                _close_subtree(upper, bytes(pending[:subtree_bytes]), header_leaf)
                del pending[:subtree_bytes]
    if received != leaf_count * HASH_BYTES:
        raise InvalidProof(
            f"the batch has {leaf_count} leaves on chain, but {received} bytes of them are published"
        )
    if pending:
        note(bytes(pending))
        _close_subtree(upper, bytes(pending), header_leaf)
    return upper.root()


def _ignore(_leaves: bytes) -> None:
    """Look at nothing."""


def _close_subtree(upper: Tree, leaves: bytes, header_leaf: bytes) -> None:
    if upper.size == 0 and leaves[:HASH_BYTES] != header_leaf:
        raise InvalidProof("leaf 0 is not the batch's header")
    subtree = Tree()
    subtree.extend(leaves)
    upper.extend(subtree.root())
