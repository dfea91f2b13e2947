"""From submission to final on a chain that behaves."""

from __future__ import annotations

from pathlib import Path

from anchor.core.lifecycle import BatchState
from anchor.store.records import Accepted, Issuer
from tests.support.assembly import Running, make_settings, new_chain, running
from tests.support.stored_first import check_everything


async def test_submission_goes_through_every_state(service: Running, issuer: Issuer) -> None:
    """accepted, sealed, sent, mined, final, in this order and each for its reason."""
    accepted = await service.submit(issuer, 1, 2, 3)
    batch = accepted[0].batch
    await service.turn()
    assert await service.state(batch) is BatchState.ACCEPTED

    service.clock.advance(60)
    await service.sealer.step()
    assert await service.state(batch) is BatchState.SEALED
    await service.anchorer.step()
    assert await service.state(batch) is BatchState.SENT

    await service.mine()
    assert await service.state(batch) is BatchState.MINED
    await service.mine()
    assert await service.state(batch) is BatchState.MINED
    await service.mine()
    assert await service.state(batch) is BatchState.FINAL
    await check_everything(service, issuer, *accepted)
    assert len(set(service.chain.broadcasts)) == 1


async def test_final_is_never_said_before_the_finalized_block(service: Running, issuer: Issuer) -> None:
    """However many blocks follow, a batch is final only once the finalized block has its record."""
    service.chain.finality_lag = None
    batch = await service.seal(issuer, 1)
    await service.turn()
    await service.mine(30)
    assert await service.state(batch.id) is BatchState.MINED

    service.chain.finalize()
    await service.mine()

    assert await service.state(batch.id) is BatchState.FINAL


async def test_mined_batch_records_where_it_stands(service: Running, issuer: Issuer) -> None:
    """Transaction, block and block time are the chain's."""
    batch = await service.seal(issuer, 1)
    await service.turn()
    await service.mine()
    block = service.chain.latest

    mined = await service.batch(batch.id)

    (payload,) = await service.store.payloads(batch.id)
    assert mined.transaction == payload.hash
    assert (mined.block_number, mined.block_hash, mined.block_time_s) == (
        block.number,
        block.hash,
        block.timestamp_s,
    )


async def test_second_batch_waits_until_the_first_is_mined(service: Running, issuer: Issuer) -> None:
    """Two batches are never unmined at once; the second goes as soon as the first is mined."""
    first = await service.seal(issuer, 1)
    await service.anchorer.step()
    (later,) = await service.submit(issuer, 2)
    service.clock.advance(600)
    await service.turn()
    assert await service.state(later.batch) is BatchState.ACCEPTED
    assert await service.store.unsealed_batch() is None

    service.chain.mine()
    await service.anchorer.step()
    assert await service.state(first.id) is BatchState.MINED
    await service.sealer.step()

    assert await service.state(later.batch) is BatchState.SEALED
    assert len([batch for batch in await service.store.unfinished_batches() if not batch.state.is_mined]) == 1


async def test_many_batches_chain_by_their_headers(service: Running, issuer: Issuer) -> None:
    """Batch after batch: sequences without gap, roots chained, every digest provable."""
    accepted: list[Accepted] = []
    for number in range(6):
        accepted += await service.submit(issuer, 2 * number, 2 * number + 1, allocate=number % 2 == 0)
        service.clock.advance(60)
        await service.turn()
        await service.mine()
    await service.mine(3)

    await check_everything(service, issuer, *accepted)
    assert sorted(service.chain.anchored_roots(service.publisher)) == [1, 2, 3, 4, 5, 6]
    assert {(await service.state(item.batch)) for item in accepted} == {BatchState.FINAL}
    assert service.chain.failed_transactions() == 0


async def test_same_bytes_are_broadcast_once_a_block(service: Running, issuer: Issuer) -> None:
    """Looking at one block again and again sends nothing more; each further block sends the same bytes again."""
    service.chain.broadcast_fault = "swallowed"
    await service.seal(issuer, 1)
    for _ in range(5):
        await service.anchorer.step()
    in_one_block = len(service.chain.broadcasts)
    await service.mine(3)

    assert in_one_block <= 2, "once when it is signed, once when the block is first seen with it"
    assert len(service.chain.broadcasts) == in_one_block + 3
    assert len(set(service.chain.broadcasts)) == 1


async def test_confirmations_stand_in_for_finality(tmp_path: Path) -> None:
    """Where the settings name a number of confirmations, they decide and the finalized tag is not asked."""
    async with running(make_settings(tmp_path, confirmations=4), new_chain(finality_lag=None)) as service:
        batch = await service.seal(await service.add_issuer(), 1)
        await service.turn()
        await service.mine(4)
        assert await service.state(batch.id) is BatchState.MINED

        await service.mine()

        assert await service.state(batch.id) is BatchState.FINAL


async def test_fees_leave_room_for_a_rising_base_fee(service: Running, issuer: Issuer) -> None:
    """The offer covers twice the base fee and the suggested tip."""
    service.chain.base_fee_wei, service.chain.suggested_priority_fee_wei = 3 * 10**9, 10**8
    await service.mine()
    batch = await service.seal(issuer, 1)
    await service.turn()

    (payload,) = await service.store.payloads(batch.id)

    assert (payload.max_fee_wei, payload.priority_fee_wei) == (6 * 10**9 + 10**8, 10**8)
    assert payload.nonce == 0
