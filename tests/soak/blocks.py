"""
Makes the blocks of a soak run, one after the other with its reorganisations.

A reorganisation that comes while anvil makes a block by its own clock corrupts that chain: a log is there twice, or
not at all, though the contract's state has it. No service can answer for that.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.support.anvil import AnvilChain


class Blocks:
    """Makes a block at every interval; nothing else makes one."""

    def __init__(self, chain: AnvilChain, *, every_s: float) -> None:
        self._chain = chain
        self._every_s = every_s
        self._changing = asyncio.Lock()

    async def run(self) -> None:
        """Make blocks until cancelled."""
        while True:
            await asyncio.sleep(self._every_s)
            async with self._changing:
                await self._chain.control("evm_mine")

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Make no block while the context lasts."""
        async with self._changing:
            yield


@asynccontextmanager
async def running_blocks(chain: AnvilChain, *, every_s: float) -> AsyncIterator[Blocks]:
    """Make a chain's blocks in anvil's place until the context ends."""
    await chain.control("evm_setIntervalMining", 0)
    await chain.control("evm_setAutomine", False)  # noqa: FBT003 - anvil's own parameter
    blocks = Blocks(chain, every_s=every_s)
    making = asyncio.create_task(blocks.run())
    try:
        yield blocks
    finally:
        making.cancel()
        await asyncio.gather(making, return_exceptions=True)
