"""A source that waits a little for the newest batch: between its block and its publication lie seconds."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from anchor.errors import NotFound
from anchor.verify.anchorage_files import find_departure
from anchor.verify.sources import PublishedFiles
from anchor.verify.trust import Anchorage

ATTEMPTS = 6
DELAY_S = 2.0


class PatientSource:
    """The files of a service, which are asked again for a batch that is not there yet.

    At most ATTEMPTS times, DELAY_S apart: the chain shows an anchor as soon as it is mined; the service publishes the
    batch once it has seen that, too. In an anchorage that it has left, nothing is yet to come.
    """

    __slots__ = ("_anchorage", "_files", "_sleep")

    def __init__(
        self,
        files: PublishedFiles,
        anchorage: Anchorage,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._files = files
        self._anchorage = anchorage
        self._sleep = sleep

    async def batch(self, sequence: int) -> bytes:
        """Return the document of a batch; NotFound only after the last attempt."""
        for _ in range(ATTEMPTS - 1):
            try:
                return await self._files.batch(sequence)
            except NotFound:
                if await find_departure(self._files, self._anchorage) is not None:
                    raise
                await self._sleep(DELAY_S)
        return await self._files.batch(sequence)

    async def status_list(self, number: int, version: int | None) -> bytes:
        """Return a list as signed: the version named, or the newest for None."""
        return await self._files.status_list(number, version)
