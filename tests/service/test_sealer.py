"""When batches are sealed, and what their roots commit to."""

from __future__ import annotations

from pathlib import Path

import pytest

from anchor.config import BatchingSettings
from anchor.core.entries import BatchHeader, Purpose
from anchor.core.lifecycle import BatchState
from anchor.core.merkle import Tree, leaf_hash
from anchor.errors import FatalError
from anchor.service.sealer import RETRY_S, reseal
from anchor.store.records import Accepted, Issuer, StatusChange
from tests.support.assembly import Running, digest, make_settings, new_chain, running
from tests.support.stored_first import check_everything

DAY_S = 86_400


async def sealed_count(service: Running) -> int:
    """Return how many batches were sealed so far."""
    newest = await service.store.newest_sealed()
    return newest.sequence or 0 if newest else 0


async def mine_to_final(service: Running) -> None:
    """Let the batch that is sealed become final."""
    await service.turn()
    await service.mine(4)


async def test_batch_sealed_by_age(service: Running, issuer: Issuer) -> None:
    """A digest waits for the batch's age, not a millisecond longer, and the sealer says for how long."""
    await service.submit(issuer, 1)
    assert await service.sealer.step() == 60.0
    service.clock.advance(59.5)
    assert await service.sealer.step() == 0.5
    assert await sealed_count(service) == 0

    service.clock.advance(0.5)
    await service.sealer.step()

    assert await sealed_count(service) == 1


async def test_batch_sealed_by_size_at_once(service: Running, issuer: Issuer) -> None:
    """A batch of the largest size does not wait."""
    await service.submit(issuer, *range(99))
    await service.sealer.step()
    assert await sealed_count(service) == 0

    await service.submit(issuer, 99)
    await service.sealer.step()

    newest = await service.store.newest_sealed()
    assert newest is not None
    assert newest.leaf_count == 101


async def test_batch_sealed_by_waiting_status_change(service: Running, issuer: Issuer) -> None:
    """A status change waits for half a minute at most, with no digest beside it."""
    (entry,) = await service.services.intake.allocate(issuer, 1, idempotency_key=None)
    service.clock.advance(30)
    await service.sealer.step()
    await mine_to_final(service)
    assert await sealed_count(service) == 1
    change = StatusChange(entry, Purpose.SUSPENSION, value=1, reason="unpaid")
    await service.services.intake.change_status(issuer, [change])
    await service.sealer.step()
    assert await sealed_count(service) == 1

    service.clock.advance(30)
    await service.sealer.step()

    newest = await service.store.newest_sealed()
    assert newest is not None
    assert (newest.sequence, newest.leaf_count) == (2, 1)
    (revocation, suspension) = await service.store.list_states_at(newest.id)
    assert suspension.entry.bits_root != revocation.entry.bits_root


async def test_heartbeat_empty_batch_once_a_day_after_the_first(service: Running, issuer: Issuer) -> None:
    """A silent service anchors a batch of nothing but its header each day, but not before its first anchor."""
    service.clock.advance(10 * DAY_S)
    await service.sealer.step()
    assert await sealed_count(service) == 0
    await service.seal(issuer, 1)
    await mine_to_final(service)

    service.clock.advance(DAY_S - 120)
    await service.sealer.step()
    assert await sealed_count(service) == 1
    service.clock.advance(180)
    await service.sealer.step()

    newest = await service.store.newest_sealed()
    assert newest is not None
    assert (newest.sequence, newest.leaf_count) == (2, 1)
    await service.turn()
    await service.mine()
    assert await service.state(newest.id) is BatchState.MINED


@pytest.mark.parametrize("step_s", [-3600, -400 * DAY_S])
async def test_clock_set_back_batch_is_sealed_in_time(service: Running, issuer: Issuer, step_s: int) -> None:
    """Fault 13: waits go by the monotonic clock, so digests and changes wait no longer than they may."""
    (accepted,) = await service.submit(issuer, 1, allocate=True)
    assert await service.sealer.step() <= 60
    service.clock.step(step_s)

    assert await service.sealer.step() <= 60
    service.clock.advance(60)
    await service.sealer.step()

    assert await service.state(accepted.batch) is BatchState.SEALED


async def test_clock_set_back_before_a_restart_batch_is_sealed_in_time(
    service: Running, issuer: Issuer
) -> None:
    """Fault 13: a batch that seems to be of the future waits from the start of the process on."""
    (accepted,) = await service.submit(issuer, 1)
    service.clock.step(-3600)
    await service.restart()
    await service.sealer.step()
    service.clock.advance(60)
    await service.sealer.step()

    assert await service.state(accepted.batch) is BatchState.SEALED


async def test_list_made_while_a_batch_is_sealed_is_in_its_root(service: Running, issuer: Issuer) -> None:
    """A digest that gets into the batch at the last moment, with a list of its own, finds that list in the root."""
    newcomer = await service.add_issuer("newcomer")
    (first,) = await service.submit(issuer, 1, allocate=True)
    service.clock.advance(60)
    late: list[Accepted] = []

    async def submit_late() -> None:
        late.extend(await service.submit(newcomer, 2, allocate=True))

    service.hooks.before["close_batch"] = submit_late
    await service.sealer.step()
    await service.turn()
    await service.mine()

    assert [item.batch for item in late] == [first.batch]
    await check_everything(service, issuer, first)
    await check_everything(service, newcomer, *late)


async def test_version_published_while_a_batch_is_sealed_waits_for_the_next(
    service: Running, issuer: Issuer
) -> None:
    """A change that comes between reading the lists and sealing is committed to by the next root."""
    (accepted,) = await service.submit(issuer, 1, allocate=True)
    assert accepted.status is not None
    change = StatusChange(accepted.status, Purpose.REVOCATION, value=1, reason="left")
    service.clock.advance(60)

    async def revoke() -> None:
        await service.services.intake.change_status(issuer, [change])

    service.hooks.before["seal_batch"] = revoke
    await service.sealer.step()
    await mine_to_final(service)
    await check_everything(service, issuer, accepted)
    service.clock.advance(60)
    await service.sealer.step()
    await mine_to_final(service)

    first, second = await service.store.batch_by_sequence(1), await service.store.batch_by_sequence(2)
    assert first is not None
    assert second is not None
    before, after = (
        await service.store.list_states_at(first.id),
        await service.store.list_states_at(second.id),
    )
    assert after[0].entry.version > before[0].entry.version
    assert after[0].entry.bits_root != before[0].entry.bits_root
    assert after[1] == before[1]


async def test_closed_batch_is_sealed_at_once_after_a_restart(service: Running, issuer: Issuer) -> None:
    """What was closed when the process ended needs no new reason to be sealed."""
    (accepted,) = await service.submit(issuer, 1)
    await service.store.close_batch(now_s=service.clock.now_ms() // 1000)
    (later,) = await service.submit(issuer, 2)
    await service.restart()

    await service.sealer.step()

    assert await service.state(accepted.batch) is BatchState.SEALED
    assert await service.state(later.batch) is BatchState.ACCEPTED


async def test_clock_fault_stops_sealing_only_where_lists_are_due(service: Running, issuer: Issuer) -> None:
    """While dates cannot be signed a batch waits with its digests; once they can, it is sealed."""
    (accepted,) = await service.submit(issuer, 1, allocate=True)
    assert accepted.status is not None
    change = StatusChange(accepted.status, Purpose.SUSPENSION, value=1, reason="unpaid")
    await service.store.change_status(issuer.number, [change], actor="test", now_ms=service.clock.now_ms())
    service.services.lists.set_clock_fault("the clock is wrong")
    service.clock.advance(60)

    assert await service.sealer.step() > 0
    assert await sealed_count(service) == 0
    (more,) = await service.submit(issuer, 2)
    service.services.lists.set_clock_fault(None)
    await service.sealer.step()

    assert await service.state(accepted.batch) is BatchState.SEALED
    assert await service.state(more.batch) in (BatchState.ACCEPTED, BatchState.SEALED)


async def test_sequence_taken_while_sealing_is_not_taken_again(service: Running, issuer: Issuer) -> None:
    """A batch freed by a reorganisation is sealed again under the sequence that the sealer was about to give away."""
    first = await service.seal(issuer, 1)
    await service.mine(2)
    assert await service.state(first.id) is BatchState.MINED
    (waiting,) = await service.submit(issuer, 2)
    service.clock.advance(service.settings.batching.max_age_s)

    async def free_the_first() -> None:
        service.chain.reorganise(1, back_to_pool=False)
        service.chain.send_foreign(service.publisher, anchor=(1, digest(666), 1))
        for _ in range(2):
            service.chain.mine()
            service.chain.finalize()
            await service.anchorer.step()
        assert (await service.batch(first.id)).sequence == 2

    service.hooks.before["seal_batch"] = free_the_first
    assert await service.sealer.step() == RETRY_S
    assert await service.state(waiting.batch) is BatchState.ACCEPTED

    for _ in range(8):
        await service.mine()

    batches = [await service.batch(batch) for batch in (first.id, waiting.batch)]
    assert [(batch.state, batch.sequence) for batch in batches] == [
        (BatchState.FINAL, 2),
        (BatchState.FINAL, 3),
    ]
    await check_everything(service, issuer, waiting)


@pytest.mark.parametrize("sizes", [range(1, 71), (255, 256, 257, 511, 512, 513)], ids=["small", "tiles"])
async def test_reseal_equals_sealing_anew(tmp_path: Path, sizes: range) -> None:
    """For every size, sealing again stores the tree and the root that the new header gives."""
    batching = BatchingSettings(max_entries=1, max_age_s=1, status_wait_s=1, heartbeat_s=1)
    async with running(make_settings(tmp_path, batching=batching), new_chain()) as service:
        issuer = await service.add_issuer()
        numbers = iter(range(10_000))
        sequence = 0
        for size in sizes:
            if size > 1:
                body = b"".join(digest(next(numbers)) for _ in range(size - 1))
                await service.services.intake.submit_packed(issuer, 4, body)
            service.clock.advance(2)
            await service.sealer._seal()
            sealed = await service.store.newest_sealed()
            assert sealed is not None
            assert sealed.leaf_count == size
            sequence += 10
            header = BatchHeader(sequence=sequence, previous_root=digest(sequence), created_s=sequence)

            await reseal(
                service.store,
                sealed,
                sequence=sequence,
                previous_root=header.previous_root,
                states=[],
                now_s=sequence,
            )

            tree = Tree()
            tree.extend(leaf_hash(header.encode()) + await service.store.nodes(sealed.id, 0, 1, size))
            again = await service.batch(sealed.id)
            assert again.credential_root == tree.root()
            for level, nodes in enumerate(tree.levels):
                assert await service.store.nodes(sealed.id, level, 0, size) == bytes(nodes)


async def test_reseal_mined_batch_fatal(service: Running, issuer: Issuer) -> None:
    """What a block holds is never sealed again."""
    batch = await service.seal(issuer, 1)
    await service.turn()
    await service.mine()
    mined = await service.batch(batch.id)

    with pytest.raises(FatalError, match="mined"):
        await reseal(service.store, mined, sequence=9, previous_root=bytes(32), states=[], now_s=1)
