"""Issuers that submit and change status without end, and write down what the service acknowledged."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from anchor.core.entries import StatusEntry
from status_lists.multibase import decode_digest
from tests.support.promises import Acknowledged
from tests.support.running_service import IssuerAccess, RunningService

MAX_PAUSE_S = 0.6
RETRY_S = 0.25
ARRAY, PACKED = 8, 12
"""Digests in an array or a packed body at most: each one is checked at the end, by a proof of its own."""

WELL_ANSWERED = (200, 201)


@dataclass(slots=True)
class Load:
    """
    One issuer. Each request is sent again until it is acknowledged, as clients do.

    `statuses` is what each changed entry must say at the end: (revoked, suspended).
    """

    service: RunningService
    issuer: IssuerAccess
    dice: random.Random
    acknowledged: list[Acknowledged] = field(default_factory=list)
    statuses: dict[StatusEntry, tuple[bool, bool]] = field(default_factory=dict)
    requests: int = 0
    repeats: int = 0
    is_over: bool = False

    async def run(self) -> None:
        """Send one request after the other until told that it is over; the last one is finished."""
        while not self.is_over:
            await self.dice.choice((self._single, self._array, self._packed, self._change))()
            await asyncio.sleep(self.dice.uniform(0, MAX_PAUSE_S))

    async def finish(self) -> None:
        """Submit a last digest, behind everything that was submitted before."""
        await self._single()

    async def _single(self) -> None:
        item = self._item()
        self._note(await self._persistently("/v1/digests", json=item))

    async def _array(self) -> None:
        items = [self._item() for _ in range(self.dice.randint(1, ARRAY))]
        # A digest twice in one request is one digest.
        answer = await self._persistently("/v1/digests", json=[*items, items[0]])
        for receipt in answer["items"][: len(items)]:
            self._note(receipt)

    async def _packed(self) -> None:
        digests = [self.dice.randbytes(32) for _ in range(self.dice.randint(1, PACKED))]
        headers = {"Content-Type": "application/octet-stream"}
        await self._persistently("/v1/digests?method=raw", headers=headers, data=b"".join(digests))
        self.acknowledged += [Acknowledged(self.issuer, digest) for digest in digests]

    async def _change(self) -> None:
        bound = [item.status for item in self.acknowledged if item.status is not None]
        if not bound:
            return
        entry = self.dice.choice(bound)
        revoked, suspended = self.statuses.get(entry, (False, False))
        purpose = self.dice.choice(("revocation", "suspension", "suspension"))
        value = True if purpose == "revocation" else not suspended
        place = {"list": entry.list_number, "index": entry.index}
        change = {**place, "purpose": purpose, "value": value, "reason": "soak"}
        await self._persistently("/v1/status-changes", json=change)
        self.statuses[entry] = (True, suspended) if purpose == "revocation" else (revoked, value)

    def _item(self) -> dict[str, Any]:
        item = {"digest": self.dice.randbytes(32).hex(), "method": "raw"}
        return {**item, "status": "allocate"} if self.dice.random() < 0.5 else item

    def _note(self, receipt: dict[str, Any]) -> None:
        status = receipt["status"]
        entry = StatusEntry(status["list"], status["index"]) if status else None
        self.acknowledged.append(Acknowledged(self.issuer, _digest_of(receipt), entry))

    async def _persistently(
        self, path: str, *, headers: dict[str, str] | None = None, **arguments: Any
    ) -> Any:
        self.requests += 1
        while True:
            try:
                status, body = await self.service.request(
                    "POST", path, headers={**self.issuer.headers, **(headers or {})}, **arguments
                )
            except (aiohttp.ClientError, TimeoutError):
                status, body = 0, None
            if status in WELL_ANSWERED:
                return body
            assert status == 0 or status >= 500, f"POST {path} was refused for good: {status} {body}"
            self.repeats += 1
            await asyncio.sleep(RETRY_S)


def _digest_of(receipt: dict[str, Any]) -> bytes:
    return decode_digest(receipt["digest"])
