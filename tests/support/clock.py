"""A clock that a test sets."""

from __future__ import annotations

START_MS = 1_700_000_000_000


class FakeClock:
    """Fulfils `anchor.clock.Clock`: time goes on only when a test says so."""

    def __init__(self, *, start_ms: int = START_MS) -> None:
        self._now_ms = start_ms
        self._monotonic_s = 0.0

    def now_ms(self) -> int:
        """Return Unix time in milliseconds."""
        return self._now_ms

    def monotonic_s(self) -> float:
        """Return seconds that never go back."""
        return self._monotonic_s

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        assert seconds >= 0, "time passes forwards; use step() to set the clock"
        self._now_ms += round(seconds * 1000)
        self._monotonic_s += seconds

    def step(self, seconds: float) -> None:
        """Set the time of day forwards or back, as a person or NTP may."""
        self._now_ms += round(seconds * 1000)
