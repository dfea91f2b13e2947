"""What anchors cost, kept over everything, and what follows from it: the budget, the pause, the warning."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from anchor.chain import registry
from anchor.chain.protocol import Block, BlockTag, UnsignedTransaction
from anchor.chain.signer import LocalSigner
from anchor.config import AnchoringSettings
from anchor.core.lifecycle import BatchState
from anchor.core.spending import DAY_S, Purse
from anchor.errors import ChainUnavailable
from anchor.service.payload_signing import sign_payload
from anchor.service.spending import ANCHOR_GAS_LIMIT
from anchor.store.records import Issuer
from tests.support.assembly import Running, digest, make_settings, new_chain, running
from tests.support.fake_sending_chain import BLOCK_TIME_S, CHAIN_ID, CONTRACT, GAS_USED

GWEI = 10**9
SUCCESSOR = "0x" + "5c" * 20
PRICE_WEI = 11 * GWEI // 10
"""The fake chain's base fee and tip."""
COST_WEI = GAS_USED * PRICE_WEI
WORST_WEI = ANCHOR_GAS_LIMIT * (2 * GWEI + GWEI // 10)
BUDGET_ANCHORS = 6
"""How many anchors fit into the budget below, the last of them at its worst."""


async def anchor(service: Running, issuer: Issuer, number: int) -> int:
    """Submit a digest and let its batch be anchored, as far as money allows; return the batch."""
    (accepted,) = await service.submit(issuer, number)
    service.clock.advance(60)
    await service.turn()
    await service.mine(2)
    return accepted.batch


def purse(service: Running) -> Purse:
    """Return the purse as of the last look."""
    funds = service.services.status.funds
    assert funds is not None
    return funds.purse


async def test_cost_is_that_of_the_receipt_from_mined_on(service: Running, issuer: Issuer) -> None:
    """Unmined it counts for its worst, mined for what it cost, and final for ever the same."""
    await service.seal(issuer, 1)
    await service.anchorer.step()
    service.chain.mine(take_pool=False)
    await service.anchorer.step()
    assert (purse(service).spent_wei, purse(service).open_wei) == (0, WORST_WEI)

    for _ in range(5):
        await service.mine()
        assert (purse(service).spent_wei, purse(service).open_wei) == (COST_WEI, 0)
    assert await service.store.open_costs() == []


async def test_cost_is_forgotten_after_a_day_by_the_blocks_time(service: Running, issuer: Issuer) -> None:
    """The window moves with the chain, block by block."""
    await anchor(service, issuer, 1)
    mined_s = service.chain.latest.timestamp_s - BLOCK_TIME_S
    service.clock.advance(DAY_S - BLOCK_TIME_S)
    service.chain.mine()
    await service.anchorer.step()
    assert service.chain.latest.timestamp_s == mined_s + DAY_S
    assert purse(service).spent_wei == COST_WEI

    service.chain.mine()
    await service.anchorer.step()
    assert service.chain.latest.timestamp_s == mined_s + DAY_S + 1
    assert purse(service).spent_wei == 0


async def test_reverted_payload_costs_too(service: Running, issuer: Issuer) -> None:
    """A batch has two payloads at two nonces after a reorganisation: one anchors, one reverts, both are paid for."""
    service.chain.finality_lag = None
    service.chain.send_foreign(service.publisher)
    service.chain.mine()
    batch = await service.seal(issuer, 1)
    await service.anchorer.step()
    service.chain.reorganise(1, back_to_pool=False)
    await service.mine(3)
    assert await service.state(batch.id) is BatchState.MINED
    assert service.chain.failed_transactions() == 1
    assert (purse(service).spent_wei, purse(service).open_wei) == (2 * COST_WEI, 0)

    service.chain.finalize()
    await service.mine()
    assert await service.store.open_costs() == []
    assert purse(service).spent_wei == 2 * COST_WEI


async def test_nonce_that_a_stranger_took_counts_for_its_worst(service: Running, issuer: Issuer) -> None:
    """Somebody else uses the key and spends from the account: what is not known counts for the most it may be."""
    batch = await service.seal(issuer, 1)
    await service.anchorer.step()
    service.chain.send_foreign(service.publisher, anchor=(batch.sequence or 0, bytes([7]) * 32, 3))
    await service.mine(8)

    assert await service.state(batch.id) is BatchState.FINAL
    assert (purse(service).spent_wei, purse(service).open_wei) == (WORST_WEI + COST_WEI, 0)


async def test_receipt_that_an_endpoint_has_lost_makes_no_room_in_a_budget(
    service: Running, issuer: Issuer
) -> None:
    """The nonce is used in a final block, and nobody says at what cost: it counts for its worst, once."""
    await service.seal(issuer, 1)
    await service.anchorer.step()
    service.chain.mine()
    service.chain.finalize()
    service.chain.loses_receipts = True
    await service.anchorer.step()

    assert (purse(service).spent_wei, purse(service).open_wei) == (WORST_WEI, 0)
    service.chain.loses_receipts = False
    await service.mine()
    assert (purse(service).spent_wei, purse(service).open_wei) == (WORST_WEI, 0)


async def test_call_of_the_succession_counts_like_an_anchor(service: Running, issuer: Issuer) -> None:
    """`anchor key` spends the same account's ether: unmined its worst is kept back, mined it is part of the day."""
    await anchor(service, issuer, 1)
    # What the check of every broadcast knows are the payloads of batches.
    service.chain.before_broadcast = None
    calldata = registry.appoint_call(SUCCESSOR)
    transaction = UnsignedTransaction(
        chain_id=CHAIN_ID,
        to=CONTRACT,
        calldata=calldata,
        nonce=1,
        gas_limit=100_000,
        max_fee_wei=2 * GWEI,
        priority_fee_wei=GWEI // 10,
    )
    payload = await sign_payload(service.signer, transaction, now_ms=service.clock.now_ms())
    await service.store.add_call(calldata, payload)
    await service.chain.broadcast(payload.raw)
    service.chain.mine(take_pool=False)
    await service.anchorer.step()
    assert (purse(service).spent_wei, purse(service).open_wei) == (COST_WEI, 100_000 * 2 * GWEI)

    await service.mine(4)
    assert (purse(service).spent_wei, purse(service).open_wei) == (2 * COST_WEI, 0)
    assert await service.store.open_costs() == []


async def test_tip_counts_in_what_an_anchor_may_cost_and_a_pause_ends_with_it(
    service: Running, issuer: Issuer
) -> None:
    """Where blocks are nearly free the tip is the price; while nothing is signed it is asked for at every block."""
    service.chain.base_fee_wei = 7
    service.chain.suggested_priority_fee_wei = 100 * GWEI
    service.chain.balances_wei[service.publisher] = ANCHOR_GAS_LIMIT * 50 * GWEI
    batch = await service.seal(issuer, 1)
    await service.mine(3)
    funds = service.services.status.funds
    assert funds is not None
    assert funds.pause is not None
    assert "an anchor may cost 0.01200000000168 ether" in funds.pause
    assert funds.anchors_left == 0
    assert list(await service.store.payloads(batch.id)) == []

    service.chain.suggested_priority_fee_wei = GWEI
    await service.mine(8)
    assert await service.state(batch.id) is BatchState.FINAL


async def test_tip_that_holds_a_batch_back_before_it_is_sealed_is_asked_for_again(
    service: Running, issuer: Issuer
) -> None:
    """Nothing that is held back is signed, so the look itself has to learn that the tip has fallen."""
    service.chain.base_fee_wei = 7
    service.chain.suggested_priority_fee_wei = 100 * GWEI
    service.chain.balances_wei[service.publisher] = ANCHOR_GAS_LIMIT * 50 * GWEI
    await service.mine()
    (accepted,) = await service.submit(issuer, 1)
    service.clock.advance(60)
    await service.mine(2)
    assert await service.state(accepted.batch) is BatchState.ACCEPTED

    service.chain.suggested_priority_fee_wei = GWEI
    await service.mine(8)
    assert await service.state(accepted.batch) is BatchState.FINAL


async def test_cost_of_the_key_before_counts_after_a_succession(service: Running, issuer: Issuer) -> None:
    """What the former account spent in a day stays spent, also where its last anchor was mined while nothing ran."""
    await anchor(service, issuer, 0)
    await service.seal(issuer, 1)
    await service.anchorer.step()
    await service.store.close()
    service.chain.mine()
    successor = LocalSigner(private_key=digest(71))
    service.chain.hand_over(service.publisher, successor.address)
    service.chain.mine()
    service.signer = successor
    await service.start()

    await service.mine(4)

    assert (purse(service).spent_wei, purse(service).open_wei) == (2 * COST_WEI, 0)
    assert await service.store.open_costs() == []


async def test_nonce_that_an_endpoint_made_up_holds_no_money_back_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fault 32: what was signed for a nonce far above is mined after so many others, if ever: it costs nothing now."""
    settings = make_settings(
        tmp_path, anchoring=AnchoringSettings(daily_budget_ether=1.5 * WORST_WEI / 10**18)
    )
    async with running(settings, new_chain()) as service:
        batch = await service.seal(await service.add_issuer(), 1)
        nonce = service.chain.nonce

        async def made_up(address: str, at: BlockTag) -> int:
            return await nonce(address, at) + 10**9

        with monkeypatch.context() as lying:
            lying.setattr(service.chain, "nonce", made_up)
            await service.anchorer.step()
        (payload,) = await service.store.payloads(batch.id)
        assert payload.nonce == 10**9
        await service.mine(6)

        assert await service.state(batch.id) is BatchState.FINAL
        assert (purse(service).spent_wei, purse(service).open_wei) == (COST_WEI, 0)


async def test_endpoint_that_lags_behind_what_is_final_costs_nothing(
    service: Running, issuer: Issuer
) -> None:
    """Fault 31: nothing is signed for a nonce that is used, whose cost nobody could tell then."""
    chain = service.chain
    chain.finality_lag = 0
    await anchor(service, issuer, 1)
    batch = await service.seal(issuer, 2)
    await service.anchorer.step()
    whole, final = chain._mined, chain._finalized_number
    chain._mined, chain._finalized_number = whole[:1], 0
    await service.anchorer.step()
    chain._mined, chain._finalized_number = whole, final
    assert len(await service.store.payloads(batch.id)) == 1

    await service.mine(3)

    assert await service.state(batch.id) is BatchState.FINAL
    assert (purse(service).spent_wei, purse(service).open_wei) == (2 * COST_WEI, 0)


async def test_tip_that_nobody_tells_hides_no_anchor(
    service: Running, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fault 31: only what is to be signed needs it; after a restart too, what is mined is seen, and becomes final."""
    batch = await service.seal(issuer, 1)
    await service.anchorer.step()
    await service.restart()

    async def untold() -> int:
        raise ChainUnavailable("the method eth_maxPriorityFeePerGas does not exist")

    with monkeypatch.context() as silent:
        silent.setattr(service.chain, "priority_fee_wei", untold)
        await service.mine(4)
        assert await service.state(batch.id) is BatchState.FINAL
        later = await service.seal(issuer, 2)
        with pytest.raises(ChainUnavailable, match="eth_maxPriorityFeePerGas"):
            await service.anchorer.step()
        assert list(await service.store.payloads(later.id)) == []
    await service.mine(4)
    assert await service.state(later.id) is BatchState.FINAL


async def test_replacements_count_once_at_the_dearest(service: Running, issuer: Issuer) -> None:
    """Of several payloads of one nonce one is mined: the worst of them is the worst there is."""
    await service.seal(issuer, 1)
    await service.anchorer.step()
    service.chain.base_fee_wei *= 4
    service.clock.advance(180)
    service.chain.mine()
    await service.anchorer.step()
    service.chain.mine(take_pool=False)
    await service.anchorer.step()
    payloads = await service.store.payloads_of_nonce(service.publisher, 0)

    assert len(payloads) == 2
    assert purse(service).open_wei == ANCHOR_GAS_LIMIT * max(each.max_fee_wei for each in payloads)
    await service.mine(4)
    assert purse(service).open_wei == 0
    assert 0 < purse(service).spent_wei <= GAS_USED * max(each.max_fee_wei for each in payloads)


async def test_reorganised_cost_counts_for_its_worst_until_it_is_mined_again(
    service: Running, issuer: Issuer
) -> None:
    """What a dropped block said of the cost no longer counts; the next block's word does."""
    batch = await service.seal(issuer, 1)
    await service.anchorer.step()
    await service.mine()
    assert purse(service).spent_wei == COST_WEI
    service.chain.reorganise(1)
    service.chain.mine(take_pool=False)
    await service.anchorer.step()
    assert (purse(service).spent_wei, purse(service).open_wei) == (0, WORST_WEI)

    await service.mine(4)
    assert await service.state(batch.id) is BatchState.FINAL
    assert (purse(service).spent_wei, purse(service).open_wei) == (COST_WEI, 0)


@pytest_asyncio.fixture
async def thrifty(tmp_path: Path) -> AsyncIterator[Running]:
    """Run a service with a daily budget for a few anchors."""
    budget = ((BUDGET_ANCHORS - 1) * COST_WEI + WORST_WEI + COST_WEI // 2) / 10**18
    settings = make_settings(tmp_path, anchoring=AnchoringSettings(daily_budget_ether=budget))
    async with running(settings, new_chain()) as started:
        yield started


async def test_budget_is_never_passed_and_anchoring_goes_on_when_it_is_free(thrifty: Running) -> None:
    """Digests are taken all the while; what waited goes in one anchor once the first spending is a day old."""
    issuer = await thrifty.add_issuer()
    await anchor(thrifty, issuer, 0)
    first_s = thrifty.chain.latest.timestamp_s
    for number in range(1, 2 * BUDGET_ANCHORS):
        await anchor(thrifty, issuer, number)
    used_up = thrifty.services.status.anchoring_problems()
    anchored = thrifty.chain.next_sequence(thrifty.publisher) - 1

    assert anchored == BUDGET_ANCHORS
    assert purse(thrifty).spent_wei == BUDGET_ANCHORS * COST_WEI
    assert "used up" in used_up[0]
    backlog = await thrifty.store.backlog()
    assert backlog.open_entries == BUDGET_ANCHORS, "what is held back stays open and grows"

    thrifty.clock.advance(first_s + DAY_S - thrifty.clock.now_ms() // 1000 - 4 * BLOCK_TIME_S)
    await thrifty.mine(2)
    assert thrifty.chain.next_sequence(thrifty.publisher) - 1 == BUDGET_ANCHORS
    await thrifty.mine(8)
    assert thrifty.chain.next_sequence(thrifty.publisher) - 1 == BUDGET_ANCHORS + 1
    assert await thrifty.store.unmined_entries() == 0


async def test_budget_holds_over_a_restart(thrifty: Running) -> None:
    """Starting again does not make the money of a day new."""
    issuer = await thrifty.add_issuer()
    for number in range(2 * BUDGET_ANCHORS):
        await anchor(thrifty, issuer, number)
        await thrifty.restart()
    await thrifty.anchorer.step()

    assert thrifty.chain.next_sequence(thrifty.publisher) - 1 == BUDGET_ANCHORS
    assert purse(thrifty).spent_wei == BUDGET_ANCHORS * COST_WEI


async def test_budget_forbids_a_dearer_replacement_and_the_old_bytes_stay_out(tmp_path: Path) -> None:
    """A storm of fees cannot make one anchor cost more than the day may."""
    budget = AnchoringSettings(daily_budget_ether=1.5 * WORST_WEI / 10**18)
    async with running(make_settings(tmp_path, anchoring=budget), new_chain()) as service:
        batch = await service.seal(await service.add_issuer(), 1)
        await service.anchorer.step()
        service.chain.base_fee_wei *= 10
        for _ in range(3):
            service.clock.advance(180)
            await service.mine()
        assert len(await service.store.payloads(batch.id)) == 1
        assert "daily budget" in service.services.status.anchoring_problems()[0]

        service.chain.base_fee_wei //= 10
        await service.mine(5)
        assert await service.state(batch.id) is BatchState.FINAL
        assert service.services.status.anchoring_problems() == []


async def test_budget_allows_a_replacement_in_the_place_of_all_before_it(tmp_path: Path) -> None:
    """One payload of a nonce is mined: a dearer one needs room for itself, not for itself beside the others."""
    budget = AnchoringSettings(daily_budget_ether=10 * WORST_WEI / 10**18)
    async with running(make_settings(tmp_path, anchoring=budget), new_chain()) as service:
        batch = await service.seal(await service.add_issuer(), 1)
        await service.anchorer.step()
        for _ in range(3):
            service.chain.base_fee_wei *= 2
            service.clock.advance(180)
            service.chain.mine(take_pool=False)
            await service.anchorer.step()
        costs = [ANCHOR_GAS_LIMIT * each.max_fee_wei for each in await service.store.payloads(batch.id)]
        assert len(costs) == 4
        *_, before, dearest = costs
        # All but the dearest had to be let go for it: even the cheapest of them alone would not have made room.
        assert dearest <= 10 * WORST_WEI < dearest + before - costs[0]


async def test_account_that_cannot_pay_signs_nothing(service: Running, issuer: Issuer) -> None:
    """A batch that is sealed when the money ends waits unsigned, over restarts, and goes on with the refill."""
    batch = await service.seal(issuer, 1)
    service.chain.balances_wei[service.publisher] = WORST_WEI - 1
    for _ in range(2):
        await service.anchorer.step()
        await service.restart()
    assert await service.state(batch.id) is BatchState.SEALED
    assert service.chain.broadcasts == []

    await service.anchorer.step()
    service.chain.balances_wei[service.publisher] = WORST_WEI
    await service.anchorer.step()
    assert await service.state(batch.id) is BatchState.SENT, (
        "the same block is looked at again while it waits"
    )
    assert service.services.status.unpaid is None


async def test_refill_is_seen_without_a_new_block(service: Running, issuer: Issuer) -> None:
    """A chain that makes blocks for transactions alone makes none while nothing is sent."""
    service.chain.balances_wei[service.publisher] = 0
    (accepted,) = await service.submit(issuer, 1)
    await service.anchorer.step()
    service.clock.advance(60)
    await service.turn()
    assert await service.state(accepted.batch) is BatchState.ACCEPTED

    service.chain.balances_wei[service.publisher] = 10**18
    await service.anchorer.step()
    await service.turn()

    assert await service.state(accepted.batch) is BatchState.SENT
    assert service.chain.latest.number == 0


async def test_endpoint_without_the_block_of_its_receipt_settles_nothing(
    service: Running, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a payload cost must not get lost in an endpoint's confusion: the next look asks again."""
    await service.seal(issuer, 1)
    await service.anchorer.step()
    service.clock.advance(BLOCK_TIME_S)
    block = service.chain.mine()
    genuine = service.chain.block

    async def confused(tag: BlockTag) -> Block | None:
        return None if tag == block.hash else await genuine(tag)

    monkeypatch.setattr(service.chain, "block", confused)
    with pytest.raises(ChainUnavailable, match="does not know the block of a receipt"):
        await service.anchorer.step()
    monkeypatch.undo()
    await service.mine(4)

    assert purse(service).spent_wei == COST_WEI
