"""A chain and a service, just large enough to ask `decide_step` every question: pure values, no clock, no I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count

from anchor.core.lifecycle import BatchState, BatchView, ChainView, Decision, Step, decide_step

REPLACE_AFTER_S = 60.0
MAX_STEPS_A_LOOK = 8


@dataclass(frozen=True, slots=True)
class Transaction:
    """A transaction of the publisher's account; one without a root is a stranger's, to some other contract."""

    nonce: int
    sequence: int | None = None
    root: str | None = None


@dataclass(frozen=True, slots=True)
class ChainState:
    """What follows from the blocks up to one of them: each root's block hash, and the two counters."""

    records: dict[str, int]
    next_sequence: int
    nonce: int


class ModelChain:
    """
    Blocks of transactions of one account; the contract's rules; reorganisation down to the finalized block.

    `sent` is what was ever broadcast, `pool` what is still known. While `swallows`, a broadcast is confirmed and lost.
    """

    def __init__(self) -> None:
        self._hashes = count(1)
        self._blocks: list[tuple[int, tuple[Transaction, ...]]] = []
        self._final_blocks = 0
        self.pool: list[Transaction] = []
        self.sent: list[Transaction] = []
        self.swallows = False

    @property
    def latest(self) -> ChainState:
        """The state as of the newest block."""
        return self._state(len(self._blocks))

    @property
    def final(self) -> ChainState:
        """The state as of the finalized block."""
        return self._state(self._final_blocks)

    def seen_late(self, blocks: int) -> tuple[ChainState, ChainState]:
        """Return latest and final as an endpoint tells them that lags by so many blocks, or replays old answers."""
        known = max(0, len(self._blocks) - blocks)
        return self._state(known), self._state(min(known, self._final_blocks))

    def broadcast(self, transaction: Transaction) -> None:
        """Take a transaction into the pool, or only say so."""
        self.sent.append(transaction)
        if transaction not in self.pool and not self.swallows:
            self.pool.append(transaction)

    @property
    def unfinal_blocks(self) -> int:
        """How many blocks a reorganisation can drop."""
        return len(self._blocks) - self._final_blocks

    def minable(self) -> list[Transaction]:
        """Return the transactions of the pool that could stand in the next block first."""
        nonce = self.latest.nonce
        return [transaction for transaction in self.pool if transaction.nonce == nonce]

    def mine(self, *transactions: Transaction) -> None:
        """Add a block; its transactions stand in the order of their nonces, without a gap."""
        nonces = [transaction.nonce for transaction in transactions]
        assert nonces == list(range(self.latest.nonce, self.latest.nonce + len(nonces)))
        self._blocks.append((next(self._hashes), transactions))

    def reorganise(self, depth: int) -> None:
        """Drop the newest blocks; the pool keeps what was in them."""
        assert depth <= self.unfinal_blocks
        del self._blocks[len(self._blocks) - depth :]

    def finalize(self, blocks: int) -> None:
        """Make so many more blocks final."""
        assert blocks <= self.unfinal_blocks
        self._final_blocks += blocks

    def _state(self, blocks: int) -> ChainState:
        records: dict[str, int] = {}
        next_sequence, nonce = 1, 0
        for block_hash, transactions in self._blocks[:blocks]:
            for transaction in transactions:
                nonce += 1
                # Anything but the next sequence reverts: the nonce is gone and nothing is recorded.
                if transaction.root is not None and transaction.sequence == next_sequence:
                    assert transaction.root not in records
                    records[transaction.root] = block_hash
                    next_sequence += 1
        return ChainState(records, next_sequence, nonce)


@dataclass(slots=True)
class ModelBatch:
    """What a store holds of a batch."""

    name: str
    sequence: int
    seal: int = 0
    state: BatchState = BatchState.SEALED
    mined_block_hash: int | None = None
    payloads: list[Transaction] = field(default_factory=list)
    payload_age_s: float = 0.0

    @property
    def root(self) -> str:
        """The root of the newest seal: each seal has its own, as each header has its own sequence."""
        return self._root(self.seal)

    @property
    def roots(self) -> list[str]:
        """The roots of all seals."""
        return [self._root(seal) for seal in range(self.seal + 1)]

    def _root(self, seal: int) -> str:
        return f"{self.name}.{seal}"


class ModelService:
    """Takes the steps that `decide_step` names, in the order in which the service does."""

    def __init__(self, chain: ModelChain) -> None:
        self._chain = chain
        self._latest, self._final = chain.seen_late(0)
        self.batches: list[ModelBatch] = []
        self.halted: ModelBatch | None = None

    @property
    def unfinished(self) -> list[ModelBatch]:
        """The batches that are not final, oldest first."""
        return [batch for batch in self.batches if batch.state is not BatchState.FINAL]

    @property
    def may_seal(self) -> bool:
        """Whether the next batch may be sealed: one anchor is unmined at a time."""
        return not self.batches or self.batches[-1].state.is_mined

    def seal(self) -> None:
        """Seal a batch under the sequence after the last one, the first one under 1."""
        sequence = self.batches[-1].sequence + 1 if self.batches else 1
        self.batches.append(ModelBatch(name=f"batch{len(self.batches)}", sequence=sequence))

    def age(self, seconds: float) -> None:
        """Let time pass."""
        for batch in self.batches:
            batch.payload_age_s += seconds

    def look(self, *, blocks_late: int = 0) -> list[tuple[ModelBatch, Decision]]:
        """Take every unfinished batch as far as one look at the chain allows; return what was decided."""
        self._latest, self._final = self._chain.seen_late(blocks_late)
        decided: list[tuple[ModelBatch, Decision]] = []
        for batch in self.unfinished:
            if not self._advance(batch, decided):
                break
        return decided

    def _advance(self, batch: ModelBatch, decided: list[tuple[ModelBatch, Decision]]) -> bool:
        for _ in range(MAX_STEPS_A_LOOK):
            decision = decide_step(
                self._batch_view(batch), self._chain_view(batch), replace_after_s=REPLACE_AFTER_S
            )
            decided.append((batch, decision))
            if decision.step is Step.WAIT:
                return batch.state.is_mined
            if decision.step in (Step.BROADCAST, Step.HALT):
                self._send_or_stop(batch, decision.step)
                return False
            self._take(batch, decision.step)
            if batch.state is BatchState.FINAL:
                return True
        raise AssertionError(f"one look led to {MAX_STEPS_A_LOOK} steps without an end: {decided}")

    def _send_or_stop(self, batch: ModelBatch, step: Step) -> None:
        if step is Step.HALT:
            self.halted = batch
        else:
            payload = self._live(batch)
            assert payload is not None
            self._chain.broadcast(payload)

    def _take(self, batch: ModelBatch, step: Step) -> None:
        latest = self._latest
        match step:
            case Step.SIGN | Step.REPLACE:
                self._sign(batch, latest.nonce)
            case Step.MARK_MINED:
                batch.state, batch.mined_block_hash = BatchState.MINED, latest.records[batch.root]
            case Step.MARK_FINAL:
                batch.state = BatchState.FINAL
            case Step.MARK_UNMINED:
                batch.state, batch.mined_block_hash = BatchState.SENT, None
            case Step.RESEAL:
                batch.seal += 1
                batch.state, batch.sequence = BatchState.SEALED, latest.next_sequence

    def _sign(self, batch: ModelBatch, nonce: int) -> None:
        batch.payloads.append(Transaction(nonce=nonce, sequence=batch.sequence, root=batch.root))
        batch.payload_age_s = 0.0
        batch.state = BatchState.SENT

    def _live(self, batch: ModelBatch) -> Transaction | None:
        """Return the payload of the present seal that can be mined next, or else the newest one."""
        own = [payload for payload in batch.payloads if payload.root == batch.root]
        ready = [payload for payload in own if payload.nonce == self._latest.nonce]
        known = ready or own
        return known[-1] if known else None

    def _batch_view(self, batch: ModelBatch) -> BatchView:
        mined = batch.mined_block_hash
        live = self._live(batch)
        own = {payload.nonce for payload in batch.payloads if payload.root == batch.root}
        return BatchView(
            state=batch.state,
            sequence=batch.sequence,
            mined_block_hash=None if mined is None else _hash_bytes(mined),
            payload_nonce=live.nonce if live else None,
            burned_nonces=len([nonce for nonce in own if nonce < self._final.nonce]),
            payload_age_s=batch.payload_age_s,
        )

    def _chain_view(self, batch: ModelBatch) -> ChainView:
        latest, final = self._latest, self._final
        block_hash = latest.records.get(batch.root)
        return ChainView(
            record_block_hash=None if block_hash is None else _hash_bytes(block_hash),
            record_is_final=batch.root in final.records,
            next_sequence=latest.next_sequence,
            next_sequence_final=final.next_sequence,
            nonce=latest.nonce,
            nonce_final=final.nonce,
        )


def _hash_bytes(number: int) -> bytes:
    return number.to_bytes(32, "big")
