"""How long ago payloads were signed, whatever the time of day does meanwhile."""

from __future__ import annotations

from anchor.clock import Clock
from anchor.store.records import Payload

REMEMBERED = 64
"""Payloads whose ages are known: those of one nonce are asked for again and again, older ones never."""


class PayloadAges:
    """Measures each payload's age by the monotonic clock from when this process first saw it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._signed_s: dict[bytes, float] = {}

    def age_s(self, payload: Payload) -> float:
        """
        Return a payload's age in seconds.

        Only of what an earlier process signed does the time of day tell the age, once, at first sight.
        """
        now_s = self._clock.monotonic_s()
        if payload.hash not in self._signed_s:
            age_s = max(0.0, (self._clock.now_ms() - payload.created_ms) / 1000)
            self._signed_s[payload.hash] = now_s - age_s
            if len(self._signed_s) > REMEMBERED:
                del self._signed_s[next(iter(self._signed_s))]
        return now_s - self._signed_s[payload.hash]
