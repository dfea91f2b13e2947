"""The chain as seen through one RPC endpoint, every answer checked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from eth_utils.address import is_address, is_checksum_address, to_checksum_address
from eth_utils.crypto import keccak

from anchor.chain import answers, registry
from anchor.chain.endpoint import Endpoint
from anchor.chain.event_ranges import EventReader
from anchor.chain.failures import BadAnswer, EndpointRefusal
from anchor.chain.protocol import (
    AnchoredEvent,
    AnchorRecord,
    Block,
    BlockTag,
    ChainIdentity,
    Head,
    Receipt,
    SendOutcome,
    SendResult,
)
from anchor.chain.rpc import RetryPolicy, RpcClient
from anchor.chain.send_results import classify_send
from anchor.errors import ChainUnavailable, ConfigError

_T = TypeVar("_T")
_MAX_CHAIN_ID = 2**53
_NO_SUCH_TAG_CODES = (-32602, -39001)
_NO_SUCH_TAG_WORDS = ("finalized", "not found", "unknown block", "not supported", "tag")


class Web3Chain:
    """
    A Chain behind an HTTP RPC endpoint (see anchor.chain.protocol.Chain for what each method guarantees).

    Reads are repeated as the retry policy says, broadcasts never. No message, log or repr shows more of the
    endpoint's URL than scheme, host and port.
    """

    def __init__(
        self,
        *,
        rpc_url: str,
        contract: str,
        request_timeout_s: float = 10.0,
        retry: RetryPolicy | None = None,
    ) -> None:
        if not is_address(contract):
            raise ConfigError(f"the contract {contract!r} is no Ethereum address: correct it")
        if not _has_one_case(contract) and not is_checksum_address(contract):
            raise ConfigError(
                f"the contract {contract!r} has a wrong checksum (EIP-55): a character was mistyped"
            )
        self._contract = to_checksum_address(contract)
        self._rpc = RpcClient(
            endpoint=Endpoint.parse(rpc_url),
            request_timeout_s=request_timeout_s,
            retry=retry or RetryPolicy(),
        )
        self._events = EventReader(rpc=self._rpc, contract=self._contract)

    def __repr__(self) -> str:
        return f"Web3Chain({self._rpc.origin}, contract={self._contract})"

    @property
    def origin(self) -> str:
        """The endpoint's scheme, host and port: all that may be shown of its URL."""
        return self._rpc.origin

    def endpoint_problems(self) -> Sequence[str]:
        """Return nothing: there is no other endpoint, so this one is never passed over."""
        return ()

    async def identity(self) -> ChainIdentity:
        """Return the chain id and genesis hash as the endpoint tells them now."""
        chain_id = await self._ask(
            "eth_chainId", [], lambda value: answers.quantity(value, name="a chain id", maximum=_MAX_CHAIN_ID)
        )
        genesis = await self.block(0)
        if genesis is None:
            raise ChainUnavailable(f"{self._rpc.origin} does not know block 0: use another RPC endpoint")
        return ChainIdentity(chain_id=chain_id, genesis_hash=genesis.hash)

    async def block(self, tag: BlockTag) -> Block | None:
        """Return the block of a tag, number or hash; None where the endpoint knows no such block (or tag)."""
        method = "eth_getBlockByHash" if isinstance(tag, bytes) else "eth_getBlockByNumber"
        try:
            block = await self._ask(method, [_block_id(tag), False], answers.block)
        except EndpointRefusal as exc:
            if tag == "finalized" and _says_no_such_tag(exc):
                return None
            raise
        if block is not None and not _is_named(block, tag):
            raise ChainUnavailable(f"{self._rpc.origin} answered {method} with another block")
        return block

    async def code_hash(self, address: str, at: bytes) -> bytes | None:
        """Return keccak256 of the code at an address as of block hash `at`; None where there is no code."""
        code = await self._ask(
            "eth_getCode",
            [to_checksum_address(address), _as_of(at)],
            lambda value: answers.data(value, name="code"),
        )
        return keccak(code) if code else None

    async def record(self, publisher: str, root: bytes, at: bytes) -> AnchorRecord | None:
        """Return the contract's record of (publisher, root) as of block hash `at`; None where none exists."""
        return await self._view(registry.record_call(publisher, root), at, registry.read_record)

    async def head(self, publisher: str, at: bytes) -> Head | None:
        """Return the publisher's head as of block hash `at`; None where it has none."""
        return await self._view(registry.head_call(publisher), at, registry.read_head)

    async def successor(self, publisher: str, at: bytes) -> str | None:
        """Return the checksummed address that succeeded the publisher as of block hash `at`, or None."""
        return await self._view(registry.successor_call(publisher), at, registry.read_account)

    async def predecessor(self, publisher: str, at: bytes) -> str | None:
        """Return the checksummed address that the publisher succeeded as of block hash `at`, or None."""
        return await self._view(registry.predecessor_call(publisher), at, registry.read_account)

    async def appointed_successor(self, publisher: str, at: bytes) -> str | None:
        """Return the checksummed address that may succeed the publisher as of block hash `at`, or None."""
        return await self._view(registry.appointed_successor_call(publisher), at, registry.read_account)

    async def anchored_events(
        self, publisher: str, *, from_block: int, to_block: int
    ) -> Sequence[AnchoredEvent]:
        """Return every `Anchored` event of the publisher in the inclusive range, in chain order."""
        head = await self.block("latest")
        if head is None:
            raise ChainUnavailable(f"{self._rpc.origin} does not know its latest block")
        # Endpoints disagree on what a range beyond their head means.
        return await self._events.read(publisher, from_block=from_block, to_block=min(to_block, head.number))

    async def balance_wei(self, address: str) -> int:
        """Return the account's balance at the latest block."""
        return await self._ask(
            "eth_getBalance",
            [to_checksum_address(address), "latest"],
            lambda value: answers.quantity(value, name="a balance", maximum=answers.MAX_WEI),
        )

    async def nonce(self, address: str, at: BlockTag) -> int:
        """Return the account's transaction count as of the block."""
        block = _as_of(at) if isinstance(at, bytes) else _block_id(at)
        return await self._ask(
            "eth_getTransactionCount",
            [to_checksum_address(address), block],
            lambda value: answers.quantity(value, name="a transaction count"),
        )

    async def receipt(self, transaction_hash: bytes) -> Receipt | None:
        """Return the receipt, only if its block is the canonical one at its height at this moment."""
        receipt = await self._ask(
            "eth_getTransactionReceipt",
            ["0x" + transaction_hash.hex()],
            lambda value: answers.receipt(value, transaction_hash=transaction_hash),
        )
        if receipt is None:
            return None
        canonical = await self.block(receipt.block_number)
        if canonical is None or canonical.hash != receipt.block_hash:
            return None
        return receipt

    async def priority_fee_wei(self) -> int:
        """Return the endpoint's suggestion for the priority fee, at least 1 wei."""
        fee_wei = await self._ask(
            "eth_maxPriorityFeePerGas",
            [],
            lambda value: answers.quantity(value, name="a priority fee", maximum=answers.MAX_WEI),
        )
        return max(1, fee_wei)

    async def broadcast(self, raw: bytes) -> SendResult:
        """Hand a signed transaction to the endpoint, once; never raises for what the endpoint says."""
        try:
            answer = await self._rpc.once("eth_sendRawTransaction", ["0x" + raw.hex()])
        except EndpointRefusal as exc:
            return SendResult(outcome=classify_send(exc.code, exc.text), message=exc.text)
        except ChainUnavailable as exc:
            return SendResult(outcome=SendOutcome.UNKNOWN, message=str(exc))
        if not isinstance(answer, str) or answer.lower() != "0x" + keccak(raw).hex():
            return SendResult(outcome=SendOutcome.UNKNOWN, message="the endpoint answered with another hash")
        return SendResult(outcome=SendOutcome.ACCEPTED, message="accepted")

    async def close(self) -> None:
        """Close all connections."""
        await self._rpc.close()

    async def _ask(self, method: str, params: Sequence[object], read: Callable[[Any], _T]) -> _T:
        answer = await self._rpc.read(method, params)
        try:
            return read(answer)
        except BadAnswer as exc:
            raise ChainUnavailable(f"{self._rpc.origin} answered {method} with {exc}") from exc

    async def _view(self, call: bytes, at: bytes, read: Callable[[bytes], _T]) -> _T:
        """Call a view of the contract as of a block hash; no code at its address is ChainUnavailable."""
        request = {"to": self._contract, "data": "0x" + call.hex()}
        returned = await self._ask(
            "eth_call", [request, _as_of(at)], lambda value: answers.data(value, name="a return value")
        )
        if not returned:
            raise ChainUnavailable(f"no contract answers at {self._contract}: check address and chain")
        try:
            return read(returned)
        except BadAnswer as exc:
            raise ChainUnavailable(f"the contract at {self._contract} returned {exc}") from exc


def _has_one_case(address: str) -> bool:
    """Whether an address is written without a checksum, which is told by the case of its letters."""
    digits = address[2:]
    return digits in (digits.lower(), digits.upper())


def _block_id(tag: BlockTag) -> str:
    if isinstance(tag, bytes):
        return "0x" + tag.hex()
    return hex(tag) if isinstance(tag, int) else tag


def _is_named(block: Block, tag: BlockTag) -> bool:
    if isinstance(tag, bytes):
        return block.hash == tag
    return not isinstance(tag, int) or block.number == tag


def _as_of(block_hash: bytes) -> dict[str, object]:
    """Name a block for a state read; the endpoint must refuse one that is not canonical (EIP-1898)."""
    return {"blockHash": "0x" + block_hash.hex(), "requireCanonical": True}


def _says_no_such_tag(refusal: EndpointRefusal) -> bool:
    text = refusal.text.lower()
    return refusal.code in _NO_SUCH_TAG_CODES or any(words in text for words in _NO_SUCH_TAG_WORDS)
