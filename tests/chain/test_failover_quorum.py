"""Several endpoints that must agree: fewer liars than the quorum make nothing true."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from anchor.chain.client import Web3Chain
from anchor.chain.endpoint_health import FailoverPolicy
from anchor.chain.failover import FailoverChain
from anchor.chain.protocol import Chain, Head, Receipt
from anchor.chain.signer import LocalSigner
from anchor.chain.transactions import anchor_transaction
from anchor.errors import ChainUnavailable
from tests.chain.endpoints import Endpoints, latest
from tests.support import rpc_proxy
from tests.support.anvil import AnvilChain, mined, signed_anchor
from tests.support.clock import FakeClock
from tests.support.fake_sending_chain import CHAIN_ID, CONTRACT, SendingChain
from tests.support.lying_chain import HONEST, MANNERS, LyingChain
from tests.support.rpc_proxy import Fault

in_module = pytest.mark.asyncio(loop_scope="module")

NOT_A_HASH = "0x" + "ab" * 32
ROOT = bytes([0x11] * 32)


@dataclass(frozen=True, slots=True)
class Facts:
    """What truly stands on the chain."""

    publisher: str
    contract: str
    receipt: Receipt
    head: Head


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def facts(anvil: AnvilChain) -> Facts:
    """Anchor one root and return what the chain says of it."""
    truth = Web3Chain(rpc_url=anvil.rpc_url, contract=anvil.contract)
    signer = LocalSigner(private_key=anvil.development.private_key)
    try:
        transaction = await signed_anchor(truth, signer, contract=anvil.contract, sequence=1, root=ROOT)
        await truth.broadcast(transaction.raw)
        receipt = await mined(truth, transaction.hash)
        head = await truth.head(signer.address, receipt.block_hash)
    finally:
        await truth.close()
    assert head is not None
    return Facts(publisher=signer.address, contract=anvil.contract, receipt=receipt, head=head)


Read = Callable[[Chain, Facts], Awaitable[Any]]

STATE_READS: dict[str, tuple[str, Read]] = {
    "record": ("eth_call", lambda chain, on: chain.record(on.publisher, ROOT, on.receipt.block_hash)),
    "no record": ("eth_call", lambda chain, on: chain.record(on.publisher, bytes(32), on.receipt.block_hash)),
    "head": ("eth_call", lambda chain, on: chain.head(on.publisher, on.receipt.block_hash)),
    "successor": ("eth_call", lambda chain, on: chain.successor(on.publisher, on.receipt.block_hash)),
    "predecessor": ("eth_call", lambda chain, on: chain.predecessor(on.publisher, on.receipt.block_hash)),
    "code": ("eth_getCode", lambda chain, on: chain.code_hash(on.contract, on.receipt.block_hash)),
    "nonce": ("eth_getTransactionCount", lambda chain, on: chain.nonce(on.publisher, on.receipt.block_hash)),
}
OTHER_READS: dict[str, tuple[str, Read]] = {
    "receipt": ("eth_getTransactionReceipt", lambda chain, on: chain.receipt(on.receipt.transaction_hash)),
    "receipt's block": ("eth_getBlockByNumber", lambda chain, on: chain.receipt(on.receipt.transaction_hash)),
    "block by number": ("eth_getBlockByNumber", lambda chain, on: chain.block(on.receipt.block_number)),
    "block by hash": ("eth_getBlockByHash", lambda chain, on: chain.block(on.receipt.block_hash)),
    "events": (
        "eth_getLogs",
        lambda chain, on: chain.anchored_events(on.publisher, from_block=0, to_block=on.receipt.block_number),
    ),
}
READS = STATE_READS | OTHER_READS


def _lie(answer: Any) -> Any:
    """Return a well-formed answer of the same kind that is not true."""
    match answer:
        case str() if len(answer) > 20:
            return answer[:-64] + f"{int(answer[-64:], 16) ^ 1:064x}"
        case str():
            return hex(int(answer, 16) + 1)
        case list():
            return answer[:-1]
        case {"status": status}:
            return answer | {"status": "0x0" if status == "0x1" else "0x1"}
        case dict():
            return answer | {"timestamp": "0x1"}
        case _:
            return "0x1"


def _other_hash(header: Any) -> Any:
    return header | {"hash": NOT_A_HASH}


def _lying(method: str) -> Fault:
    return rpc_proxy.changed(_other_hash if method == "eth_getBlockByNumber" else _lie)


def _null(_: str) -> Fault:
    return rpc_proxy.result(None)


@pytest.mark.anvil
@in_module
@pytest.mark.parametrize("position", [0, 1, 2])
@pytest.mark.parametrize("fault", [_lying, _null], ids=["lie", "null"])
@pytest.mark.parametrize("name", READS)
async def test_quorum_of_two_with_one_liar_of_three_reads_the_truth(
    endpoints: Endpoints, facts: Facts, name: str, fault: Callable[[str], Fault], position: int
) -> None:
    """Fault 32: wherever the liar stands, the two others outvote it."""
    method, read = READS[name]
    liar = endpoints.proxies[position]
    async with endpoints.chain(count=3, quorum=2) as chain:
        await chain.identity()
        truth = await read(chain, facts)
        liar.fail(method, fault(method))

        assert await read(chain, facts) == truth


@pytest.mark.anvil
@in_module
@pytest.mark.parametrize("position", [0, 1])
@pytest.mark.parametrize("name", READS)
async def test_quorum_of_two_with_one_liar_of_two_is_chain_unavailable(
    endpoints: Endpoints, facts: Facts, name: str, position: int
) -> None:
    """Fault 32: two that contradict each other know nothing together."""
    method, read = READS[name]
    async with endpoints.chain(count=2, quorum=2) as chain:
        await chain.identity()
        endpoints.proxies[position].fail(method, _lying(method))

        with pytest.raises(ChainUnavailable):
            await read(chain, facts)


@pytest.mark.anvil
@in_module
@pytest.mark.parametrize("name", STATE_READS)
async def test_quorum_puts_out_who_tells_another_state_of_the_same_block(
    endpoints: Endpoints, facts: Facts, name: str
) -> None:
    """At one block there is one truth: who is outvoted there is not asked again for a while."""
    method, read = READS[name]
    liar = endpoints.proxies[0]
    async with endpoints.chain(count=3, quorum=2) as chain:
        await chain.identity()
        await latest(chain)
        liar.fail(method, _lying(method))
        await read(chain, facts)
        asked = liar.count(method)
        problems = chain.endpoint_problems()
        await read(chain, facts)

    # Some lies are found out by their form alone.
    assert problems[0].removeprefix(f"{liar.url} ") in {
        "contradicts the other endpoints",
        "does not answer as it should",
    }
    assert len(problems) == 1
    assert (asked, liar.count(method)) == (1, 1)


@pytest.mark.anvil
@in_module
@pytest.mark.parametrize("position", [0, 1, 2])
@pytest.mark.parametrize("tag", ["latest", "finalized"])
@pytest.mark.parametrize("height", [-(10**9), 1, 10**9], ids=["old", "next", "far"])
async def test_quorum_of_two_never_hands_out_a_block_that_one_endpoint_invented(
    endpoints: Endpoints, position: int, tag: str, height: int
) -> None:
    """Fault 32: with 2 of 3 no liar can name a block, newest or final, that does not exist."""

    def invented(header: Any) -> Any:
        number = max(1, int(header["number"], 16) + height)
        return header | {"number": hex(number), "hash": NOT_A_HASH}

    truth = Web3Chain(rpc_url=endpoints.anvil.rpc_url, contract=endpoints.anvil.contract)
    async with endpoints.chain(count=3, quorum=2) as chain:
        await chain.identity()
        endpoints.proxies[position].fail("eth_getBlockByNumber", rpc_proxy.changed(invented))
        found = await chain.block(tag)
        final = await truth.block("finalized")

        assert found is not None
        assert await truth.block(found.number) == found
        if tag == "finalized":
            assert final is not None
            assert found.number <= final.number
    await truth.close()


@pytest.mark.anvil
@in_module
async def test_quorum_of_two_never_calls_a_true_block_final_before_its_time(endpoints: Endpoints) -> None:
    """Fault 32: one endpoint that calls the newest block final is not believed, though the block exists."""
    newest = await endpoints.anvil.control("eth_getBlockByNumber", "latest", False)  # noqa: FBT003
    await endpoints.anvil.control("evm_setIntervalMining", 0)
    try:
        async with endpoints.chain(count=3, quorum=2) as chain:
            await chain.identity()
            truth = await endpoints.anvil.control("eth_getBlockByNumber", "finalized", False)  # noqa: FBT003
            endpoints.proxies[0].fail("eth_getBlockByNumber", rpc_proxy.result(newest))
            found = await chain.block("finalized")
    finally:
        await endpoints.anvil.control("evm_setIntervalMining", 1)

    assert int(truth["number"], 16) < int(newest["number"], 16)
    assert found is not None
    assert "0x" + found.hash.hex() == truth["hash"]


@pytest.mark.anvil
@in_module
async def test_quorum_finalized_unknown_to_all_is_none_and_to_one_is_not(endpoints: Endpoints) -> None:
    """A chain has no finalized block when as many say so as must agree."""
    async with endpoints.chain(count=3, quorum=2) as chain:
        await chain.identity()
        unknown = rpc_proxy.rpc_error(-39001, "unknown block")
        endpoints.proxies[0].fail("eth_getBlockByNumber", unknown)
        at_two = await chain.block("finalized")
        endpoints.proxies[1].fail("eth_getBlockByNumber", unknown)
        at_one = await chain.block("finalized")

    assert at_two is not None
    assert at_one is None


@pytest.mark.anvil
@in_module
@pytest.mark.parametrize("value", ["0x0", "0x1", "0xffffffffffffffffffffffff"])
async def test_quorum_amounts_are_the_median_whatever_one_endpoint_says(
    endpoints: Endpoints, facts: Facts, value: str
) -> None:
    """One endpoint can neither make a transaction dear nor empty the account."""
    async with endpoints.chain(count=3, quorum=2) as chain:
        await chain.identity()
        truths = (await chain.priority_fee_wei(), await chain.balance_wei(facts.publisher))
        for method in ("eth_maxPriorityFeePerGas", "eth_getBalance"):
            endpoints.proxies[0].fail(method, rpc_proxy.result(value))

        assert (await chain.priority_fee_wei(), await chain.balance_wei(facts.publisher)) == truths


@pytest.mark.anvil
@in_module
@pytest.mark.parametrize("position", [0, 1])
async def test_quorum_amounts_of_only_two_left_are_the_lower_one_and_never_dear(
    endpoints: Endpoints, facts: Facts, position: int
) -> None:
    """Of two usable endpoints of three one alone can delay, by an amount that is too low, and never overcharge."""
    liar = endpoints.proxies[position]
    async with endpoints.chain(count=3, quorum=2) as chain:
        await chain.identity()
        truths = (await chain.priority_fee_wei(), await chain.balance_wei(facts.publisher))
        endpoints.proxies[2].fail("*", rpc_proxy.drop_before())
        told = [truths]
        for value in ("0xffffffffffffffffffffffff", "0x0"):
            liar.heal()
            for method in ("eth_maxPriorityFeePerGas", "eth_getBalance"):
                liar.fail(method, rpc_proxy.result(value))
            told.append((await chain.priority_fee_wei(), await chain.balance_wei(facts.publisher)))
        usable = 3 - len(chain.endpoint_problems())

    assert min(truths) > 0
    assert told == [truths, truths, (1, 0)]
    assert usable == 2


@pytest.mark.anvil
@in_module
async def test_quorum_with_too_few_left_is_chain_unavailable_and_recovers(
    endpoints: Endpoints, facts: Facts
) -> None:
    """With two of three down nothing can be agreed on; one that comes back is enough."""
    _, read = READS["head"]
    async with endpoints.chain(count=3, quorum=2) as chain:
        await chain.identity()
        for proxy in endpoints.proxies[:2]:
            proxy.fail("*", rpc_proxy.drop_before())
        with pytest.raises(ChainUnavailable):
            await read(chain, facts)
        with pytest.raises(ChainUnavailable, match="1 of 3 RPC endpoints can be used and 2 must agree"):
            await read(chain, facts)
        endpoints.proxies[0].heal()
        endpoints.wait_out()

        assert await read(chain, facts) == facts.head


@pytest.mark.anvil
@in_module
async def test_quorum_at_start_needs_as_many_answers(endpoints: Endpoints) -> None:
    """A start with fewer endpoints than must agree waits for more."""
    endpoints.proxies[0].fail("*", rpc_proxy.drop_before())
    async with endpoints.chain(count=2, quorum=2) as chain:
        with pytest.raises(ChainUnavailable, match="2 must agree"):
            await chain.identity()


PUBLISHER = LocalSigner(private_key=bytes([0x33] * 32))


@given(st.data())
def test_quorum_of_two_of_three_with_any_liar_equals_the_truth(data: st.DataObject) -> None:
    """Whatever one of three endpoints says, and when, every answer is the chain's own, and comes."""
    position = data.draw(st.integers(0, 2), label="the liar's place")
    steps = data.draw(st.lists(st.sampled_from(["mine", "reorganise", "look"]), min_size=1, max_size=8))
    asyncio.run(_live_through(steps, position, lambda: data.draw(st.sampled_from(MANNERS))))


async def _live_through(steps: list[str], position: int, manner: Callable[[], str]) -> None:
    truth = SendingChain(clock=FakeClock())
    chain = FailoverChain(
        endpoints=[
            LyingChain(
                origin=f"http://{place}.example",
                truth=truth,
                manner=manner if place == position else lambda: HONEST,
            )
            for place in range(3)
        ],
        quorum=2,
        policy=FailoverPolicy(first_back_off_s=0.0, max_back_off_s=0.0),
    )
    await chain.identity()
    anchored = await _anchor(truth)
    for step in (*steps, "look"):
        if step == "mine":
            truth.mine()
        elif step == "reorganise" and truth.latest.number > 3:
            truth.reorganise(1)
            truth.mine()
        await _compare(chain, truth, anchored)
    await chain.close()


async def _anchor(truth: SendingChain) -> bytes:
    transaction = anchor_transaction(
        chain_id=CHAIN_ID,
        contract=CONTRACT,
        sequence=1,
        root=ROOT,
        leaf_count=1,
        nonce=0,
        gas_limit=120_000,
        max_fee_wei=10**12,
        priority_fee_wei=10**9,
    )
    signed = await PUBLISHER.sign(transaction)
    await truth.broadcast(signed.raw)
    truth.mine()
    return signed.hash


async def _compare(chain: FailoverChain, truth: SendingChain, anchored: bytes) -> None:
    publisher = PUBLISHER.address
    for tag in ("latest", "finalized", 1):
        found = await chain.block(tag)
        assert found == await truth.block(tag)
        assert found is not None
        at = found.hash
        assert await chain.block(at) == found
        assert await chain.head(publisher, at) == await truth.head(publisher, at)
        assert await chain.record(publisher, ROOT, at) == await truth.record(publisher, ROOT, at)
        assert await chain.nonce(publisher, at) == await truth.nonce(publisher, at)
        assert await chain.successor(publisher, at) == await truth.successor(publisher, at)
        assert await chain.code_hash(CONTRACT, at) == await truth.code_hash(CONTRACT, at)
    assert await chain.receipt(anchored) == await truth.receipt(anchored)
    events = await chain.anchored_events(publisher, from_block=0, to_block=truth.latest.number)
    assert list(events) == list(
        await truth.anchored_events(publisher, from_block=0, to_block=truth.latest.number)
    )
