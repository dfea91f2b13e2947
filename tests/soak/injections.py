"""Faults at random: kills, reorganisations that finality allows, endpoints that fail, fees that rise."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tests.soak.blocks import Blocks
from tests.support import rpc_proxy
from tests.support.anvil import AnvilChain
from tests.support.rpc_proxy import Fault, RpcProxy
from tests.support.running_service import RunningService

GWEI = 10**9
PAUSE_S = (0.3, 2.5)
OUTAGE_S = (0.5, 4.0)
DOWN_S = (0.0, 1.0)
SPIKE_GWEI = (5, 60)
REORG_DEPTH = (1, 2)
"""Two blocks on top of one make it final here: a reorganisation of two never drops a final one."""

RPC_FAULTS: dict[str, Callable[[], Fault]] = {
    "connection refused": rpc_proxy.drop_before,
    "answer lost": rpc_proxy.drop_after,
    "no answer": rpc_proxy.hang_before,
    "429": lambda: rpc_proxy.http_answer(status=429, headers={"Retry-After": "1"}),
    "500": lambda: rpc_proxy.http_answer(status=500),
    "web page": rpc_proxy.html_page,
    "cut off": rpc_proxy.cut_off,
    "truncated": rpc_proxy.truncated,
    "wrong id": rpc_proxy.wrong_id,
    "null": lambda: rpc_proxy.result(None),
    "internal error": lambda: rpc_proxy.rpc_error(-32603, "internal error"),
}

METHODS = ("*", "eth_sendRawTransaction", "eth_getBlockByNumber", "eth_call", "eth_getTransactionReceipt")


@dataclass(slots=True)
class Injections:
    """Injects one fault after the other, and keeps the service running as an init system does."""

    service: RunningService
    chain: AnvilChain
    blocks: Blocks
    proxy: RpcProxy
    dice: random.Random
    counts: Counter[str] = field(default_factory=Counter)
    restarts: int = 0
    is_over: bool = False

    async def run(self) -> None:
        """Inject until told that it is over."""
        kinds: tuple[Callable[[], Awaitable[str]], ...] = (
            self._kill,
            self._kill,
            self._terminate,
            self._lose_blocks,
            self._move_blocks,
            self._fail_endpoint,
            self._fail_endpoint,
            self._lose_transactions,
            self._raise_fees,
        )
        while not self.is_over:
            await asyncio.sleep(self.dice.uniform(*PAUSE_S))
            self.counts[await self.dice.choice(kinds)()] += 1

    async def heal(self) -> None:
        """Let everything work again: the endpoint, the fees, the service."""
        self.proxy.heal()
        await self.chain.control("anvil_setNextBlockBaseFeePerGas", hex(GWEI))
        await self._keep_running()

    async def _kill(self) -> str:
        await self.service.kill()
        await asyncio.sleep(self.dice.uniform(*DOWN_S))
        await self._keep_running()
        return "kill -9"

    async def _terminate(self) -> str:
        assert await self.service.stop() in (0, 1), self.service.log[-1000:]
        await self._keep_running()
        return "SIGTERM"

    async def _keep_running(self) -> None:
        """Start the service until it is ready: while the endpoint fails it refuses to."""
        while not self.service.is_running:
            self.restarts += 1
            if not await self.service.begins():
                await self.service.kill()
                await asyncio.sleep(0.2)

    async def _lose_blocks(self) -> str:
        """Their transactions vanish (fault 23)."""
        async with self.blocks.held():
            await self.chain.control("anvil_reorg", self.dice.randint(*REORG_DEPTH), [])
        return "reorg, transactions lost"

    async def _move_blocks(self) -> str:
        """Their transactions stand in other blocks (fault 24)."""
        depth = self.dice.randint(*REORG_DEPTH)
        async with self.blocks.held():
            raw = await self._transactions_of_newest(depth)
            await self.chain.control("anvil_reorg", depth, [[item, 0] for item in raw])
        return "reorg, transactions moved" if raw else "reorg of empty blocks"

    async def _transactions_of_newest(self, depth: int) -> list[str]:
        """Return the signed transactions of the newest blocks, in order."""
        head = await self.chain.control("eth_getBlockByNumber", "latest", False)  # noqa: FBT003 - hashes do
        newest = int(head["number"], 16)
        blocks = [
            await self.chain.control("eth_getBlockByNumber", hex(number), True)  # noqa: FBT003 - whole transactions
            for number in range(newest - depth + 1, newest + 1)
        ]
        return [
            await self.chain.control("eth_getRawTransactionByHash", transaction["hash"])
            for block in blocks
            for transaction in block["transactions"]
        ]

    async def _fail_endpoint(self) -> str:
        kind = self.dice.choice(list(RPC_FAULTS))
        self.proxy.fail(self.dice.choice(METHODS), RPC_FAULTS[kind]())
        await asyncio.sleep(self.dice.uniform(*OUTAGE_S))
        self.proxy.heal()
        if not self.service.is_running:
            await self._keep_running()
        return f"endpoint: {kind}"

    async def _lose_transactions(self) -> str:
        await self.chain.control("anvil_dropAllTransactions")
        return "pool lost"

    async def _raise_fees(self) -> str:
        price = self.dice.randint(*SPIKE_GWEI) * GWEI
        await self.chain.control("anvil_setNextBlockBaseFeePerGas", hex(price))
        return "base fee spike"
