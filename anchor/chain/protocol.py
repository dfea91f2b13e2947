"""What the rest of the project asks of a chain; web3 types stop at the classes that fulfil these protocols."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ChainIdentity:
    """Which chain an endpoint speaks for: the EIP-155 id and the hash of block 0."""

    chain_id: int
    genesis_hash: bytes


@dataclass(frozen=True, slots=True)
class Block:
    """A block header, as far as this project needs it; `timestamp_s` is Unix seconds."""

    number: int
    hash: bytes
    timestamp_s: int
    base_fee_wei: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """
    Where a transaction was mined, whether it succeeded (status 1), and what it cost: gas used at a price.

    A rollup adds `l1_fee_wei` for its data on the chain below.
    """

    transaction_hash: bytes
    block_number: int
    block_hash: bytes
    succeeded: bool
    gas_used: int
    gas_price_wei: int
    l1_fee_wei: int = 0

    @property
    def cost_wei(self) -> int:
        """What the transaction cost its sender, whether it succeeded or not."""
        return self.gas_used * self.gas_price_wei + self.l1_fee_wei


@dataclass(frozen=True, slots=True)
class AnchorRecord:
    """The contract's record of a (publisher, root)."""

    sequence: int
    timestamp_s: int
    block_number: int
    leaf_count: int


@dataclass(frozen=True, slots=True)
class Head:
    """A publisher's newest root and its record."""

    root: bytes
    record: AnchorRecord


@dataclass(frozen=True, slots=True)
class AnchoredEvent:
    """One `Anchored` event, with where it stands."""

    sequence: int
    root: bytes
    leaf_count: int
    block_number: int
    block_hash: bytes
    transaction_hash: bytes


class SendOutcome(Enum):
    """What an endpoint's answer to a broadcast allows to conclude; never more than a hint (see docs/protocol.md)."""

    ACCEPTED = "accepted"
    NONCE_USED = "nonce used"
    REPLACEMENT_TOO_CHEAP = "replacement too cheap"
    TOO_CHEAP = "too cheap for the pool"
    NO_FUNDS = "no funds"
    WRONG_CHAIN = "wrong chain"
    BAD_GAS = "bad gas"
    UNKNOWN = "unknown, maybe sent"


@dataclass(frozen=True, slots=True)
class SendResult:
    """The outcome of a broadcast and the endpoint's own words, with every secret removed."""

    outcome: SendOutcome
    message: str


@dataclass(frozen=True, slots=True)
class UnsignedTransaction:
    """
    What is asked of a signer: an EIP-1559 transaction that carries no ether and no access list.

    `to` is None where it deploys a contract.
    """

    chain_id: int
    to: str | None
    calldata: bytes
    nonce: int
    gas_limit: int
    max_fee_wei: int
    priority_fee_wei: int


@dataclass(frozen=True, slots=True)
class SignedTransaction:
    """A signed EIP-1559 transaction, ready to be stored and then broadcast."""

    raw: bytes
    hash: bytes
    nonce: int
    gas_limit: int
    max_fee_wei: int
    priority_fee_wei: int


BlockTag = str | int | bytes
"""`"latest"`, `"finalized"`, a block number, or a block hash (32 bytes)."""


class ChainReader(Protocol):
    """
    Reads of one chain; every method raises ChainUnavailable when the endpoint fails or contradicts itself.

    Answers are checked for type and range before they are returned: a `None`, a wrong id or a foreign receipt is
    ChainUnavailable, never data.
    """

    async def identity(self) -> ChainIdentity:
        """Return the chain id and genesis hash as the endpoint tells them now (asked anew at each call)."""
        ...

    async def block(self, tag: BlockTag) -> Block | None:
        """Return the block of a tag, number or hash; None where the endpoint knows no such block (or tag)."""
        ...

    async def code_hash(self, address: str, at: bytes) -> bytes | None:
        """Return keccak256 of the code at an address as of block hash `at`; None where there is no code."""
        ...

    async def record(self, publisher: str, root: bytes, at: bytes) -> AnchorRecord | None:
        """Return the contract's record of (publisher, root) as of block hash `at`; None where none exists."""
        ...

    async def head(self, publisher: str, at: bytes) -> Head | None:
        """Return the publisher's head as of block hash `at`; None where it never anchored (or was succeeded)."""
        ...

    async def successor(self, publisher: str, at: bytes) -> str | None:
        """Return the checksummed address that succeeded the publisher, as of block hash `at`; None where none did."""
        ...

    async def predecessor(self, publisher: str, at: bytes) -> str | None:
        """
        Return the checksummed address that the publisher succeeded, as of block hash `at`; None where it is a first.

        For the holder of the publisher's key alone: who else relies on it lets the newest account choose its past.
        """
        ...

    async def anchored_events(
        self, publisher: str, *, from_block: int, to_block: int
    ) -> Sequence[AnchoredEvent]:
        """
        Return every `Anchored` event of the publisher in the inclusive range, in chain order.

        Splits the range as the endpoint's cap demands, so that any range can be asked for.
        """
        ...


class Chain(ChainReader, Protocol):
    """What the sender needs beyond reading."""

    async def appointed_successor(self, publisher: str, at: bytes) -> str | None:
        """Return the checksummed address that may succeed the publisher, as of block hash `at`; None where none may."""
        ...

    async def balance_wei(self, address: str) -> int:
        """Return the account's balance at the latest block."""
        ...

    async def nonce(self, address: str, at: BlockTag) -> int:
        """Return the account's transaction count as of the block."""
        ...

    async def receipt(self, transaction_hash: bytes) -> Receipt | None:
        """
        Return the receipt, only if its block is the canonical one at its height at this moment.

        None where the transaction is not mined, or where the endpoint's receipt points to a block that it no longer
        calls canonical.
        """
        ...

    async def priority_fee_wei(self) -> int:
        """Return the endpoint's suggestion for the priority fee, at least 1 wei."""
        ...

    async def broadcast(self, raw: bytes) -> SendResult:
        """
        Hand a signed transaction to the endpoint, once, without retry; never raises for what the endpoint says.

        Whatever the outcome, the transaction may have been sent: only a receipt or the contract's record decides.
        """
        ...

    def endpoint_problems(self) -> Sequence[str]:
        """Return a line for each RPC endpoint that is passed over in favour of others now, by its origin."""
        ...

    async def close(self) -> None:
        """Close all connections."""
        ...


class Signer(Protocol):
    """
    Signs with the publisher's key, wherever that is.

    To sign the same transaction again may give other bytes: what is to be sent again must be stored.
    """

    @property
    def address(self) -> str:
        """The publisher's checksummed address."""
        ...

    async def sign(self, transaction: UnsignedTransaction) -> SignedTransaction:
        """
        Return exactly this transaction, signed by `address`.

        Raises ChainUnavailable (SignerFailure) where a remote signer does not sign it; nothing has been sent then.
        """
        ...

    async def close(self) -> None:
        """Close all connections."""
        ...
