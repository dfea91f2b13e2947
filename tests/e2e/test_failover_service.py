"""A whole service over three RPC endpoints that must agree by twos, while one after the other fails or lies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path

import pytest
import pytest_asyncio

from tests.chain.endpoints import running_proxies
from tests.support import rpc_proxy
from tests.support.anvil import AnvilChain
from tests.support.rpc_proxy import RpcProxy
from tests.support.running_service import RunningService

pytestmark = [pytest.mark.anvil, pytest.mark.asyncio(loop_scope="module")]

PATH_KEY = "pathkey0123456789"


@pytest_asyncio.fixture(loop_scope="module")
async def proxies(anvil: AnvilChain) -> AsyncIterator[list[RpcProxy]]:
    """Run three proxies in front of anvil."""
    async with running_proxies(anvil, 3) as servers:
        yield servers


@pytest_asyncio.fixture(loop_scope="module")
async def failing_over(
    anvil: AnvilChain, proxies: list[RpcProxy], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[RunningService]:
    """Return a service, not started, whose endpoints are the proxies."""
    monkeypatch.setenv("ANCHOR_CHAIN_QUORUM", "2")
    urls = " ".join(f"{proxy.url}/{PATH_KEY}" for proxy in proxies)
    running = RunningService(folder=tmp_path / "service", chain=anvil, rpc_url=urls)
    yield running
    await running.stop()


async def test_service_over_three_endpoints_works_with_any_two_and_tells_who_is_out(
    failing_over: RunningService, proxies: list[RpcProxy]
) -> None:
    """Each endpoint in turn is lost, or invents final blocks and records: every digest becomes final all the same."""
    await failing_over.start()
    issuer = await failing_over.add_issuer("did:web:failover.example")
    invented = {"number": "0x7fffffff", "hash": "0x" + "ab" * 32, "timestamp": "0x1"}
    for position, proxy in enumerate(proxies):
        proxy.fail("eth_getBlockByNumber", rpc_proxy.result(invented))
        proxy.fail("*", rpc_proxy.drop_before())
        digest = sha256(bytes([position])).hexdigest()
        status, body = await failing_over.request(
            "POST",
            "/v1/digests",
            headers=issuer.headers,
            json={"digest": digest, "method": "raw"},
        )
        assert status in {200, 201, 202}, body
        await failing_over.wait_for_state(issuer, digest, "final")
        proxy.heal()

    assert PATH_KEY not in failing_over.log
    assert "chain.endpoint_out" in failing_over.log
    await _until_nobody_is_out(failing_over)


async def _until_nobody_is_out(service: RunningService) -> None:
    async with asyncio.timeout(60):
        while (await service.request("GET", "/readyz"))[1]["warnings"]:  # noqa: ASYNC110 - over HTTP
            await asyncio.sleep(0.1)


async def test_service_with_endpoints_of_two_chains_does_not_start(
    failing_over: RunningService, proxies: list[RpcProxy]
) -> None:
    """Fault 27: the endpoint is named by its origin, and its key is not."""
    proxies[1].fail("eth_chainId", rpc_proxy.result("0x1"))
    with pytest.raises(AssertionError):
        await failing_over.start()

    assert await failing_over.wait_for_exit() != 0
    assert f"{proxies[1].url} for chain 1" in failing_over.log
    assert PATH_KEY not in failing_over.log
