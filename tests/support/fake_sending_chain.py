"""
A whole chain in memory: blocks, a pool, nonces, the contract's rules, finality, reorganisations, and faults.

It decodes and checks the signed bytes that it is given, as a node does, and keeps each block's state apart, so that
every read answers as of the block that it names.
"""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

from eth_account import Account
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from hexbytes import HexBytes

from anchor.chain import registry
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
from anchor.errors import ChainUnavailable
from tests.support.clock import FakeClock

CONTRACT = "0x" + "c0" * 20
CHAIN_ID = 31337
BLOCK_TIME_S = 12
NOBODY = "0x" + "00" * 20
GAS_USED = 54_924
_ANCHOR_SELECTOR = registry.anchor_call(sequence=1, root=bytes(32), leaf_count=1)[:4]
_APPOINT_SELECTOR = registry.appoint_call(None)[:4]
_ACCEPT_SELECTOR = registry.accept_call(NOBODY)[:4]


@dataclass(frozen=True, slots=True)
class Transaction:
    """
    A transaction as a pool holds it; `anchor` is (sequence, root, leaf count), None for any other call.

    `appoints` and `accepts` are the account that a call of succession names.
    """

    sender: str
    nonce: int
    hash: bytes
    max_fee_wei: int
    priority_fee_wei: int
    anchor: tuple[int, bytes, int] | None
    appoints: str | None = None
    accepts: str | None = None


@dataclass(frozen=True, slots=True)
class _State:
    """Accounts and contract storage after a block."""

    nonces: dict[str, int] = field(default_factory=dict)
    records: dict[tuple[str, bytes], AnchorRecord] = field(default_factory=dict)
    heads: dict[str, bytes] = field(default_factory=dict)
    appointed: dict[str, str] = field(default_factory=dict)
    successors: dict[str, str] = field(default_factory=dict)

    def copy(self) -> _State:
        return _State(
            dict(self.nonces),
            dict(self.records),
            dict(self.heads),
            dict(self.appointed),
            dict(self.successors),
        )

    def apply(self, transaction: Transaction, block: Block) -> bool:
        """Run one transaction and return whether it succeeded; its nonce is used either way."""
        sender = transaction.sender
        assert transaction.nonce == self.nonces.get(sender, 0), "a block holds transactions in nonce order"
        self.nonces[sender] = transaction.nonce + 1
        if transaction.appoints is not None:
            return self._appoint(sender, transaction.appoints)
        if transaction.accepts is not None:
            return self._accept(sender, transaction.accepts)
        if transaction.anchor is None:
            return True
        if sender in self.successors:
            return False
        sequence, root, leaf_count = transaction.anchor
        if sequence != self.next_sequence(sender) or not any(root) or not leaf_count:
            return False
        if (sender, root) in self.records:
            return False
        self.records[sender, root] = AnchorRecord(
            sequence=sequence, timestamp_s=block.timestamp_s, block_number=block.number, leaf_count=leaf_count
        )
        self.heads[sender] = root
        return True

    def _appoint(self, sender: str, account: str) -> bool:
        if sender in self.successors or account == sender or self._is_publisher(account):
            return False
        self.appointed[sender] = account
        return True

    def _accept(self, sender: str, publisher: str) -> bool:
        if publisher in self.successors or self.appointed.get(publisher) != sender:
            return False
        if self._is_publisher(sender) or publisher not in self.heads:
            return False
        root = self.heads.pop(publisher)
        self.heads[sender] = root
        self.records[sender, root] = self.records[publisher, root]
        self.successors[publisher] = sender
        return True

    def _is_publisher(self, account: str) -> bool:
        return account in self.heads or account in self.successors

    def next_sequence(self, publisher: str) -> int:
        head = self.heads.get(publisher)
        return self.records[publisher, head].sequence + 1 if head else 1


@dataclass(frozen=True, slots=True)
class _Mined:
    block: Block
    state: _State
    transactions: tuple[tuple[Transaction, bool], ...]


class SendingChain:
    """
    Fulfils `anchor.chain.protocol.Chain`; a test mines, finalises, reorganises and breaks it.

    `failing` refuses every read; `unaffordable` makes every transaction cost more than any balance. `reverts_anchors`
    is a contract that takes none. `before_read` is called before each answer. `keeps_dropped_state` answers for blocks
    that a reorganisation dropped, as nodes do for a while; `oldest_state` is the first block whose state is kept.
    `loses_receipts` knows of no receipt any more. `lies_of_successors` are successions that no block knows of.
    `broadcast_fault` is "lost" (taken, but the answer never comes), "swallowed" (confirmed, but never taken),
    "underpriced" (called too cheap, whatever it offers) or "refused" (neither). `before_broadcast` sees every payload
    before the pool does, `after_broadcast` when the pool has it and nobody has heard of that.
    `finality_lag` counts the blocks that finality stays behind the newest one; None leaves it to `finalize`.
    Blocks carry the clock's time and `clock_offset_s`.
    """

    def __init__(self, *, clock: FakeClock, finality_lag: int | None = 2) -> None:
        self.clock = clock
        self.clock_offset_s = 0
        self.base_fee_wei = 10**9
        genesis = Block(
            number=0,
            hash=sha256(b"genesis").digest(),
            timestamp_s=clock.now_ms() // 1000,
            base_fee_wei=self.base_fee_wei,
        )
        self.chain_id = CHAIN_ID
        self.code_hash_value: bytes | None = registry.code_hash()
        self.lies_of_successors: dict[str, str] = {}
        self.balances_wei: dict[str, int] = {}
        self.suggested_priority_fee_wei = 10**8
        self.finality_lag = finality_lag
        self.failing = False
        self.oldest_state = 0
        self.loses_receipts = False
        self.reverts_anchors = False
        self.keeps_dropped_state = False
        self.before_read: Callable[[], None] | None = None
        self.unaffordable = False
        self.broadcast_fault = ""
        self.before_broadcast: Callable[[bytes], Awaitable[None]] | None = None
        self.after_broadcast: Callable[[bytes], Awaitable[None]] | None = None
        self.pool: dict[tuple[str, int], Transaction] = {}
        self.broadcasts: list[bytes] = []
        self.is_closed = False
        self.passed_over: list[str] = []
        self._finalized_number = 0
        self._branch = 0
        self._dropped: list[_Mined] = []
        self._mined = [_Mined(block=genesis, state=_State(), transactions=())]

    # What a test does

    @property
    def latest(self) -> Block:
        """The newest block."""
        return self._mined[-1].block

    def next_sequence(self, publisher: str) -> int:
        """Return the publisher's next sequence at the newest block."""
        return self._mined[-1].state.next_sequence(publisher)

    def anchored_roots(self, publisher: str) -> dict[int, bytes]:
        """Return every root of the publisher at the newest block, by sequence."""
        records = self._mined[-1].state.records
        return {record.sequence: root for (who, root), record in records.items() if who == publisher}

    def last_of_line(self, publisher: str) -> str:
        """Return the last account of a publisher's line of succession at the newest block."""
        successor = self._mined[-1].state.successors.get(publisher)
        return publisher if successor is None else self.last_of_line(successor)

    def roots_of_line(self, last: str) -> dict[int, bytes]:
        """Return every root of an account and of all whom it succeeded, directly or not, by sequence."""
        successors = self._mined[-1].state.successors
        before = next((publisher for publisher, account in successors.items() if account == last), None)
        return {**(self.roots_of_line(before) if before else {}), **self.anchored_roots(last)}

    def failed_transactions(self) -> int:
        """Count the canonical transactions that were mined and reverted."""
        return sum(not succeeded for mined in self._mined for _, succeeded in mined.transactions)

    def mine(self, *, take_pool: bool = True) -> Block:
        """Mine a block now; it takes from the pool what fits by nonce and base fee, unless told not to."""
        self._mine_one(self.pool if take_pool else {})
        if self.finality_lag is not None:
            final = max(0, self.latest.number - self.finality_lag)
            self._finalized_number = max(self._finalized_number, final)
        return self.latest

    def finalize(self) -> None:
        """Make every block so far final."""
        self._finalized_number = self.latest.number

    def reorganise(self, depth: int, *, back_to_pool: bool = True) -> None:
        """Drop the newest blocks; their transactions go back to the pool (geth) or are lost (anvil)."""
        assert self.latest.number - depth >= self._finalized_number, "a final block is never dropped"
        dropped = self._mined[-depth:]
        del self._mined[-depth:]
        self._dropped += dropped
        self._branch += 1
        for mined in dropped if back_to_pool else ():
            for transaction, _ in mined.transactions:
                self.pool.setdefault((transaction.sender, transaction.nonce), transaction)

    def drop_pool(self) -> None:
        """Lose every transaction that is not mined."""
        self.pool.clear()

    def hand_over(self, publisher: str, successor: str) -> None:
        """Put an appointment and its acceptance into the pool: the next block makes the succession."""
        self.send_foreign(publisher, appoints=successor)
        # A publisher's transactions come first in a block only where its address does.
        self.mine()
        self.send_foreign(successor, accepts=publisher)

    def send_foreign(
        self,
        sender: str,
        *,
        anchor: tuple[int, bytes, int] | None = None,
        appoints: str | None = None,
        accepts: str | None = None,
        max_fee_wei: int = 10**15,
        priority_fee_wei: int = 10**12,
    ) -> None:
        """Put a transaction of the sender's key into the pool that the service knows nothing of, in place of any."""
        nonce = self._mined[-1].state.nonces.get(sender, 0)
        seed = repr((sender, nonce, anchor, appoints, accepts)).encode()
        self.pool[sender, nonce] = Transaction(
            sender=sender,
            nonce=nonce,
            hash=sha256(seed).digest(),
            max_fee_wei=max_fee_wei,
            priority_fee_wei=priority_fee_wei,
            anchor=anchor,
            appoints=appoints,
            accepts=accepts,
        )

    # What the service asks

    async def identity(self) -> ChainIdentity:
        """Return the chain id and genesis hash."""
        self._require_answer()
        return ChainIdentity(chain_id=self.chain_id, genesis_hash=self._mined[0].block.hash)

    async def block(self, tag: BlockTag) -> Block | None:
        """Return the block of a tag, number or hash."""
        self._require_answer()
        if tag == "latest":
            return self.latest
        if tag == "finalized":
            return self._mined[self._finalized_number].block
        return next(
            (mined.block for mined in self._mined if tag in (mined.block.number, mined.block.hash)), None
        )

    async def code_hash(self, address: str, at: bytes) -> bytes | None:
        """Return the contract's code hash; None for any other address."""
        self._state(at)
        return self.code_hash_value if address == CONTRACT else None

    async def record(self, publisher: str, root: bytes, at: bytes) -> AnchorRecord | None:
        """Return the record as of a block."""
        return self._state(at).records.get((publisher, root))

    async def head(self, publisher: str, at: bytes) -> Head | None:
        """Return the head as of a block."""
        state = self._state(at)
        root = state.heads.get(publisher)
        return None if root is None else Head(root=root, record=state.records[publisher, root])

    async def successor(self, publisher: str, at: bytes) -> str | None:
        """Return the successor as of a block."""
        told = {**self._state(at).successors, **self.lies_of_successors}
        return told.get(publisher)

    async def predecessor(self, publisher: str, at: bytes) -> str | None:
        """Return whom an account succeeded as of a block."""
        successors = self._state(at).successors
        return next((before for before, account in successors.items() if account == publisher), None)

    async def appointed_successor(self, publisher: str, at: bytes) -> str | None:
        """Return the account that may succeed a publisher as of a block."""
        state = self._state(at)
        account = state.appointed.get(publisher, NOBODY)
        return None if account == NOBODY or publisher in state.successors else account

    async def anchored_events(
        self, publisher: str, *, from_block: int, to_block: int
    ) -> Sequence[AnchoredEvent]:
        """Return the publisher's events in a range of blocks."""
        self._require_answer()
        return [
            AnchoredEvent(
                sequence=transaction.anchor[0],
                root=transaction.anchor[1],
                leaf_count=transaction.anchor[2],
                block_number=mined.block.number,
                block_hash=mined.block.hash,
                transaction_hash=transaction.hash,
            )
            for mined in self._mined[from_block : to_block + 1]
            for transaction, succeeded in mined.transactions
            if succeeded and transaction.sender == publisher and transaction.anchor
        ]

    async def balance_wei(self, address: str) -> int:
        """Return the balance."""
        self._require_answer()
        return self.balances_wei.get(address, 10**18)

    async def nonce(self, address: str, at: BlockTag) -> int:
        """Return the transaction count as of a block, or with what the pool would let follow."""
        if at == "pending":
            self._require_answer()
            nonce = self._mined[-1].state.nonces.get(address, 0)
            return next(count for count in itertools.count(nonce) if (address, count) not in self.pool)
        assert isinstance(at, bytes), "state is asked for by block hash"
        return self._state(at).nonces.get(address, 0)

    async def receipt(self, transaction_hash: bytes) -> Receipt | None:
        """Return the receipt of a canonical transaction."""
        self._require_answer()
        for mined in () if self.loses_receipts else self._mined:
            for transaction, succeeded in mined.transactions:
                if transaction.hash == transaction_hash:
                    return Receipt(
                        transaction_hash=transaction_hash,
                        block_number=mined.block.number,
                        block_hash=mined.block.hash,
                        succeeded=succeeded,
                        gas_used=GAS_USED,
                        gas_price_wei=min(
                            transaction.max_fee_wei,
                            mined.block.base_fee_wei + transaction.priority_fee_wei,
                        ),
                    )
        return None

    async def priority_fee_wei(self) -> int:
        """Return the suggested priority fee."""
        self._require_answer()
        return self.suggested_priority_fee_wei

    async def broadcast(self, raw: bytes) -> SendResult:
        """Take a signed transaction into the pool by geth's rules."""
        if self.before_broadcast is not None:
            await self.before_broadcast(raw)
        self.broadcasts.append(raw)
        if self.failing or self.broadcast_fault == "refused":
            return SendResult(SendOutcome.UNKNOWN, "connection refused")
        if self.broadcast_fault == "swallowed":
            return SendResult(SendOutcome.ACCEPTED, "")
        if self.broadcast_fault == "underpriced":
            return SendResult(SendOutcome.REPLACEMENT_TOO_CHEAP, "replacement transaction underpriced")
        result = self._take(raw)
        if self.after_broadcast is not None:
            await self.after_broadcast(raw)
        return SendResult(SendOutcome.UNKNOWN, "timed out") if self.broadcast_fault == "lost" else result

    def endpoint_problems(self) -> Sequence[str]:
        """Return the endpoints that a test calls passed over."""
        return self.passed_over

    async def close(self) -> None:
        """Note that the connections were closed."""
        self.is_closed = True

    # Within

    def _require_answer(self) -> None:
        if self.before_read is not None:
            self.before_read()
        if self.failing:
            raise ChainUnavailable("the fake endpoint does not answer")

    def _state(self, at: bytes) -> _State:
        self._require_answer()
        dropped: Sequence[_Mined] = self._dropped if self.keeps_dropped_state else ()
        for mined in (*self._mined, *dropped):
            if mined.block.hash == at and mined.block.number < self.oldest_state:
                raise ChainUnavailable("missing trie node")
            if mined.block.hash == at:
                return mined.state
        raise ChainUnavailable("the block that was named is not canonical")

    def _mine_one(self, pool: dict[tuple[str, int], Transaction]) -> None:
        parent = self._mined[-1]
        number = parent.block.number + 1
        seed = parent.block.hash + number.to_bytes(8, "big") + self._branch.to_bytes(8, "big")
        block = Block(
            number=number,
            hash=sha256(seed).digest(),
            timestamp_s=max(parent.block.timestamp_s + 1, self.clock.now_ms() // 1000 + self.clock_offset_s),
            base_fee_wei=self.base_fee_wei,
        )
        state = parent.state.copy()
        included = []
        for key, transaction in sorted(pool.items()):
            used = state.nonces.get(transaction.sender, 0)
            if transaction.nonce < used:
                del pool[key]
            elif transaction.nonce == used and transaction.max_fee_wei >= self.base_fee_wei:
                del pool[key]
                mined = replace(transaction, anchor=None) if self.reverts_anchors else transaction
                included.append((transaction, state.apply(mined, block) and mined is transaction))
        self._mined.append(_Mined(block=block, state=state, transactions=tuple(included)))

    def _take(self, raw: bytes) -> SendResult:
        transaction, chain_id = decode(raw)
        if chain_id != self.chain_id:
            return SendResult(SendOutcome.WRONG_CHAIN, "invalid chain id for signer")
        if self.unaffordable or self.balances_wei.get(transaction.sender, 1) == 0:
            return SendResult(SendOutcome.NO_FUNDS, "insufficient funds for gas * price + value")
        if transaction.nonce < self._mined[-1].state.nonces.get(transaction.sender, 0):
            return SendResult(SendOutcome.NONCE_USED, "nonce too low")
        key = (transaction.sender, transaction.nonce)
        pooled = self.pool.get(key)
        if pooled is not None and pooled.hash == transaction.hash:
            return SendResult(SendOutcome.ACCEPTED, "already known")
        if pooled is not None and not _pays_enough_more(transaction, pooled):
            return SendResult(SendOutcome.REPLACEMENT_TOO_CHEAP, "replacement transaction underpriced")
        self.pool[key] = transaction
        return SendResult(SendOutcome.ACCEPTED, "")


def decode(raw: bytes) -> tuple[Transaction, int]:
    """Return what signed bytes say, with the sender recovered from the signature, and their chain id."""
    fields: dict[str, Any] = TypedTransaction.from_bytes(HexBytes(raw)).as_dict()
    data, contract = bytes(fields["data"]), "0x" + bytes(fields["to"]).hex()
    words = [data[at : at + 32] for at in range(4, len(data), 32)]
    is_anchor = contract == CONTRACT and data[:4] == _ANCHOR_SELECTOR and len(words) == 3
    account = to_checksum_address(words[0][12:]) if len(words) == 1 else None
    transaction = Transaction(
        sender=str(Account.recover_transaction(raw)),
        nonce=fields["nonce"],
        hash=keccak(raw),
        max_fee_wei=fields["maxFeePerGas"],
        priority_fee_wei=fields["maxPriorityFeePerGas"],
        anchor=(int.from_bytes(words[0], "big"), words[1], int.from_bytes(words[2], "big"))
        if is_anchor
        else None,
        appoints=account if data[:4] == _APPOINT_SELECTOR else None,
        accepts=account if data[:4] == _ACCEPT_SELECTOR else None,
    )
    return transaction, fields["chainId"]


def _pays_enough_more(new: Transaction, old: Transaction) -> bool:
    """Whether a pool takes a replacement: 10 % more on both fees, as geth asks."""
    return (
        10 * new.max_fee_wei >= 11 * old.max_fee_wei
        and 10 * new.priority_fee_wei >= 11 * old.priority_fee_wei
    )
