"""The life of a batch: a table of what is seen and what follows, and a machine that tries every order of events."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from anchor.core.lifecycle import (
    MAX_BURNED_NONCES,
    BatchState,
    BatchView,
    ChainView,
    Step,
    decide_step,
)
from tests.core.chain_model import ModelChain, ModelService, Transaction

BLOCK, OTHER_BLOCK = b"\xaa" * 32, b"\xbb" * 32

SEALED = BatchView(
    state=BatchState.SEALED,
    sequence=5,
    mined_block_hash=None,
    payload_nonce=None,
    burned_nonces=0,
    payload_age_s=0.0,
)
SENT = replace(SEALED, state=BatchState.SENT, payload_nonce=10, burned_nonces=1)
MINED = replace(SENT, state=BatchState.MINED, mined_block_hash=BLOCK)

UNSEEN = ChainView(
    record_block_hash=None,
    record_is_final=False,
    next_sequence=5,
    next_sequence_final=5,
    nonce=10,
    nonce_final=10,
)
RECORDED = replace(UNSEEN, record_block_hash=BLOCK, next_sequence=6, nonce=11)
RECORDED_FINAL = replace(RECORDED, record_is_final=True, next_sequence_final=6, nonce_final=11)

ELSEWHERE = replace(SENT, is_elsewhere=True)

TABLE = [
    ("sealed for an anchorage that was left", ELSEWHERE, UNSEEN, Step.RESEAL),
    ("the same, under a sequence that is taken here", ELSEWHERE, RECORDED_FINAL, Step.RESEAL),
    ("the same, while the head here is not final", ELSEWHERE, replace(UNSEEN, next_sequence=6), Step.WAIT),
    ("sealed, nothing signed", SEALED, UNSEEN, Step.SIGN),
    ("sealed while the batch before is not final", SEALED, replace(UNSEEN, next_sequence_final=4), Step.SIGN),
    ("sent, not mined", SENT, UNSEEN, Step.BROADCAST),
    ("stored and never broadcast", replace(SENT, state=BatchState.SEALED), UNSEEN, Step.BROADCAST),
    ("sent behind a nonce that was freed", SENT, replace(UNSEEN, nonce=9, nonce_final=9), Step.SIGN),
    (
        "sent long ago behind a nonce that was freed",
        replace(SENT, payload_age_s=1e6),
        replace(UNSEEN, nonce=9, nonce_final=8),
        Step.SIGN,
    ),
    ("sent, just before the deadline", replace(SENT, payload_age_s=59.9), UNSEEN, Step.BROADCAST),
    ("sent, at the deadline", replace(SENT, payload_age_s=60.0), UNSEEN, Step.REPLACE),
    ("sent and old, but mined", replace(SENT, payload_age_s=1e6), RECORDED, Step.MARK_MINED),
    ("sent, recorded", SENT, RECORDED, Step.MARK_MINED),
    ("sent, recorded and final at first sight", SENT, RECORDED_FINAL, Step.MARK_MINED),
    ("nothing signed, yet recorded", SEALED, RECORDED, Step.MARK_MINED),
    ("mined, as before", MINED, RECORDED, Step.WAIT),
    ("mined, final", MINED, RECORDED_FINAL, Step.MARK_FINAL),
    ("mined, in another block now", MINED, replace(RECORDED, record_block_hash=OTHER_BLOCK), Step.MARK_MINED),
    (
        "mined, final in another block",
        MINED,
        replace(RECORDED_FINAL, record_block_hash=OTHER_BLOCK),
        Step.MARK_MINED,
    ),
    ("mined, block dropped", MINED, UNSEEN, Step.MARK_UNMINED),
    (
        "mined, block dropped and the sequence taken",
        MINED,
        replace(UNSEEN, next_sequence=6, nonce=11),
        Step.MARK_UNMINED,
    ),
    ("sequence taken, not final", SENT, replace(UNSEEN, next_sequence=6, nonce=11), Step.WAIT),
    (
        "sequence taken, final",
        SENT,
        replace(UNSEEN, next_sequence=6, next_sequence_final=6, nonce=11, nonce_final=11),
        Step.RESEAL,
    ),
    (
        "sequence taken before anything was signed",
        SEALED,
        replace(UNSEEN, next_sequence=6, next_sequence_final=6),
        Step.RESEAL,
    ),
    (
        "sequence taken, final, and the next one taken but not final",
        SENT,
        replace(UNSEEN, next_sequence=7, next_sequence_final=6, nonce=12, nonce_final=11),
        Step.WAIT,
    ),
    ("nonce used, not final", SENT, replace(UNSEEN, nonce=11), Step.WAIT),
    (
        "nonce used, old, not final",
        replace(SENT, payload_age_s=1e6),
        replace(UNSEEN, nonce=12, nonce_final=10),
        Step.WAIT,
    ),
    ("nonce used, final", SENT, replace(UNSEEN, nonce=11, nonce_final=11), Step.SIGN),
    (
        "nonce used, final, for the last time",
        replace(SENT, burned_nonces=MAX_BURNED_NONCES),
        replace(UNSEEN, nonce=11, nonce_final=11),
        Step.HALT,
    ),
    (
        "nonce used for the last time, not final",
        replace(SENT, burned_nonces=MAX_BURNED_NONCES),
        replace(UNSEEN, nonce=11),
        Step.WAIT,
    ),
    (
        "many nonces used, recorded after all",
        replace(SENT, burned_nonces=MAX_BURNED_NONCES),
        RECORDED,
        Step.MARK_MINED,
    ),
]


@pytest.mark.parametrize(("_name", "batch", "chain", "expected"), TABLE, ids=[row[0] for row in TABLE])
def test_decide_step_of_every_situation_is_the_one_named(
    _name: str, batch: BatchView, chain: ChainView, expected: Step
) -> None:
    """What is stored, what the chain shows, and what follows."""
    assert decide_step(batch, chain, replace_after_s=60.0).step is expected


def test_decide_step_that_a_person_should_know_of_has_a_reason() -> None:
    """Whatever is out of the ordinary is told; what happens to every batch is not."""
    for _name, batch, chain, expected in TABLE:
        reason = decide_step(batch, chain, replace_after_s=60.0).reason
        ordinary = expected in (Step.BROADCAST, Step.MARK_MINED, Step.MARK_FINAL)
        if ordinary or (expected is Step.WAIT and chain.record_block_hash is not None):
            assert reason == ""
        elif expected is not Step.SIGN or batch.payload_nonce is not None:
            assert reason != ""


views = st.builds(
    BatchView,
    state=st.sampled_from([BatchState.SEALED, BatchState.SENT, BatchState.MINED]),
    sequence=st.integers(1, 4),
    mined_block_hash=st.sampled_from([None, BLOCK, OTHER_BLOCK]),
    payload_nonce=st.none() | st.integers(0, 4),
    burned_nonces=st.integers(0, 4),
    payload_age_s=st.sampled_from([0.0, 59.0, 60.0, 1e9]),
)


@st.composite
def chain_views(draw: st.DrawFn) -> ChainView:
    """Return any look at a chain whose finalized block is an ancestor of the latest one."""
    next_sequence, nonce = draw(st.integers(1, 5)), draw(st.integers(0, 5))
    record = draw(st.sampled_from([None, BLOCK]))
    return ChainView(
        record_block_hash=record,
        record_is_final=record is not None and draw(st.booleans()),
        next_sequence=next_sequence,
        next_sequence_final=draw(st.integers(1, next_sequence)),
        nonce=nonce,
        nonce_final=draw(st.integers(0, nonce)),
    )


@settings(max_examples=600)
@given(views, chain_views())
def test_decide_step_of_any_situation_keeps_the_rules(batch: BatchView, chain: ChainView) -> None:
    """Each step has its condition, in whatever situation."""
    step = decide_step(batch, chain, replace_after_s=60.0).step
    recorded = chain.record_block_hash is not None

    if step in (Step.MARK_MINED, Step.MARK_FINAL):
        assert recorded
    if step in (Step.SIGN, Step.REPLACE, Step.BROADCAST, Step.RESEAL, Step.HALT, Step.MARK_UNMINED):
        assert not recorded
    if step is Step.MARK_FINAL:
        assert chain.record_is_final
        assert batch.mined_block_hash == chain.record_block_hash
    if step is Step.SIGN:
        nonce = batch.payload_nonce
        assert nonce is None or nonce < chain.nonce_final or nonce > chain.nonce
    if step in (Step.REPLACE, Step.BROADCAST):
        assert batch.payload_nonce == chain.nonce
    if step in (Step.SIGN, Step.REPLACE, Step.BROADCAST):
        assert chain.next_sequence <= batch.sequence
    if step is Step.RESEAL:
        assert batch.sequence < chain.next_sequence_final == chain.next_sequence


class LifeOfBatches(RuleBasedStateMachine):
    """
    Every order of what chain, endpoint and service do.

    Blocks are mined, dropped and made final; transactions are lost, replaced and replayed; strangers hold the same
    key; endpoints lag, or lie about a broadcast; time passes; and the service looks.
    """

    def __init__(self) -> None:
        super().__init__()
        self.chain = ModelChain()
        self.service = ModelService(self.chain)

    @precondition(lambda self: self.service.may_seal and len(self.service.batches) < 4)
    @rule()
    def seal(self) -> None:
        """Seal the next batch."""
        self.service.seal()

    @precondition(lambda self: self.service.halted is None)
    @rule()
    def look(self) -> None:
        """Let the service take its steps, and compare each with the chain at that moment."""
        reached = []
        for batch, decision in self.service.look():
            reached.append(batch)
            if decision.step in (Step.SIGN, Step.REPLACE, Step.BROADCAST):
                # Under any other sequence the transaction could only revert, at our expense.
                assert batch.sequence == self.chain.latest.next_sequence
            if decision.step is Step.MARK_FINAL:
                assert batch.root in self.chain.final.records
            if decision.step is Step.HALT:
                burned = {
                    payload.nonce for payload in batch.payloads if payload.nonce < self.chain.final.nonce
                }
                assert len(burned) >= MAX_BURNED_NONCES
                assert not set(batch.roots) & set(self.chain.latest.records)
        for batch in reached:
            assert batch.state.is_mined == (batch.root in self.chain.latest.records)
            if batch.state.is_mined:
                assert batch.mined_block_hash == self.chain.latest.records[batch.root]

    @precondition(lambda self: self.service.halted is None)
    @rule(blocks=st.integers(1, 3))
    def look_at_an_endpoint_that_lags(self, blocks: int) -> None:
        """Let the service act on old answers (fault 31): whatever it does by them, the invariants hold."""
        self.service.look(blocks_late=blocks)

    @rule()
    def lose_the_pool(self) -> None:
        """Forget every transaction that is not mined (fault 17)."""
        self.chain.pool.clear()

    @precondition(lambda self: self.chain.sent)
    @rule(data=st.data())
    def replay(self, data: Any) -> None:
        """Bring back a transaction that was broadcast at some time, of a former seal perhaps (fault 21)."""
        old = data.draw(st.sampled_from(self.chain.sent))
        if old not in self.chain.pool:
            self.chain.pool.append(old)

    @rule(swallows=st.booleans())
    def endpoint_lies_about_broadcasts(self, swallows: Any) -> None:
        """Confirm what is never passed on (fault 16), or stop doing so."""
        self.chain.swallows = swallows

    @rule(seconds=st.sampled_from([1.0, 61.0]))
    def wait(self, seconds: float) -> None:
        """Let time pass, on either side of the deadline for a replacement."""
        self.service.age(seconds)

    @precondition(lambda self: self.chain.minable())
    @rule(data=st.data())
    def mine_ours(self, data: Any) -> None:
        """Mine one of our transactions, an old and forgotten one perhaps."""
        self.chain.mine(data.draw(st.sampled_from(self.chain.minable())))

    @rule()
    def mine_nothing(self) -> None:
        """Mine an empty block."""
        self.chain.mine()

    @rule()
    def mine_a_strangers_transaction(self) -> None:
        """Use up a nonce: somebody else holds the key."""
        self.chain.mine(Transaction(nonce=self.chain.latest.nonce))

    @rule()
    def mine_a_strangers_anchor(self) -> None:
        """Give the next sequence to another root."""
        latest = self.chain.latest
        root = f"stranger{latest.next_sequence}.{latest.nonce}"
        self.chain.mine(Transaction(nonce=latest.nonce, sequence=latest.next_sequence, root=root))

    @precondition(lambda self: self.chain.unfinal_blocks > 0)
    @rule(data=st.data())
    def reorganise(self, data: Any) -> None:
        """Drop blocks that are not final."""
        self.chain.reorganise(data.draw(st.integers(1, self.chain.unfinal_blocks)))

    @precondition(lambda self: self.chain.unfinal_blocks > 0)
    @rule(data=st.data())
    def finalize(self, data: Any) -> None:
        """Make blocks final."""
        self.chain.finalize(data.draw(st.integers(1, self.chain.unfinal_blocks)))

    @invariant()
    def no_batch_is_anchored_twice(self) -> None:
        """However often a batch is sealed and signed, one of its roots at most is on chain."""
        records = self.chain.latest.records
        for batch in self.service.batches:
            assert len([root for root in batch.roots if root in records]) <= 1

    @invariant()
    def final_is_for_ever(self) -> None:
        """Keep what was said to be final behind the finalized block."""
        for batch in self.service.batches:
            if batch.state is BatchState.FINAL:
                assert batch.root in self.chain.final.records

    def teardown(self) -> None:
        """When the chain goes its ordinary way again, every batch becomes final, or the service has stopped."""
        self.chain.swallows = False
        for _ in range(60):
            if self.service.halted is not None or not self.service.unfinished:
                return
            self.service.age(61.0)
            self.look()
            # Nobody fills a nonce that a reorganisation freed: the service itself must.
            ours = self.chain.minable()
            if ours:
                self.chain.mine(ours[-1])
            self.chain.finalize(self.chain.unfinal_blocks)
        raise AssertionError(f"not final after all: {self.service.unfinished}")


TestLifeOfBatches = LifeOfBatches.TestCase
TestLifeOfBatches.settings = settings(
    max_examples=200,
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
