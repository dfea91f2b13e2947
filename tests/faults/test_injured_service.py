"""The disk fails under a running service: the client is refused, and the service ends or goes on as it should."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.anvil import AnvilChain, running_chain
from tests.support.promises import Acknowledged, PromiseCheck
from tests.support.running_service import IssuerAccess, RunningService
from tests.support.tracing import attached, requires_strace

pytestmark = [pytest.mark.anvil, requires_strace]


@pytest.fixture
async def anvil() -> AsyncIterator[AnvilChain]:
    """Run a chain."""
    async with running_chain() as chain:
        yield chain


@pytest.fixture
async def service(tmp_path: Path, anvil: AnvilChain) -> AsyncIterator[RunningService]:
    """Run the service on it."""
    running = RunningService(folder=tmp_path / "service", chain=anvil)
    await running.start()
    yield running
    await running.kill()


async def _submit(service: RunningService, issuer: IssuerAccess, digest: bytes) -> tuple[int, Any]:
    body = {"digest": digest.hex(), "method": "raw"}
    return await service.request("POST", "/v1/digests", headers=issuer.headers, json=body)


async def _first(service: RunningService) -> Acknowledged:
    """Add an issuer and take one digest to final, so that nothing is written by itself any more."""
    issuer = await service.add_issuer()
    item = Acknowledged(issuer, secrets.token_bytes(32))
    assert (await _submit(service, issuer, item.digest))[0] == 201
    await service.wait_for_state(issuer, item.digest.hex(), "final")
    return item


@pytest.mark.parametrize("call", ["pwrite64", "fdatasync"])
async def test_disk_error_under_a_request_refuses_it_and_ends_the_service(
    service: RunningService, anvil: AnvilChain, tmp_path: Path, call: str
) -> None:
    """Fault 3: EIO gives 503, the process exits with an error, and the next start is clean."""
    first = await _first(service)
    refused = secrets.token_bytes(32)

    inject = f"inject={call}:error=EIO"
    async with attached(service.pid, tmp_path / "trace", "-e", f"trace={call}", "-e", inject):
        status, body = await _submit(service, first.issuer, refused)
        exit_code = await service.wait_for_exit()

    assert status == 503, body
    assert exit_code == 1
    assert "a request met a failure of the database" in service.log
    await service.start()
    status, _ = await _submit(service, first.issuer, refused)
    # What was refused may have reached the disk all the same: the client sends it again, and it counts once.
    assert status in (200, 201)
    await service.wait_for_state(first.issuer, refused.hex(), "final")
    check = PromiseCheck(service=service, chain=anvil)
    assert await check.violations([first, Acknowledged(first.issuer, refused)]) == []


async def test_full_disk_refuses_and_recovers_unattended(
    service: RunningService, anvil: AnvilChain, tmp_path: Path
) -> None:
    """Fault 4: ENOSPC gives 503 with Retry-After, reads go on, and freed space is all that is needed."""
    first = await _first(service)
    refused = secrets.token_bytes(32)

    inject = "inject=pwrite64:error=ENOSPC"
    async with attached(service.pid, tmp_path / "trace", "-e", "trace=pwrite64", "-e", inject):
        status, body = await _submit(service, first.issuer, refused)
        read, _ = await service.request(
            "GET", f"/v1/digests/{first.digest.hex()}/proof", headers=first.issuer.headers
        )
    again, _ = await _submit(service, first.issuer, refused)

    assert (status, read, again) == (503, 200, 201), body
    assert "the disk is full" in body["detail"]
    await service.wait_for_state(first.issuer, refused.hex(), "final")
    check = PromiseCheck(service=service, chain=anvil)
    assert await check.violations([first, Acknowledged(first.issuer, refused)]) == []


async def test_killed_at_the_commit_of_a_request_is_never_half_there(
    service: RunningService, anvil: AnvilChain, tmp_path: Path
) -> None:
    """Fault 2: the whole service, killed while it syncs, comes back with a whole database."""
    first = await _first(service)
    inject = "inject=fdatasync:signal=KILL"
    digests = [secrets.token_bytes(32) for _ in range(20)]

    async with attached(service.pid, tmp_path / "trace", "-e", "trace=fdatasync", "-e", inject):
        answers = await asyncio.gather(
            *(_submit(service, first.issuer, digest) for digest in digests), return_exceptions=True
        )
        await service.kill()
    await service.start()

    assert all(isinstance(answer, Exception) for answer in answers), (
        "nothing was synced, so nothing is answered"
    )
    for digest in digests:
        status, _ = await _submit(service, first.issuer, digest)
        assert status in (200, 201)
    await service.wait_for_state(first.issuer, digests[-1].hex(), "final")
    items = [first, *(Acknowledged(first.issuer, digest) for digest in digests)]
    assert await PromiseCheck(service=service, chain=anvil).violations(items) == []
