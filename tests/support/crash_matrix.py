"""
Kills a service before and after each RPC call of a whole run, starts it again, and checks every promise.

Calls are enumerated from a recorded run: by its stage (start, accepted, sent, mined), by what is asked, and by the
occurrence of that question within the stage. A service polls, so the same question comes again until a block answers
it: beyond the first MAX_OCCURRENCES it is the same situation again.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import aiohttp

from anchor.core.entries import StatusEntry
from tests.support.anvil import AnvilChain
from tests.support.promises import Acknowledged, PromiseCheck, is_stored
from tests.support.rpc_proxy import RpcProxy
from tests.support.running_service import IssuerAccess, RunningService

MAX_OCCURRENCES = 3
ATTEMPTS = 12
"""Runs in which a point may be passed over, since a poll came at another moment than in the recorded run."""

PATIENCE = 1000
"""Polls until what must come counts as lost."""

POLL_S = 0.02
BROADCAST = "eth_sendRawTransaction"
RECEIPT = "eth_getTransactionReceipt"


@dataclass(frozen=True, slots=True, order=True)
class Point:
    """One RPC call of a run."""

    stage: str
    call: str
    occurrence: int


@dataclass(frozen=True, slots=True)
class Case:
    """What came of a kill at a point, on one side of it; `reached` is whether the run came by there."""

    point: Point
    side: str
    reached: bool
    violations: tuple[str, ...]

    @property
    def text(self) -> str:
        """The case in one line."""
        where = f"{self.side} {self.point.call} #{self.point.occurrence}, {self.point.stage}"
        return f"killed {where}: {'; '.join(self.violations) if self.reached else 'never reached'}"


class NotAsPromised(Exception):
    """A run cannot go on: the service gave no answer that a promise allows."""


class CrashMatrix:
    """One installation behind a proxy; the runs follow each other on it."""

    def __init__(self, *, service: RunningService, chain: AnvilChain, proxy: RpcProxy) -> None:
        self._service = service
        self._proxy = proxy
        self._check = PromiseCheck(service=service, chain=chain)
        self._issuer: IssuerAccess | None = None
        self._stage = ""
        self._counts: Counter[tuple[str, str]] = Counter()
        self._seen: set[Point] = set()
        self._armed: tuple[Point, str] | None = None
        self._ends_after: list[Any] | None = None
        self._was_killed = False
        self._is_up = False
        self._violations: list[str] = []
        proxy.before, proxy.after = self._before, self._after

    async def begin(self) -> None:
        """Start for the first time, and add an issuer."""
        await self._service.start()
        self._is_up = True
        self._issuer = await self._service.add_issuer()

    async def record(self) -> set[Point]:
        """Begin, and return the calls that a run makes whenever nothing is killed."""
        await self.begin()
        runs = []
        for _ in range(3):
            self._is_up = False
            assert await self._run() == []
            runs.append(set(self._seen))
        # The first run has no final batch to look for yet.
        return runs[1] & runs[2]

    async def kill_at(self, point: Point, side: str) -> Case:
        """Kill the service there in a run, and check what is left; a start is part of the run where it matters."""
        for _ in range(ATTEMPTS):
            self._is_up = self._is_up and point.stage != "start"
            self._armed, self._was_killed = (point, side), False
            violations = await self._run()
            if self._was_killed or violations:
                return Case(point, side, reached=True, violations=tuple(violations))
        return Case(point, side, reached=False, violations=())

    async def _run(self) -> list[str]:
        """Take a digest, and a change of its status, from submission to final; return what was not as promised."""
        self._counts.clear()
        self._seen.clear()
        self._violations.clear()
        try:
            await self._until_running()
            acknowledged = await self._submit()
            await self._change(acknowledged)
            await self._check_all(acknowledged)
        except NotAsPromised as exc:
            self._violations.append(str(exc))
        return list(self._violations)

    async def _check_all(self, item: Acknowledged) -> None:
        """Ask for every promise; once more where the kill came while that was under way."""
        for _ in range(2):
            was_killed = self._was_killed
            try:
                found = await self._check.violations([item])
                anchors, transactions = await self._check.anchors_and_transactions()
                if anchors != transactions:
                    found.append(f"{transactions} transactions were mined for {anchors} anchors")
            except aiohttp.ClientError as exc:
                found = [f"the service is gone: {exc}"]
            if was_killed or not self._was_killed:
                self._violations += found
                return
            await self._until_running()
        raise NotAsPromised("the service was killed twice in one run")

    async def _submit(self) -> Acknowledged:
        assert self._issuer is not None
        digest = secrets.token_bytes(32)
        document = {"digest": digest.hex(), "method": "raw", "status": "allocate"}
        receipt = await self._ask("POST", "/v1/digests", json=document)
        entry = StatusEntry(receipt["status"]["list"], receipt["status"]["index"])
        return Acknowledged(self._issuer, digest, entry)

    async def _change(self, item: Acknowledged) -> None:
        """Suspend, and wait until both the digest and the suspension are behind a finalized block."""
        name, entry = item.digest.hex(), item.status
        assert entry is not None
        change = {"digest": name, "purpose": "suspension", "value": True, "reason": "under test"}
        changed = await self._ask("POST", "/v1/status-changes", json=change)
        place = f"/v1/status-entries/{entry.list_number}/{entry.index}"

        async def is_final() -> bool:
            return bool((await self._ask("GET", f"/v1/digests/{name}"))["state"] == "final")

        async def is_anchored() -> bool:
            head = (await self._ask("GET", "/v1/publisher"))["head"]
            batch = await self._ask("GET", f"/v1/batches/{head['sequence']}")
            versions = {listed["number"]: listed["version"] for listed in batch["lists"]}
            wanted = {listed["list"]: listed["version"] for listed in changed["lists"]}
            return all(versions.get(number, -1) >= version for number, version in wanted.items())

        await self._until(is_final, f"digest {name} does not become final")
        await self._until(is_anchored, "the acknowledged suspension is not anchored")
        if not (await self._ask("GET", place))["suspended"]:
            self._violations.append("the acknowledged suspension is gone")

    async def _until(self, condition: Callable[[], Awaitable[bool]], complaint: str) -> None:
        for _ in range(PATIENCE):
            if await condition():
                return
            await asyncio.sleep(POLL_S)
        raise NotAsPromised(f"{complaint}: {self._service.log[-400:]}")

    async def _ask(self, method: str, path: str, **arguments: Any) -> Any:
        """Send a request, and again where the service was killed on the way."""
        assert self._issuer is not None
        for _ in range(3):
            try:
                status, body = await self._service.request(
                    method, path, headers=self._issuer.headers, **arguments
                )
            except aiohttp.ClientError as exc:
                if not self._was_killed:
                    raise NotAsPromised(f"the service is gone: {self._service.log[-400:]}") from exc
                await self._until_running()
                continue
            if status in (200, 201):
                return body
            raise NotAsPromised(f"{method} {path} answered {status} {body}")
        raise NotAsPromised(f"{method} {path} is never answered")

    async def _until_running(self) -> None:
        """Start the service where none runs, and once more where it was killed while it started."""
        for _ in range(3):
            if self._is_up:
                self._stage = "accepted"
                return
            await self._service.kill()
            self._stage = "start"
            self._is_up = True
            if not await self._service.begins() and self._is_up:
                break
        raise NotAsPromised(f"the service does not start: {self._service.log[-400:]}")

    async def _before(self, method: str, params: list[Any]) -> None:
        if method == BROADCAST and not is_stored(self._service.database, params[0]):
            self._violations.append("a transaction was broadcast before it was stored")
        call = _call(method, params)
        self._counts[self._stage, call] += 1
        point = Point(self._stage, call, self._counts[self._stage, call])
        if point.occurrence <= MAX_OCCURRENCES:
            self._seen.add(point)
        if self._armed == (point, "before"):
            self._kill()
        if self._armed == (point, "after"):
            self._ends_after = params

    async def _after(self, method: str, params: list[Any], result: Any) -> None:
        if params is self._ends_after:
            self._kill()
        if method == BROADCAST:
            self._stage = "sent"
        if method == RECEIPT and result is not None:
            self._stage = "mined"

    def _kill(self) -> None:
        self._armed, self._ends_after = None, None
        self._was_killed, self._is_up = True, False
        self._service.kill_now()
        raise ConnectionAbortedError


def _call(method: str, params: list[Any]) -> str:
    """Name what is asked: which block, or which function of the contract, but not of which state."""
    if method == "eth_call":
        return f"eth_call {params[0]['data'][:10]}"
    if method == "eth_getBlockByNumber" and not str(params[0]).startswith("0x"):
        return f"{method} {params[0]}"
    return method
