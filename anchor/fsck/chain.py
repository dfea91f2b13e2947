"""The database held against the chain: one anchor a sequence, nothing final that is not, nothing unknown."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from anchor.chain.protocol import AnchoredEvent, AnchorRecord, Block, ChainReader
from anchor.chain.succession import line_of, record_in_line
from anchor.core.lifecycle import BatchState
from anchor.errors import ChainUnavailable
from anchor.fsck.findings import Check
from anchor.store.records import Batch


async def check_anchors(
    chain: ChainReader,
    batches: Sequence[Batch],
    *,
    missing: Mapping[int, bytes],
    publisher: str,
    from_block: int,
    confirmations: int,
    abandoned: Collection[bytes] = (),
    name: str = "chain",
) -> Check:
    """
    Compare every batch with the contract's record and events, by the publisher and everyone who succeeded it.

    Promises 2 and 3: one anchor a sequence, every mined batch on chain as stored, `final` only behind the finalized
    block, and no anchor of this line that the database does not know. What the chain does not answer stays open:
    fsck says yes only to what it has seen. `missing` are the batches that were missing when the database was rebuilt,
    root by sequence: what they hold stays open too. `abandoned` are transactions of batches that were given up here and
    sealed for a later anchorage.
    """
    check = Check(name)
    try:
        await _check(check, chain, batches, missing, abandoned, publisher, from_block, confirmations)
    except ChainUnavailable as exc:
        check.leave_open(f"the chain cannot be read: {exc}")
    return check


async def _check(
    check: Check,
    chain: ChainReader,
    batches: Sequence[Batch],
    missing: Mapping[int, bytes],
    abandoned: Collection[bytes],
    publisher: str,
    from_block: int,
    confirmations: int,
) -> None:
    latest = await chain.block("latest")
    if latest is None:
        raise ChainUnavailable("the endpoint has no latest block")
    final = await chain.block(max(0, latest.number - confirmations) if confirmations else "finalized")
    if final is None:
        raise ChainUnavailable("the endpoint has no finalized block")
    line = await line_of(chain, publisher, latest.hash)
    events = [
        event
        for account in line
        for event in await chain.anchored_events(account, from_block=from_block, to_block=latest.number)
    ]
    by_sequence = {batch.sequence: batch for batch in batches if batch.sequence is not None}
    own = [event for event in events if event.transaction_hash not in abandoned]
    _check_events(check, own, by_sequence, missing)
    for batch in batches:
        if batch.state.is_mined and batch.root is not None:
            found = await record_in_line(chain, line, batch.root, latest.hash)
            _check_record(check, batch, found, final)


def _check_record(check: Check, batch: Batch, found: tuple[str, AnchorRecord] | None, final: Block) -> None:
    where = f"batch {batch.sequence}"
    check.expect(found is not None, where, "it is called mined, and the contract has no record of it")
    if found is None:
        return
    publisher, record = found
    same = (publisher, record.sequence, record.leaf_count, record.block_number, record.timestamp_s)
    stored = (batch.publisher, batch.sequence, batch.leaf_count, batch.block_number, batch.block_time_s)
    check.expect(same == stored, where, "the contract's record differs from what is stored")
    behind = batch.state is not BatchState.FINAL or record.block_number <= final.number
    check.expect(behind, where, "it is called final before its block is")


def _check_events(
    check: Check,
    events: Sequence[AnchoredEvent],
    batches: Mapping[int, Batch],
    missing: Mapping[int, bytes],
) -> None:
    seen: dict[int, bytes] = {}
    for event in events:
        where = f"sequence {event.sequence}"
        check.expect(event.sequence not in seen, where, "it was anchored twice")
        seen[event.sequence] = event.root
        if missing.get(event.sequence) == event.root:
            check.leave_open(
                f"batch {event.sequence} was missing when the database was rebuilt: nobody knows what it holds"
            )
            continue
        batch = batches.get(event.sequence)
        known = batch is not None and batch.root == event.root
        check.expect(
            known, where, f"the chain holds root {event.root.hex()}, which this database does not know"
        )
        if batch is not None and batch.state is BatchState.FINAL:
            same = batch.transaction == event.transaction_hash
            check.expect(same, where, "the chain holds it by another transaction than is stored")
    for sequence, batch in batches.items():
        if batch.state.is_mined and sequence is not None:
            check.expect(
                sequence in seen, f"batch {sequence}", "it is called mined, and no event tells of it"
            )
