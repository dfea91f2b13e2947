"""What is concluded from looks at the chain that succeed, fail, or disagree with the clock."""

from __future__ import annotations

import pytest

from anchor.chain.protocol import Block, SendOutcome
from anchor.service.chain_status import ChainStatus
from tests.support.clock import START_MS, FakeClock

NOW_S = START_MS // 1000


def block(number: int, timestamp_s: int) -> Block:
    """Return a block."""
    return Block(number=number, hash=number.to_bytes(32, "big"), timestamp_s=timestamp_s, base_fee_wei=1)


def new_status() -> tuple[ChainStatus, list[str | None]]:
    """Return a status and what it told of the clock."""
    told: list[str | None] = []
    return ChainStatus(clock=FakeClock(), on_clock_fault=told.append), told


def test_chain_never_seen_is_a_problem() -> None:
    """Before the first look the service is not ready, and one failed look says why."""
    status, _ = new_status()
    assert status.problem is not None

    status.failed("connection refused")

    assert status.problem == "connection refused"


def test_a_few_failures_in_a_row_are_a_problem_one_is_not() -> None:
    """A single failed look is passed over; any success starts the count anew."""
    status, _ = new_status()
    status.saw(block(1, NOW_S), final_number=0)

    def problem_after(*, failures: int) -> str | None:
        for _ in range(failures):
            status.failed("timed out")
        return status.problem

    status.answered()
    assert problem_after(failures=2) is None
    status.answered()
    assert problem_after(failures=2) is None

    assert problem_after(failures=1) == "timed out"

    status.answered()
    assert problem_after(failures=0) is None


def _require_clock_fault(status: ChainStatus, fault: str | None) -> None:
    """Check that the clock is called right, or wrong in the words given and with what to do."""
    if fault is None:
        assert status.clock_fault is None
    else:
        assert f"{fault} the chain's newest block: set the clock" in (status.clock_fault or "")


@pytest.mark.parametrize(("ahead_s", "fault"), [(0, None), (300, None), (301, "301 s behind")])
def test_block_in_the_future_is_a_clock_fault_at_once(ahead_s: int, fault: str | None) -> None:
    """No chain has a block of tomorrow: even the first block seen shows that the clock is behind."""
    status, told = new_status()
    status.saw(block(1, NOW_S + ahead_s), final_number=0)

    _require_clock_fault(status, fault)
    assert told == ([status.clock_fault] if fault else [])


@pytest.mark.parametrize(("late_s", "fault"), [(0, None), (300, None), (301, "301 s ahead of")])
def test_two_late_blocks_that_arrive_are_a_clock_fault(late_s: int, fault: str | None) -> None:
    """The clock may have been ahead since the start: one block that arrives late is none, a second one is."""
    status, told = new_status()
    status.saw(block(1, NOW_S - late_s), final_number=0)
    status.saw(block(2, NOW_S - late_s), final_number=0)
    assert told == [None]

    status.saw(block(3, NOW_S - late_s), final_number=0)

    _require_clock_fault(status, fault)
    assert told == [None, status.clock_fault]


def test_endpoint_that_catches_up_is_no_clock_fault() -> None:
    """Blocks of an hour ago that arrive every few seconds are an endpoint's delay."""
    status, told = new_status()
    for number in range(1, 30):
        status.saw(block(number, NOW_S - 7200 + number * 120), final_number=0)

    assert status.clock_fault is None
    assert set(told) == {None}


def test_endpoint_that_falls_behind_is_no_clock_fault_a_clock_that_was_set_is() -> None:
    """Once a block agreed with the clock, late blocks are the endpoint's fault until somebody sets the clock."""
    clock = FakeClock()
    status = ChainStatus(clock=clock, on_clock_fault=lambda _: None)
    for number, late_s in enumerate((0, 0, 400, 400, 400), start=1):
        clock.advance(12)
        status.saw(block(number, clock.now_ms() // 1000 - late_s), final_number=0)
    assert status.clock_fault is None

    clock.step(900)
    for number in (6, 7):
        clock.advance(12)
        status.saw(block(number, clock.now_ms() // 1000 - 900), final_number=0)

    assert status.clock_fault is not None


def test_clock_fault_ends_with_the_next_right_block() -> None:
    """A clock that was put right, or a block that was odd, ends the fault."""
    status, told = new_status()
    status.saw(block(1, NOW_S), final_number=0)
    status.saw(block(2, NOW_S + 4000), final_number=0)
    status.saw(block(3, NOW_S), final_number=1)

    assert status.clock_fault is None
    assert [fault is None for fault in told] == [False, True]
    assert (status.latest, status.final_number) == (block(3, NOW_S), 1)


def test_old_blocks_tell_no_time() -> None:
    """The first block seen, the same again, and one of a lower height, may be old: the clock is not judged by them."""
    status, told = new_status()
    status.saw(block(7, NOW_S - 9000), final_number=0)
    status.saw(block(7, NOW_S - 9000), final_number=0)
    status.saw(block(6, NOW_S - 9000), final_number=0)

    assert told == []
    assert status.clock_fault is None


def test_first_block_after_an_outage_does_not_tell_the_time() -> None:
    """On a chain that seldom mines, a block that came while the endpoint was away may be hours old."""
    status, told = new_status()
    status.saw(block(1, NOW_S), final_number=0)
    status.failed("timed out")
    status.saw(block(2, NOW_S - 3600), final_number=0)

    assert (status.clock_fault, told) == (None, [])

    for number in (3, 4):
        status.saw(block(number, NOW_S - 3600), final_number=0)
    assert status.clock_fault is not None


def test_anchoring_problems_until_an_anchor_is_mined() -> None:
    """An account that cannot pay and a cap that is reached are told with what to do, and are over with an anchor."""
    status, _ = new_status()
    status.broadcast(SendOutcome.NO_FUNDS)
    status.fee_cap_reached = True
    first, second = status.anchoring_problems()
    assert "send it some ether" in first
    assert "publisher.max_fee_gwei" in second

    status.mined()

    assert list(status.anchoring_problems()) == []
