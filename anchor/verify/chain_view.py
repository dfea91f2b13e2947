"""One chain as of one block: every read names one block hash, so that no reorganisation mixes two states."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from anchor.chain.presets import DEVELOPMENT_CHAIN_ID, PRESETS
from anchor.chain.protocol import AnchorRecord, Block, BlockTag, ChainReader, Head
from anchor.chain.succession import line_of, record_in_line
from anchor.errors import ChainUnavailable, ConfigError
from anchor.verify.trust import Anchorage

OpenChain = Callable[[str, str, int], AbstractAsyncContextManager[ChainReader]]
"""Opens a chain for reading: (RPC URLs, contract address, quorum) → the reader, closed with its context."""


def open_anchorage(anchorage: Anchorage, open_chain: OpenChain) -> AbstractAsyncContextManager[ChainReader]:
    """Open an anchorage's chain by the trust set's RPC URL; ChainUnavailable where it gives none."""
    if not anchorage.rpc:
        raise ChainUnavailable("you have named no RPC endpoint: add `rpc` to your trust file, or give --rpc")
    return open_chain(anchorage.rpc, anchorage.contract, anchorage.quorum)


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """A root's record in the contract, and under which publisher of the line of succession it stands."""

    anchorage: Anchorage
    publisher: str
    root: bytes
    record: AnchorRecord
    is_final: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainView:
    """An anchorage as of `block`, with the publisher and everyone who succeeded it by then, oldest first.

    `final_number` is the highest block that can no longer be reorganised away; None where the chain cannot
    say.
    """

    reader: ChainReader
    anchorage: Anchorage
    block: Block
    final_number: int | None
    publishers: tuple[str, ...]

    async def find(self, root: bytes) -> Anchor | None:
        """Return the anchor of a root by the publisher or a successor; None where none anchored it."""
        found = await record_in_line(self.reader, self.publishers, root, self.block.hash)
        if found is None:
            return None
        publisher, record = found
        return Anchor(
            anchorage=self.anchorage,
            publisher=publisher,
            root=root,
            record=record,
            is_final=self.is_final(record.block_number),
        )

    async def head(self) -> Head | None:
        """Return the newest root of the last publisher in the line; None where it never anchored."""
        # A publisher that was succeeded has no head: its last state can never change again and is not the
        # present one.
        return await self.reader.head(self.publishers[-1], self.block.hash)

    def is_final(self, block_number: int) -> bool:
        """Whether a block that this view contains can no longer be reorganised away."""
        return self.final_number is not None and block_number <= self.final_number


async def open_view(reader: ChainReader, anchorage: Anchorage) -> ChainView:
    """Return the anchorage as of the latest block.

    Raises ChainUnavailable where the endpoint fails, speaks for another chain, or finds no contract (or
    another one) at the address: nothing can be said then, least of all that something was not anchored.
    """
    await _check_identity(reader, anchorage)
    # Finalized before latest: so the finalized block is an ancestor of the one that is read.
    final_number = await _final_number(reader, anchorage)
    return await _view_at(await _block(reader, "latest"), final_number, reader, anchorage)


async def open_final_view(reader: ChainReader, anchorage: Anchorage) -> ChainView:
    """Return the anchorage as of the last final block; ChainUnavailable as `open_view`, or where none is final."""
    await _check_identity(reader, anchorage)
    final_number = await _final_number(reader, anchorage)
    if final_number is None or final_number < 0:
        raise ChainUnavailable(
            "the endpoint names no `finalized` block: wait for one where the chain is young or the endpoint was just "
            "started, or use another endpoint; for a chain that has no such tag set confirmations, the number of "
            "blocks that make one final"
        )
    return await _view_at(await _block(reader, final_number), final_number, reader, anchorage)


async def _check_identity(reader: ChainReader, anchorage: Anchorage) -> None:
    try:
        identity = await reader.identity()
    except ConfigError as exc:
        # Of several endpoints one speaks for another chain: nothing can be said until that is corrected.
        raise ChainUnavailable(str(exc)) from exc
    if identity.chain_id == anchorage.chain_id and identity.genesis_hash != anchorage.genesis_hash:
        raise ChainUnavailable(
            f"the RPC endpoint speaks for another chain of id {identity.chain_id} than the one you trust: its genesis "
            f"hash is 0x{identity.genesis_hash.hex()}, yours is 0x{anchorage.genesis_hash.hex()}: correct one of them"
        )
    if identity.chain_id != anchorage.chain_id:
        raise ChainUnavailable(
            f"the RPC endpoint speaks for another chain (id {identity.chain_id}) than the one you trust "
            f"(id {anchorage.chain_id}): correct one of them"
        )


async def _block(reader: ChainReader, tag: BlockTag) -> Block:
    block = await reader.block(tag)
    if block is None:
        raise ChainUnavailable(f"the RPC endpoint does not know block {tag!r}: use another endpoint")
    return block


async def _view_at(
    block: Block, final_number: int | None, reader: ChainReader, anchorage: Anchorage
) -> ChainView:
    code_hash = await reader.code_hash(anchorage.contract, block.hash)
    if code_hash is None:
        raise ChainUnavailable(
            f"there is no contract at {anchorage.contract} on this chain: check its address"
        )
    if anchorage.code_hash not in (None, code_hash):
        raise ChainUnavailable(f"another contract than the one you trust stands at {anchorage.contract}")
    return ChainView(
        reader=reader,
        anchorage=anchorage,
        block=block,
        final_number=final_number,
        publishers=await line_of(reader, anchorage.publisher, block.hash),
    )


async def _final_number(reader: ChainReader, anchorage: Anchorage) -> int | None:
    finalized = await reader.block("finalized")
    if finalized is not None:
        return finalized.number
    if anchorage.confirmations is None:
        return None
    latest = await reader.block("latest")
    return None if latest is None else latest.number - anchorage.confirmations


def is_test_network(chain_id: int) -> bool:
    """Whether a chain is known to be for tests: what stands there costs nothing and may vanish."""
    return chain_id == DEVELOPMENT_CHAIN_ID or any(
        known.chain_id == chain_id and known.is_test_network for known in PRESETS
    )
