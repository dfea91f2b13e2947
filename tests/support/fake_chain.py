"""A chain in memory that keeps the contract's rules: anchors, succession, finality, reorganisation.

A state read names a block hash, and the answer comes from that block and its ancestors alone, so a reader
that mixes two blocks gets two different answers here as it would from a node.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256

from anchor.chain.protocol import (
    AnchoredEvent,
    AnchorRecord,
    Block,
    BlockTag,
    ChainIdentity,
    ChainReader,
    Head,
)
from anchor.errors import ChainUnavailable

CONTRACT = "0x" + "c0" * 20
CODE_HASH = sha256(b"the contract's code").digest()


def address(number: int) -> str:
    """Return an account's address (digits only, so that it is its own checksummed form)."""
    return f"0x{number:040d}"


@dataclass(frozen=True, slots=True)
class Anchored:
    """A call of `anchor` that succeeded."""

    publisher: str
    root: bytes
    leaf_count: int


@dataclass(frozen=True, slots=True)
class Succeeded:
    """A call of `acceptSuccession` that succeeded."""

    publisher: str
    successor: str


@dataclass(frozen=True, slots=True)
class _Mined:
    block: Block
    calls: tuple[Anchored | Succeeded, ...]


@dataclass(slots=True)
class _State:
    """The contract's storage after some blocks."""

    records: dict[tuple[str, bytes], AnchorRecord] = field(default_factory=dict)
    heads: dict[str, bytes] = field(default_factory=dict)
    successors: dict[str, str] = field(default_factory=dict)

    def apply(self, mined: _Mined) -> list[tuple[str, AnchoredEvent]]:
        """Apply a block's calls and return the events they emit."""
        events = []
        for position, call in enumerate(mined.calls):
            if isinstance(call, Succeeded):
                self._succeed(call)
                continue
            sequence = self._next_sequence(call.publisher)
            record = AnchorRecord(
                sequence=sequence,
                timestamp_s=mined.block.timestamp_s,
                block_number=mined.block.number,
                leaf_count=call.leaf_count,
            )
            assert (call.publisher, call.root) not in self.records, (
                "the contract refuses a root anchored before"
            )
            assert call.publisher not in self.successors, (
                "the contract refuses a publisher that was succeeded"
            )
            self.records[call.publisher, call.root] = record
            self.heads[call.publisher] = call.root
            events.append(
                (
                    call.publisher,
                    AnchoredEvent(
                        sequence=sequence,
                        root=call.root,
                        leaf_count=call.leaf_count,
                        block_number=mined.block.number,
                        block_hash=mined.block.hash,
                        transaction_hash=sha256(mined.block.hash + bytes([position])).digest(),
                    ),
                )
            )
        return events

    def _next_sequence(self, publisher: str) -> int:
        head = self.heads.get(publisher)
        return 1 if head is None else self.records[publisher, head].sequence + 1

    def _succeed(self, call: Succeeded) -> None:
        root = self.heads.pop(call.publisher)
        self.heads[call.successor] = root
        self.records[call.successor, root] = self.records[call.publisher, root]
        self.successors[call.publisher] = call.successor


class FakeChain:
    """A ChainReader over blocks that a test mines; `failing` makes every read raise ChainUnavailable.

    `hidden_events` are sequences whose events it leaves out, as a careless or lying endpoint would.
    """

    def __init__(self, *, chain_id: int = 31337, genesis_s: int = 1_700_000_000) -> None:
        genesis = Block(number=0, hash=sha256(b"genesis").digest(), timestamp_s=genesis_s, base_fee_wei=0)
        self.chain_id = chain_id
        self.code_hash_value: bytes | None = CODE_HASH
        self.failing = False
        self.hidden_events: set[int] = set()
        self.has_finalized_tag = True
        self.finalized_number = 0
        self._branch = 0
        self._blocks = [_Mined(block=genesis, calls=())]

    @property
    def genesis_hash(self) -> bytes:
        """The hash of block 0."""
        return self._blocks[0].block.hash

    @property
    def latest(self) -> Block:
        """The newest block."""
        return self._blocks[-1].block

    def mine(self, *calls: Anchored | Succeeded, after_s: int = 12) -> Block:
        """Mine one block with these calls."""
        parent = self.latest
        number = parent.number + 1
        seed = parent.hash + number.to_bytes(8, "big") + self._branch.to_bytes(8, "big")
        block = Block(
            number=number,
            hash=sha256(seed).digest(),
            timestamp_s=parent.timestamp_s + after_s,
            base_fee_wei=1,
        )
        self._blocks.append(_Mined(block=block, calls=calls))
        return block

    def finalize(self) -> None:
        """Make every block so far final."""
        self.finalized_number = self.latest.number

    def reorganise(self, depth: int) -> None:
        """Drop the newest blocks; those mined next have other hashes."""
        assert self.latest.number - depth >= self.finalized_number, "a final block is never dropped"
        del self._blocks[-depth:]
        self._branch += 1

    async def identity(self) -> ChainIdentity:
        """Return the chain id and genesis hash."""
        self._require_answer()
        return ChainIdentity(chain_id=self.chain_id, genesis_hash=self.genesis_hash)

    async def block(self, tag: BlockTag) -> Block | None:
        """Return the block of a tag, number or hash."""
        self._require_answer()
        if tag == "latest":
            return self.latest
        if tag == "finalized":
            return self._blocks[self.finalized_number].block if self.has_finalized_tag else None
        return next(
            (mined.block for mined in self._blocks if tag in (mined.block.number, mined.block.hash)), None
        )

    async def code_hash(self, address: str, at: bytes) -> bytes | None:
        """Return the contract's code hash; None for any other address."""
        self._history(at)
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
        return self._state(at).successors.get(publisher)

    async def predecessor(self, publisher: str, at: bytes) -> str | None:
        """Return whom an account succeeded as of a block."""
        successors = self._state(at).successors
        return next((before for before, account in successors.items() if account == publisher), None)

    async def anchored_events(
        self, publisher: str, *, from_block: int, to_block: int
    ) -> Sequence[AnchoredEvent]:
        """Return the publisher's events in a range of blocks."""
        self._require_answer()
        state = _State()
        events = [event for mined in self._blocks for event in state.apply(mined)]
        return [
            event
            for who, event in events
            if who == publisher
            and from_block <= event.block_number <= to_block
            and event.sequence not in self.hidden_events
        ]

    def _require_answer(self) -> None:
        if self.failing:
            raise ChainUnavailable("the fake endpoint does not answer")

    def _history(self, at: bytes) -> list[_Mined]:
        self._require_answer()
        for position, mined in enumerate(self._blocks):
            if mined.block.hash == at:
                return self._blocks[: position + 1]
        raise ChainUnavailable("the block that was named is not canonical")

    def _state(self, at: bytes) -> _State:
        state = _State()
        for mined in self._history(at):
            state.apply(mined)
        return state


def opener(
    *chains: tuple[str, ChainReader],
) -> Callable[[str, str, int], AbstractAsyncContextManager[ChainReader]]:
    """Return what verifiers take to open chains: RPC URLs mapped to chains in memory."""
    by_url = dict(chains)

    @asynccontextmanager
    async def open_chain(rpc: str, contract: str, quorum: int) -> AsyncIterator[ChainReader]:
        assert (contract, quorum) == (CONTRACT, 1)
        yield by_url[rpc]

    return open_chain
