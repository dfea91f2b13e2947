"""Where a batch's anchor stands: the transaction that made the contract's record, and its block."""

from __future__ import annotations

import structlog

from anchor.chain.protocol import AnchorRecord, Chain
from anchor.errors import ChainUnavailable
from anchor.store.protocol import OutboxStore
from anchor.store.records import Batch, Mined

log = structlog.get_logger()


async def find_mined(
    store: OutboxStore, chain: Chain, batch: Batch, publisher: str, record: AnchorRecord
) -> Mined:
    """
    Return the transaction and the block of an account's record of a batch's root; ChainUnavailable where none fits yet.

    Guarantees that the block is the one whose number and time the record holds: a reorganisation while the chain is
    asked may have given the transaction another block of the same height, and with it the record another time.
    """
    transaction, block_hash = await _transaction(store, chain, batch, publisher, record)
    block = await chain.block(block_hash)
    if block is None or (block.number, block.timestamp_s) != (record.block_number, record.timestamp_s):
        raise ChainUnavailable("the anchor's block is not the one of its record: a reorganisation moved it")
    return Mined(
        transaction=transaction,
        block_number=block.number,
        block_hash=block.hash,
        block_time_s=block.timestamp_s,
        publisher=publisher,
    )


async def _transaction(
    store: OutboxStore, chain: Chain, batch: Batch, publisher: str, record: AnchorRecord
) -> tuple[bytes, bytes]:
    """Return the hashes of the transaction and of its block."""
    # A payload of an account that was succeeded since counts like any other: its record stands for good.
    payloads = await store.payloads(batch.id)
    for payload in reversed(payloads):
        receipt = await chain.receipt(payload.hash)
        if receipt is not None and receipt.succeeded and receipt.block_number == record.block_number:
            return receipt.transaction_hash, receipt.block_hash
    # A database that was put back from a backup does not know what was signed after it; the root is this batch's.
    height = record.block_number
    for event in await chain.anchored_events(publisher, from_block=height, to_block=height):
        if event.root == batch.root:
            if event.transaction_hash not in {payload.hash for payload in payloads}:
                transaction = event.transaction_hash.hex()
                log.warning("anchor.not_stored_here", sequence=batch.sequence, transaction=transaction)
            return event.transaction_hash, event.block_hash
    raise ChainUnavailable("the contract has the record, but no receipt or event of ours fits it yet")
