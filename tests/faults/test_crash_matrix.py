"""kill -9 before and after every RPC call of a whole run: every promise holds, and a wrong order is found out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.support import forked
from tests.support.anvil import SECOND_KEY, THIRD_KEY, AnvilChain, running_chain
from tests.support.crash_matrix import BROADCAST, Case, CrashMatrix, Point
from tests.support.forked import Program
from tests.support.negative_control import serve_wrongly
from tests.support.rpc_proxy import RpcProxy
from tests.support.running_service import RunningService

pytestmark = pytest.mark.anvil

LEAST_POINTS = 35
"""A run that asks the chain less than this was not recorded as a whole."""


class WrongService(RunningService):
    """Stores a payload after its broadcast, and is back only when that is mined: signed anew it would be the same."""

    async def begins(self) -> bool:
        """See RunningService."""
        await self.chain.control("evm_mine")
        return await super().begins()


@asynccontextmanager
async def matrix(
    folder: Path,
    chain: AnvilChain,
    *,
    key: bytes,
    program: Program = forked.anchor,
    service_type: type[RunningService] = RunningService,
) -> AsyncIterator[CrashMatrix]:
    """Install a service of a publisher of its own behind a proxy; nothing of it is left running."""
    async with RpcProxy(upstream_url=chain.rpc_url) as proxy:
        service = service_type(
            folder=folder, chain=chain, rpc_url=proxy.url, private_key=key, program=program
        )
        try:
            yield CrashMatrix(service=service, chain=chain, proxy=proxy)
        finally:
            await service.kill()


async def killed_at_all(running: CrashMatrix, points: Iterable[Point], side: str) -> list[Case]:
    """Kill at one point after the other."""
    return [await running.kill_at(point, side) for point in sorted(points)]


async def test_service_killed_around_every_rpc_call_keeps_every_promise(tmp_path: Path) -> None:
    """Fault 1: whichever call is the last, sent or not, a restart takes each digest into one anchor (I1 to I7)."""
    async with (
        running_chain() as chain,
        matrix(tmp_path / "before", chain, key=SECOND_KEY) as before,
        matrix(tmp_path / "after", chain, key=THIRD_KEY) as after,
    ):
        points = await before.record() & await after.record()
        assert len(points) >= LEAST_POINTS
        assert {point.stage for point in points} == {"start", "accepted", "sent", "mined"}
        # Two installations side by side, since a machine has two cores.
        first, second = await asyncio.gather(
            killed_at_all(before, points, "before"), killed_at_all(after, points, "after")
        )

    cases = first + second
    missed = [case for case in cases if not case.reached]
    assert [case.text for case in cases if case.violations] == []
    # How often a poll repeats a question is a matter of the moment; that it asks each one is not.
    assert [case.text for case in missed if case.point.occurrence == 1] == []
    assert len(missed) <= len(cases) // 10


async def test_sender_that_stores_after_broadcast_is_caught(tmp_path: Path) -> None:
    """Negative control of fault 1: the same matrix finds the transaction on chain that nobody knows any more."""
    sending = Point(stage="accepted", call=BROADCAST, occurrence=1)
    async with running_chain() as chain:
        found = await _wrong_cases(tmp_path, chain, [(sending, "before"), (sending, "after")])

    assert all(case.reached for case in found)
    before, after = (" / ".join(case.violations) for case in found)
    assert "a transaction was broadcast before it was stored" in before
    # Killed before the endpoint heard of it, nothing is on the chain; killed after, the anchor has no stored payload.
    assert "the transaction that mined it was never stored" not in before
    assert "a transaction was broadcast before it was stored" in after
    assert "fsck: batch 1: the transaction that mined it was never stored" in after


async def _wrong_cases(folder: Path, chain: AnvilChain, kills: Sequence[tuple[Point, str]]) -> list[Case]:
    async def case(point: Point, side: str, key: bytes) -> Case:
        async with matrix(
            folder / side, chain, key=key, program=serve_wrongly, service_type=WrongService
        ) as running:
            await running.begin()
            return await running.kill_at(point, side)

    keys = (SECOND_KEY, THIRD_KEY)
    return await asyncio.gather(
        *(case(point, side, key) for (point, side), key in zip(kills, keys, strict=True))
    )
