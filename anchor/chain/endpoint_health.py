"""
What is known of one RPC endpoint among several: whether it may be relied on now, and when to try it again.

After a failure an endpoint is out (the circuit is open) for a while that doubles with each further failure; then it is
probed (half open) and comes back only if it passes. An endpoint that is merely behind stays connected, is asked for its
newest block, and is not read from.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

FORGIVEN_AFTER = 20
"""So many good answers in a row take the memory of failures away: one good answer between failures must not."""

SETBACKS_BELIEVED = 3
"""A head that went backwards is believed when it is told so often in a row: then it was a reorganisation."""

_MAX_LEVEL = 30
_UNKNOWN_HEAD = -1


class Fault(Enum):
    """Why an endpoint is passed over, in words that hold nothing of what it said."""

    UNSEEN = "has not answered yet"
    FAILED = "does not answer as it should"
    OTHER_CHAIN = "speaks for another chain"
    CONTRADICTED = "contradicts the other endpoints"
    BACKWARDS = "went behind a block that it had shown"
    BEHIND = "is behind the other endpoints"


@dataclass(frozen=True, slots=True)
class FailoverPolicy:
    """How patient several endpoints are with one of them."""

    first_back_off_s: float = 1.0
    max_back_off_s: float = 60.0
    # Further behind the others, an endpoint is not read from: a minute on Ethereum.
    max_lag_blocks: int = 5
    # How much longer than the first sufficient answers a further one may take.
    patience_s: float = 2.0


def jitter(ceiling_s: float) -> float:
    """Return a random delay of at least half the ceiling, so that clients do not come back all at once."""
    return random.uniform(ceiling_s / 2, ceiling_s)  # noqa: S311  # jitter, no secret


class EndpointHealth:
    """The health of one endpoint; times are monotonic seconds."""

    def __init__(
        self,
        *,
        policy: FailoverPolicy,
        monotonic_s: Callable[[], float],
        jitter: Callable[[float], float] = jitter,
    ) -> None:
        self._policy = policy
        self._monotonic_s = monotonic_s
        self._jitter = jitter
        self._out: Fault | None = Fault.UNSEEN
        self._retry_at_s = monotonic_s()
        self._good_answers = 0
        self._highest = _UNKNOWN_HEAD
        self._setbacks = 0
        self._lags = False
        self.level = 0
        """How often it failed lately; the healthiest endpoint has the lowest."""
        self.head = _UNKNOWN_HEAD
        """The number of the newest block that it told; negative where it told none."""

    @property
    def fault(self) -> Fault | None:
        """Why it is passed over now; None where it is not."""
        if self._out is not None:
            return self._out
        if self._setbacks:
            return Fault.BACKWARDS
        return Fault.BEHIND if self._lags else None

    @property
    def is_usable(self) -> bool:
        """Whether it may be read from."""
        return self.fault is None

    @property
    def is_connected(self) -> bool:
        """Whether it is asked at all: for its newest block, and to take broadcasts, also while it is behind."""
        return self._out is None

    @property
    def is_due(self) -> bool:
        """Whether it is out and has been for long enough to be probed."""
        return self._out is not None and self._monotonic_s() >= self._retry_at_s

    def failed(self, fault: Fault) -> None:
        """Put it out, for a time that doubles with each failure."""
        self._out = fault
        self._good_answers = 0
        self.level = min(self.level + 1, _MAX_LEVEL)
        ceiling_s = min(self._policy.max_back_off_s, self._policy.first_back_off_s * 2.0 ** (self.level - 1))
        self._retry_at_s = self._monotonic_s() + self._jitter(ceiling_s)

    def passed_probe(self) -> None:
        """Take it in again; its failures are remembered until it has answered well for a while."""
        self._out = None

    def answered(self) -> None:
        """Note a good answer."""
        self._good_answers += 1
        if self._good_answers >= FORGIVEN_AFTER:
            self.level = 0

    def saw_head(self, number: int) -> None:
        """Note the number of the newest block that it tells."""
        self.head = number
        self._setbacks = self._setbacks + 1 if number < self._highest else 0
        if self._setbacks in {0, SETBACKS_BELIEVED}:
            self._highest = number
            self._setbacks = 0

    def compare_head(self, reference: int) -> None:
        """Note whether it is too far behind a block number that other endpoints vouch for."""
        self._lags = self.head < reference - self._policy.max_lag_blocks
