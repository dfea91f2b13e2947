"""Whether the chain still holds what was said to be final, and what it holds that is not ours."""

from __future__ import annotations

import structlog

from anchor.chain.protocol import Block, ChainReader, Head
from anchor.chain.succession import record_in_line
from anchor.errors import FatalError
from anchor.store.protocol import Store

log = structlog.get_logger()


async def require_final_anchor(
    store: Store, chain: ChainReader, line: tuple[str, ...], latest: Block
) -> None:
    """
    Raise FatalError unless the chain holds the newest final batch's root under its sequence, by anyone of the line.

    A block below the one that the batch was mined in says nothing: an endpoint may lag.
    """
    batch = await store.newest_final()
    if batch is None or batch.root is None or batch.block_number is None:
        return
    if latest.number < batch.block_number:
        return
    found = await record_in_line(chain, line, batch.root, latest.hash)
    if found is None or found[1].sequence != batch.sequence:
        raise FatalError(
            f"the chain no longer holds the anchor of batch {batch.sequence}, which was final: a reorganisation went "
            "deeper than chain.confirmations, or the endpoint follows another fork; compare it with other endpoints"
        )


async def note_strangers(
    store: Store, chain: ChainReader, publisher: str, latest: Block, *, started_s: int
) -> None:
    """
    Note the head's sequence where its root is none of ours: a stranger anchored with this key while we watched.

    So a restart can tell it from anchors of ours that an old backup does not know. Raises FatalError where the start of
    the service, at `started_s`, should have found it: the endpoint did not show it then, so that the database may be
    such a backup, and would anchor known digests a second time.
    """
    head = await chain.head(publisher, latest.hash)
    if head is None or not await is_strange(store, head):
        return
    if head.record.timestamp_s < started_s and await is_news(store, head):
        raise FatalError(unknown_anchors(publisher, head, known=await known_sequence(store)))
    await store.note_strangers(head.record.sequence)
    log.error("anchor.key_used_elsewhere", sequence=head.record.sequence, root=head.root.hex())


async def is_strange(store: Store, head: Head) -> bool:
    """Whether a head is neither the anchor of one of our batches nor noted as a stranger's."""
    if head.record.sequence <= await store.strangers_noted():
        return False
    own = [await store.batch_by_sequence(head.record.sequence), *await store.unfinished_batches()]
    return all(batch is None or batch.root != head.root for batch in own)


async def is_news(store: Store, head: Head) -> bool:
    """Whether a strange head was mined before we sealed a batch for its sequence: we never knew of it."""
    batch = await store.batch_by_sequence(head.record.sequence)
    return batch is None or (batch.sealed_s or 0) > head.record.timestamp_s


def unknown_anchors(publisher: str, head: Head, *, known: int) -> str:
    """Return what to say of anchors that the database does not know."""
    return (
        f"the chain holds anchors of {publisher} up to sequence {head.record.sequence}, this database knows "
        f"{known}, or others: an old backup was put back, or the key is used elsewhere, which cannot be told "
        "apart; put the newest database back or, only where you are sure that it is the newest and those anchors "
        "are not its own, start with --accept-foreign-anchors"
    )


async def known_sequence(store: Store) -> int:
    """Return the highest sequence that the database has a batch for, or has noted as a stranger's."""
    newest = await store.newest_sealed()
    return max(newest.sequence or 0 if newest else 0, await store.strangers_noted())
