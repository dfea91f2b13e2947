"""How reads are repeated: how often, how long, and what an endpoint may ask for."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from anchor.chain.endpoint import Endpoint
from anchor.chain.failures import EndpointFailure
from anchor.chain.rpc import RetryPolicy, RpcClient
from tests.support import rpc_proxy
from tests.support.rpc_proxy import RpcProxy

POLICY = RetryPolicy(attempts=5, first_delay_s=1.0, max_delay_s=3.0, max_retry_after_s=15)


class _Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.slept_s: list[float] = []

    def monotonic_s(self) -> float:
        return self.now_s

    async def sleep(self, delay_s: float) -> None:
        self.slept_s.append(delay_s)
        self.now_s += delay_s


@pytest.fixture
async def endpoint() -> AsyncIterator[RpcProxy]:
    """Run an endpoint that answers everything by its faults alone."""
    async with RpcProxy(upstream_url="http://127.0.0.1:1") as server:
        yield server


@pytest.fixture
def clock() -> _Clock:
    """Return a clock at rest."""
    return _Clock()


@pytest.fixture
async def client(endpoint: RpcProxy, clock: _Clock) -> AsyncIterator[RpcClient]:
    """Return a client with the clock in its hands."""
    made = RpcClient(
        endpoint=Endpoint.parse(endpoint.url),
        request_timeout_s=5.0,
        retry=POLICY,
        sleep=clock.sleep,
        monotonic_s=clock.monotonic_s,
    )
    yield made
    await made.close()


async def test_read_failing_for_good_waits_with_jitter_below_a_doubling_bound(
    client: RpcClient, endpoint: RpcProxy, clock: _Clock
) -> None:
    """Four waits between five attempts, each within 0 and its ceiling, and never all at the ceiling."""
    endpoint.fail("x", rpc_proxy.http_answer(status=500))
    ceilings_s = [1.0, 2.0, 3.0, 3.0]
    for _ in range(5):
        with pytest.raises(EndpointFailure, match="http status 500"):
            await client.read("x", [])

    assert endpoint.count("x") == 5 * POLICY.attempts
    assert len(clock.slept_s) == 5 * len(ceilings_s)
    assert all(
        0 <= slept_s <= ceiling_s for slept_s, ceiling_s in zip(clock.slept_s, ceilings_s * 5, strict=True)
    )
    assert len(set(clock.slept_s)) > len(ceilings_s)


async def test_read_after_short_retry_after_waits_as_asked(
    client: RpcClient, endpoint: RpcProxy, clock: _Clock
) -> None:
    """A pause within the bound is kept before the next attempt, jitter included."""
    endpoint.fail("x", rpc_proxy.http_answer(status=429, headers={"Retry-After": "7"}), times=1)
    endpoint.fail("*", rpc_proxy.result("0x1"))

    assert await client.read("x", []) == "0x1"
    assert endpoint.count("x") == 2
    assert sum(clock.slept_s) == pytest.approx(7.0)


async def test_read_after_long_retry_after_fails_without_asking_until_it_is_over(
    client: RpcClient, endpoint: RpcProxy, clock: _Clock
) -> None:
    """A pause beyond the bound ends the read at once, and no request is sent until it is over."""
    endpoint.fail("x", rpc_proxy.http_answer(status=429, headers={"Retry-After": "3600"}), times=1)
    endpoint.fail("*", rpc_proxy.result("0x1"))
    for _ in range(3):
        with pytest.raises(EndpointFailure, match="asked for a pause"):
            await client.read("x", [])
    asked_meanwhile = endpoint.count("x")
    clock.now_s += 3600

    assert asked_meanwhile == 1
    assert await client.read("x", []) == "0x1"


@pytest.mark.parametrize("header", ["Wed, 21 Oct 2026 07:28:00 GMT", "-5", "1e9", "", "9" * 30, "٣"])
async def test_read_after_unreadable_retry_after_backs_off_as_usual(
    client: RpcClient, endpoint: RpcProxy, clock: _Clock, header: str
) -> None:
    """What is no number of seconds is not obeyed."""
    headers = {"Retry-After": header.encode("utf-8").decode("latin-1")}
    endpoint.fail("x", rpc_proxy.http_answer(status=503, headers=headers), times=1)
    endpoint.fail("*", rpc_proxy.result("0x1"))

    assert await client.read("x", []) == "0x1"
    assert sum(clock.slept_s) <= POLICY.first_delay_s


async def test_once_during_a_pause_is_sent(client: RpcClient, endpoint: RpcProxy) -> None:
    """A broadcast is not held back: it is the one request that matters."""
    endpoint.fail("x", rpc_proxy.http_answer(status=429, headers={"Retry-After": "3600"}), times=1)
    endpoint.fail("*", rpc_proxy.result("0x1"))
    with pytest.raises(EndpointFailure):
        await client.read("x", [])

    assert await client.once("y", []) == "0x1"


async def test_once_failing_is_not_repeated(client: RpcClient, endpoint: RpcProxy, clock: _Clock) -> None:
    """Once means once."""
    endpoint.fail("x", rpc_proxy.drop_before())
    with pytest.raises(EndpointFailure):
        await client.once("x", [])

    assert endpoint.count("x") == 1
    assert clock.slept_s == []


async def test_client_after_close_can_be_used_and_closed_again(client: RpcClient, endpoint: RpcProxy) -> None:
    """Closing twice does no harm."""
    endpoint.fail("*", rpc_proxy.result("0x1"))
    await client.close()
    await client.close()

    assert await client.read("x", []) == "0x1"
