"""A service behind a proxy, on a chain whose blocks a test can hold back."""

from __future__ import annotations

import asyncio
import secrets
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anchor.chain.client import Web3Chain
from anchor.chain.signer import LocalSigner
from tests.support.anvil import SECOND_KEY, AnvilChain, running_chain
from tests.support.promises import Acknowledged
from tests.support.rpc_proxy import RpcProxy
from tests.support.running_service import IssuerAccess, RunningService

BLOCK_TIME_S = 0.1
POLLS = 3000
SETTINGS = """
[publisher]
replace_after_s = 1.0
max_fee_gwei = 500.0
[limits]
backlog_entries = 20
"""


@dataclass(frozen=True, slots=True)
class World:
    """What a test of chain faults works with."""

    anvil: AnvilChain
    proxy: RpcProxy
    service: RunningService
    issuer: IssuerAccess

    @property
    def publisher(self) -> str:
        return LocalSigner(private_key=self.service.private_key).address

    async def submit(self) -> Acknowledged:
        """Submit a digest that must be accepted."""
        digest = secrets.token_bytes(32)
        body = {"digest": digest.hex(), "method": "raw"}
        status, receipt = await self.service.request(
            "POST", "/v1/digests", headers=self.issuer.headers, json=body
        )
        assert status == 201, receipt
        return Acknowledged(self.issuer, digest)

    async def reach(self, item: Acknowledged, state: str) -> Any:
        """Wait until a digest has a state."""
        return await self.service.wait_for_state(self.issuer, item.digest.hex(), state)

    async def hold_blocks(self) -> None:
        """Make no block until told to."""
        await self.anvil.control("evm_setIntervalMining", 0)

    async def let_blocks_come(self) -> None:
        """Make blocks by the clock again."""
        await self.anvil.control("anvil_setIntervalMining", 1)

    async def mine(self, blocks: int = 1) -> None:
        """Make blocks now."""
        await self.anvil.control("anvil_mine", hex(blocks))

    async def pooled(self) -> int:
        """Return how many transactions wait for a block."""
        status = await self.anvil.control("txpool_status")
        return int(status["pending"], 16) + int(status["queued"], 16)

    async def sent(self) -> Acknowledged:
        """Submit, and wait until the pool has the transaction; blocks must be held back."""
        item = await self.submit()
        await self.reach(item, "sent")
        await self.until(self._is_pooled)
        return item

    async def until(self, condition: Callable[[], Awaitable[bool]]) -> None:
        """Wait until something is so."""
        for _ in range(POLLS):
            if await condition():
                return
            await asyncio.sleep(0.02)
        raise AssertionError(f"it never becomes so: {self.service.log[-1500:]}")

    def chain(self) -> Web3Chain:
        """Return a client of the chain, past the proxy."""
        return Web3Chain(rpc_url=self.anvil.rpc_url, contract=self.anvil.contract)

    def stored(self, sql: str) -> list[tuple[Any, ...]]:
        """Return rows of the service's database."""
        with closing(sqlite3.connect(f"{self.service.database.as_uri()}?mode=ro", uri=True)) as connection:
            return connection.execute(sql).fetchall()

    async def _is_pooled(self) -> bool:
        return await self.pooled() > 0


@asynccontextmanager
async def running_world(folder: Path) -> AsyncIterator[World]:
    """Run chain, proxy and service; one batch of the service is final already."""
    async with (
        running_chain(block_time_s=BLOCK_TIME_S) as anvil,
        RpcProxy(upstream_url=anvil.rpc_url) as proxy,
    ):
        service = RunningService(
            folder=folder,
            chain=anvil,
            rpc_url=proxy.url,
            private_key=SECOND_KEY,
            extra_settings=SETTINGS,
        )
        await service.start()
        try:
            made = World(anvil, proxy, service, await service.add_issuer())
            await made.reach(await made.submit(), "final")
            yield made
        finally:
            await service.kill()
