"""One development chain, proxy and client for each module of chain tests."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from anchor.chain.client import Web3Chain
from anchor.chain.rpc import RetryPolicy
from anchor.chain.signer import LocalSigner
from tests.chain.endpoints import Endpoints, running_proxies
from tests.support.anvil import AnvilChain, running_chain
from tests.support.rpc_proxy import RpcProxy

NO_WAIT = RetryPolicy(attempts=3, first_delay_s=0.0, max_delay_s=0.0)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def anvil() -> AsyncIterator[AnvilChain]:
    """Run anvil with the registry deployed."""
    async with running_chain() as chain:
        yield chain


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def proxy_server(anvil: AnvilChain) -> AsyncIterator[RpcProxy]:
    """Run a proxy in front of anvil."""
    async with RpcProxy(upstream_url=anvil.rpc_url) as server:
        yield server


@pytest.fixture
def proxy(proxy_server: RpcProxy) -> RpcProxy:
    """Return the proxy without faults and hooks, its call count at zero."""
    proxy_server.heal()
    proxy_server.before = proxy_server.after = None
    return proxy_server


@pytest_asyncio.fixture(loop_scope="module")
async def chain(anvil: AnvilChain, proxy: RpcProxy) -> AsyncIterator[Web3Chain]:
    """Return a client that reaches anvil through the proxy."""
    client = Web3Chain(rpc_url=proxy.url, contract=anvil.contract, request_timeout_s=5.0, retry=NO_WAIT)
    yield client
    await client.close()


@pytest.fixture(scope="module")
def signer(anvil: AnvilChain) -> LocalSigner:
    """Return the signer of the development chain's funded account."""
    return LocalSigner(private_key=anvil.development.private_key)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def proxy_servers(anvil: AnvilChain) -> AsyncIterator[list[RpcProxy]]:
    """Run three proxies in front of anvil."""
    async with running_proxies(anvil, 3) as servers:
        yield servers


@pytest.fixture
def endpoints(anvil: AnvilChain, proxy_servers: list[RpcProxy]) -> Endpoints:
    """Return the three endpoints without faults, and a clock at rest."""
    for server in proxy_servers:
        server.heal()
        server.before = server.after = None
    return Endpoints(anvil=anvil, proxies=proxy_servers)
