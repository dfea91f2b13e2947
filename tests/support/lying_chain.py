"""An endpoint over a chain in memory that answers as a test tells it to: the truth, a lie, null, or nothing at all."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from anchor.chain.protocol import (
    AnchoredEvent,
    AnchorRecord,
    Block,
    BlockTag,
    Chain,
    ChainIdentity,
    Head,
    Receipt,
    SendOutcome,
    SendResult,
)
from anchor.errors import ChainUnavailable

T = TypeVar("T")

HONEST, SILENT, NULL, ALTERED, HIGHER, LOWER = "honest", "silent", "null", "altered", "higher", "lower"
MANNERS = (HONEST, SILENT, NULL, ALTERED, HIGHER, LOWER)


class LyingChain:
    """
    Fulfils `EndpointChain`; asks `manner` how to treat each answer. Its identity is always the truth.

    `higher` and `lower` change numbers and heights by a draw of the same function, `altered` whatever there is.
    """

    def __init__(self, *, origin: str, truth: Chain, manner: Callable[[], str]) -> None:
        self._origin = origin
        self._truth = truth
        self._manner = manner

    @property
    def origin(self) -> str:
        """The name of the endpoint."""
        return self._origin

    def endpoint_problems(self) -> Sequence[str]:
        """Return nothing."""
        return ()

    async def identity(self) -> ChainIdentity:
        """Return the chain's identity."""
        return await self._truth.identity()

    async def block(self, tag: BlockTag) -> Block | None:
        """Return a block, or what is told of it."""
        return await self._told(self._truth.block(tag))

    async def code_hash(self, address: str, at: bytes) -> bytes | None:
        """Return a code hash, or what is told of it."""
        return await self._told(self._truth.code_hash(address, at))

    async def record(self, publisher: str, root: bytes, at: bytes) -> AnchorRecord | None:
        """Return a record, or what is told of it."""
        return await self._told(self._truth.record(publisher, root, at))

    async def head(self, publisher: str, at: bytes) -> Head | None:
        """Return a head, or what is told of it."""
        return await self._told(self._truth.head(publisher, at))

    async def successor(self, publisher: str, at: bytes) -> str | None:
        """Return a successor, or what is told of it."""
        return await self._told(self._truth.successor(publisher, at))

    async def predecessor(self, publisher: str, at: bytes) -> str | None:
        """Return a predecessor, or what is told of it."""
        return await self._told(self._truth.predecessor(publisher, at))

    async def appointed_successor(self, publisher: str, at: bytes) -> str | None:
        """Return an appointed successor, or what is told of it."""
        return await self._told(self._truth.appointed_successor(publisher, at))

    async def anchored_events(
        self, publisher: str, *, from_block: int, to_block: int
    ) -> Sequence[AnchoredEvent]:
        """Return events, or what is told of them."""
        events = self._truth.anchored_events(publisher, from_block=from_block, to_block=to_block)
        return await self._told(events) or ()

    async def balance_wei(self, address: str) -> int:
        """Return a balance, or what is told of it."""
        return await self._told(self._truth.balance_wei(address)) or 0

    async def nonce(self, address: str, at: BlockTag) -> int:
        """Return a nonce, or what is told of it."""
        return await self._told(self._truth.nonce(address, at)) or 0

    async def receipt(self, transaction_hash: bytes) -> Receipt | None:
        """Return a receipt, or what is told of it."""
        return await self._told(self._truth.receipt(transaction_hash))

    async def priority_fee_wei(self) -> int:
        """Return a fee, or what is told of it."""
        return await self._told(self._truth.priority_fee_wei()) or 1

    async def broadcast(self, raw: bytes) -> SendResult:
        """Send, or say so."""
        if self._manner() == HONEST:
            return await self._truth.broadcast(raw)
        return SendResult(SendOutcome.ACCEPTED, "swallowed")

    async def close(self) -> None:
        """Do nothing."""

    async def _told(self, answer: Awaitable[T]) -> T:
        truth = await answer
        manner = self._manner()
        if manner == SILENT:
            raise ChainUnavailable(f"{self._origin} does not answer")
        if manner == HONEST:
            return truth
        return None if manner == NULL else _altered(truth, manner)  # type: ignore[return-value]  # a lie


def _altered(truth: Any, manner: str) -> Any:
    step = {HIGHER: 1000, LOWER: -1}.get(manner, 0)
    match truth:
        case None | str():
            return "0x" + "5e" * 20
        case bytes():
            return bytes(32)
        case int():
            return max(0, truth + (step or 7))
        case Block():
            number = max(0, truth.number + step)
            return replace(truth, number=number, hash=number.to_bytes(32, "big"))
        case AnchorRecord():
            return replace(truth, sequence=max(0, truth.sequence + (step or 1)))
        case Head():
            return Head(root=bytes([0xEE] * 32), record=_altered(truth.record, manner))
        case Receipt():
            return replace(
                truth, block_number=max(0, truth.block_number + step), succeeded=not truth.succeeded
            )
        case _:
            return tuple(truth)[1:]
