"""A source that waits a little for the newest batch: between its block and its publication lie seconds."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from anchor.errors import NotFound
from anchor.verify.sources import ListSource

ATTEMPTS = 6
DELAY_S = 2.0


class PatientSource:
    """A ListSource that asks again for a batch that is not there yet, at most ATTEMPTS times, DELAY_S apart.

    The chain shows an anchor as soon as it is mined; the service publishes the batch once it has seen that, too.
    """

    __slots__ = ("_lists", "_sleep")

    def __init__(
        self, lists: ListSource, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._lists = lists
        self._sleep = sleep

    async def batch(self, sequence: int) -> bytes:
        """Return the document of a batch; NotFound only after the last attempt."""
        for _ in range(ATTEMPTS - 1):
            try:
                return await self._lists.batch(sequence)
            except NotFound:
                await self._sleep(DELAY_S)
        return await self._lists.batch(sequence)

    async def status_list(self, number: int, version: int | None) -> bytes:
        """Return a list as signed: the version named, or the newest for None."""
        return await self._lists.status_list(number, version)
