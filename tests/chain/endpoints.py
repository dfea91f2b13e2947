"""Several RPC endpoints of one development chain, each with faults of its own, and a clock for their back-off."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from anchor.chain.client import Web3Chain
from anchor.chain.endpoint_health import FailoverPolicy
from anchor.chain.failover import FailoverChain
from anchor.chain.protocol import Block, Chain
from anchor.chain.rpc import RetryPolicy
from tests.support.anvil import AnvilChain
from tests.support.rpc_proxy import RpcProxy

BEYOND_ANY_BACK_OFF_S = 3600.0
LONG_ENOUGH_S = 60.0
POLICY = FailoverPolicy(max_lag_blocks=1000, patience_s=5.0)
"""A chain with ten blocks a second is soon a few ahead of whoever is asked a moment later."""


@dataclass(slots=True)
class Clock:
    """Monotonic time that a test moves."""

    now_s: float = 1000.0

    def monotonic_s(self) -> float:
        return self.now_s


@dataclass(slots=True)
class Endpoints:
    """Proxies before one anvil; `chain` reads through the first few of them."""

    anvil: AnvilChain
    proxies: Sequence[RpcProxy]
    clock: Clock = field(default_factory=Clock)

    @asynccontextmanager
    async def chain(
        self,
        *,
        count: int = 2,
        quorum: int = 1,
        request_timeout_s: float = LONG_ENOUGH_S,
        policy: FailoverPolicy = POLICY,
    ) -> AsyncIterator[FailoverChain]:
        """
        Open a chain over `count` endpoints; `request_timeout_s` is that of the first, the one that fails in tests.

        The others always have long enough: how fast they answer tells how busy the machine is.
        """
        endpoints = [
            Web3Chain(
                rpc_url=proxy.url,
                contract=self.anvil.contract,
                request_timeout_s=request_timeout_s if proxy is self.proxies[0] else LONG_ENOUGH_S,
                retry=RetryPolicy(attempts=1),
            )
            for proxy in self.proxies[:count]
        ]
        chain = FailoverChain(
            endpoints=endpoints, quorum=quorum, policy=policy, monotonic_s=self.clock.monotonic_s
        )
        try:
            yield chain
        finally:
            await chain.close()

    def wait_out(self) -> None:
        """Let every back-off pass."""
        self.clock.now_s += BEYOND_ANY_BACK_OFF_S


@asynccontextmanager
async def running_proxies(anvil: AnvilChain, count: int) -> AsyncIterator[list[RpcProxy]]:
    """Run proxies before one anvil."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(RpcProxy(upstream_url=anvil.rpc_url)) for _ in range(count)]


async def latest(chain: Chain) -> Block:
    """Return the newest block."""
    block = await chain.block("latest")
    assert block is not None
    return block
