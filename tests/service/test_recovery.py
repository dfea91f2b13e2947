"""
The process ends at every point in turn and starts again on what is stored: the outcome is the same.

Each point is tried twice, as "failed" and as "failed but persisted".
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from anchor.core.lifecycle import BatchState
from anchor.store.records import Accepted, Issuer
from tests.support.assembly import Running, digest, make_settings, new_chain, running
from tests.support.interposed import Crash, crash
from tests.support.stored_first import check_everything, require_stored_before_broadcast

FOREIGN_ROOT = digest(666)
WRITES = ("accept", "add_version", "close_batch", "seal_batch", "add_payload", "mark_mined", "mark_final")
SIDES = ("before", "after")
ATTEMPTS = 60


async def surviving(service: Running, work: Callable[[], Awaitable[object]]) -> bool:
    """Do something; where the process ends on the way, start again. Return whether it ended."""
    try:
        await work()
    except Crash:
        service.hooks.clear()
        service.chain.before_broadcast = require_stored_before_broadcast(service)
        service.chain.after_broadcast = None
        await service.restart()
        return True
    return False


async def to_final(service: Running, issuer: Issuer) -> tuple[list[Accepted], int]:
    """Submit twice, and turn and mine until all is final; return the receipts and how often the process ended."""
    receipts: list[Accepted] = []
    crashes = 0

    async def submit(number: int) -> None:
        receipts.extend(await service.submit(issuer, number, allocate=True))

    for number in (1, 2):
        # A client whose request broke off sends it again.
        while await surviving(service, lambda: submit(number)):  # noqa: B023 - called at once
            crashes += 1
        service.clock.advance(60)
        for _ in range(ATTEMPTS):
            crashes += await surviving(service, service.turn)
            crashes += await surviving(service, service.mine)
            if await service.state(receipts[-1].batch) is BatchState.FINAL:
                break
    return receipts, crashes


async def check_outcome(service: Running, issuer: Issuer, receipts: list[Accepted]) -> None:
    """Both digests are final, in two anchors and no third, each sent under one nonce, none reverted."""
    assert [await service.state(item.batch) for item in receipts] == [BatchState.FINAL] * 2
    await check_everything(service, issuer, *receipts)
    roots = service.chain.anchored_roots(service.publisher)
    assert sorted(roots) == [1, 2]
    assert len(set(service.chain.broadcasts)) == 2
    assert service.chain.failed_transactions() == 0
    assert await service.store.unmined_entries() == 0


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("method", WRITES)
async def test_process_ends_at_a_write_same_outcome(
    service: Running, issuer: Issuer, method: str, side: str
) -> None:
    """Faults 1 and 6: Whichever write is the last, done or not, each digest ends in exactly one anchored batch."""
    getattr(service.hooks, side)[method] = crash

    receipts, crashes = await to_final(service, issuer)

    assert crashes == 1
    await check_outcome(service, issuer, receipts)


@pytest.mark.parametrize("side", SIDES)
async def test_process_ends_around_a_broadcast_same_bytes_again(
    service: Running, issuer: Issuer, side: str
) -> None:
    """Fault 1: Between signing and broadcast, or broadcast and hearing of it, one transaction comes of it."""

    async def end(_raw: bytes) -> None:
        await crash()

    setattr(service.chain, f"{side}_broadcast", end)

    receipts, crashes = await to_final(service, issuer)

    assert crashes == 1
    await check_outcome(service, issuer, receipts)


async def test_restart_after_every_turn_same_outcome(service: Running, issuer: Issuer) -> None:
    """A service that is started anew before every single step gets there too."""
    (accepted,) = await service.submit(issuer, 1)
    service.clock.advance(60)
    for _ in range(8):
        await service.restart()
        await service.sealer.step()
        await service.restart()
        await service.anchorer.step()
        service.clock.advance(12)
        service.chain.mine()

    await check_everything(service, issuer, accepted)
    assert await service.state(accepted.batch) is BatchState.FINAL
    assert len(set(service.chain.broadcasts)) == 1


@pytest.mark.parametrize("side", SIDES)
async def test_process_ends_while_a_reorganisation_is_noted(
    service: Running, issuer: Issuer, side: str
) -> None:
    """A restart between losing the block and finding another changes nothing."""
    (accepted,) = await service.submit(issuer, 1)
    service.clock.advance(60)
    await service.turn()
    await service.mine()
    service.chain.reorganise(1)
    service.chain.mine(take_pool=False)
    getattr(service.hooks, side)["mark_unmined"] = crash

    assert await surviving(service, service.turn)
    await service.mine(5)

    assert await service.state(accepted.batch) is BatchState.FINAL
    await check_everything(service, issuer, accepted)
    assert len(set(service.chain.broadcasts)) == 1


@pytest.mark.parametrize("side", SIDES)
async def test_process_ends_while_a_batch_is_sealed_again(
    service: Running, issuer: Issuer, side: str
) -> None:
    """A restart around sealing again leaves one anchor of the batch, on the stranger's."""
    (accepted,) = await service.submit(issuer, 1)
    service.clock.advance(60)
    await service.turn()
    service.chain.send_foreign(service.publisher, anchor=(1, FOREIGN_ROOT, 1))
    await service.mine(2)
    getattr(service.hooks, side)["reseal_batch"] = crash

    assert await surviving(service, service.mine)
    await service.mine(8)

    batch = await service.batch(accepted.batch)
    assert (batch.state, batch.sequence, batch.previous_root) == (BatchState.FINAL, 2, FOREIGN_ROOT)
    await check_everything(service, issuer, accepted)


async def test_process_ends_between_accepting_and_publishing(service: Running, issuer: Issuer) -> None:
    """A list that a digest was bound to is published at the next start, before anybody can ask for it."""
    service.hooks.after["accept"] = crash
    assert await surviving(service, lambda: service.submit(issuer, 1, allocate=True))

    for number in (0, 1):
        assert await service.store.list_version(number, None) is not None


async def test_tree_is_grown_again_after_a_restart(tmp_path: Path) -> None:
    """A batch that was filled across restarts has the tree of all its leaves."""
    async with running(make_settings(tmp_path), new_chain()) as service:
        issuer = await service.add_issuer()
        accepted: list[Accepted] = []
        for start in range(0, 60, 20):
            accepted += await service.submit(issuer, *range(start, start + 20))
            await service.sealer.step()
            await service.restart()
        service.clock.advance(60)
        await service.turn()
        await service.mine()

        await check_everything(service, issuer, *accepted)
        assert len({item.batch for item in accepted}) == 1
        assert await service.state(accepted[0].batch) is BatchState.MINED
