"""Waiting for a cheap block: until a deadline, sooner for status changes, and all of it in one anchor."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from anchor.config import AnchoringSettings, BatchingSettings
from anchor.core.entries import Purpose
from anchor.core.spending import Move
from anchor.store.records import Issuer, StatusChange
from tests.support.assembly import Running, make_settings, new_chain, running
from tests.support.fake_sending_chain import BLOCK_TIME_S

GWEI = 10**9
CHEAP_GWEI = 5.0
WAIT_S = 3600.0
MAX_AGE_S = 60
STATUS_LIMIT_S = 1800


@pytest_asyncio.fixture
async def patient(tmp_path: Path) -> AsyncIterator[Running]:
    """Run a service that waits an hour for a base fee of 5 gwei, in a storm; its lists are anchored."""
    settings = make_settings(
        tmp_path,
        anchoring=AnchoringSettings(cheap_base_fee_gwei=CHEAP_GWEI, cheap_wait_s=WAIT_S),
        batching=BatchingSettings(max_entries=100, max_age_s=MAX_AGE_S, status_wait_s=30.0),
    )
    async with running(settings, new_chain()) as started:
        yield started


async def storm(service: Running, *, gwei: int = 50) -> None:
    """Let the base fee be dear from the next block on."""
    service.chain.base_fee_wei = gwei * GWEI
    await service.mine()


def anchors(service: Running) -> int:
    """Count the anchors on the chain."""
    return service.chain.next_sequence(service.publisher) - 1


async def until_anchored(service: Running, count: int, *, at_most_s: int) -> int:
    """Mine until there are so many anchors; return how many seconds that took."""
    started_ms = service.clock.now_ms()
    while anchors(service) < count:
        waited_s = (service.clock.now_ms() - started_ms) // 1000
        assert waited_s <= at_most_s, f"no anchor after {waited_s} s"
        await service.mine()
    return (service.clock.now_ms() - started_ms) // 1000


async def test_cheap_block_ends_the_wait_and_one_anchor_takes_all(patient: Running) -> None:
    """What comes while it waits goes with it."""
    issuer = await patient.add_issuer()
    await storm(patient)
    for number in range(10):
        await patient.submit(issuer, number)
        patient.clock.advance(120)
        await patient.mine()
    assert anchors(patient) == 0
    hold = patient.services.status.hold
    assert hold is not None
    assert (hold.move, hold.reason) == (Move.WAIT, "the base fee is 50 gwei, cheap is 5 gwei")

    await storm(patient, gwei=5)
    await patient.mine(2)

    assert anchors(patient) == 1
    assert await patient.store.unmined_entries() == 0
    assert patient.services.status.hold is None


async def test_deadline_ends_the_wait_at_any_price(patient: Running) -> None:
    """An hour after it fell due the batch goes, whatever it costs."""
    issuer = await patient.add_issuer()
    await storm(patient)
    await patient.submit(issuer, 1)

    waited_s = await until_anchored(patient, 1, at_most_s=int(MAX_AGE_S + WAIT_S + 3 * BLOCK_TIME_S))

    assert waited_s >= MAX_AGE_S + WAIT_S


async def test_wait_goes_on_where_it_was_after_a_restart(patient: Running) -> None:
    """Nothing of a wait is stored, and nothing of it is lost: the deadline stays the same."""
    issuer = await patient.add_issuer()
    await storm(patient)
    await patient.submit(issuer, 1)
    started_ms = patient.clock.now_ms()
    for _ in range(6):
        patient.clock.advance(580)
        await patient.restart()
        await patient.sealer.step()
        assert await patient.store.unfinished_batches() == [], "before the chain is seen nothing goes either"
        await patient.mine()
    assert anchors(patient) == 0

    await until_anchored(patient, 1, at_most_s=600)
    waited_s = (patient.clock.now_ms() - started_ms) // 1000
    assert MAX_AGE_S + WAIT_S <= waited_s <= MAX_AGE_S + WAIT_S + 3 * BLOCK_TIME_S


async def _revoke(service: Running, issuer: Issuer, number: int) -> None:
    (accepted,) = await service.submit(issuer, number, allocate=True)
    assert accepted.status is not None
    change = StatusChange(target=accepted.status, purpose=Purpose.REVOCATION, value=1, reason="test")
    await service.services.intake.change_status(issuer, [change])


async def test_status_change_is_anchored_within_half_an_hour_in_any_storm(patient: Running) -> None:
    """Whether it comes alone or joins a batch that waits already, it never waits as long as that."""
    issuer = await patient.add_issuer()
    await storm(patient)
    await _revoke(patient, issuer, 1)
    assert await until_anchored(patient, 1, at_most_s=STATUS_LIMIT_S) > 1200, "it did wait for a cheap block"

    await patient.submit(issuer, 2)
    patient.clock.advance(3000)
    await patient.mine()
    assert anchors(patient) == 1, "digests alone wait for longer"
    await _revoke(patient, issuer, 3)
    await until_anchored(patient, 2, at_most_s=STATUS_LIMIT_S)
    assert await patient.store.unmined_entries() == 0


async def test_full_batch_does_not_wait(patient: Running) -> None:
    """Memory is worth more than a cheap block."""
    issuer = await patient.add_issuer()
    await storm(patient)
    await patient.submit(issuer, *range(100))

    await patient.mine(2)

    assert anchors(patient) == 1


async def test_expectation_tells_of_wait_blocks_and_finality(patient: Running) -> None:
    """What a submitter is told is what then happens, to within a few blocks, in calm and in a storm."""
    issuer = await patient.add_issuer()
    await patient.mine(4)
    for gwei, held_s in ((1, 0), (50, WAIT_S)):
        await storm(patient, gwei=gwei)
        (accepted,) = await patient.submit(issuer, gwei)
        patient.services.status.answered()
        batch = await patient.batch(accepted.batch)
        expected = await patient.services.expectations.of_batch(batch)
        assert expected is not None
        assert expected == await patient.services.expectations.of_newest()
        now_s = patient.clock.now_ms() // 1000
        assert expected.mined_s - now_s == MAX_AGE_S + held_s + 2 * BLOCK_TIME_S
        assert expected.final_s - expected.mined_s == 3 * BLOCK_TIME_S

        await until_anchored(patient, anchors(patient) + 1, at_most_s=4000)
        mined = await patient.batch(accepted.batch)
        assert abs((mined.block_time_s or 0) - expected.mined_s) <= 2 * BLOCK_TIME_S
        again = await patient.services.expectations.of_batch(mined)
        assert again is not None
        assert again.mined_s == mined.block_time_s
        await patient.mine(3)
        assert await patient.services.expectations.of_batch(await patient.batch(accepted.batch)) is None


async def test_nothing_is_expected_where_nobody_can_tell(patient: Running) -> None:
    """Before the chain was seen, and while the account cannot pay."""
    issuer = await patient.add_issuer()
    (accepted,) = await patient.submit(issuer, 1)
    batch = await patient.batch(accepted.batch)
    assert await patient.services.expectations.of_batch(batch) is None

    patient.chain.balances_wei[patient.publisher] = 0
    await patient.mine()
    patient.services.status.answered()
    assert await patient.services.expectations.of_batch(batch) is None
    patient.chain.balances_wei[patient.publisher] = 10**18
    await patient.mine()
    assert await patient.services.expectations.of_batch(batch) is not None
