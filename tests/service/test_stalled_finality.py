"""A chain that finalises nothing for so long that endpoints no longer keep the state of its final block."""

from __future__ import annotations

from anchor.core.lifecycle import BatchState
from anchor.store.records import Accepted, Issuer
from tests.support.assembly import Running, digest
from tests.support.stored_first import check_everything


def _stall(service: Running) -> None:
    """Let finality stay where it is, and the endpoint keep only newer states."""
    service.chain.finality_lag = None
    service.chain.mine()
    service.chain.oldest_state = service.chain.latest.number


async def test_anchors_go_on_and_nothing_is_final_until_it_can_be_read(
    service: Running, issuer: Issuer
) -> None:
    """Fault 31: digests get into blocks as ever; that nothing is called final is told, and ends with the stall."""
    _stall(service)
    accepted: list[Accepted] = []
    for number in (1, 2):
        accepted += await service.submit(issuer, number)
        service.clock.advance(60)
        await service.turn()
        await service.mine(2)
    assert [await service.state(item.batch) for item in accepted] == [BatchState.MINED] * 2
    assert "state at the final block 0 cannot be read" in (service.services.status.final_problem or "")

    service.chain.finalize()
    await service.mine()

    assert [await service.state(item.batch) for item in accepted] == [BatchState.FINAL] * 2
    assert service.services.status.final_problem is None
    await check_everything(service, issuer, *accepted)


async def test_nothing_is_sealed_or_signed_anew_on_what_may_not_be_final(
    service: Running, issuer: Issuer
) -> None:
    """A stranger took sequence and nonce: while nobody can tell whether for good, the batch waits."""
    batch = await service.seal(issuer, 1)
    await service.turn()
    sent = list(service.chain.broadcasts)
    service.chain.send_foreign(service.publisher, anchor=(1, digest(666), 1))
    _stall(service)
    await service.mine(3)

    waiting = await service.batch(batch.id)
    assert (waiting.state, waiting.sequence, waiting.root) == (BatchState.SENT, 1, batch.root)
    assert service.chain.broadcasts == sent
    service.chain.finalize()
    for _ in range(3):
        await service.mine()
        service.chain.finalize()

    anchored = await service.batch(batch.id)
    assert (anchored.state, anchored.sequence) == (BatchState.FINAL, 2)
