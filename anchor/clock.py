"""Time, as the service asks for it, so that tests can give it."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """The time of day, which may step, and a time that only goes on, for waits."""

    def now_ms(self) -> int:
        """Return Unix time in milliseconds."""
        ...

    def monotonic_s(self) -> float:
        """Return seconds that never go back, from no particular start."""
        ...


class SystemClock:
    """The machine's clocks."""

    def now_ms(self) -> int:
        """Return Unix time in milliseconds."""
        return time.time_ns() // 1_000_000

    def monotonic_s(self) -> float:
        """Return the monotonic clock in seconds."""
        return time.monotonic()
