"""How long something has waited, whatever the time of day does meanwhile."""

from __future__ import annotations

from anchor.clock import Clock


class Waits:
    """
    Measures waits by the time of day and by the monotonic clock, and takes the longer.

    The first counts from when something began, the second from when this process first saw it: so neither a restart
    nor a clock that is set back puts anything off for longer than it should wait.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen: dict[str, tuple[float, float]] = {}

    def waited_s(self, what: str, since_s: float) -> float:
        """Return for how many seconds something has waited that began at a time of day; its beginning names it."""
        now_s = self._clock.monotonic_s()
        began_s, seen_s = self._seen.get(what, (since_s, now_s))
        if began_s != since_s:
            seen_s = now_s
        self._seen[what] = (since_s, seen_s)
        return max(self._clock.now_ms() / 1000 - since_s, now_s - seen_s)
