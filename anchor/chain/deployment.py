"""Deploys this package's contracts and makes sure that what stands on chain is what was meant."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from web3.utils.address import get_create_address

from anchor.chain.contract_code import ContractCode, registry_code
from anchor.chain.protocol import (
    Block,
    Chain,
    Receipt,
    SendOutcome,
    SignedTransaction,
    Signer,
    UnsignedTransaction,
)
from anchor.errors import ChainUnavailable, ConfigError, FatalError

_CREATION_GAS = 53_000
_GAS_PER_CREATION_BYTE = 40
_GAS_PER_DEPLOYED_BYTE = 200
_CONSTRUCTOR_GAS = 200_000

_REFUSED = (SendOutcome.NO_FUNDS, SendOutcome.WRONG_CHAIN, SendOutcome.BAD_GAS)


@dataclass(frozen=True, slots=True)
class Deployment:
    """A contract that stands on chain."""

    address: str
    block_number: int
    transaction_hash: bytes


async def deploy(
    *,
    chain: Chain,
    signer: Signer,
    poll_interval_s: float = 1.0,
    attempts: int = 300,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Deployment:
    """Deploy the AnchorRegistry from the signer's account, with the guarantees and errors of `deploy_code`."""
    return await deploy_code(
        registry_code(),
        chain=chain,
        signer=signer,
        poll_interval_s=poll_interval_s,
        attempts=attempts,
        sleep=sleep,
    )


async def deploy_code(
    code: ContractCode,
    *,
    chain: Chain,
    signer: Signer,
    poll_interval_s: float = 1.0,
    attempts: int = 300,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Deployment:
    """
    Deploy a contract from the signer's account and wait until it is mined.

    Returns only after the code at the address has been compared with the expected one. Raises ConfigError, before
    anything is spent, where the contract rests on a registry and none stands at its address; FatalError where the
    endpoint refuses the transaction or other code stands there; ChainUnavailable, with the transaction hash to look
    for, where it is not mined within `attempts` polls. To call it again may then deploy a second contract.
    """
    latest = await _latest(chain)
    await _require_registry(chain, code, latest)
    transaction = await _signed(code, chain, signer, latest)
    sent = await chain.broadcast(transaction.raw)
    if sent.outcome in _REFUSED:
        raise FatalError(f"the deployment was refused: {sent.message}")
    mined = await _mined(chain, transaction, attempts=attempts, poll_interval_s=poll_interval_s, sleep=sleep)
    if not mined.succeeded:
        raise FatalError(f"the deployment 0x{transaction.hash.hex()} was mined, but failed: look it up")
    address = str(get_create_address(signer.address, transaction.nonce))  # type: ignore[arg-type]  # eth_typing aliases
    if await chain.code_hash(address, mined.block_hash) != code.code_hash:
        raise FatalError(f"the code at {address} is not that of {code.name}: do not use this contract")
    return Deployment(address=address, block_number=mined.block_number, transaction_hash=transaction.hash)


def deployment_gas_limit(code: ContractCode) -> int:
    """Return a limit that the deployment cannot exceed under the gas schedule of Prague (EIP-7623)."""
    return (
        _CREATION_GAS
        + _GAS_PER_CREATION_BYTE * len(code.creation_code)
        + _GAS_PER_DEPLOYED_BYTE * len(code.deployed_code)
        + _CONSTRUCTOR_GAS
    )


def deployment_max_fee_wei(latest: Block, priority_fee_wei: int) -> int:
    """Return the most that a deployment pays for a unit of gas; its account must have that for each."""
    # The base fee can double in six full blocks.
    return 2 * latest.base_fee_wei + priority_fee_wei


async def _latest(chain: Chain) -> Block:
    latest = await chain.block("latest")
    if latest is None:
        raise ChainUnavailable("the endpoint does not know its latest block: use another RPC endpoint")
    return latest


async def _require_registry(chain: Chain, code: ContractCode, latest: Block) -> None:
    # The constructor makes the same comparison, but reverts at the signer's expense.
    if code.registry is None:
        return
    if await chain.code_hash(code.registry, latest.hash) != registry_code().code_hash:
        raise ConfigError(
            f"{code.name} rests on an AnchorRegistry, and none stands at {code.registry}: correct the address"
        )


async def _signed(code: ContractCode, chain: Chain, signer: Signer, latest: Block) -> SignedTransaction:
    identity = await chain.identity()
    priority_fee_wei = await chain.priority_fee_wei()
    transaction = UnsignedTransaction(
        chain_id=identity.chain_id,
        to=None,
        calldata=code.creation_code,
        nonce=await chain.nonce(signer.address, "latest"),
        gas_limit=deployment_gas_limit(code),
        max_fee_wei=deployment_max_fee_wei(latest, priority_fee_wei),
        priority_fee_wei=priority_fee_wei,
    )
    return await signer.sign(transaction)


async def _mined(
    chain: Chain,
    transaction: SignedTransaction,
    *,
    attempts: int,
    poll_interval_s: float,
    sleep: Callable[[float], Awaitable[None]],
) -> Receipt:
    for _ in range(attempts):
        receipt = await chain.receipt(transaction.hash)
        if receipt is not None:
            return receipt
        await sleep(poll_interval_s)
        # Endpoints lose transactions; the same bytes again do no harm.
        await chain.broadcast(transaction.raw)
    raise ChainUnavailable(
        f"the deployment 0x{transaction.hash.hex()} is not mined yet: look it up before you deploy again"
    )
