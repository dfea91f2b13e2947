"""When an anchor is likely to come: an estimate from what is known now, and no promise."""

from __future__ import annotations

from dataclasses import dataclass

BLOCKS_TO_BE_MINED = 2
"""The block under way may be closed to it; the one after takes it."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a chain makes blocks, and how far behind the newest one finality is, in seconds."""

    block_time_s: float
    finality_lag_s: float


@dataclass(frozen=True, slots=True)
class Expectation:
    """When a batch is likely to be in a block, and when that block is likely to be final, in Unix seconds."""

    mined_s: int
    final_s: int


def expect_mined(pace: Pace, *, now_s: float, waits_s: float) -> Expectation:
    """Return the expectation for a batch that is sent in so many seconds; finality begins with a whole block."""
    mined_s = now_s + waits_s + BLOCKS_TO_BE_MINED * pace.block_time_s
    return expect_final(pace, mined_s=_up(mined_s))


def expect_final(pace: Pace, *, mined_s: int) -> Expectation:
    """Return the expectation for a batch that is mined."""
    return Expectation(mined_s=mined_s, final_s=_up(mined_s + pace.block_time_s + pace.finality_lag_s))


def _up(seconds: float) -> int:
    return -int(-seconds // 1)
