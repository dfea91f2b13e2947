"""A clock that is an hour off, or set while the service runs: digests are anchored in order, no list is signed."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from anchor.core.entries import StatusEntry
from tests.support.anvil import AnvilChain, running_chain
from tests.support.promises import Acknowledged, PromiseCheck, newest_version
from tests.support.running_service import IssuerAccess, RunningService
from tests.support.wrong_clock import WrongClock, requires_faketime

pytestmark = [pytest.mark.anvil, requires_faketime]

POLLS = 1200
HOUR = 3600


@pytest.fixture
async def anvil() -> AsyncIterator[AnvilChain]:
    """Run a chain; its clock is right."""
    async with running_chain() as chain:
        yield chain


@pytest.fixture
def clock(tmp_path: Path) -> WrongClock:
    """Return the service's clock."""
    return WrongClock(tmp_path)


@pytest.fixture
async def service(tmp_path: Path, anvil: AnvilChain, clock: WrongClock) -> AsyncIterator[RunningService]:
    """Install a service that lives by that clock; it is not started yet."""
    installed = RunningService(
        folder=tmp_path / "service", chain=anvil, program=None, extra_environment=clock.environment
    )
    yield installed
    await installed.stop()


async def _submit(service: RunningService, issuer: IssuerAccess, **members: str) -> tuple[Acknowledged, Any]:
    digest = secrets.token_bytes(32)
    body = {"digest": digest.hex(), "method": "raw", **members}
    status, receipt = await service.request("POST", "/v1/digests", headers=issuer.headers, json=body)
    assert status in (201, 503), receipt
    return Acknowledged(issuer, digest), receipt if status == 201 else None


async def _until(condition: Callable[[], Awaitable[bool]]) -> None:
    for _ in range(POLLS):
        if await condition():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("it never becomes so")


async def _has_clock_fault(service: RunningService) -> bool:
    status, body = await service.request("GET", "/readyz")
    return status == 503 and "clock" in str(body)


async def _require_fault(service: RunningService) -> None:
    await _until(lambda: _has_clock_fault(service))
    _, body = await service.request("GET", "/readyz")
    assert "set the clock" in str(body)


@pytest.mark.parametrize("offset_s", [-HOUR, HOUR])
async def test_clock_an_hour_off_stops_signing_and_anchors_in_order(
    service: RunningService, clock: WrongClock, offset_s: int
) -> None:
    """Fault 13: the difference to the chain is told, lists are not signed, digests become final one after the other."""
    clock.set(f"{offset_s:+d}s")
    await service.start()
    issuer = await service.add_issuer()
    await _require_fault(service)

    sequences = []
    for _ in range(3):
        item, receipt = await _submit(service, issuer)
        assert receipt is not None
        final = await service.wait_for_state(issuer, item.digest.hex(), "final")
        sequences.append(final["anchor"]["sequence"])
    # Not before: a digest that is bound to a list which was never signed holds up the batch that it is in.
    _, refused = await _submit(service, issuer, status="allocate")

    assert refused is None, "a list was signed with a date that is wrong by an hour"
    assert sequences == sorted(set(sequences))
    difference = abs(final["anchor"]["blockTime"] - _seconds(final["accepted"]))
    assert difference > HOUR / 2, "the clock was not wrong: the test tests nothing"
    clock.set("+0s")
    await _until(lambda: _is_ready(service))
    again, receipt = await _submit(service, issuer, status="allocate")
    assert receipt is not None
    await service.wait_for_state(issuer, again.digest.hex(), "final")


async def test_clock_set_back_and_forth_while_running_keeps_order_and_versions(
    service: RunningService, anvil: AnvilChain, clock: WrongClock
) -> None:
    """Fault 13: order is by sequence, a version is never older than the one before, waits do not grow by an hour."""
    await service.start()
    issuer = await service.add_issuer()
    first, receipt = await _submit(service, issuer, status="allocate")
    versions = [newest_version(service.database, 1)]
    items = [first]
    for offset in (f"-{HOUR}s", "+0s", f"+{HOUR}s", "+0s"):
        clock.set(offset)
        if offset == "+0s":
            await _until(lambda: _is_ready(service))
            await _suspend(service, issuer, receipt["status"], value=len(versions) % 2 == 1)
            versions.append(newest_version(service.database, 1))
        else:
            await _require_fault(service)
            item, _ = await _submit(service, issuer)
            await service.wait_for_state(issuer, item.digest.hex(), "final")
            items.append(item)

    assert versions == sorted(set(versions))
    await service.wait_for_anchored_version(1, versions[-1])
    check = PromiseCheck(service=service, chain=anvil)
    bound = _bound(first, receipt)
    assert await check.violations([bound, *items[1:]]) == []


async def _suspend(service: RunningService, issuer: IssuerAccess, place: Any, *, value: bool) -> None:
    change = {**place, "purpose": "suspension", "value": value, "reason": "under test"}
    status, body = await service.request("POST", "/v1/status-changes", headers=issuer.headers, json=change)
    assert status == 200, body


async def _is_ready(service: RunningService) -> bool:
    status, _ = await service.request("GET", "/readyz")
    return status == 200


def _bound(item: Acknowledged, receipt: Any) -> Acknowledged:
    place = receipt["status"]
    return Acknowledged(item.issuer, item.digest, StatusEntry(place["list"], place["index"]))


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
