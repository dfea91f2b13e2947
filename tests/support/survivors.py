"""What must hold of a folder in which a process was injured: it starts, it holds what was told, and it goes on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from anchor.core.entries import Purpose
from anchor.core.lifecycle import BatchState
from anchor.fsck import check_everything as fsck
from anchor.store.records import Accepted, Issuer
from tests.support.assembly import Running, make_settings
from tests.support.fake_sending_chain import BLOCK_TIME_S
from tests.support.storage_work import replayed, told_digests, told_entries
from tests.support.stored_first import check_everything, require_stored_before_broadcast

AFTERWARDS = 900
"""The number of a digest that is submitted once all is well again."""

MAX_BLOCKS = 12


async def check_survivor(folder: Path, lines: Sequence[str]) -> None:
    """
    Start the service on the folder, with the chain that the lines tell of, and check everything.

    Each acknowledged digest ends in one anchor, each acknowledged revocation stands, and fsck finds nothing wrong.
    """
    service = Running(settings=make_settings(folder), chain=replayed(lines))
    await service.start()
    service.chain.before_broadcast = require_stored_before_broadcast(service)
    try:
        # Killed before it was told of, an issuer may be there or not: the operator asks and adds it.
        issuers = await service.store.issuers()
        issuer = issuers[0] if issuers else await service.add_issuer()
        await check_acknowledged(service, issuer, lines)
        await _go_on(service, issuer)
        await _check_final(service, issuer, lines)
        report = await fsck(
            service.settings.database, chain=service.chain, from_block=0, confirmations=0, files=None
        )
        assert report.is_sound, (report.problems, report.unchecked)
    finally:
        await service.store.close()


async def check_acknowledged(service: Running, issuer: Issuer, lines: Sequence[str]) -> None:
    """Check that what was told to a client is there: digests, bindings that no other has, revocations."""
    for digest in told_digests(lines):
        assert await service.store.find_digest(issuer.number, digest), f"{digest.hex()} is lost"
    bound = told_entries(lines, "bound")
    assert len(set(bound)) == len(bound)
    for entry in told_entries(lines, "revoked"):
        history = await service.store.status_history(issuer.number, entry)
        assert [(item.purpose, item.value) for item in history] == [(Purpose.REVOCATION, 1)]


async def _go_on(service: Running, issuer: Issuer) -> None:
    """Submit one more, and take everything to final."""
    (last,) = await service.submit(issuer, AFTERWARDS, allocate=True)
    service.clock.advance(service.settings.batching.max_age_s)
    for _ in range(MAX_BLOCKS):
        await service.turn()
        if await service.state(last.batch) is BatchState.FINAL:
            return
        service.clock.advance(BLOCK_TIME_S)
        service.chain.mine()
    raise AssertionError("the service does not get on")


async def _check_final(service: Running, issuer: Issuer, lines: Sequence[str]) -> None:
    accepted: list[Accepted] = []
    for digest in told_digests(lines):
        (place,) = await service.store.find_digest(issuer.number, digest)
        assert place.batch.state is BatchState.FINAL
        accepted.append(place.accepted)
    await check_everything(service, issuer, *accepted)
    roots = service.chain.anchored_roots(service.publisher)
    assert sorted(roots) == list(range(1, len(roots) + 1))
    assert len(set(roots.values())) == len(roots)
    assert service.chain.failed_transactions() == 0
