"""Reading events from endpoints that cap the range or the number of results, or leave events out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import web
from eth_abi.abi import encode

from anchor.chain import event_ranges, registry
from anchor.chain.endpoint import Endpoint
from anchor.chain.event_ranges import EventReader
from anchor.chain.failures import AnswerTooLarge, EndpointRefusal
from anchor.chain.rpc import RetryPolicy, RpcClient
from anchor.errors import ChainUnavailable
from tests.support import rpc_proxy
from tests.support.rpc_proxy import Exchange, Fault, RpcProxy

CONTRACT = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
PUBLISHER = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
FIRST_BLOCK, LAST_BLOCK = 1_000, 301_000
# One anchor every thousand blocks.
BLOCKS = range(FIRST_BLOCK, LAST_BLOCK + 1, 1_000)


def _log(sequence: int, block_number: int) -> dict[str, Any]:
    return {
        "address": CONTRACT,
        "topics": [
            *registry.anchored_topics(PUBLISHER),
            "0x" + encode(["uint64"], [sequence]).hex(),
            "0x" + sequence.to_bytes(32, "big").hex(),
        ],
        "data": "0x" + encode(["uint64"], [1]).hex(),
        "blockNumber": hex(block_number),
        "blockHash": "0x" + "11" * 32,
        "transactionHash": "0x" + "22" * 32,
    }


LOGS = [_log(sequence, number) for sequence, number in enumerate(BLOCKS, start=1)]


def _endpoint(refuses: Callable[[int, list[Any]], str | None], logs: list[dict[str, Any]] = LOGS) -> Fault:
    """Answer with the logs of the range, or refuse with the words that `refuses` has for its size."""

    async def fault(exchange: Exchange) -> web.StreamResponse:
        asked = exchange.document["params"][0]
        start, end = int(asked["fromBlock"], 16), int(asked["toBlock"], 16)
        found = [log for log in logs if start <= int(log["blockNumber"], 16) <= end]
        words = refuses(end - start + 1, found)
        answer = rpc_proxy.result(found) if words is None else rpc_proxy.rpc_error(-32005, words)
        return await answer(exchange)

    return fault


def _never(_: int, __: list[Any]) -> str | None:
    return None


def _span(call: tuple[str, list[Any]]) -> int:
    return int(call[1][0]["toBlock"], 16) - int(call[1][0]["fromBlock"], 16) + 1


@pytest.fixture
async def server() -> AsyncIterator[RpcProxy]:
    """Run an endpoint that has no chain behind it."""
    async with RpcProxy(upstream_url="http://127.0.0.1:1") as made:
        yield made


@pytest.fixture
async def reader(server: RpcProxy) -> AsyncIterator[EventReader]:
    """Return a reader that asks this endpoint, without waits."""
    rpc = RpcClient(
        endpoint=Endpoint.parse(server.url),
        request_timeout_s=5.0,
        retry=RetryPolicy(attempts=2, first_delay_s=0.0),
    )
    yield EventReader(rpc=rpc, contract=CONTRACT)
    await rpc.close()


async def _sequences(reader: EventReader) -> list[int]:
    events = await reader.read(PUBLISHER, from_block=0, to_block=LAST_BLOCK)
    return [event.sequence for event in events]


@pytest.mark.parametrize(
    ("refuses", "most_requests"),
    [
        (_never, 3),
        (lambda span, _: "range too wide" if span > 100_000 else None, 7),
        (lambda span, _: "eth_getLogs is limited to a 10,000 range" if span > 10_000 else None, 60),
        (lambda _, found: "query returned more than 20 results" if len(found) > 20 else None, 40),
    ],
    ids=["no cap", "100000 blocks", "10000 blocks", "20 results"],
)
async def test_read_under_a_cap_gives_every_event_once(
    server: RpcProxy, reader: EventReader, refuses: Callable[[int, list[Any]], str | None], most_requests: int
) -> None:
    """Whatever the cap, all events arrive in order, with a number of requests near the least possible."""
    server.fail("eth_getLogs", _endpoint(refuses))

    assert await _sequences(reader) == list(range(1, len(BLOCKS) + 1))
    assert server.count("eth_getLogs") <= most_requests


async def test_read_again_remembers_the_cap(server: RpcProxy, reader: EventReader) -> None:
    """A second read does not search for the cap anew."""
    server.fail("eth_getLogs", _endpoint(lambda span, _: "too wide" if span > 70_000 else None))
    await _sequences(reader)
    first = server.count("eth_getLogs")
    await _sequences(reader)

    assert _span(server.calls[0]) == event_ranges.FIRST_SPAN_BLOCKS
    assert _span(server.calls[first]) == event_ranges.FIRST_SPAN_BLOCKS // 2


async def test_read_after_a_passing_cap_grows_again(server: RpcProxy, reader: EventReader) -> None:
    """A range cut for a crowded stretch grows back over an empty one."""
    server.fail("eth_getLogs", rpc_proxy.rpc_error(-32005, "too many"), times=14)
    server.fail("*", _endpoint(_never))

    assert await _sequences(reader) == list(range(1, len(BLOCKS) + 1))
    spans = [_span(call) for call in server.calls]
    assert spans[14] == event_ranges.FIRST_SPAN_BLOCKS >> 14
    assert max(spans[14:]) >= spans[14] * 64


async def test_read_of_answers_too_large_asks_for_less(
    server: RpcProxy, reader: EventReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer beyond the size limit is asked for in parts."""
    monkeypatch.setattr("anchor.chain.transport.MAX_ANSWER_BYTES", 20_000)
    server.fail("eth_getLogs", _endpoint(_never))

    assert await _sequences(reader) == list(range(1, len(BLOCKS) + 1))


async def test_read_of_answers_cut_silently_asks_for_less(
    server: RpcProxy, reader: EventReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some providers cut at a round number without a word: an answer that long is not trusted."""
    monkeypatch.setattr(event_ranges, "MAX_EVENTS_PER_ANSWER", 50)

    async def cut(exchange: Exchange) -> web.StreamResponse:
        asked = exchange.document["params"][0]
        start, end = int(asked["fromBlock"], 16), int(asked["toBlock"], 16)
        found = [log for log in LOGS if start <= int(log["blockNumber"], 16) <= end]
        return await rpc_proxy.result(found[:50])(exchange)

    server.fail("eth_getLogs", cut)

    assert await _sequences(reader) == list(range(1, len(BLOCKS) + 1))


async def test_read_of_unsorted_logs_puts_them_in_order(server: RpcProxy, reader: EventReader) -> None:
    """The order of an answer is not relied on."""
    server.fail("eth_getLogs", _endpoint(_never, LOGS[::-1]))

    assert await _sequences(reader) == list(range(1, len(BLOCKS) + 1))


@pytest.mark.parametrize(
    "logs",
    [LOGS[:7] + LOGS[8:], [*LOGS, LOGS[-1]], [*LOGS[:-1], _log(len(LOGS), FIRST_BLOCK)]],
    ids=["one left out", "one twice", "one out of place"],
)
async def test_read_of_contradictory_logs_is_chain_unavailable(
    server: RpcProxy, reader: EventReader, logs: list[dict[str, Any]]
) -> None:
    """The contract numbers without a gap: an endpoint that leaves out or repeats an event is found out."""
    server.fail("eth_getLogs", _endpoint(_never, logs))

    with pytest.raises(ChainUnavailable, match="left out"):
        await _sequences(reader)


async def test_read_of_log_outside_the_range_is_chain_unavailable(
    server: RpcProxy, reader: EventReader
) -> None:
    """What was not asked for is not taken."""
    server.fail("eth_getLogs", rpc_proxy.result([_log(1, LAST_BLOCK + 1)]))

    with pytest.raises(ChainUnavailable, match="outside the range"):
        await _sequences(reader)


async def test_read_refused_down_to_one_block_gives_up(server: RpcProxy, reader: EventReader) -> None:
    """An endpoint that has no logs at all is given up after as many halvings as the range allows."""
    server.fail("eth_getLogs", rpc_proxy.rpc_error(-32601, "the method does not exist"))

    with pytest.raises(EndpointRefusal, match="does not exist"):
        await _sequences(reader)
    assert server.count("eth_getLogs") <= 23


async def test_read_of_one_block_too_large_gives_up(
    server: RpcProxy, reader: EventReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A single block cannot be asked for in parts."""
    monkeypatch.setattr("anchor.chain.transport.MAX_ANSWER_BYTES", 100)
    server.fail("eth_getLogs", _endpoint(_never))

    with pytest.raises(AnswerTooLarge):
        await reader.read(PUBLISHER, from_block=FIRST_BLOCK, to_block=FIRST_BLOCK)
