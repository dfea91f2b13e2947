"""A reorganisation between two reads of one look: what is stored is of one chain all the same."""

from __future__ import annotations

from itertools import count

import pytest

from anchor.core.lifecycle import BatchState
from anchor.errors import ChainUnavailable
from anchor.store.records import Batch, Issuer
from tests.support.assembly import Running
from tests.support.fake_sending_chain import BLOCK_TIME_S
from tests.support.stored_first import check_everything

LOOKS = 4
"""Enough for a batch to go from sealed to final, with nothing in its way."""


async def _look(service: Running) -> None:
    """Mine a block and look at it; what an endpoint cannot answer is asked again at the next."""
    service.clock.advance(BLOCK_TIME_S)
    service.chain.mine()
    try:
        await service.turn()
    except ChainUnavailable:
        return


async def _round(service: Running, issuer: Issuer, *, position: int, depth: int, back_to_pool: bool) -> bool:
    """Anchor a batch with a reorganisation before one read on its way; return whether there is such a read."""
    chain, reads = service.chain, count()

    def reorganise() -> None:
        if next(reads) != position:
            return
        chain.reorganise(depth, back_to_pool=back_to_pool)
        for _ in range(depth):
            # Other blocks at the same heights, at other times.
            service.clock.advance(5)
            chain.mine()

    batch = await service.seal(issuer, position)
    chain.before_read = reorganise
    for _ in range(LOOKS):
        await _look(service)
    chain.before_read = None
    for _ in range(LOOKS):
        await _look(service)
    await check_everything(service, issuer, *await service.submit(issuer, position))
    await _require_facts_of_the_contract(service, await service.batch(batch.id))
    return next(reads) > position


async def _require_facts_of_the_contract(service: Running, batch: Batch) -> None:
    assert batch.state is BatchState.FINAL
    assert batch.root is not None
    record = await service.chain.record(service.publisher, batch.root, service.chain.latest.hash)
    assert record is not None
    block = await service.chain.block(record.block_number)
    assert block is not None
    stored = (batch.sequence, batch.block_number, batch.block_time_s, batch.block_hash)
    assert stored == (record.sequence, record.block_number, record.timestamp_s, block.hash)


@pytest.mark.parametrize(
    ("depth", "transactions", "dropped_state"),
    [(1, "moved", "forgotten"), (2, "moved", "told"), (2, "lost", "forgotten")],
)
async def test_reorganisation_between_any_two_reads_leaves_the_facts_of_one_chain(
    service: Running, issuer: Issuer, depth: int, transactions: str, dropped_state: str
) -> None:
    """Fault 24: before each read of a batch's way to final, in turn."""
    service.chain.keeps_dropped_state = dropped_state == "told"
    for _ in range(depth):
        service.chain.mine()
    rounds = 0
    while await _round(service, issuer, position=rounds, depth=depth, back_to_pool=transactions == "moved"):
        rounds += 1
    assert rounds > LOOKS
