"""Fault 8: one key, two databases. The later one sees what it did not send, and stops."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.support.anvil import AnvilChain
from tests.support.operating import anchor, new_digest, submit
from tests.support.running_service import POLL_S, IssuerAccess, RunningService

pytestmark = pytest.mark.anvil

POLLS = 2400


async def alarmed(*services: RunningService) -> bool:
    """Poll until one of the services says in its log that its key is used elsewhere."""
    for _ in range(POLLS):
        if any('"anchor.key_used_elsewhere"' in service.log for service in services):
            return True
        await asyncio.sleep(POLL_S)
    return False


async def test_two_databases_of_one_key_anchor_each_root_once_and_raise_the_alarm(
    chain: AnvilChain, tmp_path: Path
) -> None:
    """Each sequence goes to one root; who comes second says that the key is used elsewhere, and loses no digest."""
    first = RunningService(folder=tmp_path / "first", chain=chain)
    second = RunningService(folder=tmp_path / "second", chain=chain)
    await first.start()
    await second.start()
    digests: list[tuple[RunningService, IssuerAccess, str]] = []
    try:
        for service in (first, second):
            issuer = await service.add_issuer()
            digest = new_digest()
            await submit(service, issuer, digest=digest, method="raw")
            digests.append((service, issuer, digest))
        anchors = [
            (await service.wait_for_state(issuer, digest, "final"))["anchor"]
            for service, issuer, digest in digests
        ]
        is_alarmed = await alarmed(first, second)
    finally:
        await first.stop()
        await second.stop()
    checked = [await anchor("fsck", "--json", service=service) for service in (first, second)]

    assert len({item["sequence"] for item in anchors}) == 2
    assert len({item["root"] for item in anchors}) == 2
    assert is_alarmed
    # Neither database knows the other's root: fsck says no until the key is one service's again.
    assert {result.exit_code for result in checked} == {1}


async def test_database_that_was_left_behind_does_not_start_beside_the_newer_one(
    chain: AnvilChain, tmp_path: Path
) -> None:
    """A second database of a key that anchored elsewhere meanwhile refuses to start, and says why."""
    first = RunningService(folder=tmp_path / "first", chain=chain)
    await first.start()
    issuer = await first.add_issuer()
    digest = new_digest()
    await submit(first, issuer, digest=digest, method="raw")
    await first.wait_for_state(issuer, digest, "final")
    second = RunningService(folder=tmp_path / "second", chain=chain)

    with pytest.raises(AssertionError, match="the key is used elsewhere"):
        await second.start()

    assert await second.wait_for_exit() == 1
    await first.stop()
