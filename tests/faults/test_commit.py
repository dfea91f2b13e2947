"""Fault 6: a commit is reported as failed, and is on disk all the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from anchor.core.lifecycle import BatchState
from anchor.errors import FatalError
from tests.support.assembly import digest, make_settings, new_chain, running


async def lie() -> None:
    """Report a failure after the commit."""
    raise FatalError("the database failed: disk I/O error; the process must stop and start again")


async def test_acceptance_that_failed_but_persisted_is_known_to_the_retry(tmp_path: Path) -> None:
    """The client hears of a failure and sends the same again, to the restarted service: one leaf, one batch."""
    async with running(make_settings(tmp_path), new_chain()) as service:
        issuer = await service.add_issuer()
        service.hooks.after["accept"] = lie
        with pytest.raises(FatalError):
            await service.submit(issuer, 1, 2, allocate=True)
        await service.restart()

        retried = await service.submit(issuer, 1, 2, allocate=True)
        service.clock.advance(service.settings.batching.max_age_s)
        await service.sealer.step()
        await service.mine(6)

        assert [place.is_new for place in retried] == [False, False]
        assert len({place.status for place in retried}) == 2
        assert [place.leaf_index for place in retried] == [1, 2]
        batch = await service.batch(retried[0].batch)
        assert (batch.state, batch.leaf_count) == (BatchState.FINAL, 3)
        (found,) = await service.store.find_digest(issuer.number, digest(1))
        assert found.accepted.batch == batch.id


async def test_seal_that_failed_but_persisted_is_not_sealed_twice(tmp_path: Path) -> None:
    """After the restart the sealed batch is sent as it is: one root for one sequence."""
    async with running(make_settings(tmp_path), new_chain()) as service:
        issuer = await service.add_issuer()
        (accepted,) = await service.submit(issuer, 1)
        service.clock.advance(service.settings.batching.max_age_s)
        service.hooks.after["seal_batch"] = lie
        with pytest.raises(FatalError):
            await service.sealer.step()
        await service.restart()
        sealed = await service.batch(accepted.batch)

        await service.mine(6)

        final = await service.batch(accepted.batch)
        assert (sealed.state, final.state) == (BatchState.SEALED, BatchState.FINAL)
        assert final.root == sealed.root
        newest = await service.store.newest_sealed()
        assert newest is not None
        assert newest.sequence == 1
