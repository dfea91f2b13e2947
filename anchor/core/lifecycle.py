"""
The life of a batch from `accepted` to `final`, as a pure function of what is stored and what the chain shows.

Nothing here believes an endpoint's wording: only the contract's record of a root, and account nonces at blocks, move a
batch. Start-up recovery and normal work take the same steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

MAX_BURNED_NONCES = 3
"""Payloads that were mined without leaving a record: more of them is a fault that money will not mend."""


class BatchState(Enum):
    """The states that a digest and its batch pass through; the same words in database, API and logs."""

    ACCEPTED = "accepted"
    SEALED = "sealed"
    SENT = "sent"
    MINED = "mined"
    FINAL = "final"

    @property
    def is_mined(self) -> bool:
        """Whether a canonical block holds the batch's anchor."""
        return self in (BatchState.MINED, BatchState.FINAL)


@dataclass(frozen=True, slots=True)
class BatchView:
    """
    What is stored of a sealed batch and its payload (a stored signed transaction).

    Of several payloads it is the one that could be mined next, else the newest; `burned_nonces` counts the nonces at
    which one was mined for good, as far as there may be too many. Only payloads of the present publisher's account
    count. `is_elsewhere` says that it was sealed for an anchorage that was left since.
    """

    state: BatchState
    sequence: int
    mined_block_hash: bytes | None
    payload_nonce: int | None
    burned_nonces: int
    payload_age_s: float
    is_elsewhere: bool = False


@dataclass(frozen=True, slots=True)
class ChainView:
    """
    What one look at the chain shows, all of it as of one latest block and one finalized block.

    `record_*` is whether the contract holds the batch's root there; `next_sequence_*` the publisher's next sequence;
    `nonce_*` the account's transaction count.
    """

    record_block_hash: bytes | None
    record_is_final: bool
    next_sequence: int
    next_sequence_final: int
    nonce: int
    nonce_final: int


class Step(Enum):
    """What to do next with a batch."""

    WAIT = "wait"
    SIGN = "sign"
    BROADCAST = "broadcast"
    REPLACE = "replace"
    MARK_MINED = "mark mined"
    MARK_FINAL = "mark final"
    MARK_UNMINED = "mark unmined"
    RESEAL = "reseal"
    HALT = "halt"


@dataclass(frozen=True, slots=True)
class Decision:
    """A step and, where a person may want to know, why."""

    step: Step
    reason: str = ""


def decide_step(batch: BatchView, chain: ChainView, *, replace_after_s: float) -> Decision:
    """Return the next step for the oldest batch that is sealed and not final (docs/protocol.md, Promises 2 to 4)."""
    if batch.is_elsewhere:
        return _left_behind(chain)
    if chain.record_block_hash is not None:
        return _recorded(batch, chain, chain.record_block_hash)
    if batch.state.is_mined:
        return Decision(Step.MARK_UNMINED, "a reorganisation dropped the anchor's block")
    if chain.next_sequence > batch.sequence:
        return _sequence_taken(batch, chain)
    if chain.next_sequence < batch.sequence:
        # The oldest batch follows on what is final: an endpoint lags, and its nonces are used ones.
        return Decision(Step.WAIT, f"the chain shows no sequence {batch.sequence - 1} yet")
    if batch.payload_nonce is None:
        return Decision(Step.SIGN)
    if batch.payload_nonce < chain.nonce:
        return _nonce_used(batch, chain, batch.payload_nonce)
    if batch.payload_nonce > chain.nonce:
        # No transaction of ours is missing before it: what was there is lost, and may never come back. Whichever of
        # the two payloads is mined first, the contract refuses the other.
        return Decision(
            Step.SIGN, f"nonce {batch.payload_nonce} waits behind one that a reorganisation freed"
        )
    if batch.payload_age_s >= replace_after_s:
        return Decision(Step.REPLACE, "not mined before the deadline")
    return Decision(Step.BROADCAST)


def _recorded(batch: BatchView, chain: ChainView, block_hash: bytes) -> Decision:
    if not batch.state.is_mined or batch.mined_block_hash != block_hash:
        return Decision(Step.MARK_MINED)
    return Decision(Step.MARK_FINAL) if chain.record_is_final else Decision(Step.WAIT)


def _left_behind(chain: ChainView) -> Decision:
    if chain.next_sequence == chain.next_sequence_final:
        return Decision(Step.RESEAL, "the anchorage that it was sealed for was left")
    return Decision(
        Step.WAIT, "the anchorage that it was sealed for was left, and the head here is not final"
    )


def _sequence_taken(batch: BatchView, chain: ChainView) -> Decision:
    # A sequence that a reorganisation can give back is none to seal under: the anchor would revert, nonce after nonce.
    if chain.next_sequence == chain.next_sequence_final:
        return Decision(
            Step.RESEAL, f"sequence {batch.sequence} went to another root: the key is used elsewhere"
        )
    return Decision(Step.WAIT, f"sequence {batch.sequence} went to another root, not final yet")


def _nonce_used(batch: BatchView, chain: ChainView, payload_nonce: int) -> Decision:
    # The nonce is gone and the contract has no record: a stranger's transaction, or ours reverted. Until that is final
    # a reorganisation may still bring our payload back, and a second one could then be mined beside it.
    if payload_nonce >= chain.nonce_final:
        return Decision(Step.WAIT, f"nonce {payload_nonce} was used without leaving a record, not final yet")
    if batch.burned_nonces >= MAX_BURNED_NONCES:
        return Decision(Step.HALT, f"{batch.burned_nonces} transactions were mined and left no record")
    return Decision(Step.SIGN, f"nonce {payload_nonce} was used without leaving a record")
