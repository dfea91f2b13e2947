"""The real service on a real node that loses, moves, refuses and forgets: each fault of the chain by its number."""

from __future__ import annotations

import json
import secrets
from itertools import pairwise
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from anchor.chain.signer import LocalSigner
from tests.support.anvil import running_chain, signed_anchor
from tests.support.chain_world import World
from tests.support.fake_sending_chain import decode
from tests.support.promises import Acknowledged, PromiseCheck
from tests.support.rpc_proxy import Exchange, Fault, drop_after, drop_before, reply
from tests.support.running_service import RunningService

pytestmark = pytest.mark.anvil

GWEI = 10**9
REVERTS = "0x60006000fd"
"""Code that reverts whatever it is asked."""


async def _kept(world: World, *items: Acknowledged) -> list[str]:
    return await PromiseCheck(service=world.service, chain=world.anvil).violations(items)


async def test_transaction_dropped_by_the_pool_is_broadcast_again(world: World) -> None:
    """Fault 17: anvil forgets the transaction; the same bytes are sent again with the next block."""
    await world.hold_blocks()
    item = await world.sent()
    await world.anvil.control("anvil_dropAllTransactions")
    assert await world.pooled() == 0

    await world.mine()
    await world.let_blocks_come()
    await world.reach(item, "final")

    assert world.stored("select count(*) from payloads") == [(2,)]
    assert await _kept(world, item) == []


async def test_base_fee_rises_above_the_cap_of_a_transaction_and_it_is_replaced(world: World) -> None:
    """Fault 18: priced out, it is replaced by one that pays at least an eighth more in both fees."""
    await world.hold_blocks()
    item = await world.sent()
    ((first,),) = world.stored("select max_fee_wei from payloads order by created_ms desc limit 1")
    await world.anvil.control("anvil_setNextBlockBaseFeePerGas", hex(20 * first))
    await world.let_blocks_come()

    await world.reach(item, "final")

    fees = world.stored(
        "select max_fee_wei, priority_fee_wei from payloads where nonce = (select max(nonce) from payloads) "
        "order by created_ms"
    )
    assert len(fees) >= 2
    for before, after in pairwise(fees):
        assert all(8 * new >= 9 * old for old, new in zip(before, after, strict=True))
    assert await _kept(world, item) == []


def geth_pool(answers: list[str]) -> Fault:
    """
    Answer as geth's pool does, and anvil does not: a replacement that pays less than a tenth more is refused.

    What is accepted is never mined, so that replacements follow each other.
    """
    pooled: dict[int, tuple[bytes, int, int]] = {}

    async def fault(exchange: Exchange) -> web.StreamResponse:
        transaction, _ = decode(bytes.fromhex(exchange.document["params"][0][2:]))
        known = pooled.get(transaction.nonce)
        fees = (transaction.max_fee_wei, transaction.priority_fee_wei)
        if known and known[0] == transaction.hash:
            answers.append("already known")
        elif known and any(10 * new < 11 * old for old, new in zip(known[1:], fees, strict=True)):
            answers.append("replacement transaction underpriced")
        else:
            pooled[transaction.nonce] = (transaction.hash, *fees)
            answers.append("accepted")
            return reply(exchange, result="0x" + transaction.hash.hex())
        return reply(exchange, error={"code": -32000, "message": answers[-1]})

    return fault


async def test_strict_pool_never_finds_a_replacement_underpriced(world: World) -> None:
    """Fault 19: by geth's rule of a tenth, and in its words, every replacement is taken, "already known" is sent."""
    answers: list[str] = []
    world.proxy.fail("eth_sendRawTransaction", geth_pool(answers))
    item = await world.submit()

    async def is_replaced_twice() -> bool:
        return answers.count("accepted") >= 3

    await world.until(is_replaced_twice)
    world.proxy.heal()
    await world.reach(item, "final")

    assert "already known" in answers
    assert "replacement transaction underpriced" not in answers
    assert await _kept(world, item) == []


async def test_two_unmined_batches_lowest_nonce_is_pushed_first(world: World) -> None:
    """Faults 20 and 23: a reorganisation loses two anchors at once; the earlier goes first, without a gap."""
    await world.hold_blocks()
    first = await world.sent()
    await world.mine()
    await world.reach(first, "mined")
    second = await world.sent()
    await world.mine()
    await world.reach(second, "mined")

    await world.anvil.control("anvil_reorg", 2, [])
    await world.let_blocks_come()
    final = [await world.reach(item, "final") for item in (first, second)]

    assert [receipt["sequence"] for receipt in final] == [2, 3]
    assert await _kept(world, first, second) == []


async def test_broadcast_whose_answer_is_lost_is_recognised_when_mined(world: World) -> None:
    """Faults 15 and 21: the pool has it, nobody says so; sent again it is known, or its nonce is used, by ours."""
    world.proxy.fail("eth_sendRawTransaction", drop_after())
    items = [await world.submit() for _ in range(3)]
    final = [await world.reach(item, "final") for item in items]
    world.proxy.heal()

    assert all(receipt["state"] == "final" for receipt in final)
    assert await _kept(world, *items) == []
    anchors, transactions = await PromiseCheck(
        service=world.service, chain=world.anvil
    ).anchors_and_transactions()
    assert anchors == transactions


async def test_stranger_with_the_key_takes_the_sequence(world: World) -> None:
    """Fault 22: alarm, and the batch is sealed again on the stranger's anchor once that is final."""
    await world.hold_blocks()
    item = await world.sent()
    await world.anvil.control("anvil_dropAllTransactions")
    chain = world.chain()
    try:
        foreign = await signed_anchor(
            chain,
            LocalSigner(private_key=world.service.private_key),
            contract=world.anvil.contract,
            sequence=2,
            root=secrets.token_bytes(32),
        )
        await chain.broadcast(foreign.raw)
    finally:
        await chain.close()
    await world.mine()
    await world.let_blocks_come()

    receipt = await world.reach(item, "final")

    assert receipt["anchor"]["sequence"] == 3
    assert "batch.resealed" in world.service.log
    assert "the key is used elsewhere" in world.service.log


async def test_reorganisation_loses_the_anchor_and_it_is_sent_again(world: World) -> None:
    """Fault 23: the proof goes back to pending, a stored transaction is mined in another block."""
    await world.hold_blocks()
    item = await world.sent()
    await world.mine()
    mined = await world.reach(item, "mined")
    path = f"/v1/digests/{item.digest.hex()}/proof"
    assert (await world.service.request("GET", path, headers=item.issuer.headers))[0] == 200

    await world.anvil.control("anvil_reorg", 1, [])

    async def is_pending() -> bool:
        return (await world.service.request("GET", path, headers=item.issuer.headers))[0] == 409

    await world.until(is_pending)
    await world.mine()
    await world.let_blocks_come()
    final = await world.reach(item, "final")

    stored = world.stored("select '0x' || lower(hex(hash)) from payloads")
    assert (final["anchor"]["transaction"],) in stored
    assert final["anchor"]["blockNumber"] > mined["anchor"]["blockNumber"]
    assert await _kept(world, item) == []


async def test_reorganisation_moves_the_anchor_and_its_block_is_recorded_anew(world: World) -> None:
    """Fault 24: the same transaction, another block; the proof names the new one."""
    await world.hold_blocks()
    item = await world.sent()
    await world.mine()
    mined = await world.reach(item, "mined")
    ((before,),) = world.stored("select block_hash from batches order by sequence desc limit 1")
    raw = await world.anvil.control("eth_getRawTransactionByHash", mined["anchor"]["transaction"])

    await world.anvil.control("anvil_reorg", 1, [[raw, 0]])

    async def is_moved() -> bool:
        return world.stored("select block_hash from batches order by sequence desc limit 1") != [(before,)]

    await world.until(is_moved)
    await world.let_blocks_come()
    final = await world.reach(item, "final")

    assert final["anchor"]["transaction"] == mined["anchor"]["transaction"]
    assert await _kept(world, item) == []


async def test_reorganisation_below_the_final_block_stops_the_service(world: World) -> None:
    """Fault 25: what was final is gone: the service ends with an alarm, and does not start on that chain."""
    await world.hold_blocks()
    head = int((await world.anvil.control("eth_blockNumber")), 16)
    item = await world.sent()
    await world.mine(5)
    await world.reach(item, "final")

    await world.anvil.control("anvil_rollback", 5)
    await world.anvil.control("anvil_dropAllTransactions")
    await world.mine(8)
    code = await world.service.wait_for_exit()

    assert int((await world.anvil.control("eth_blockNumber")), 16) > head
    assert code == 1
    assert "no longer holds the anchor of batch 2, which was final" in world.service.log
    assert not await world.service.begins()


async def test_wiped_chain_is_refused(tmp_path: Path) -> None:
    """Fault 26: at the same address another chain with the same contract: its genesis hash tells."""
    async with running_chain(state_path=tmp_path / "chain.json") as anvil:
        port = int(anvil.rpc_url.rpartition(":")[2])
        service = RunningService(folder=tmp_path / "service", chain=anvil)
        await service.start()
        await service.stop()

    async with running_chain(port=port) as wiped:
        assert wiped.contract == anvil.contract
        assert not await service.begins()

    assert "the chain was wiped or swapped" in service.log
    await service.kill()


async def test_chain_with_another_id_is_refused(world: World) -> None:
    """Fault 27: the endpoint speaks for another chain id than the settings."""
    await world.service.stop()
    await world.anvil.control("anvil_setChainId", 4242)

    assert not await world.service.begins()
    assert "the endpoint speaks for chain 4242" in world.service.log


@pytest.mark.parametrize(
    ("code", "words"), [("0x", "there is no contract at"), ("0x6000", "is not this package's AnchorRegistry")]
)
async def test_no_contract_or_another_is_refused_by_its_address(world: World, code: str, words: str) -> None:
    """Fault 28: code is compared, and the address named."""
    await world.service.stop()
    await world.anvil.control("anvil_setCode", world.anvil.contract, code)

    assert not await world.service.begins()
    assert words in world.service.log
    assert world.anvil.contract in world.service.log


async def test_empty_account_pauses_with_an_alarm_and_resumes_by_itself(world: World) -> None:
    """Fault 29: digests are accepted, /readyz tells of the balance, and ether is all that is needed."""
    await world.anvil.control("anvil_setBalance", world.publisher, "0x0")
    item = await world.submit()

    async def is_told() -> bool:
        status, body = await world.service.request("GET", "/readyz")
        return status == 503 and body["balanceWei"] == "0" and "ether" in str(body["problems"])

    await world.until(is_told)
    await world.anvil.control("anvil_setBalance", world.publisher, hex(10**18))
    await world.reach(item, "final")

    assert await _kept(world, item) == []


async def test_mined_transaction_that_reverted_is_no_anchor(world: World) -> None:
    """Fault 30: status 0 uses the nonce and records nothing; the batch is sent again once that is final."""
    await world.hold_blocks()
    item = await world.sent()
    code = await world.anvil.control("eth_getCode", world.anvil.contract, "latest")
    await world.anvil.control("anvil_setCode", world.anvil.contract, REVERTS)
    await world.mine()
    await world.anvil.control("anvil_setCode", world.anvil.contract, code)
    await world.let_blocks_come()
    await world.reach(item, "final")

    assert "was used without leaving a record" in world.service.log
    assert await _kept(world, item) == []
    anchors, transactions = await PromiseCheck(
        service=world.service, chain=world.anvil
    ).anchors_and_transactions()
    assert (anchors, transactions) == (2, 3)


async def test_stale_endpoint_changes_nothing(world: World) -> None:
    """Fault 31: the head goes back, a seen record is missing; what is final stays, what is mined comes back."""
    old = await world.anvil.control("eth_getBlockByNumber", "latest", False)  # noqa: FBT003 - hashes do

    async def replay(exchange: Exchange) -> web.StreamResponse:
        if exchange.document["params"][0] in ("latest", "finalized"):
            return reply(exchange, result=old)
        return web.json_response(await exchange.forward())

    item = await world.submit()
    await world.reach(item, "final")
    world.proxy.fail("eth_getBlockByNumber", replay)
    later = await world.submit()
    calls = world.proxy.count("eth_getBlockByNumber")

    async def has_looked() -> bool:
        return world.proxy.count("eth_getBlockByNumber") > calls + 20

    await world.until(has_looked)
    assert (await world.reach(item, "final"))["state"] == "final"
    world.proxy.heal()
    await world.reach(later, "final")

    assert await _kept(world, item, later) == []


@pytest.mark.parametrize("state", ["accepted", "sealed", "sent", "mined"])
async def test_sigterm_in_each_state_of_a_batch_ends_cleanly_and_resumes(world: World, state: str) -> None:
    """Fault 11: the process ends with 0 wherever its batch stands, and the next one goes on from there."""
    await world.hold_blocks()
    item = await (world.sent() if state == "mined" else world.submit())
    if state == "mined":
        await world.mine()
    await world.reach(item, state)

    assert await world.service.stop() == 0
    await world.let_blocks_come()
    await world.service.start()
    await world.reach(item, "final")

    assert await _kept(world, item) == []


async def test_endpoint_away_backlog_fills_and_drains_in_order(world: World) -> None:
    """Fault 34: accepted up to the limit, then 503 with Retry-After; when the chain is back all goes in order."""
    world.proxy.fail("*", drop_before())
    items = [await world.submit() for _ in range(20)]
    body = {"digest": secrets.token_bytes(32).hex(), "method": "raw"}
    async with (
        aiohttp.ClientSession(headers=items[0].issuer.headers) as session,
        session.post(f"{world.service.base_url}/v1/digests", json=body) as response,
    ):
        refused, headers, text = response.status, response.headers, json.loads(await response.read())
    world.proxy.heal()
    final = [await world.reach(item, "final") for item in items]

    assert (refused, int(headers["Retry-After"]) > 0) == (503, True)
    assert "20 digests wait for the chain" in text["detail"]
    places = [(receipt["anchor"]["sequence"], receipt["leafIndex"]) for receipt in final]
    assert places == sorted(places)
    assert await _kept(world, *items) == []
