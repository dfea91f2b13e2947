"""A database goes to another chain: what is final stays, everything else is anchored there, and no digest is lost."""

from __future__ import annotations

from dataclasses import replace

import pytest

from anchor.core.entries import Purpose
from anchor.core.lifecycle import BatchState
from anchor.documents import proof_to_json
from anchor.errors import ConfigError, Conflict
from anchor.service.moving import Move, place_of, plan_move, require_finished
from anchor.store.records import Accepted, Issuer, StatusChange
from status_lists import get_entry, parse_list_document
from tests.support.assembly import Running, digest
from tests.support.fake_sending_chain import CONTRACT, SendingChain
from tests.support.stored_first import check_everything

LIST_BYTES = 131_072 // 8


def _another_chain(service: Running) -> SendingChain:
    """Return a new chain with another genesis block, and the registry on it."""
    chain = SendingChain(clock=service.clock, finality_lag=None)
    genesis = replace(chain.latest, hash=digest(5))
    chain._mined[0] = replace(chain._mined[0], block=genesis)
    chain.mine()
    chain.finalize()
    return chain


async def _plan(service: Running, chain: SendingChain) -> Move | None:
    place = place_of(await chain.identity(), contract=CONTRACT, publisher=service.publisher, from_block=0)
    return await plan_move(service.store, chain, place)


async def _move(service: Running, *, abandons: bool = False) -> None:
    """Move the stopped service to another chain and start it there."""
    chain = _another_chain(service)
    planned = await _plan(service, chain)
    assert planned is not None
    await service.store.move(planned.place, abandons=abandons)
    await service.store.close()
    service.chain = chain
    await service.start()
    chain.finality_lag = 2


async def _to_final(service: Running, *accepted: Accepted) -> None:
    for _ in range(20):
        service.clock.advance(60)
        await service.mine(3)
        if all([await service.state(item.batch) is BatchState.FINAL for item in accepted]):
            return
    raise AssertionError("the digests did not become final")


async def test_final_batches_stay_and_the_first_root_commits_to_all_lists(
    service: Running, issuer: Issuer
) -> None:
    """Old proofs are the same to the byte; the new chain's first batch is sealed at once, and knows the revocation."""
    accepted = await service.submit(issuer, 1, 2, allocate=True)
    await _to_final(service, *accepted)
    entry = accepted[0].status
    assert entry is not None
    change = StatusChange(entry, Purpose.REVOCATION, value=1, reason="lost")
    await service.services.intake.change_status(issuer, [change])
    service.clock.advance(60)
    await service.mine(6)
    before = await service.services.publications.publisher()
    (place, *_) = await service.store.find_digest(issuer.number, accepted[0].digest)
    proof = proof_to_json(await service.services.publications.proof(issuer, place))
    former = await service.services.publications.batch(1)

    await _move(service)
    await service.sealer.step()
    await service.mine(4)

    (place, *_) = await service.store.find_digest(issuer.number, accepted[0].digest)
    assert proof_to_json(await service.services.publications.proof(issuer, place)) == proof
    assert await service.services.publications.batch(1, anchorage=1) == former
    first = await service.services.publications.batch(1)
    assert (first.description.header.sequence, first.description.header.previous_root) == (1, bytes(32))
    assert [state.number for state in first.lists] == [0, 1]
    version = await service.store.list_version(0, first.lists[0].entry.version)
    assert version is not None
    bits = parse_list_document(version.document, max_bits_bytes=LIST_BYTES).bits
    assert get_entry(bits, entry.index) == 1
    document = await service.services.publications.publisher()
    assert (document.genesis_hash, document.head_sequence) == (digest(5), 1)
    (earlier,) = document.earlier
    assert (earlier.number, earlier.genesis_hash) == (1, before.genesis_hash)
    assert earlier.publisher == before.publisher


async def test_waiting_digests_go_to_the_new_chain(service: Running, issuer: Issuer) -> None:
    """What was accepted and not sealed needs nothing done."""
    first = await service.submit(issuer, 1)
    await _to_final(service, *first)
    waiting = await service.submit(issuer, 2, allocate=True)

    await _move(service)
    await _to_final(service, *waiting)

    await check_everything(service, issuer, *waiting)
    assert (await service.batch(waiting[0].batch)).anchorage == 2


async def test_what_was_promised_is_sealed_before_the_move(service: Running, issuer: Issuer) -> None:
    """Promised in this contract it must be anchored here; what comes while the service finishes is promised nothing."""
    accepted = list(await service.submit(issuer, 1, allocate=True))
    await service.seal(issuer, 2)
    accepted += await service.submit(issuer, 3)
    receipts = service.services.receipts
    assert await receipts.promise_items(issuer, accepted) is not None

    receipts.stop()
    assert not await service.sealer.seal_last(), "one anchor is unmined at a time"
    await service.anchorer.step()
    service.clock.advance(12)
    service.chain.mine()
    await service.anchorer.step()
    assert await service.sealer.seal_last()
    late = await service.submit(issuer, 4)
    for _ in range(4):
        service.clock.advance(12)
        await service.anchorer.step()
        service.chain.mine()
    await service.anchorer.step()

    assert await receipts.promise_items(issuer, late) is None
    states = [await service.state(item.batch) for item in [*accepted, *late]]
    assert states == [BatchState.FINAL, BatchState.FINAL, BatchState.ACCEPTED]
    assert await service.sealer.seal_last()


async def test_unfinished_batches_are_refused_unless_abandoned(service: Running, issuer: Issuer) -> None:
    """The message names both ways on; the store itself changes nothing either."""
    await service.seal(issuer, 1)
    planned = await _plan(service, _another_chain(service))
    assert planned is not None

    with pytest.raises(ConfigError, match=r"anchor serve --finish.*--abandon"):
        require_finished(planned)
    with pytest.raises(Conflict, match="not final"):
        await service.store.move(planned.place, abandons=False)
    assert len(await service.store.anchorages()) == 1


async def test_abandoned_batches_are_sealed_again_one_by_one_and_no_digest_is_lost(
    service: Running, issuer: Issuer
) -> None:
    """Two mined, one sent, some waiting: all become final on the new chain, each in one batch, lists rising."""
    final = await service.submit(issuer, 1, allocate=True)
    await _to_final(service, *final)
    service.chain.finality_lag = None
    accepted: list[Accepted] = []
    for number in (2, 3):
        accepted += await service.submit(issuer, number, allocate=True)
        service.clock.advance(60)
        await service.turn()
        await service.mine()
    accepted += await service.submit(issuer, 4, allocate=True)
    service.clock.advance(60)
    await service.turn()
    states = [batch.state for batch in await service.store.unfinished_batches()]
    assert states == [BatchState.MINED, BatchState.MINED, BatchState.SENT]
    accepted += await service.submit(issuer, 5)

    await _move(service, abandons=True)
    service.chain.before_broadcast = None
    assert [batch.anchorage for batch in await service.store.unfinished_batches()] == [1, 1, 1]
    await _to_final(service, *accepted)

    await check_everything(service, issuer, *accepted)
    batches = [await service.batch(item.batch) for item in accepted]
    assert [batch.anchorage for batch in batches] == [2] * 4
    sequences = [batch.sequence for batch in batches]
    assert sequences == sorted(set(sequences), key=lambda sequence: sequence or 0)
    assert sequences[0] == 1
    assert (await service.batch(final[0].batch)).anchorage == 1
    # Payloads of the former chain count for nothing, though nonces are the same there.
    assert service.chain.failed_transactions() == 0


async def test_first_root_after_a_move_knows_what_was_revoked_while_batches_waited(
    service: Running, issuer: Issuer
) -> None:
    """Abandoned batches are sealed with the lists as they are now, not as they were for the chain that is gone."""
    service.chain.finality_lag = None
    accepted: list[Accepted] = []
    for number in (1, 2, 3):
        accepted += await service.submit(issuer, number, allocate=True)
        service.clock.advance(60)
        await service.turn()
        await service.mine()
    entry = accepted[0].status
    assert entry is not None
    await _move(service, abandons=True)
    service.chain.before_broadcast = None
    change = StatusChange(entry, Purpose.REVOCATION, value=1, reason="lost")
    await service.services.intake.change_status(issuer, [change])
    await service.services.lists.publish_due()

    await service.mine(3)

    first = await service.services.publications.batch(1)
    assert first.description.leaf_count == 2
    version = await service.store.list_version(0, first.lists[0].entry.version)
    assert version is not None
    bits = parse_list_document(version.document, max_bits_bytes=LIST_BYTES).bits
    assert get_entry(bits, entry.index) == 1


async def test_restart_while_abandoned_batches_wait_goes_on(service: Running, issuer: Issuer) -> None:
    """The normal step function seals them again, whenever the process ends."""
    service.chain.finality_lag = None
    accepted = list(await service.submit(issuer, 1))
    service.clock.advance(60)
    await service.turn()
    await service.mine()
    accepted += await service.submit(issuer, 2)
    service.clock.advance(60)
    await service.turn()
    await _move(service, abandons=True)
    service.chain.before_broadcast = None
    for _ in range(8):
        await service.turn()
        await service.restart()
        service.clock.advance(12)
        service.chain.mine()

    await _to_final(service, *accepted)
    await check_everything(service, issuer, *accepted)


async def test_place_that_was_left_or_is_in_use_is_refused(service: Running, issuer: Issuer) -> None:
    """Sequences begin at 1 after a move: neither the same contract again, nor an account that anchored there."""
    first = service.chain
    accepted = await service.submit(issuer, 1)
    await _to_final(service, *accepted)
    assert await _plan(service, first) is None

    used = _another_chain(service)
    used.send_foreign(service.publisher, anchor=(1, digest(7), 1))
    used.mine()
    with pytest.raises(ConfigError, match="has anchored at"):
        await _plan(service, used)
    bare = _another_chain(service)
    bare.code_hash_value = None
    with pytest.raises(ConfigError, match="nothing stands at"):
        await _plan(service, bare)

    await _move(service)
    with pytest.raises(ConfigError, match="has left the contract"):
        await _plan(service, first)


async def test_start_on_the_former_chain_is_refused_after_a_move(service: Running, issuer: Issuer) -> None:
    """The settings of the last anchorage count, and only a move changes it."""
    first = service.chain
    await _to_final(service, *await service.submit(issuer, 1))
    await _move(service)
    second = service.chain
    await service.store.close()
    service.chain = first

    with pytest.raises(ConfigError, match=r"made with genesis_hash .* only by `anchor move`"):
        await service.start()

    service.chain = second
    await service.start()
