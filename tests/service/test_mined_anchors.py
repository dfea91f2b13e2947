"""Where an anchor stands: told by the contract's record, by receipts and, after a restore, by events."""

from __future__ import annotations

from dataclasses import replace

import pytest

from anchor.core.lifecycle import BatchState
from anchor.errors import ChainUnavailable
from anchor.store.records import Batch, Issuer
from tests.support.assembly import Running
from tests.support.fake_sending_chain import BLOCK_TIME_S
from tests.support.stored_first import check_everything

BLOCKS_TO_A_REPLACEMENT = 16


async def _anchored_by_what_a_backup_does_not_know(service: Running, issuer: Issuer) -> Batch:
    """Put a backup back whose batch was anchored since, by a transaction that was signed after the backup."""
    batch = await service.seal(issuer, 1)
    await service.turn()
    await service.store.close()
    backup = service.settings.database.read_bytes()
    await service.start()
    for _ in range(BLOCKS_TO_A_REPLACEMENT):
        service.clock.advance(BLOCK_TIME_S)
        service.chain.mine(take_pool=False)
        await service.turn()
    await service.mine()
    mined = await service.batch(batch.id)
    await service.store.close()
    service.settings.database.write_bytes(backup)
    await service.start()
    assert mined.transaction not in {payload.hash for payload in await service.store.payloads(batch.id)}
    return mined


async def test_old_backup_learns_the_transaction_from_the_chain(service: Running, issuer: Issuer) -> None:
    """Fault 9: a backup that knows a batch's root and not the transaction that anchored it goes on all the same."""
    mined = await _anchored_by_what_a_backup_does_not_know(service, issuer)
    (next_one,) = await service.submit(issuer, 2)

    await service.mine(10)

    found = await service.batch(mined.id)
    assert found.state is BatchState.FINAL
    assert (found.transaction, found.block_hash, found.block_time_s, found.publisher) == (
        mined.transaction,
        mined.block_hash,
        mined.block_time_s,
        mined.publisher,
    )
    assert await service.state(next_one.batch) is BatchState.FINAL
    await check_everything(service, issuer, next_one)


async def test_record_without_receipt_and_event_waits(service: Running, issuer: Issuer) -> None:
    """An endpoint that tells the record and nothing of a transaction is asked again: nothing is made up."""
    batch = await service.seal(issuer, 1)
    await service.turn()
    service.clock.advance(BLOCK_TIME_S)
    service.chain.mine()
    chain = service.chain
    mined = chain._mined[-1]
    chain._mined[-1] = replace(mined, transactions=())

    with pytest.raises(ChainUnavailable, match="no receipt or event of ours fits it yet"):
        await service.anchorer.step()

    chain._mined[-1] = mined
    await service.anchorer.step()
    assert await service.state(batch.id) is BatchState.MINED
