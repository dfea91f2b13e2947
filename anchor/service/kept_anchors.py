"""Whether the chain still holds what was said to be final, and what it holds that is not ours."""

from __future__ import annotations

import structlog

from anchor.chain.protocol import Block, ChainReader
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


async def note_strangers(store: Store, chain: ChainReader, publisher: str, latest: Block) -> None:
    """
    Note the head's sequence where no batch has one as high: a stranger anchored with this key while we watched.

    So a restart can tell it from anchors of ours that an old backup does not know.
    """
    head = await chain.head(publisher, latest.hash)
    if head is None or head.record.sequence <= await known_sequence(store):
        return
    await store.note_strangers(head.record.sequence)
    log.error("anchor.key_used_elsewhere", sequence=head.record.sequence, root=head.root.hex())


async def known_sequence(store: Store) -> int:
    """Return the highest sequence that the database has a batch for, or has noted as a stranger's."""
    newest = await store.newest_sealed()
    return max(newest.sequence or 0 if newest else 0, await store.strangers_noted())
