"""What the anchorer last saw of the chain, for readiness, metrics and the clock check."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from anchor.chain.protocol import Block, SendOutcome
from anchor.clock import Clock
from anchor.core.spending import Ruling
from anchor.service.spending import Funds

MAX_CLOCK_DIFFERENCE_S = 300
"""Verifiers forgive a minute; five mean that a clock is wrong, and dates signed by it would be too."""

MAX_LAG_CHANGE_S = 60
"""A wrong clock is off by the same time for each block; an endpoint that catches up is off by less and less."""

UNREACHABLE_AFTER_FAILURES = 3

UNSEALED_AFTER_FAILURES = 3
"""A list that is made meanwhile, or a sequence that is taken, may put a seal off once."""


class ChainStatus:
    """
    Written by the anchorer and the sealer, read by the API.

    `funds` is the account as of the newest block, `unpaid` why the newest payload was not signed, `hold` what holds
    back a batch that is due, `final_problem` why nothing can be found final, `unsealed` why a batch cannot be sealed.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        on_clock_fault: Callable[[str | None], None],
        endpoint_problems: Callable[[], Sequence[str]] = tuple,
        latest: Block | None = None,
    ) -> None:
        self.endpoint_problems = endpoint_problems
        self._clock = clock
        self._on_clock_fault = on_clock_fault
        self._failures = 0
        self._seals_failed = 0
        self._is_watching = False
        self._late_s: int | None = None
        self._agreed_offset_s: float | None = None
        self.fee_cap_reached = False
        self.problem: str | None = "the chain has not been seen yet"
        self.clock_fault: str | None = None
        self.latest = latest
        self.final_number: int | None = None
        self.final: Block | None = None
        self.final_problem: str | None = None
        self.balance_wei: int | None = None
        self.funds: Funds | None = None
        self.unpaid: str | None = None
        self.hold: Ruling | None = None
        self.unsealed: str | None = None
        self.last_outcome: SendOutcome | None = None

    def answered(self) -> None:
        """Note that a whole look at the chain succeeded."""
        self._failures = 0
        self.problem = None

    def failed(self, reason: str) -> None:
        """Note that a look failed; a few in a row are a problem."""
        self._failures += 1
        self._is_watching, self._late_s = False, None
        if self._failures >= UNREACHABLE_AFTER_FAILURES or self.latest is None:
            self.problem = reason

    def sealing_failed(self, reason: str) -> None:
        """Note that a batch was due and could not be sealed; a few times in a row are a problem."""
        self._seals_failed += 1
        if self._seals_failed >= UNSEALED_AFTER_FAILURES:
            self.unsealed = f"a batch that is due cannot be sealed: {reason}"

    def sealed(self) -> None:
        """Note that a batch was sealed."""
        self._seals_failed, self.unsealed = 0, None

    def broadcast(self, outcome: SendOutcome) -> None:
        """Note what the endpoint said to the last broadcast."""
        self.last_outcome = outcome

    def mined(self) -> None:
        """Note that an anchor was mined: what hindered it is over."""
        self.last_outcome, self.fee_cap_reached = None, False

    def anchoring_problems(self) -> Sequence[str]:
        """Return what keeps the newest batch from being sealed or mined and needs a person, each with what to do."""
        problems = [self.unsealed] if self.unsealed else []
        pause = self.unpaid or (self.funds.pause if self.funds is not None else None)
        if pause:
            problems.append(pause)
        elif self.last_outcome is SendOutcome.NO_FUNDS:
            problems.append(
                "the endpoint says that the publisher's account cannot pay for an anchor: send it some ether"
            )
        if self.fee_cap_reached:
            problems.append("the fee cap allows no dearer transaction: wait, or raise publisher.max_fee_gwei")
        return problems

    def saw(self, latest: Block, *, final_number: int) -> None:
        """
        Note the newest block and judge the clock by it.

        A block more than five minutes in our future is a fault at once: no chain has one. A block in our past may be
        old, since an endpoint may lag; it speaks against the clock only where it arrived while we watched, the block
        that arrived before it was as late within a minute, and no block has agreed with the clock since it was last
        set. Any other block that arrives ends a fault.
        """
        has_arrived = self._is_watching and self.latest is not None and latest.number > self.latest.number
        self.latest, self.final_number, self._is_watching = latest, final_number, True
        late_s = self._clock.now_ms() // 1000 - latest.timestamp_s
        if late_s < -MAX_CLOCK_DIFFERENCE_S:
            self._judge(late_s, is_wrong=True)
        elif has_arrived:
            before_s, self._late_s = self._late_s, late_s
            if late_s <= MAX_CLOCK_DIFFERENCE_S:
                self._agreed_offset_s = self._offset_s()
            is_late_again = before_s is not None and min(before_s, late_s) > MAX_CLOCK_DIFFERENCE_S
            is_steady = before_s is not None and abs(late_s - before_s) <= MAX_LAG_CHANGE_S
            self._judge(late_s, is_wrong=is_late_again and is_steady and not self._agreed())

    def _agreed(self) -> bool:
        """Whether a block once agreed with the clock, and the clock was not set since."""
        agreed_s = self._agreed_offset_s
        return agreed_s is not None and abs(self._offset_s() - agreed_s) <= MAX_CLOCK_DIFFERENCE_S

    def _offset_s(self) -> float:
        """Return the time of day less the monotonic clock: it changes only where the clock is set."""
        return self._clock.now_ms() / 1000 - self._clock.monotonic_s()

    def _judge(self, late_s: int, *, is_wrong: bool) -> None:
        where = f"{late_s:,} s ahead of" if late_s > 0 else f"{-late_s:,} s behind"
        self.clock_fault = (
            f"the clock is {where} the chain's newest block: set the clock" if is_wrong else None
        )
        self._on_clock_fault(self.clock_fault)
