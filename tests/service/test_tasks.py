"""The background tasks as they run: woken by events, patient with failures."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from anchor.core.lifecycle import BatchState
from anchor.errors import FatalError, Overloaded
from anchor.service.supervisor import supervise
from anchor.store.records import Issuer
from tests.support.assembly import Running, make_settings, new_chain, running, until


@asynccontextmanager
async def tasks_of(service: Running) -> AsyncIterator[asyncio.Task[None]]:
    """Run sealer and anchorer as the application does."""
    supervised = asyncio.create_task(
        supervise(
            {"sealer": service.sealer.run, "anchorer": service.anchorer.run},
            stop=service.services.stopping,
        )
    )
    try:
        yield supervised
    finally:
        service.services.stopping.set()
        with suppress(FatalError):
            await supervised


async def test_tasks_take_a_submission_to_final(service: Running, issuer: Issuer) -> None:
    """Sealing wakes the anchorer, being mined wakes the sealer; nobody waits for a minute to pass."""
    async with tasks_of(service) as supervised:
        for number in range(2):
            (accepted,) = await service.submit(issuer, number)
            service.clock.advance(60)
            service.sealer._work.set()

            async def pooled() -> bool:
                return bool(service.chain.pool)

            await until(pooled)
            service.clock.advance(12)
            service.chain.mine()

            async def mined(batch: int = accepted.batch) -> bool:
                return await service.state(batch) is BatchState.MINED

            await until(mined)

        async def final() -> bool:
            service.clock.advance(12)
            service.chain.mine()
            return await service.state(accepted.batch) is BatchState.FINAL

        await until(final)
        assert not supervised.done()


async def test_failing_endpoint_is_told_and_survived(service: Running) -> None:
    """A chain that does not answer is a problem of the status, not the end of the task."""
    async with tasks_of(service) as supervised:

        async def seen() -> bool:
            return service.services.status.problem is None

        await until(seen)
        service.chain.failing = True

        async def failed() -> bool:
            return service.services.status.problem is not None

        await until(failed)
        service.chain.failing = False
        await until(seen)
        assert not supervised.done()


async def test_full_disk_is_survived_by_the_anchorer(service: Running, issuer: Issuer) -> None:
    """Fault 4: Where a payload cannot be stored nothing is broadcast, and the anchorer goes on by itself later."""
    batch = await service.seal(issuer, 1)
    refusals = 0

    async def no_space() -> None:
        nonlocal refusals
        refusals += 1
        if refusals < 3:
            service.hooks.before["add_payload"] = no_space
        raise Overloaded("the disk is full", retry_after_s=60)

    service.hooks.before["add_payload"] = no_space
    async with tasks_of(service) as supervised:

        async def sent() -> bool:
            return await service.state(batch.id) is BatchState.SENT

        await until(sent)
        assert refusals == 3
        assert not supervised.done()


async def test_contradicting_chain_ends_the_service(tmp_path: Path) -> None:
    """What no step can mend is not logged and passed over: the process ends."""
    async with running(make_settings(tmp_path), new_chain()) as service:
        batch = await service.seal(await service.add_issuer(), 1)
        assert batch.root is not None
        service.chain.send_foreign(service.publisher, anchor=(1, bytes(31) + b"\x01", 1))
        service.chain.mine()
        service.chain.send_foreign(service.publisher, anchor=(2, batch.root, 2))
        service.chain.mine()

        async with tasks_of(service) as supervised:
            with pytest.raises(FatalError, match="under sequence 2"):
                await asyncio.wait_for(asyncio.shield(supervised), timeout=60)
