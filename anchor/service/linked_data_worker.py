"""Runs JSON-LD work beside the event loop: one piece at a time, few waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from anchor.errors import Overloaded
from anchor.vc.linked_data import LinkedData

T = TypeVar("T")

MAX_WAITING = 64
"""Requests that wait for their turn at most: with some 30 ms each, the last waits two seconds."""

RETRY_S = 5


class LinkedDataWorker:
    """
    The one place where documents are canonicalised and proofs are made and checked.

    More threads would not be faster, since they share one interpreter, and would take the threads that sign lists.
    """

    def __init__(self, *, linked_data: LinkedData, max_waiting: int = MAX_WAITING) -> None:
        self._linked_data = linked_data
        self._max_waiting = max_waiting
        self._waiting = 0
        self._turn = asyncio.Semaphore(1)

    async def run(self, work: Callable[[LinkedData], T]) -> T:
        """Return what the work returns, or raise what it raises; Overloaded where too much waits already."""
        if self._waiting >= self._max_waiting:
            raise Overloaded("too many credentials wait to be signed or checked", retry_after_s=RETRY_S)
        self._waiting += 1
        try:
            async with self._turn:
                return await asyncio.to_thread(work, self._linked_data)
        finally:
            self._waiting -= 1
