"""What the way in refuses, and whom it wakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from anchor.config import LimitSettings
from anchor.errors import InvalidInput, NotFound, Overloaded
from anchor.store.records import Issuer, Submission
from tests.support.assembly import Running, digest, make_settings, new_chain, running


async def test_submit_zero_or_short_digest_refused_with_its_neighbours(
    service: Running, issuer: Issuer
) -> None:
    """A digest that is no digest takes the whole request with it."""
    for bad in (bytes(32), b"", bytes(31) + b"\x01\x01"):
        submissions = [Submission(4, digest(1)), Submission(4, bad)]
        with pytest.raises(InvalidInput):
            await service.services.intake.submit(issuer, submissions)

    assert await service.store.unmined_entries() == 0


@pytest.mark.parametrize(
    "body", [b"", b"\x01" * 31, b"\x01" * 33, digest(1) + bytes(32), bytes(32) + digest(1)]
)
async def test_submit_packed_bad_body_refused(service: Running, issuer: Issuer, body: bytes) -> None:
    """A packed body is whole digests, and none of them zero."""
    with pytest.raises(InvalidInput):
        await service.services.intake.submit_packed(issuer, 4, body)

    assert await service.store.unmined_entries() == 0


async def test_submit_packed_zeros_across_digests_are_no_zero_digest(
    service: Running, issuer: Issuer
) -> None:
    """Thirty-two zero bytes that belong to two digests are fine."""
    body = b"\x01" * 16 + bytes(16) + bytes(16) + b"\x01" * 16

    outcome = await service.services.intake.submit_packed(issuer, 4, body)

    assert (outcome.new, outcome.known) == (2, 0)


async def test_backlog_limit_refuses_until_the_chain_takes_some(tmp_path: Path) -> None:
    """Fault 34: Beyond the limit nothing more is taken, singly or packed; mined batches make room."""
    settings = make_settings(tmp_path, limits=LimitSettings(backlog_entries=10))
    async with running(settings, new_chain()) as service:
        issuer = await service.add_issuer()
        await service.submit(issuer, *range(8))
        with pytest.raises(Overloaded, match="8 digests wait") as refusal:
            await service.submit(issuer, 8, 9, 10)
        assert refusal.value.retry_after_s > 0
        with pytest.raises(Overloaded):
            await service.services.intake.submit_packed(issuer, 4, b"".join(map(digest, range(20, 23))))
        await service.submit(issuer, 8, 9)

        service.clock.advance(60)
        await service.turn()
        await service.mine()

        await service.submit(issuer, *range(10, 20))


async def test_submissions_and_changes_wake_the_sealer(service: Running, issuer: Issuer) -> None:
    """Everything that gives the sealer a reason to look sets its event."""
    intake, work = service.services.intake, service.sealer._work
    actions = (
        lambda: service.submit(issuer, 1),
        lambda: intake.submit_packed(issuer, 4, digest(2)),
        lambda: intake.allocate(issuer, 1, idempotency_key=None),
        lambda: intake.change_status(issuer, []),
    )
    for action in actions:
        work.clear()
        await action()
        assert work.is_set()


async def test_find_only_own_digests_by_method(service: Running, issuer: Issuer) -> None:
    """A digest is found by its issuer, under the method asked for or any."""
    other = await service.add_issuer("academy")
    await service.submit(issuer, 1)
    intake = service.services.intake

    assert len(await intake.find(issuer, digest(1), None)) == 1
    assert len(await intake.find(issuer, digest(1), 4)) == 1
    for who, method in ((issuer, 1), (other, None), (other, 4)):
        with pytest.raises(NotFound):
            await intake.find(who, digest(1), method)


async def test_submit_allocated_again_after_a_failed_publication_publishes(
    service: Running, issuer: Issuer
) -> None:
    """A retry of a request whose list could not be published yet is not answered before it is."""
    service.services.lists.set_clock_fault("the clock is wrong")
    for _ in range(2):
        with pytest.raises(Overloaded):
            await service.submit(issuer, 1, allocate=True)
    service.services.lists.set_clock_fault(None)

    (accepted,) = await service.submit(issuer, 1, allocate=True)

    assert not accepted.is_new
    assert await service.store.list_version(0, None) is not None
