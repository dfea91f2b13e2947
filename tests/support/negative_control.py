"""
A wrong implementation, for fault tests to catch: the service itself, but a payload is stored after its broadcast.

The order is all that differs. The process that dies in between leaves a transaction on chain that nobody knows.
"""

from __future__ import annotations

from typing import Any

import anchor.app
from anchor.chain.failover import connect
from anchor.chain.protocol import Chain, SendResult
from anchor.cli import main
from anchor.store.records import Payload
from anchor.store.sqlite import SqliteStore

_unstored: dict[bytes, tuple[int, Payload]] = {}
"""What was signed and not yet broadcast: in memory alone, by raw bytes."""


class LateStore(SqliteStore):
    """Remembers payloads, and stores one only when it was broadcast."""

    async def add_payload(self, batch: int, payload: Payload) -> None:
        """Remember a payload."""
        _unstored[payload.raw] = (batch, payload)

    async def payloads(self, batch: int) -> list[Payload]:
        """Return what is stored and what is remembered."""
        return [
            *await super().payloads(batch),
            *(item for owner, item in _unstored.values() if owner == batch),
        ]

    async def payloads_of_nonce(self, sender: str, nonce: int) -> list[Payload]:
        """Return what is stored and what is remembered."""
        remembered = (item for _, item in _unstored.values() if (item.sender, item.nonce) == (sender, nonce))
        return [*await super().payloads_of_nonce(sender, nonce), *remembered]

    async def store_late(self, raw: bytes) -> None:
        """Store what was broadcast."""
        if raw in _unstored:
            await super().add_payload(*_unstored.pop(raw))


class LateChain:
    """Passes everything on, and has a payload stored once it was broadcast."""

    def __init__(self, chain: Chain, stores: list[LateStore]) -> None:
        self._chain = chain
        self._stores = stores

    def __getattr__(self, name: str) -> Any:
        return getattr(self._chain, name)

    async def broadcast(self, raw: bytes) -> SendResult:
        """Broadcast first, store afterwards."""
        result = await self._chain.broadcast(raw)
        for store in self._stores:
            await store.store_late(raw)
        return result


def serve_wrongly(arguments: list[str]) -> None:
    """Run `anchor` with these arguments, and with the order of storing and sending swapped."""
    stores: list[LateStore] = []

    def make_store(*positional: Any, **named: Any) -> LateStore:
        stores.append(LateStore(*positional, **named))
        return stores[-1]

    def make_chain(**named: Any) -> LateChain:
        return LateChain(connect(**named), stores)

    vars(anchor.app).update(SqliteStore=make_store, connect=make_chain)
    main(arguments)
