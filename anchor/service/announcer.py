"""Tells those who wait that something new was published; what it is they read from the store."""

from __future__ import annotations

import asyncio


class Announcer:
    """
    Wakes everybody who waits.

    Take `next()` before reading the store, read, and only then wait: so nothing that is announced in between is missed.
    """

    __slots__ = ("_event",)

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def next(self) -> asyncio.Event:
        """Return the event that the next announcement sets."""
        return self._event

    def announce(self) -> None:
        """Wake everybody who waits for the next announcement."""
        self._event.set()
        self._event = asyncio.Event()
