"""What the anchorer last saw of the chain, for readiness, metrics and the clock check."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from anchor.chain.protocol import Block, SendOutcome
from anchor.clock import Clock

MAX_CLOCK_DIFFERENCE_S = 300
"""Verifiers forgive a minute; five mean that a clock is wrong, and dates signed by it would be too."""

UNREACHABLE_AFTER_FAILURES = 3


class ChainStatus:
    """Written by the anchorer, read by the API."""

    def __init__(
        self,
        *,
        clock: Clock,
        on_clock_fault: Callable[[str | None], None],
        endpoint_problems: Callable[[], Sequence[str]] = tuple,
    ) -> None:
        self.endpoint_problems = endpoint_problems
        self._clock = clock
        self._on_clock_fault = on_clock_fault
        self._failures = 0
        self._is_watching = False
        self.problem: str | None = "the chain has not been seen yet"
        self.clock_fault: str | None = None
        self.latest: Block | None = None
        self.final_number: int | None = None
        self.balance_wei: int | None = None
        self.last_outcome: SendOutcome | None = None

    def answered(self) -> None:
        """Note that a whole look at the chain succeeded."""
        self._failures = 0
        self.problem = None

    def failed(self, reason: str) -> None:
        """Note that a look failed; a few in a row are a problem."""
        self._failures += 1
        self._is_watching = False
        if self._failures >= UNREACHABLE_AFTER_FAILURES or self.latest is None:
            self.problem = reason

    def broadcast(self, outcome: SendOutcome) -> None:
        """Note what the endpoint said to the last broadcast."""
        self.last_outcome = outcome

    def saw(self, latest: Block, *, final_number: int) -> None:
        """
        Note the newest block and, where it has just arrived, compare the clock with it.

        The first block seen, at the start or after an outage, may be old; only one that arrives while we watch tells
        the time.
        """
        has_arrived = self._is_watching and self.latest is not None and latest.number > self.latest.number
        self.latest, self.final_number, self._is_watching = latest, final_number, True
        if not has_arrived:
            return
        difference_s = self._clock.now_ms() // 1000 - latest.timestamp_s
        self.clock_fault = (
            f"the clock and the chain's newest block differ by {difference_s} s: set the clock"
            if abs(difference_s) > MAX_CLOCK_DIFFERENCE_S
            else None
        )
        self._on_clock_fault(self.clock_fault)
