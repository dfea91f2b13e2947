"""The client against an endpoint that fails, lies or is slow (faults 15, 16, 31 to 33)."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from anchor.chain import transport
from anchor.chain.client import Web3Chain
from anchor.chain.failures import AnswerTooLarge
from anchor.chain.protocol import SendOutcome
from anchor.chain.rpc import RetryPolicy
from anchor.chain.signer import LocalSigner
from anchor.errors import ChainUnavailable
from tests.chain.conftest import NO_WAIT
from tests.support import rpc_proxy
from tests.support.anvil import AnvilChain, mined, signed_anchor
from tests.support.rpc_proxy import Fault, RpcProxy

pytestmark = [pytest.mark.anvil, pytest.mark.asyncio(loop_scope="module")]

ACCOUNT = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
HASH = "0x" + "ee" * 32
SHORT_TIMEOUT_S = 0.3
_WITHOUT_TRANSACTIONS = False

TRANSPORT_FAULTS: dict[str, Fault] = {
    "connection closed": rpc_proxy.drop_before(),
    "answer lost": rpc_proxy.drop_after(),
    "answer cut off": rpc_proxy.cut_off(),
    "429": rpc_proxy.http_answer(status=429),
    "429 with error object": rpc_proxy.rpc_error(-32000, "come back later", status=429),
    "500": rpc_proxy.http_answer(status=500, body=b"internal error"),
    "502 html": rpc_proxy.http_answer(status=502, body=b"<html>bad gateway</html>"),
    "401": rpc_proxy.http_answer(status=401, body=b"unauthorized"),
    "404": rpc_proxy.http_answer(status=404),
    "redirect": rpc_proxy.http_answer(status=307, headers={"Location": "/elsewhere"}),
    "html with 200": rpc_proxy.html_page(),
    "empty": rpc_proxy.http_answer(),
    "truncated": rpc_proxy.truncated(),
    "not utf-8": rpc_proxy.http_answer(body=b'{"jsonrpc": "2.0", "id": "\xff"}'),
    "deeply nested": rpc_proxy.http_answer(body=b"[" * 200_000),
    "list": rpc_proxy.http_answer(body=b"[]"),
    "number": rpc_proxy.http_answer(body=b"1"),
    "lying gzip": rpc_proxy.http_answer(body=b"plain", headers={"Content-Encoding": "gzip"}),
    "wrong id": rpc_proxy.wrong_id(),
    "no id": rpc_proxy.http_answer(body=b'{"jsonrpc": "2.0", "result": "0x1"}'),
    "null id": rpc_proxy.http_answer(
        body=b'{"jsonrpc": "2.0", "id": null, "error": {"code": 1, "message": ""}}'
    ),
    "true as id": rpc_proxy.http_answer(body=b'{"jsonrpc": "2.0", "id": true, "result": "0x1"}'),
    "other version": rpc_proxy.http_answer(body=b'{"jsonrpc": "1.0", "id": 0, "result": "0x1"}'),
    "rate limit in 200": rpc_proxy.rpc_error(429, "slow down"),
    "rate limit in words": rpc_proxy.rpc_error(-32005, "Too Many Requests"),
}


@pytest.mark.parametrize("name", TRANSPORT_FAULTS)
async def test_read_over_failing_transport_is_retried_and_succeeds(
    chain: Web3Chain, proxy: RpcProxy, name: str
) -> None:
    """Fault 33: A fault that passes is not seen by the caller: the read is repeated."""
    proxy.fail("eth_chainId", TRANSPORT_FAULTS[name], times=2)

    assert (await chain.identity()).chain_id == 31_337
    assert proxy.count("eth_chainId") == 3


@pytest.mark.parametrize("name", TRANSPORT_FAULTS)
async def test_read_over_failing_transport_ends_in_chain_unavailable(
    chain: Web3Chain, proxy: RpcProxy, name: str
) -> None:
    """Fault 33: A fault that stays ends in ChainUnavailable, after a bounded number of attempts."""
    proxy.fail("eth_chainId", TRANSPORT_FAULTS[name])

    with pytest.raises(ChainUnavailable, match="eth_chainId"):
        await chain.identity()
    assert proxy.count("eth_chainId") == NO_WAIT.attempts


@pytest.mark.parametrize("name", TRANSPORT_FAULTS)
async def test_broadcast_over_failing_transport_is_unknown_and_never_repeated(
    chain: Web3Chain, proxy: RpcProxy, name: str
) -> None:
    """Fault 15: whatever fails, one broadcast is one request, and nothing is concluded from it."""
    proxy.fail("eth_sendRawTransaction", TRANSPORT_FAULTS[name])
    sent = await chain.broadcast(b"\x02\x01")

    assert sent.outcome is SendOutcome.UNKNOWN
    assert proxy.count("eth_sendRawTransaction") == 1


@pytest.mark.parametrize("fault", [rpc_proxy.drop_after(), rpc_proxy.wrong_id(), rpc_proxy.truncated()])
async def test_broadcast_accepted_and_answer_lost_is_mined_once(
    anvil: AnvilChain, chain: Web3Chain, signer: LocalSigner, proxy: RpcProxy, fault: Fault
) -> None:
    """Fault 15: the outcome is unknown, the transaction is mined, and the same bytes again change nothing."""
    at = await chain.block("latest")
    assert at is not None
    head = await chain.head(signer.address, at.hash)
    sequence = 1 if head is None else head.record.sequence + 1
    transaction = await signed_anchor(
        chain, signer, contract=anvil.contract, sequence=sequence, root=bytes([sequence] * 32)
    )
    proxy.fail("eth_sendRawTransaction", fault, times=1)
    lost = await chain.broadcast(transaction.raw)
    receipt = await mined(chain, transaction.hash)
    again = await chain.broadcast(transaction.raw)

    assert lost.outcome is SendOutcome.UNKNOWN
    assert receipt.succeeded
    assert again.outcome is SendOutcome.NONCE_USED


@pytest.mark.parametrize("value", [None, HASH, "", 1, {}])
async def test_broadcast_answered_with_another_hash_is_unknown(
    chain: Web3Chain, proxy: RpcProxy, value: Any
) -> None:
    """Fault 32: only the hash of the bytes sent means accepted."""
    proxy.fail("eth_sendRawTransaction", rpc_proxy.result(value))

    assert (await chain.broadcast(b"\x02\x01")).outcome is SendOutcome.UNKNOWN


async def test_broadcast_refused_under_status_400_is_classified(chain: Web3Chain, proxy: RpcProxy) -> None:
    """Some providers send the node's refusal under an HTTP status of their own."""
    refusal = rpc_proxy.rpc_error(-32000, "replacement transaction underpriced", status=400)
    proxy.fail("eth_sendRawTransaction", refusal)

    assert (await chain.broadcast(b"\x02\x01")).outcome is SendOutcome.REPLACEMENT_TOO_CHEAP


@pytest.mark.parametrize(
    "fault",
    [rpc_proxy.hang_before(), rpc_proxy.hang_after(), rpc_proxy.drip()],
    ids=["silence", "lost", "drip"],
)
async def test_endpoint_without_end_is_cut_off_by_the_timeout(
    anvil: AnvilChain, proxy: RpcProxy, fault: Fault
) -> None:
    """Fault 33: silence and a drip of single bytes both end at the total timeout."""
    hasty = Web3Chain(
        rpc_url=proxy.url,
        contract=anvil.contract,
        request_timeout_s=SHORT_TIMEOUT_S,
        retry=RetryPolicy(attempts=1),
    )
    proxy.fail("*", fault)

    with pytest.raises(ChainUnavailable, match="no complete answer within"):
        await asyncio.wait_for(hasty.identity(), 60)
    sent = await asyncio.wait_for(hasty.broadcast(b"\x02"), 60)
    assert sent.outcome is SendOutcome.UNKNOWN
    await hasty.close()


@pytest.mark.parametrize("compressed", [False, True], ids=["plain", "gzip bomb"])
async def test_answer_of_a_gigabyte_is_refused_in_bounded_memory(
    chain: Web3Chain,
    proxy: RpcProxy,
    monkeypatch: pytest.MonkeyPatch,
    compressed: bool,  # noqa: FBT001
) -> None:
    """Fault 33: reading stops at the limit, compressed or not."""
    monkeypatch.setattr(transport, "MAX_ANSWER_BYTES", 1024 * 1024)
    proxy.fail("eth_chainId", rpc_proxy.huge_body(1024 * 1024 * 1024, compressed=compressed))
    tracemalloc.start()
    try:
        with pytest.raises(AnswerTooLarge, match="more than 1048576 bytes"):
            await chain.identity()
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak_bytes < 32 * 1024 * 1024


async def test_endpoint_that_is_not_there_is_chain_unavailable(anvil: AnvilChain) -> None:
    """A refused connection is named as such."""
    nowhere = Web3Chain(rpc_url="http://127.0.0.1:1/key", contract=anvil.contract, retry=NO_WAIT)

    with pytest.raises(ChainUnavailable, match=r"http://127\.0\.0\.1:1 failed at eth_chainId"):
        await nowhere.identity()
    await nowhere.close()


async def test_refusal_is_not_repeated(chain: Web3Chain, proxy: RpcProxy) -> None:
    """What the node refuses it will refuse again: only failures and rate limits are repeated."""
    proxy.fail("eth_chainId", rpc_proxy.rpc_error(-32000, "no"))

    with pytest.raises(ChainUnavailable, match=r"refused eth_chainId: no \(-32000\)"):
        await chain.identity()
    assert proxy.count("eth_chainId") == 1


Read = Callable[[Web3Chain], Awaitable[object]]

READS: dict[str, tuple[str, Read]] = {
    "identity": ("eth_chainId", lambda chain: chain.identity()),
    "genesis": ("eth_getBlockByNumber", lambda chain: chain.identity()),
    "block": ("eth_getBlockByNumber", lambda chain: chain.block("latest")),
    "block by hash": ("eth_getBlockByHash", lambda chain: chain.block(bytes(32))),
    "code hash": ("eth_getCode", lambda chain: chain.code_hash(ACCOUNT, bytes(32))),
    "record": ("eth_call", lambda chain: chain.record(ACCOUNT, bytes(32), bytes(32))),
    "head": ("eth_call", lambda chain: chain.head(ACCOUNT, bytes(32))),
    "successor": ("eth_call", lambda chain: chain.successor(ACCOUNT, bytes(32))),
    "events": ("eth_getLogs", lambda chain: chain.anchored_events(ACCOUNT, from_block=0, to_block=9)),
    "balance": ("eth_getBalance", lambda chain: chain.balance_wei(ACCOUNT)),
    "nonce": ("eth_getTransactionCount", lambda chain: chain.nonce(ACCOUNT, "latest")),
    "receipt": ("eth_getTransactionReceipt", lambda chain: chain.receipt(bytes(32))),
    "priority fee": ("eth_maxPriorityFeePerGas", lambda chain: chain.priority_fee_wei()),
}


@pytest.mark.parametrize("value", [1, True, "", "zz", "0x" + "f" * 67, [7], {"hash": HASH}, 1.5])
@pytest.mark.parametrize("name", READS)
async def test_read_answered_with_nonsense_is_chain_unavailable(
    chain: Web3Chain, proxy: RpcProxy, name: str, value: Any
) -> None:
    """Fault 32: no method returns, or raises anything else for, a value of another type or range."""
    method, read = READS[name]
    proxy.fail(method, rpc_proxy.result(value))

    with pytest.raises(ChainUnavailable):
        await read(chain)


@pytest.mark.parametrize("name", sorted(set(READS) - {"block", "block by hash", "receipt"}))
async def test_read_answered_with_null_is_chain_unavailable(
    chain: Web3Chain, proxy: RpcProxy, name: str
) -> None:
    """Fault 32: null means "unknown" for blocks and receipts alone."""
    method, read = READS[name]
    proxy.fail(method, rpc_proxy.result(None))

    with pytest.raises(ChainUnavailable):
        await read(chain)


async def test_block_other_than_asked_for_is_chain_unavailable(chain: Web3Chain, proxy: RpcProxy) -> None:
    """Fault 32: a header for another height or hash is a lie, not data."""
    proxy.fail("eth_getBlockByNumber", rpc_proxy.changed(lambda header: header | {"number": "0x7fff"}))
    with pytest.raises(ChainUnavailable, match="another block"):
        await chain.block(1)
    with pytest.raises(ChainUnavailable, match="another block"):
        await chain.identity()
    proxy.heal()
    first = await chain.block(1)
    assert first is not None
    proxy.fail("eth_getBlockByHash", rpc_proxy.changed(lambda header: header | {"hash": HASH}))
    with pytest.raises(ChainUnavailable, match="another block"):
        await chain.block(first.hash)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (-32602, "invalid block tag"),
        (-39001, "Unknown block"),
        (-32000, "finalized block not found"),
        (-32000, "'finalized' tag not supported on pre-merge network"),
    ],
)
async def test_block_finalized_unsupported_is_none(
    chain: Web3Chain, proxy: RpcProxy, code: int, message: str
) -> None:
    """A chain without the tag has no finalized block; of any other tag the refusal stays an error."""
    proxy.fail("eth_getBlockByNumber", rpc_proxy.rpc_error(code, message))

    assert await chain.block("finalized") is None
    with pytest.raises(ChainUnavailable):
        await chain.block("latest")


async def test_block_finalized_failing_is_chain_unavailable(chain: Web3Chain, proxy: RpcProxy) -> None:
    """An internal error is not taken for "no such tag"."""
    proxy.fail("eth_getBlockByNumber", rpc_proxy.rpc_error(-32603, "internal error"))

    with pytest.raises(ChainUnavailable):
        await chain.block("finalized")


async def test_receipt_of_block_that_is_not_canonical_is_none(
    anvil: AnvilChain, chain: Web3Chain, proxy: RpcProxy
) -> None:
    """Faults 31 and 32: nodes go on showing receipts of blocks that they have dropped."""
    deployment = await anvil.control("eth_getBlockByNumber", hex(anvil.deployed_at), _WITHOUT_TRANSACTIONS)
    transaction_hash = bytes.fromhex(deployment["transactions"][0][2:])
    truthful = await chain.receipt(transaction_hash)
    proxy.fail("eth_getTransactionReceipt", rpc_proxy.changed(lambda found: found | {"blockHash": HASH}))
    orphaned = await chain.receipt(transaction_hash)
    proxy.fail(
        "eth_getTransactionReceipt", rpc_proxy.changed(lambda found: found | {"blockNumber": "0x7fffffff"})
    )
    beyond = await chain.receipt(transaction_hash)

    assert truthful is not None
    assert orphaned is None
    assert beyond is None


async def test_receipt_of_another_transaction_is_chain_unavailable(
    anvil: AnvilChain, chain: Web3Chain, proxy: RpcProxy
) -> None:
    """Fault 32: a success that belongs to somebody else is never ours."""
    deployment = await anvil.control("eth_getBlockByNumber", hex(anvil.deployed_at), _WITHOUT_TRANSACTIONS)
    foreign = await anvil.control("eth_getTransactionReceipt", deployment["transactions"][0])
    proxy.fail("eth_getTransactionReceipt", rpc_proxy.result(foreign))

    with pytest.raises(ChainUnavailable, match="another transaction"):
        await chain.receipt(bytes([1] * 32))


async def test_state_reads_name_the_block_by_hash_and_require_it_canonical(
    chain: Web3Chain, proxy: RpcProxy
) -> None:
    """EIP-1898: geth keeps the state of dropped blocks and would answer from it."""
    latest = await chain.block("latest")
    assert latest is not None
    proxy.calls.clear()
    await chain.code_hash(ACCOUNT, latest.hash)
    await chain.head(ACCOUNT, latest.hash)
    await chain.nonce(ACCOUNT, latest.hash)
    named = {"blockHash": "0x" + latest.hash.hex(), "requireCanonical": True}

    assert [(method, params[1]) for method, params in proxy.calls] == [
        ("eth_getCode", named),
        ("eth_call", named),
        ("eth_getTransactionCount", named),
    ]


async def test_priority_fee_of_zero_becomes_one_wei(chain: Web3Chain, proxy: RpcProxy) -> None:
    """A fee of nothing could not be raised by a percentage."""
    proxy.fail("eth_maxPriorityFeePerGas", rpc_proxy.result("0x0"))

    assert await chain.priority_fee_wei() == 1


async def test_proxy_hooks_run_round_the_forwarded_call(chain: Web3Chain, proxy: RpcProxy) -> None:
    """The crash tests rely on it: before hears of the call first, after hears what came back."""
    heard: list[tuple[str, ...]] = []

    async def before(method: str, _: list[Any]) -> None:
        heard.append(("before", method))

    async def after(method: str, _: list[Any], result: Any) -> None:
        heard.append(("after", method, result))

    proxy.before, proxy.after = before, after
    await chain.priority_fee_wei()

    assert heard == [
        ("before", "eth_maxPriorityFeePerGas"),
        ("after", "eth_maxPriorityFeePerGas", "0x3b9aca00"),
    ]
