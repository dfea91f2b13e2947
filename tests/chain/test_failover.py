"""Several endpoints of which one is enough: whatever one of them does costs time, and the others answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from anchor.chain import transport
from anchor.chain.endpoint_health import SETBACKS_BELIEVED, FailoverPolicy
from anchor.chain.failover import FailoverChain, connect
from anchor.chain.protocol import Chain, Receipt, SendOutcome
from anchor.chain.signer import LocalSigner
from anchor.errors import ChainUnavailable, ConfigError
from tests.chain.endpoints import LONG_ENOUGH_S, Endpoints, latest
from tests.chain.test_web3_chain_faults import TRANSPORT_FAULTS
from tests.support import rpc_proxy
from tests.support.anvil import AnvilChain, mined, signed_anchor
from tests.support.rpc_proxy import Fault, RpcProxy

pytestmark = [pytest.mark.anvil, pytest.mark.asyncio(loop_scope="module")]

HASTY = FailoverPolicy(max_lag_blocks=1000, patience_s=0.3)
HASTY_TIMEOUT_S = 1.0
ENDLESS: dict[str, Fault] = {
    "silence": rpc_proxy.hang_before(),
    "silence after": rpc_proxy.hang_after(),
    "drip": rpc_proxy.drip(),
}
_WITHOUT_TRANSACTIONS = False


async def _anchor(chain: Chain, signer: LocalSigner, contract: str) -> bytes:
    """Broadcast the publisher's next anchor and return its transaction's hash."""
    at = await latest(chain)
    head = await chain.head(signer.address, at.hash)
    sequence = 1 if head is None else head.record.sequence + 1
    root = sequence.to_bytes(32, "big")
    transaction = await signed_anchor(chain, signer, contract=contract, sequence=sequence, root=root)
    await chain.broadcast(transaction.raw)
    return transaction.hash


async def _whole_work(chain: Chain, signer: LocalSigner, anvil: AnvilChain) -> Receipt:
    """Do what a service does: compare, look, anchor, and see it mined, recorded and told as an event."""
    assert (await chain.identity()).chain_id == anvil.chain_id
    receipt = await mined(chain, await _anchor(chain, signer, anvil.contract))
    assert receipt.succeeded
    head = await chain.head(signer.address, receipt.block_hash)
    assert head is not None
    events = await chain.anchored_events(
        signer.address, from_block=receipt.block_number, to_block=receipt.block_number
    )
    assert [event.root for event in events] == [head.root]
    assert await chain.block("finalized") is not None
    return receipt


@pytest.mark.parametrize("name", TRANSPORT_FAULTS)
@pytest.mark.parametrize("count", [2, 3])
async def test_failover_with_one_endpoint_failing_does_its_work_and_takes_it_in_again(
    endpoints: Endpoints, signer: LocalSigner, name: str, count: int
) -> None:
    """Fault 33: every failure of transport at the preferred endpoint is made good by another one."""
    first = endpoints.proxies[0]
    first.fail("*", TRANSPORT_FAULTS[name])
    async with endpoints.chain(count=count) as chain:
        await _whole_work(chain, signer, endpoints.anvil)
        while_failing = chain.endpoint_problems()
        first.heal()
        endpoints.wait_out()
        await _until_healthy(chain)

        await latest(chain)
        assert while_failing == [f"{first.url} does not answer as it should"]
        assert first.count("eth_chainId") == 1
        assert first.count("eth_getBlockByNumber") >= 2


async def _until_healthy(chain: FailoverChain) -> None:
    """Read until the probes that run beside have taken every endpoint in; fail where that never happens."""
    async with asyncio.timeout(LONG_ENOUGH_S):
        while chain.endpoint_problems():
            await latest(chain)
            await asyncio.sleep(0)


@pytest.mark.parametrize("name", ENDLESS)
@pytest.mark.parametrize("count", [2, 3])
async def test_failover_with_one_endpoint_endless_does_its_work(
    endpoints: Endpoints, signer: LocalSigner, name: str, count: int
) -> None:
    """Fault 33: silence and drips end at the timeout, once; then the endpoint is passed over."""
    first = endpoints.proxies[0]
    async with endpoints.chain(count=count, request_timeout_s=HASTY_TIMEOUT_S) as chain:
        await chain.identity()
        first.fail("*", ENDLESS[name])
        await _whole_work(chain, signer, endpoints.anvil)

        assert chain.endpoint_problems() == [f"{first.url} does not answer as it should"]


@pytest.mark.parametrize("compressed", [False, True], ids=["plain", "gzip bomb"])
async def test_failover_with_one_endpoint_answering_a_gigabyte_does_its_work(
    endpoints: Endpoints,
    signer: LocalSigner,
    monkeypatch: pytest.MonkeyPatch,
    compressed: bool,  # noqa: FBT001
) -> None:
    """Fault 33: an answer without end is cut off, and the next endpoint asked."""
    monkeypatch.setattr(transport, "MAX_ANSWER_BYTES", 1024 * 1024)
    first = endpoints.proxies[0]
    async with endpoints.chain() as chain:
        await chain.identity()
        first.fail("*", rpc_proxy.huge_body(1024 * 1024 * 1024, compressed=compressed))
        await _whole_work(chain, signer, endpoints.anvil)

        assert chain.endpoint_problems() == [f"{first.url} does not answer as it should"]


@pytest.mark.parametrize(
    "fault",
    [
        rpc_proxy.result(None),
        rpc_proxy.result(True),  # noqa: FBT003
        rpc_proxy.result([]),
        rpc_proxy.result({"number": "0x1"}),
        rpc_proxy.rpc_error(-32603, "internal error"),
        rpc_proxy.wrong_id(),
    ],
    ids=["null", "true", "list", "half a block", "error", "wrong id"],
)
async def test_failover_with_one_endpoint_answering_nonsense_does_its_work(
    endpoints: Endpoints, signer: LocalSigner, fault: Fault
) -> None:
    """Fault 32: answers of another type or to another question count as none."""
    first = endpoints.proxies[0]
    async with endpoints.chain() as chain:
        await chain.identity()
        first.fail("*", fault)

        await _whole_work(chain, signer, endpoints.anvil)


async def test_failover_prefers_the_first_endpoint_and_leaves_the_others_alone(
    endpoints: Endpoints,
) -> None:
    """Only the newest block is asked of all; one endpoint is enough for the state at it."""
    async with endpoints.chain(count=3) as chain:
        await chain.identity()
        at = await latest(chain)
        for _ in range(5):
            await chain.head(endpoints.anvil.contract, at.hash)

    assert [proxy.count("eth_call") for proxy in endpoints.proxies] == [5, 0, 0]


async def test_failover_endpoint_out_is_not_asked_until_its_back_off_is_over(endpoints: Endpoints) -> None:
    """Fault 33: the circuit stays open, one probe tries it, and it opens for longer where that fails."""
    first = endpoints.proxies[0]
    async with endpoints.chain() as chain:
        await chain.identity()
        first.fail("*", rpc_proxy.http_answer(status=500))
        await latest(chain)
        failed = len(first.calls)
        for _ in range(10):
            await latest(chain)
        while_open = len(first.calls)
        endpoints.wait_out()
        for _ in range(10):
            await latest(chain)
        await _until(lambda: len(first.calls) > while_open)
        for _ in range(10):
            await latest(chain)

    assert while_open == failed
    assert len(first.calls) == failed + 1


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(LONG_ENOUGH_S):
        while not condition():  # noqa: ASYNC110 - probes run beside and tell no events
            await asyncio.sleep(0.005)


async def test_failover_all_endpoints_down_is_chain_unavailable_then_back(
    endpoints: Endpoints, signer: LocalSigner
) -> None:
    """Fault 34: with nobody left every read says so, naming all; when they come back, so does the chain."""
    async with endpoints.chain(count=3) as chain:
        await chain.identity()
        for proxy in endpoints.proxies:
            proxy.fail("*", rpc_proxy.drop_before())
        with pytest.raises(ChainUnavailable):
            await latest(chain)
        with pytest.raises(ChainUnavailable) as caught:
            await latest(chain)
        lost = await chain.broadcast(b"\x02\x01")
        for proxy in endpoints.proxies:
            proxy.heal()
        endpoints.wait_out()
        await _whole_work(chain, signer, endpoints.anvil)

    assert all(proxy.url in str(caught.value) for proxy in endpoints.proxies)
    assert lost.outcome is SendOutcome.UNKNOWN


async def test_failover_nobody_answering_at_start_is_chain_unavailable(endpoints: Endpoints) -> None:
    """A start with every endpoint down names them all."""
    async with endpoints.chain() as chain:
        for proxy in endpoints.proxies:
            proxy.fail("*", rpc_proxy.http_answer(status=503))
        with pytest.raises(ChainUnavailable, match="0 of 2 RPC endpoints can be used"):
            await chain.identity()
        with pytest.raises(ChainUnavailable, match="0 of 2 RPC endpoints can be used"):
            await latest(chain)


async def test_failover_endpoint_of_another_chain_at_start_is_config_error_naming_it(
    endpoints: Endpoints,
) -> None:
    """Faults 26 and 27: another chain id, or another block 0, among the endpoints refuses the start."""
    second = endpoints.proxies[1]
    lies = {"eth_chainId": rpc_proxy.result("0x1"), "eth_getBlockByNumber": _other_genesis()}
    for method, fault in lies.items():
        async with endpoints.chain(count=3) as chain:
            second.heal()
            second.fail(method, fault)
            with pytest.raises(ConfigError, match="different chains") as caught:
                await chain.identity()
        assert second.url in str(caught.value)


def _other_genesis() -> Fault:
    return rpc_proxy.changed(
        lambda header: header | {"hash": "0x" + "ab" * 32} if header["number"] == "0x0" else header
    )


@pytest.mark.parametrize("method", ["eth_chainId", "eth_getBlockByNumber"])
async def test_failover_endpoint_that_comes_back_as_another_chain_is_passed_over(
    endpoints: Endpoints, method: str
) -> None:
    """Faults 26 and 27: an endpoint is compared again whenever it comes back, before it is asked anything else."""
    first = endpoints.proxies[0]
    async with endpoints.chain() as chain:
        await chain.identity()
        first.fail("*", rpc_proxy.drop_before())
        await latest(chain)
        first.heal()
        first.fail(method, rpc_proxy.result("0x1") if method == "eth_chainId" else _other_genesis())
        endpoints.wait_out()
        await latest(chain)
        await _until(lambda: chain.endpoint_problems() == [f"{first.url} speaks for another chain"])
        at = await latest(chain)
        await chain.nonce(endpoints.anvil.contract, at.hash)

        assert first.count("eth_getTransactionCount") == 0


async def test_failover_endpoint_lagging_is_passed_over_until_it_has_caught_up(endpoints: Endpoints) -> None:
    """Fault 31: the preferred endpoint, stuck on an old block, is not read from."""
    first = endpoints.proxies[0]
    old = await endpoints.anvil.control("eth_getBlockByNumber", "0x0", _WITHOUT_TRANSACTIONS)
    await endpoints.anvil.control("anvil_mine", "0x20")
    async with endpoints.chain(policy=FailoverPolicy(max_lag_blocks=20, patience_s=5.0)) as chain:
        await chain.identity()
        first.fail("eth_getBlockByNumber", rpc_proxy.result(old))
        at = await latest(chain)
        problems = chain.endpoint_problems()
        await chain.nonce(endpoints.anvil.contract, at.hash)
        asked_while_behind = first.count("eth_getTransactionCount")
        first.heal()
        await endpoints.anvil.control("anvil_mine", "0x1")
        at = await latest(chain)
        await chain.nonce(endpoints.anvil.contract, at.hash)

    assert at.number >= 0x20
    assert problems == [f"{first.url} is behind the other endpoints"]
    assert asked_while_behind == 0
    assert first.count("eth_getTransactionCount") == 1


async def test_failover_head_going_backwards_is_passed_over(endpoints: Endpoints) -> None:
    """Fault 31: a replayed old answer of the preferred endpoint is not handed out."""
    first = endpoints.proxies[0]
    async with endpoints.chain() as chain:
        await chain.identity()
        replayed = await endpoints.anvil.control("eth_getBlockByNumber", "latest", _WITHOUT_TRANSACTIONS)
        await endpoints.anvil.control("anvil_mine", "0x2")
        fresh = await latest(chain)
        first.fail("eth_getBlockByNumber", rpc_proxy.result(replayed))
        for _ in range(SETBACKS_BELIEVED - 1):
            assert (await latest(chain)).number >= fresh.number
            assert chain.endpoint_problems() == [f"{first.url} went behind a block that it had shown"]


async def test_failover_of_chain_that_really_went_backwards_believes_it_in_the_end(
    endpoints: Endpoints,
) -> None:
    """Where every endpoint tells the older block again and again, it is a reorganisation."""
    async with endpoints.chain() as chain:
        await chain.identity()
        replayed = await endpoints.anvil.control("eth_getBlockByNumber", "latest", _WITHOUT_TRANSACTIONS)
        await endpoints.anvil.control("anvil_mine", "0x2")
        await latest(chain)
        for proxy in endpoints.proxies:
            proxy.fail("eth_getBlockByNumber", rpc_proxy.result(replayed))
        for _ in range(SETBACKS_BELIEVED - 1):
            with pytest.raises(ChainUnavailable, match="went behind a block"):
                await latest(chain)

        assert (await latest(chain)).number == int(replayed["number"], 16)


async def test_failover_look_stays_with_endpoints_that_know_its_block(endpoints: Endpoints) -> None:
    """A state read names one block: an endpoint that does not know it is passed by, and never answers from another."""
    first, second, third = endpoints.proxies
    async with endpoints.chain(count=3) as chain:
        await chain.identity()
        at = await latest(chain)
        first.fail("eth_getTransactionCount", rpc_proxy.drop_before())
        second.fail("eth_getTransactionCount", rpc_proxy.rpc_error(-32000, "header not found"))
        for _ in range(3):
            await chain.nonce(endpoints.anvil.contract, at.hash)
        problems = chain.endpoint_problems()

        # From then on the look is read from the one that has answered for its block.
        assert [proxy.count("eth_getTransactionCount") for proxy in (first, second, third)] == [1, 1, 3]
        assert problems == [f"{first.url} does not answer as it should"]


async def test_failover_look_at_block_that_no_endpoint_knows_is_chain_unavailable(
    endpoints: Endpoints,
) -> None:
    """The state of a block that was reorganised away is no state, and the refusal costs no endpoint its place."""
    async with endpoints.chain(count=3) as chain:
        await chain.identity()
        await latest(chain)
        with pytest.raises(ChainUnavailable, match="refused eth_getTransactionCount"):
            await chain.nonce(endpoints.anvil.contract, bytes([0xEE] * 32))

        assert chain.endpoint_problems() == []


async def test_failover_block_and_receipt_unknown_to_one_endpoint_are_found_at_another(
    endpoints: Endpoints, signer: LocalSigner
) -> None:
    """Fault 31: null means that this endpoint does not know; only when all say so is it the answer."""
    first = endpoints.proxies[0]
    async with endpoints.chain() as chain:
        receipt = await mined(chain, await _anchor(chain, signer, endpoints.anvil.contract))
        for method in ("eth_getTransactionReceipt", "eth_getBlockByHash"):
            first.fail(method, rpc_proxy.result(None))
        by_hash = await chain.block(receipt.block_hash)

        assert await chain.receipt(receipt.transaction_hash) == receipt
        assert by_hash is not None
        assert by_hash.number == receipt.block_number
        assert await chain.receipt(bytes([7] * 32)) is None
        assert await chain.block(bytes([7] * 32)) is None
        assert await chain.block(2**40) is None


SENDING_FAULTS: dict[str, Fault] = {
    "lost before": rpc_proxy.drop_before(),
    "lost after": rpc_proxy.drop_after(),
    "500": rpc_proxy.http_answer(status=500),
    "refused": rpc_proxy.rpc_error(-32000, "insufficient funds for gas * price + value"),
    "read-only": rpc_proxy.rpc_error(-32601, "the method eth_sendRawTransaction is not available"),
    "fatal words": rpc_proxy.rpc_error(-32000, "invalid chain id for signer"),
    "another hash": rpc_proxy.result("0x" + "00" * 32),
}


@pytest.mark.parametrize("name", SENDING_FAULTS)
@pytest.mark.parametrize("position", [0, 1])
async def test_broadcast_lost_at_one_endpoint_is_mined_through_the_other(
    endpoints: Endpoints, signer: LocalSigner, name: str, position: int
) -> None:
    """Fault 15: every healthy endpoint is given the transaction, and the best answer is the answer."""
    endpoints.proxies[position].fail("eth_sendRawTransaction", SENDING_FAULTS[name])
    async with endpoints.chain() as chain:
        at = await latest(chain)
        head = await chain.head(signer.address, at.hash)
        sequence = 1 if head is None else head.record.sequence + 1
        transaction = await signed_anchor(
            chain,
            signer,
            contract=endpoints.anvil.contract,
            sequence=sequence,
            root=sequence.to_bytes(32, "big"),
        )
        sent = await chain.broadcast(transaction.raw)
        receipt = await mined(chain, transaction.hash)

    assert sent.outcome is SendOutcome.ACCEPTED
    assert receipt.succeeded
    assert [proxy.count("eth_sendRawTransaction") for proxy in endpoints.proxies] == [1, 1, 0]


async def test_broadcast_confirmed_by_an_endpoint_that_swallows_it_is_mined_through_another(
    endpoints: Endpoints, signer: LocalSigner
) -> None:
    """Fault 16: an endpoint that says yes and does nothing keeps nothing from being mined."""
    first = endpoints.proxies[0]
    async with endpoints.chain() as chain:
        transaction = await signed_anchor(
            chain,
            signer,
            contract=endpoints.anvil.contract,
            sequence=await _next_sequence(chain, signer),
            root=(await _next_sequence(chain, signer)).to_bytes(32, "big"),
        )
        first.fail("eth_sendRawTransaction", rpc_proxy.result("0x" + transaction.hash.hex()))
        sent = await chain.broadcast(transaction.raw)

        assert sent.outcome is SendOutcome.ACCEPTED
        assert (await mined(chain, transaction.hash)).succeeded


async def _next_sequence(chain: Chain, signer: LocalSigner) -> int:
    head = await chain.head(signer.address, (await latest(chain)).hash)
    return 1 if head is None else head.record.sequence + 1


async def test_broadcast_dropped_from_the_pool_is_mined_when_sent_again(
    endpoints: Endpoints, signer: LocalSigner
) -> None:
    """Fault 17: the same bytes again, through whichever endpoints are there, are mined once."""
    anvil = endpoints.anvil
    async with endpoints.chain() as chain:
        sequence = await _next_sequence(chain, signer)
        transaction = await signed_anchor(
            chain, signer, contract=anvil.contract, sequence=sequence, root=sequence.to_bytes(32, "big")
        )
        await anvil.control("evm_setIntervalMining", 0)
        try:
            await chain.broadcast(transaction.raw)
            await anvil.control("anvil_dropTransaction", "0x" + transaction.hash.hex())
            await anvil.control("evm_mine")
            dropped = await chain.receipt(transaction.hash)
            endpoints.proxies[0].fail("*", rpc_proxy.drop_before())
            again = await chain.broadcast(transaction.raw)
            await anvil.control("evm_mine")
            receipt = await chain.receipt(transaction.hash)
        finally:
            await anvil.control("evm_setIntervalMining", 1)

    assert dropped is None
    assert again.outcome is SendOutcome.ACCEPTED
    assert receipt is not None


@pytest.mark.parametrize(
    ("first", "second", "best"),
    [
        ("insufficient funds", None, SendOutcome.NO_FUNDS),
        ("invalid chain id", None, SendOutcome.UNKNOWN),
        ("intrinsic gas too low", "invalid chain id", SendOutcome.BAD_GAS),
        ("replacement transaction underpriced", "nonce too low", SendOutcome.REPLACEMENT_TOO_CHEAP),
        (None, None, SendOutcome.UNKNOWN),
    ],
)
async def test_broadcast_refused_everywhere_gives_the_most_hopeful_refusal(
    endpoints: Endpoints, first: str | None, second: str | None, best: SendOutcome
) -> None:
    """What would be fatal counts only when every endpoint says something like it."""
    for proxy, words in zip(endpoints.proxies, (first, second), strict=False):
        fault = rpc_proxy.drop_before() if words is None else rpc_proxy.rpc_error(-32000, words)
        proxy.fail("eth_sendRawTransaction", fault)
    async with endpoints.chain() as chain:
        await chain.identity()

        assert (await chain.broadcast(b"\x02\x01")).outcome is best


async def test_broadcast_with_one_endpoint_silent_does_not_wait_for_it(
    endpoints: Endpoints, signer: LocalSigner
) -> None:
    """Accepted by one is enough; the silent one is not waited for beyond the patience."""
    endpoints.proxies[0].fail("eth_sendRawTransaction", rpc_proxy.hang_before())
    async with endpoints.chain(request_timeout_s=3600, policy=HASTY) as chain:
        await chain.identity()
        async with asyncio.timeout(LONG_ENOUGH_S):
            transaction_hash = await _anchor(chain, signer, endpoints.anvil.contract)

            assert (await mined(chain, transaction_hash)).succeeded


async def test_failover_with_a_quorum_of_one_repeats_what_its_preferred_endpoint_says(
    endpoints: Endpoints,
) -> None:
    """What a quorum of 1 cannot do: a well-formed lie of one endpoint, here an invented final block, is believed."""
    invented = {"number": "0x7fffffff", "hash": "0x" + "ab" * 32, "timestamp": "0x1"}
    async with endpoints.chain(count=3) as chain:
        # All are taken in, and the first is preferred: not whoever was quickest to answer a probe.
        await chain.identity()
        endpoints.proxies[0].fail("eth_getBlockByNumber", rpc_proxy.result(invented))
        final = await chain.block("finalized")

    assert final is not None
    assert final.hash == bytes([0xAB] * 32)


async def test_failover_made_by_connect_survives_the_loss_of_its_first_endpoint(
    endpoints: Endpoints, signer: LocalSigner
) -> None:
    """The same, as the application assembles it."""
    urls = [proxy.url for proxy in endpoints.proxies]
    chain = connect(rpc_urls=urls, contract=endpoints.anvil.contract, quorum=2, policy=HASTY)
    try:
        await chain.identity()
        endpoints.proxies[0].fail("*", rpc_proxy.drop_before())
        await _whole_work_without_identity(chain, signer, endpoints.proxies[0], endpoints.anvil)
    finally:
        await chain.close()


async def _whole_work_without_identity(
    chain: Chain, signer: LocalSigner, failing: RpcProxy, anvil: AnvilChain
) -> None:
    receipt = await mined(chain, await _anchor(chain, signer, anvil.contract))
    assert receipt.succeeded
    assert chain.endpoint_problems() == [f"{failing.url} does not answer as it should"]


async def test_failover_slower_than_patience_is_passed_over(endpoints: Endpoints) -> None:
    """Fault 33: who is silent while the others have answered is not waited for, and is not asked again for a while."""
    first = endpoints.proxies[0]
    async with endpoints.chain(request_timeout_s=3600, policy=HASTY) as chain:
        await chain.identity()
        first.fail("eth_getBlockByNumber", rpc_proxy.hang_before())
        async with asyncio.timeout(LONG_ENOUGH_S):
            await latest(chain)
        asked = len(first.calls)
        await latest(chain)

        assert chain.endpoint_problems() == [f"{first.url} does not answer as it should"]
        assert len(first.calls) == asked


async def test_failover_closed_while_a_probe_hangs_leaves_nothing_running(endpoints: Endpoints) -> None:
    """Probes run beside the reads, and end with the chain."""
    first = endpoints.proxies[0]
    async with endpoints.chain(request_timeout_s=3600) as chain:
        await chain.identity()
        first.fail("*", rpc_proxy.drop_before())
        await latest(chain)
        first.fail("*", rpc_proxy.hang_before())
        endpoints.wait_out()
        await latest(chain)
        probing = _probes()

    assert len(probing) == 1
    assert _probes() == []


def _probes() -> list[str]:
    return [task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith("probe")]


async def test_failover_events_are_read_where_the_range_ends_within_the_chain(
    endpoints: Endpoints, signer: LocalSigner
) -> None:
    """Fault 31: an endpoint a few blocks behind would leave out the newest events without saying so."""
    first = endpoints.proxies[0]
    stale = await endpoints.anvil.control("eth_getBlockByNumber", "latest", _WITHOUT_TRANSACTIONS)
    async with endpoints.chain() as chain:
        await chain.identity()
        first.fail(
            "eth_getBlockByNumber", rpc_proxy.changed(lambda header: header if header is None else stale)
        )
        receipt = await _mined_by_another(endpoints, signer)
        await latest(chain)
        events = await chain.anchored_events(
            signer.address, from_block=receipt.block_number, to_block=receipt.block_number
        )

        assert chain.endpoint_problems() == []
        assert [event.transaction_hash for event in events] == [receipt.transaction_hash]


async def _mined_by_another(endpoints: Endpoints, signer: LocalSigner) -> Receipt:
    other = connect(rpc_urls=[endpoints.anvil.rpc_url], contract=endpoints.anvil.contract)
    try:
        return await mined(other, await _anchor(other, signer, endpoints.anvil.contract))
    finally:
        await other.close()


@pytest.mark.parametrize("position", [1, 2])
async def test_failover_one_of_three_far_ahead_does_not_leave_the_others_behind(
    endpoints: Endpoints, position: int
) -> None:
    """Fault 32: a block that two of three have not heard of makes neither of them stale, even with a quorum of 1."""
    invented = {"number": "0x7fffffff", "hash": "0x" + "ab" * 32, "timestamp": "0x1"}
    async with endpoints.chain(count=3) as chain:
        await chain.identity()
        endpoints.proxies[position].fail("eth_getBlockByNumber", rpc_proxy.result(invented))
        for _ in range(3):
            assert (await latest(chain)).number < 0x7FFFFFFF
        assert chain.endpoint_problems() == []
