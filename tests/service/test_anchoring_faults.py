"""Anchoring on a chain that reorganises, loses, overcharges, and is used by strangers with the same key."""

from __future__ import annotations

from pathlib import Path

import pytest
from eth_utils.crypto import keccak

from anchor.chain.protocol import SendOutcome
from anchor.core.entries import Purpose, StatusEntry
from anchor.core.lifecycle import MAX_BURNED_NONCES, BatchState
from anchor.errors import ChainUnavailable, FatalError
from anchor.service.sending import MAX_RAISES_AT_ONCE
from anchor.store.records import Accepted, Batch, Issuer, StatusChange
from status_lists import get_entry, parse_list_document
from tests.support.assembly import Running, digest, make_settings, new_chain, running
from tests.support.fake_sending_chain import decode
from tests.support.stored_first import check_everything, check_versions_rise

FOREIGN_ROOT = digest(666)
LIST_BYTES = 131_072 // 8


async def test_reorganisation_drops_the_block_batch_is_mined_elsewhere(
    service: Running, issuer: Issuer
) -> None:
    """Fault 23: mined, back to sent, mined in another block: each as the chain stands, with the same bytes."""
    batch = await service.seal(issuer, 1)
    await service.turn()
    await service.mine()
    first = await service.batch(batch.id)
    assert first.state is BatchState.MINED

    service.chain.reorganise(1)
    service.chain.mine(take_pool=False)
    await service.turn()
    unmined = await service.batch(batch.id)
    assert (unmined.state, unmined.block_hash) == (BatchState.SENT, None)

    await service.mine()
    second = await service.batch(batch.id)
    assert second.state is BatchState.MINED
    assert (second.block_number, second.block_hash) == (
        service.chain.latest.number,
        service.chain.latest.hash,
    )
    assert second.block_hash != first.block_hash
    assert second.root == first.root
    assert len(set(service.chain.broadcasts)) == 1


async def test_reorganisation_moves_the_anchor_block_recorded_anew(service: Running, issuer: Issuer) -> None:
    """Fault 24: Where another block of the same height holds the anchor, its hash replaces the old one."""
    batch = await service.seal(issuer, 1)
    await service.turn()
    await service.mine()
    first = await service.batch(batch.id)

    service.chain.reorganise(1)
    await service.mine()

    second = await service.batch(batch.id)
    assert second.state is BatchState.MINED
    assert second.block_number == first.block_number
    assert second.block_hash == service.chain.latest.hash != first.block_hash


async def test_reorganisation_loses_the_transaction_same_bytes_again(
    service: Running, issuer: Issuer
) -> None:
    """A node that forgets dropped transactions gets the stored bytes again."""
    batch = await service.seal(issuer, 1)
    await service.turn()
    await service.mine()

    service.chain.reorganise(1, back_to_pool=False)
    await service.mine()
    await service.mine(4)

    assert await service.state(batch.id) is BatchState.FINAL
    assert len(set(service.chain.broadcasts)) == 1


async def test_reorganisation_of_two_batches_lowest_sequence_first(service: Running, issuer: Issuer) -> None:
    """Where two mined batches lose their blocks, both come back in order, under their own sequences."""
    accepted: list[Accepted] = []
    for number in (1, 2):
        accepted += await service.submit(issuer, number)
        service.clock.advance(60)
        await service.turn()
        await service.mine()
    assert [batch.state for batch in await service.store.unfinished_batches()] == [BatchState.MINED] * 2

    service.chain.finality_lag = None
    service.chain.reorganise(2, back_to_pool=False)
    await service.mine(5)
    service.chain.finalize()
    await service.mine()

    await check_everything(service, issuer, *accepted)
    assert [await service.state(item.batch) for item in accepted] == [BatchState.FINAL] * 2
    assert service.chain.failed_transactions() == 0


async def test_transaction_vanishes_from_the_pool_same_bytes_again(service: Running, issuer: Issuer) -> None:
    """Fault 17: What the pool forgot is broadcast again, unchanged."""
    batch = await service.seal(issuer, 1)
    await service.turn()
    service.chain.drop_pool()
    service.chain.mine()
    await service.turn()

    await service.mine()

    assert await service.state(batch.id) is BatchState.MINED
    assert len(set(service.chain.broadcasts)) == 1


@pytest.mark.parametrize("fault", ["lost", "swallowed", "refused"])
async def test_broadcast_answers_nothing_true_one_anchor(
    service: Running, issuer: Issuer, fault: str
) -> None:
    """Faults 15 and 16: Whatever an endpoint says to a broadcast, the batch is anchored once."""
    service.chain.broadcast_fault = fault
    (accepted,) = await service.submit(issuer, 1)
    service.clock.advance(60)
    await service.turn()
    await service.mine(2)
    service.chain.broadcast_fault = ""

    await service.mine(5)

    assert await service.state(accepted.batch) is BatchState.FINAL
    await check_everything(service, issuer, accepted)
    assert len(set(service.chain.broadcasts)) == 1
    assert service.chain.failed_transactions() == 0


async def test_broadcast_refused_tried_again_before_the_next_block(service: Running, issuer: Issuer) -> None:
    """A chain that makes blocks only for transactions gets a lost one again without a new block."""
    service.chain.broadcast_fault = "refused"
    await service.seal(issuer, 1)
    for _ in range(4):
        await service.anchorer.step()
    assert service.chain.pool == {}

    service.chain.broadcast_fault = ""
    await service.anchorer.step()

    assert len(service.chain.pool) == 1


async def test_fee_too_low_replaced_after_the_deadline(service: Running, issuer: Issuer) -> None:
    """A stuck transaction is replaced, once the deadline is over, by one of the same nonce and a higher fee."""
    batch = await service.seal(issuer, 1)
    await service.turn()
    service.chain.base_fee_wei *= 5
    await service.mine(10)
    assert len(await service.store.payloads(batch.id)) == 1

    await service.mine(10)

    first, second = await service.store.payloads(batch.id)
    assert second.nonce == first.nonce
    assert 8 * second.max_fee_wei >= 9 * first.max_fee_wei
    assert 8 * second.priority_fee_wei >= 9 * first.priority_fee_wei
    assert second.max_fee_wei >= 2 * service.chain.base_fee_wei
    mined = await service.batch(batch.id)
    assert mined.state is BatchState.FINAL
    assert mined.transaction == second.hash


async def test_replacement_underpriced_is_raised_at_once_until_the_pool_takes_it(
    service: Running, issuer: Issuer
) -> None:
    """Fault 19: a dearer transaction of the same nonce is in the pool; ours passes it within one look."""
    batch = await service.seal(issuer, 1)
    service.chain.send_foreign(service.publisher, max_fee_wei=23 * 10**8, priority_fee_wei=11 * 10**7)
    await service.anchorer.step()

    payloads = await service.store.payloads(batch.id)
    assert 1 < len(payloads) <= MAX_RAISES_AT_ONCE + 1
    assert {payload.nonce for payload in payloads} == {0}
    assert keccak(service.chain.broadcasts[-1]) == payloads[-1].hash
    await service.mine(4)
    assert await service.state(batch.id) is BatchState.FINAL
    assert service.chain.failed_transactions() == 0


async def test_endpoint_that_calls_everything_underpriced_does_not_drive_the_price(
    service: Running, issuer: Issuer
) -> None:
    """Fault 19: after a few raises only the deadline makes a dearer payload, and every one is still sent again."""
    service.chain.broadcast_fault = "underpriced"
    batch = await service.seal(issuer, 1)
    for _ in range(5):
        await service.anchorer.step()
        service.chain.mine()

    assert len(await service.store.payloads(batch.id)) == MAX_RAISES_AT_ONCE + 1
    service.chain.broadcast_fault = ""
    await service.mine(4)
    assert await service.state(batch.id) is BatchState.FINAL


async def test_replaced_transaction_is_mined_after_all(service: Running, issuer: Issuer) -> None:
    """Fault 18: Any payload of a batch may be mined, the dearer or the older one."""
    batch = await service.seal(issuer, 1)
    await service.turn()
    ((key, first),) = service.chain.pool.items()
    for _ in range(16):
        service.clock.advance(12)
        service.chain.mine(take_pool=False)
        await service.turn()
    assert len(await service.store.payloads(batch.id)) == 2
    service.chain.pool[key] = first

    await service.mine()

    mined = await service.batch(batch.id)
    assert mined.state is BatchState.MINED
    assert mined.transaction == first.hash


async def test_fee_cap_reached_old_bytes_once_a_block(tmp_path: Path) -> None:
    """Where the cap allows no dearer payload, the last one is broadcast again, once a look."""
    async with running(make_settings(tmp_path, max_fee_gwei=2.2), new_chain()) as service:
        batch = await service.seal(await service.add_issuer(), 1)
        await service.turn()
        service.chain.base_fee_wei *= 5
        await service.mine(20)
        (payload,) = await service.store.payloads(batch.id)
        before = len(service.chain.broadcasts)
        await service.mine(3)

        assert payload.max_fee_wei <= 2.2 * 10**9
        assert len(service.chain.broadcasts) == before + 3
        service.chain.base_fee_wei //= 5
        await service.mine(2)
        assert await service.state(batch.id) is BatchState.MINED


async def test_stranger_takes_the_sequence_resealed_only_after_finality(
    service: Running, issuer: Issuer
) -> None:
    """Fault 22: A root that another holder of the key anchored is waited for, then built upon."""
    (accepted,) = await service.submit(issuer, 1)
    service.clock.advance(60)
    await service.sealer.step()
    sealed = await service.batch(accepted.batch)
    service.chain.send_foreign(service.publisher, anchor=(1, FOREIGN_ROOT, 1))
    service.chain.finality_lag = None
    service.chain.mine()
    await service.anchorer.step()
    await service.mine(10)
    waiting = await service.batch(accepted.batch)
    assert (waiting.state, waiting.sequence, waiting.root) == (BatchState.SEALED, 1, sealed.root)
    assert service.chain.broadcasts == []

    service.chain.finalize()
    await service.mine()
    resealed = await service.batch(accepted.batch)
    assert (resealed.sequence, resealed.previous_root) == (2, FOREIGN_ROOT)
    await service.mine()
    service.chain.finalize()
    await service.mine()

    assert await service.state(accepted.batch) is BatchState.FINAL
    await check_everything(service, issuer, accepted)
    assert service.chain.failed_transactions() == 0


async def test_strangers_second_anchor_not_final_is_not_built_upon(service: Running, issuer: Issuer) -> None:
    """A batch is sealed again only on a head that no reorganisation can take away: no transaction reverts."""
    service.chain.finality_lag = None
    (accepted,) = await service.submit(issuer, 1)
    service.clock.advance(60)
    await service.sealer.step()
    service.chain.send_foreign(service.publisher, anchor=(1, FOREIGN_ROOT, 1))
    service.chain.mine()
    service.chain.finalize()
    service.chain.send_foreign(service.publisher, anchor=(2, digest(667), 1))
    await service.mine()
    assert (await service.batch(accepted.batch)).sequence == 1

    service.chain.reorganise(1, back_to_pool=False)
    for _ in range(4):
        await service.mine()
        service.chain.finalize()

    batch = await service.batch(accepted.batch)
    assert (batch.sequence, batch.previous_root) == (2, FOREIGN_ROOT)
    assert batch.state is BatchState.FINAL
    assert service.chain.failed_transactions() == 0


async def test_stranger_takes_sequence_of_a_sent_batch_old_payload_never_anchors(
    service: Running, issuer: Issuer
) -> None:
    """A batch that was sent already is sealed again too; its digest stands in one anchor only."""
    (accepted,) = await service.submit(issuer, 1)
    service.clock.advance(60)
    await service.turn()
    assert await service.state(accepted.batch) is BatchState.SENT
    service.chain.send_foreign(service.publisher, anchor=(1, FOREIGN_ROOT, 1))

    await service.mine(8)

    batch = await service.batch(accepted.batch)
    assert (batch.state, batch.sequence, batch.previous_root) == (BatchState.FINAL, 2, FOREIGN_ROOT)
    assert sorted(service.chain.anchored_roots(service.publisher)) == [1, 2]
    await check_everything(service, issuer, accepted)


async def test_stranger_takes_the_sequence_of_the_first_of_two_dropped_batches(
    service: Running, issuer: Issuer
) -> None:
    """Where two mined batches are dropped and a stranger takes the first's place, both go on it, the older first."""
    service.chain.finality_lag = None
    accepted: list[Accepted] = []
    for number in (1, 2):
        accepted += await service.submit(issuer, number)
        service.clock.advance(60)
        await service.turn()
        await service.mine()
    service.chain.reorganise(2, back_to_pool=False)
    service.chain.send_foreign(service.publisher, anchor=(1, FOREIGN_ROOT, 1))

    for _ in range(8):
        await service.mine()
        service.chain.finalize()

    batches = [await service.batch(item.batch) for item in accepted]
    assert [batch.state for batch in batches] == [BatchState.FINAL] * 2
    assert [batch.sequence for batch in batches] == [2, 3]
    roots = service.chain.anchored_roots(service.publisher)
    assert [roots[sequence] for sequence in (1, 2, 3)] == [FOREIGN_ROOT, batches[0].root, batches[1].root]
    await check_everything(service, issuer, *accepted)


async def revoked_by(service: Running, issuer: Issuer) -> StatusEntry:
    """Anchor a credential, and its revocation in the next batch; no block is final."""
    service.chain.finality_lag = None
    (accepted,) = await service.submit(issuer, 1, allocate=True)
    assert accepted.status is not None
    service.clock.advance(60)
    await service.turn()
    await service.mine()
    change = StatusChange(accepted.status, Purpose.REVOCATION, value=1, reason="fraud")
    await service.services.intake.change_status(issuer, [change])
    service.clock.advance(60)
    await service.turn()
    await service.mine()
    assert len(service.chain.anchored_roots(service.publisher)) == 2
    return accepted.status


@pytest.mark.parametrize("back_to_pool", [False, True], ids=["lost", "in the pool"])
async def test_stranger_between_dropped_batches_the_head_stays_revoked(
    service: Running,
    issuer: Issuer,
    back_to_pool: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """In whatever order dropped batches are anchored again, no list falls back and no credential is revoked no more."""
    entry = await revoked_by(service, issuer)
    batches = [batch.id for batch in await service.store.unfinished_batches()]
    service.chain.reorganise(2, back_to_pool=back_to_pool)
    service.chain.send_foreign(service.publisher, anchor=(1, FOREIGN_ROOT, 1))

    for _ in range(10):
        await service.mine()
        service.chain.finalize()
        await check_versions_rise(service)

    assert [await service.state(batch) for batch in batches] == [BatchState.FINAL] * 2
    roots = service.chain.anchored_roots(service.publisher)
    assert len(roots) == 3
    for batch in batches:
        stored = await service.batch(batch)
        assert roots[stored.sequence or 0] == stored.root
    head = await service.services.publications.batch(3)
    assert head.description.root() == roots[3]
    version = head.lists[entry.list_number].entry.version
    document = await service.store.list_version(entry.list_number, version)
    assert document is not None
    bits = parse_list_document(document.document, max_bits_bytes=LIST_BYTES).bits
    assert get_entry(bits, entry.index) == 1
    if not back_to_pool:
        assert [(await service.batch(batch)).sequence for batch in batches] == [2, 3]
        assert [(await service.batch(batch)).previous_root for batch in batches] == [roots[1], roots[2]]


async def test_payload_of_a_displaced_seal_is_outbid_at_its_nonce(service: Running, issuer: Issuer) -> None:
    """What is signed for a nonce that a former payload has pays so much more that every pool takes it instead."""
    await revoked_by(service, issuer)
    first, second = await service.store.unfinished_batches()
    (former,) = await service.store.payloads(second.id)
    service.chain.reorganise(2, back_to_pool=False)
    service.chain.send_foreign(service.publisher, anchor=(1, FOREIGN_ROOT, 1))
    service.chain.mine()
    service.chain.finalize()
    # Only the later batch's payload is in the pool by then.
    await service.chain.broadcast(former.raw)
    await service.turn()

    (payload,) = await service.store.payloads(first.id)
    assert payload.nonce == former.nonce
    assert 8 * payload.max_fee_wei >= 9 * former.max_fee_wei
    assert [item.hash for item in service.chain.pool.values()] == [payload.hash]


async def test_payload_of_a_displaced_seal_at_the_cap_takes_no_batch_its_own(
    tmp_path: Path,
) -> None:
    """Where the cap allows no dearer payload the batch still gets its own, for the pool that has lost the other."""
    async with running(make_settings(tmp_path, max_fee_gwei=2.2), new_chain()) as service:
        await revoked_by(service, await service.add_issuer())
        first, second = await service.store.unfinished_batches()
        (former,) = await service.store.payloads(second.id)
        service.chain.reorganise(2, back_to_pool=False)
        service.chain.send_foreign(service.publisher, anchor=(1, FOREIGN_ROOT, 1))
        service.chain.mine()
        service.chain.finalize()
        await service.chain.broadcast(former.raw)
        await service.turn()
        (payload,) = await service.store.payloads(first.id)
        assert (payload.nonce, payload.max_fee_wei) == (former.nonce, former.max_fee_wei)
        assert [item.hash for item in service.chain.pool.values()] == [former.hash]

        service.chain.drop_pool()
        for _ in range(6):
            await service.mine()
            service.chain.finalize()

        found = [await service.batch(batch.id) for batch in (first, second)]
        assert [(batch.state, batch.sequence) for batch in found] == [
            (BatchState.FINAL, 2),
            (BatchState.FINAL, 3),
        ]


async def test_former_seal_is_mined_after_all_each_batch_is_anchored_once(
    service: Running, issuer: Issuer
) -> None:
    """Where a miner takes the displaced batch's old payload, that batch is mined by it, and the other goes next."""
    await revoked_by(service, issuer)
    first, second = await service.store.unfinished_batches()
    (former,) = await service.store.payloads(second.id)
    service.chain.reorganise(2, back_to_pool=False)
    service.chain.send_foreign(service.publisher, anchor=(1, FOREIGN_ROOT, 1))
    service.chain.mine()
    service.chain.finalize()
    await service.turn()
    assert (await service.batch(first.id)).sequence == 2
    service.chain.drop_pool()
    await service.chain.broadcast(former.raw)

    for _ in range(6):
        await service.mine()
        service.chain.finalize()

    roots = service.chain.anchored_roots(service.publisher)
    found = [await service.batch(batch.id) for batch in (first, second)]
    assert [(batch.state, batch.sequence) for batch in found] == [
        (BatchState.FINAL, 3),
        (BatchState.FINAL, 2),
    ]
    assert [roots[sequence] for sequence in (2, 3)] == [second.root, found[0].root]
    await check_versions_rise(service)


async def test_reorganisation_puts_one_batch_in_the_place_of_another(
    service: Running, issuer: Issuer
) -> None:
    """Fault 23: a block holds the later of two seals for one sequence, then another block the older: both are told."""
    chain = service.chain
    await revoked_by(service, issuer)
    first, second = await service.store.unfinished_batches()
    (former,) = await service.store.payloads(second.id)
    chain.reorganise(2, back_to_pool=False)
    chain.send_foreign(service.publisher, anchor=(1, FOREIGN_ROOT, 1))
    chain.mine()
    chain.finalize()
    await service.turn()
    (resealed,) = await service.store.payloads(first.id)
    chain.drop_pool()
    await chain.broadcast(former.raw)
    await service.mine()
    assert await service.state(second.id) is BatchState.MINED

    chain.reorganise(1, back_to_pool=False)
    await chain.broadcast(resealed.raw)
    await service.mine()

    assert [await service.state(batch.id) for batch in (first, second)] == [BatchState.MINED, BatchState.SENT]
    for _ in range(6):
        await service.mine()
        chain.finalize()
    found = [await service.batch(batch.id) for batch in (first, second)]
    assert [(batch.state, batch.sequence) for batch in found] == [
        (BatchState.FINAL, 2),
        (BatchState.FINAL, 3),
    ]
    await check_versions_rise(service)


async def three_dropped(service: Running, issuer: Issuer) -> list[Batch]:
    """Anchor a credential and two status changes, and have a stranger take the first one's place; publish a third."""
    entry = await revoked_by(service, issuer)
    for value in (1, 0):
        change = StatusChange(entry, Purpose.SUSPENSION, value=value, reason="unpaid")
        await service.services.intake.change_status(issuer, [change])
        if value:
            service.clock.advance(60)
            await service.turn()
            await service.mine()
    dropped = list(await service.store.unfinished_batches())
    service.chain.reorganise(3, back_to_pool=False)
    service.chain.send_foreign(service.publisher, anchor=(1, FOREIGN_ROOT, 1))
    service.chain.mine()
    service.chain.finalize()
    await service.turn()
    assert [(item.id, item.sequence) for item in await service.store.unfinished_batches()] == [
        (dropped[0].id, 2),
        (dropped[1].id, 2),
        (dropped[2].id, 3),
    ]
    return dropped


@pytest.mark.parametrize("taken", [(1,), (2,), (1, 2)], ids=["second", "third", "both"])
async def test_former_seals_of_three_are_mined_after_all_no_list_falls_back(
    service: Running, issuer: Issuer, taken: tuple[int, ...]
) -> None:
    """Whichever old payloads a miner takes, every batch is anchored once, and versions rise with the sequences."""
    dropped = await three_dropped(service, issuer)
    former = [(await service.store.payloads(batch.id))[0] for batch in dropped]
    for number in taken:
        transaction, _ = decode(former_raw := former[number].raw)
        assert former_raw in service.chain.broadcasts
        service.chain.pool[transaction.sender, transaction.nonce] = transaction

    for _ in range(16):
        await service.mine()
        service.chain.finalize()
        await check_versions_rise(service)

    found = [await service.batch(batch.id) for batch in dropped]
    assert [batch.state for batch in found] == [BatchState.FINAL] * 3
    roots = service.chain.anchored_roots(service.publisher)
    assert {batch.sequence: batch.root for batch in found}.items() <= roots.items()
    for batch in found:
        await service.services.publications.batch(batch.sequence or 0)
    if 1 in taken:
        assert (found[1].sequence, found[1].root) == (2, dropped[1].root)


async def test_transaction_before_ours_is_lost_signed_again_at_the_free_nonce(
    service: Running, issuer: Issuer
) -> None:
    """A nonce that a reorganisation freed is filled by the batch itself: nobody else will."""
    service.chain.finality_lag = None
    service.chain.send_foreign(service.publisher)
    service.chain.mine()
    (accepted,) = await service.submit(issuer, 1)
    service.clock.advance(60)
    await service.turn()
    assert [payload.nonce for payload in await service.store.payloads(accepted.batch)] == [1]

    service.chain.reorganise(1, back_to_pool=False)
    await service.mine(3)

    assert [payload.nonce for payload in await service.store.payloads(accepted.batch)] == [1, 0]
    assert await service.state(accepted.batch) is BatchState.MINED
    assert len(service.chain.anchored_roots(service.publisher)) == 1


async def test_clock_set_back_payload_is_replaced_in_time(service: Running, issuer: Issuer) -> None:
    """A payload's age is what passed, not what the time of day says: the newest is the one that was stored last."""
    batch = await service.seal(issuer, 1)
    await service.turn()
    service.chain.base_fee_wei *= 5
    service.clock.step(-86_400)
    await service.mine(17)

    first, second = await service.store.payloads(batch.id)

    assert first.created_ms > second.created_ms
    assert second.max_fee_wei > first.max_fee_wei
    assert await service.state(batch.id) is BatchState.MINED


async def test_clock_set_back_behind_a_batch_that_is_not_final_payload_is_replaced_in_time(
    service: Running, issuer: Issuer
) -> None:
    """Fault 13: the batch before is looked at too, at every look; that must not make the payload young again."""
    service.chain.finality_lag = None
    await service.seal(issuer, 1)
    await service.turn()
    await service.mine()
    batch = await service.seal(issuer, 2)
    await service.turn()
    service.chain.base_fee_wei *= 5
    service.clock.step(-86_400)

    await service.mine(17)

    assert len(await service.store.payloads(batch.id)) == 2
    assert await service.state(batch.id) is BatchState.MINED


async def test_strangers_transaction_takes_the_nonce_signed_again_after_finality(
    service: Running, issuer: Issuer
) -> None:
    """Fault 22: A nonce that a stranger used is given up only once that is final; the sequence stays."""
    (accepted,) = await service.submit(issuer, 1)
    service.clock.advance(60)
    await service.turn()
    service.chain.finality_lag = None
    service.chain.send_foreign(service.publisher)
    await service.mine(5)
    assert [payload.nonce for payload in await service.store.payloads(accepted.batch)] == [0]

    service.chain.finalize()
    await service.mine(2)

    assert [payload.nonce for payload in await service.store.payloads(accepted.batch)] == [0, 1]
    batch = await service.batch(accepted.batch)
    assert (batch.state, batch.sequence) == (BatchState.MINED, 1)


async def test_strangers_transaction_reorganised_away_first_payload_counts(
    service: Running, issuer: Issuer
) -> None:
    """If the stranger's block is dropped, the payload of that nonce is used after all, and no second one exists."""
    (accepted,) = await service.submit(issuer, 1)
    service.clock.advance(60)
    await service.turn()
    service.chain.finality_lag = None
    service.chain.send_foreign(service.publisher)
    await service.mine(2)
    service.chain.reorganise(2, back_to_pool=False)
    await service.mine(2)

    (payload,) = await service.store.payloads(accepted.batch)

    assert payload.nonce == 0
    assert await service.state(accepted.batch) is BatchState.MINED


async def test_contract_that_refuses_every_anchor_halts_with_an_alarm(
    service: Running, issuer: Issuer
) -> None:
    """Fault 30: after a few transactions that left no record, money is not spent further: a person must look."""
    await service.seal(issuer, 1)
    service.chain.reverts_anchors = True

    async def burn_nonces() -> None:
        for _ in range(10 * MAX_BURNED_NONCES):
            await service.mine()

    with pytest.raises(FatalError, match=f"{MAX_BURNED_NONCES} transactions were mined and left no record"):
        await burn_nonces()

    assert service.chain.failed_transactions() == MAX_BURNED_NONCES


async def test_stranger_who_takes_every_nonce_delays_and_ends_nothing(
    service: Running, issuer: Issuer
) -> None:
    """Fault 22: what others send is no money of ours; once they stop, also after a restart, the batch is anchored."""
    batch = await service.seal(issuer, 1)
    for _ in range(10 * MAX_BURNED_NONCES):
        await service.turn()
        service.chain.send_foreign(service.publisher)
        await service.mine()
    assert len({payload.nonce for payload in await service.store.payloads(batch.id)}) > MAX_BURNED_NONCES

    await service.restart()
    await service.mine(8)
    assert await service.state(batch.id) is BatchState.FINAL
    await check_everything(service, issuer, *await service.submit(issuer, 1))


async def test_no_funds_waits_and_resumes_by_itself(service: Running, issuer: Issuer) -> None:
    """Fault 29: An empty account stops nothing but the anchor, and filling it is all that is needed."""
    service.chain.balances_wei[service.publisher] = 0
    batch = await service.seal(issuer, 1)
    await service.mine(3)
    assert await service.state(batch.id) is BatchState.SEALED
    assert service.services.status.balance_wei == 0
    (problem,) = service.services.status.anchoring_problems()
    assert "has 0 ether" in problem
    assert "goes on by itself" in problem
    await service.submit(issuer, 2)

    service.chain.balances_wei[service.publisher] = 10**18
    await service.mine(2)

    assert await service.state(batch.id) is BatchState.MINED
    assert len(set(service.chain.broadcasts)) == 1


async def test_endpoint_says_no_funds_same_bytes_until_it_takes_them(
    service: Running, issuer: Issuer
) -> None:
    """Where the balance is there and the endpoint will not have it, the payload stays signed and is sent again."""
    service.chain.unaffordable = True
    batch = await service.seal(issuer, 1)
    await service.mine(3)
    assert service.services.status.last_outcome is SendOutcome.NO_FUNDS
    assert "the endpoint says" in service.services.status.anchoring_problems()[0]

    service.chain.unaffordable = False
    await service.mine(2)

    assert await service.state(batch.id) is BatchState.MINED
    assert len(set(service.chain.broadcasts)) == 1


async def test_endpoint_fails_nothing_changes_and_digests_are_accepted(
    service: Running, issuer: Issuer
) -> None:
    """While no endpoint answers, batches stay where they are, digests are taken, and all drains in order later."""
    (first,) = await service.submit(issuer, 1)
    service.clock.advance(60)
    await service.turn()
    service.chain.failing = True
    for _ in range(3):
        with pytest.raises(ChainUnavailable):
            await service.anchorer.step()
    (second,) = await service.submit(issuer, 2)
    await service.sealer.step()
    assert await service.state(first.batch) is BatchState.SENT
    assert await service.state(second.batch) is BatchState.ACCEPTED

    service.chain.failing = False
    await service.mine()
    service.clock.advance(60)
    await service.turn()
    await service.mine(5)

    await check_everything(service, issuer, first, second)
    assert [await service.state(item.batch) for item in (first, second)] == [BatchState.FINAL] * 2
    assert (await service.batch(first.batch)).sequence == 1


async def test_contract_holds_root_under_another_sequence_fatal(service: Running, issuer: Issuer) -> None:
    """A root that stands under a sequence that is not its batch's is a contradiction that no step mends."""
    batch = await service.seal(issuer, 1)
    assert batch.root is not None
    service.chain.send_foreign(service.publisher, anchor=(1, FOREIGN_ROOT, 1))
    service.chain.mine()
    service.chain.send_foreign(service.publisher, anchor=(2, batch.root, 2))
    service.chain.mine()

    with pytest.raises(FatalError, match="under sequence 2"):
        await service.anchorer.step()
