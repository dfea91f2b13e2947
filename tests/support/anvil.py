"""A development chain for tests: fast blocks, the registry deployed, anvil's own controls."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from anchor.chain.client import Web3Chain
from anchor.chain.deployment import deploy
from anchor.chain.development import DevelopmentChain
from anchor.chain.protocol import Chain, Receipt, SignedTransaction, Signer
from anchor.chain.signer import LocalSigner
from anchor.chain.transactions import anchor_transaction

BLOCK_TIME_S = 0.1
GAS_LIMIT = 120_000
POLL_INTERVAL_S = 0.02
ZERO_ADDRESS = "0x" + "00" * 20
# Accounts 1 and 2 of anvil's default mnemonic, as public as account 0.
SECOND_KEY = bytes.fromhex("59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d")
THIRD_KEY = bytes.fromhex("5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a")


@dataclass(frozen=True, slots=True)
class AnvilChain:
    """A running development chain with the registry on it."""

    development: DevelopmentChain
    contract: str
    chain_id: int
    deployed_at: int

    @property
    def rpc_url(self) -> str:
        return self.development.rpc_url

    async def control(self, method: str, *params: Any) -> Any:
        """Call a method such as `anvil_mine`; an error is an AssertionError."""
        return await control(self.development.rpc_url, method, *params)


@asynccontextmanager
async def running_chain(
    *, state_path: Path | None = None, port: int | None = None, block_time_s: float = BLOCK_TIME_S
) -> AsyncIterator[AnvilChain]:
    """Run a development chain with a freshly deployed registry, funded by account 0."""
    async with DevelopmentChain(state_path=state_path, port=port, block_time_s=block_time_s) as development:
        chain = Web3Chain(rpc_url=development.rpc_url, contract=ZERO_ADDRESS)
        try:
            signer = LocalSigner(private_key=development.private_key)
            deployment = await deploy(chain=chain, signer=signer, poll_interval_s=POLL_INTERVAL_S)
            identity = await chain.identity()
        finally:
            await chain.close()
        yield AnvilChain(
            development=development,
            contract=deployment.address,
            chain_id=identity.chain_id,
            deployed_at=deployment.block_number,
        )


async def control(rpc_url: str, method: str, *params: Any) -> Any:
    """Ask an endpoint anything; an error is an AssertionError."""
    document = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
    async with aiohttp.ClientSession() as session, session.post(rpc_url, json=document) as response:
        answer = await response.json(content_type=None)
    assert "error" not in answer, answer
    return answer["result"]


async def signed_anchor(
    chain: Chain, signer: Signer, *, contract: str, sequence: int, root: bytes, leaf_count: int = 1
) -> SignedTransaction:
    """Return a signed anchor with the account's next nonce and a sufficient fee."""
    latest = await chain.block("latest")
    assert latest is not None
    identity = await chain.identity()
    transaction = anchor_transaction(
        chain_id=identity.chain_id,
        contract=contract,
        sequence=sequence,
        root=root,
        leaf_count=leaf_count,
        nonce=await chain.nonce(signer.address, "latest"),
        gas_limit=GAS_LIMIT,
        max_fee_wei=4 * latest.base_fee_wei + 10**9,
        priority_fee_wei=10**9,
    )
    return await signer.sign(transaction)


async def mined(chain: Chain, transaction_hash: bytes, *, attempts: int = 500) -> Receipt:
    """Poll until a transaction is mined; an AssertionError after `attempts` polls."""
    for _ in range(attempts):
        receipt = await chain.receipt(transaction_hash)
        if receipt is not None:
            return receipt
        await asyncio.sleep(POLL_INTERVAL_S)
    raise AssertionError(f"0x{transaction_hash.hex()} was not mined")
