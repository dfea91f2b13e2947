"""A publisher whose roots go to a real node."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from anchor.chain.client import Web3Chain
from anchor.chain.protocol import Block
from anchor.chain.signer import LocalSigner
from tests.support.anvil import AnvilChain, mined, running_chain, signed_anchor
from tests.support.publisher import Publisher, SealedBatch, did_key_issuer


@dataclass(frozen=True, slots=True)
class AnvilFacts:
    """What a publisher needs to know of anvil."""

    chain_id: int
    genesis_hash: bytes
    latest: Block


class AnvilPublisher:
    """A publisher whose roots go to a real node."""

    def __init__(self, anvil: AnvilChain, chain: Web3Chain, publisher: Publisher) -> None:
        self.anvil = anvil
        self.chain = chain
        self.publisher = publisher
        self._signer = LocalSigner(private_key=anvil.development.private_key)

    @classmethod
    async def start(cls, anvil: AnvilChain, chain: Web3Chain, folder: Path) -> AnvilPublisher:
        """Make a publisher with one issuer and its lists."""
        identity, latest = await chain.identity(), await chain.block("latest")
        assert latest is not None
        facts = AnvilFacts(chain_id=identity.chain_id, genesis_hash=identity.genesis_hash, latest=latest)
        account = LocalSigner(private_key=anvil.development.private_key).address
        publisher = Publisher(chain=facts, account=account, folder=folder, contract=anvil.contract)
        publisher.add_pair(did_key_issuer(1))
        return cls(anvil, chain, publisher)

    async def anchor(self) -> SealedBatch:
        """Anchor what was submitted, wait until it is final, publish."""
        sealed = self.publisher.seal()
        transaction = await signed_anchor(
            self.chain,
            self._signer,
            contract=self.anvil.contract,
            sequence=sealed.description.header.sequence,
            root=sealed.root,
            leaf_count=sealed.tree.size,
        )
        await self.chain.broadcast(transaction.raw)
        receipt = await mined(self.chain, transaction.hash)
        await self.anvil.control("anvil_mine", "0x3")
        block = await self.chain.block(receipt.block_number)
        assert block is not None
        batch = self.publisher.mined(sealed, block, transaction=transaction.hash)
        self.publisher.publish_batch(batch)
        return batch


@asynccontextmanager
async def running_publisher(folder: Path) -> AsyncIterator[AnvilPublisher]:
    """Run anvil with the registry, and a publisher on it."""
    async with running_chain() as anvil:
        chain = Web3Chain(rpc_url=anvil.rpc_url, contract=anvil.contract)
        try:
            yield await AnvilPublisher.start(anvil, chain, folder)
        finally:
            await chain.close()
