"""Published lists equal the database, whatever the clock does."""

from __future__ import annotations

import asyncio

import pytest

from anchor.core.entries import Purpose, StatusEntry
from anchor.errors import FatalError, Overloaded
from anchor.service.keys import KeyVault
from anchor.service.lists import ListPublisher
from anchor.store.records import Issuer, StatusChange
from status_lists import PublishedList, get_entry, parse_json_object, parse_list_document, verify_list
from tests.support.assembly import BASE_URL, Running

DAY_S = 86_400
LENGTH = 131_072


async def published(service: Running, issuer: Issuer, number: int) -> PublishedList:
    """Return the newest version of a list, its signature checked."""
    found = await service.store.list_version(number, None)
    assert found is not None
    verify_list(parse_json_object(found.document), public_key=issuer.signer.public_key)
    return parse_list_document(found.document, max_bits_bytes=LENGTH // 8)


async def version(service: Running, number: int) -> int:
    """Return a list's newest version."""
    found = await service.store.list_version(number, None)
    assert found is not None
    return found.version


async def allocate(service: Running, issuer: Issuer, count: int = 1) -> list[StatusEntry]:
    """Allocate entries."""
    return list(await service.services.intake.allocate(issuer, count, idempotency_key=None))


def clock_fault(service: Running) -> str | None:
    """Return what is wrong with the clock as the chain tells it, at this moment."""
    return service.services.status.clock_fault


def revocation(entry: StatusEntry) -> StatusChange:
    """Return the revocation of an entry."""
    return StatusChange(entry, Purpose.REVOCATION, value=1, reason="left")


async def test_allocated_entries_lists_are_published_when_they_are_told(
    service: Running, issuer: Issuer
) -> None:
    """Nobody holds an entry whose lists cannot be fetched; both are signed and empty."""
    await allocate(service, issuer)

    for number, purpose in enumerate(("revocation", "suspension")):
        found = await published(service, issuer, number)
        assert found.url == f"{BASE_URL}/status-lists/{number}"
        assert (found.issuer, found.purposes) == (issuer.identifier, (purpose,))
        assert found.bits == bytes(LENGTH // 8)
        assert found.valid_from_ms == service.clock.now_ms() - 60_000


async def test_change_is_published_when_it_is_answered(service: Running, issuer: Issuer) -> None:
    """The answer comes after a version that shows the change, and of no other list."""
    (entry,) = await allocate(service, issuer)
    before = [await version(service, number) for number in (0, 1)]

    done = await service.services.intake.change_status(issuer, [revocation(entry)])

    found = await published(service, issuer, 0)
    assert [index for index in range(LENGTH) if get_entry(found.bits, index)] == [entry.index]
    assert await version(service, 0) > before[0]
    assert await version(service, 1) == before[1]
    assert done.outcome.lists == (0,)
    assert done.published_ms == service.clock.now_ms()


async def test_concurrent_changes_share_versions(service: Running, issuer: Issuer) -> None:
    """Many changes at once cost few signatures, and every one is in the list when it is answered."""
    entries = await allocate(service, issuer, 60)
    first = await service.store.newest_list_event()

    async def revoke(entry: StatusEntry) -> None:
        await service.services.intake.change_status(issuer, [revocation(entry)])
        assert get_entry((await published(service, issuer, 0)).bits, entry.index)

    await asyncio.gather(*(revoke(entry) for entry in entries))

    found = await published(service, issuer, 0)
    assert {index for index in range(LENGTH) if get_entry(found.bits, index)} == {
        entry.index for entry in entries
    }
    assert await service.store.newest_list_event() - first < 30


async def test_clock_set_back_versions_rise(service: Running, issuer: Issuer) -> None:
    """Fault 13: A version is never older than the one before, wherever the clock went."""
    entries = await allocate(service, issuer, 3)
    versions = [await version(service, 0)]
    for entry, step_s in zip(entries, (-3600, -DAY_S, 0), strict=True):
        service.clock.step(step_s)
        await service.services.intake.change_status(issuer, [revocation(entry)])
        versions.append(await version(service, 0))

    assert versions == sorted(set(versions))
    assert versions[-1] == versions[0] + 3


async def test_lists_are_renewed_before_half_their_validity_is_left(service: Running, issuer: Issuer) -> None:
    """Fault 14: An unchanged list is signed again once half its validity is over, not before, and keeps its bits."""
    (entry,) = await allocate(service, issuer)
    await service.services.intake.change_status(issuer, [revocation(entry)])
    first = await published(service, issuer, 0)
    service.clock.advance(3.5 * DAY_S - 60)
    assert await service.services.lists.publish_due() == 0

    service.clock.advance(0.001)
    # The list that changed within the millisecond of its first version is one millisecond younger.
    assert await service.services.lists.publish_due() == 2

    second = await published(service, issuer, 0)
    assert second.bits == first.bits
    assert first.valid_until_ms is not None
    assert second.valid_until_ms == service.clock.now_ms() - 60_000 + 7 * DAY_S * 1000
    assert service.clock.now_ms() < first.valid_until_ms


async def test_lists_are_never_expired_while_the_service_runs(service: Running, issuer: Issuer) -> None:
    """At every hour of a month the published list holds for more than three days."""
    await allocate(service, issuer)
    for _ in range(30 * 4):
        service.clock.advance(6 * 3600)
        await service.services.lists.publish_due()
        found = await service.store.list_version(0, None)
        assert found is not None
        assert found.valid_until_ms - service.clock.now_ms() > 3 * DAY_S * 1000


async def test_clock_fault_stops_signing_and_loses_nothing(service: Running, issuer: Issuer) -> None:
    """While clock and chain disagree no date is signed; the change is kept and published afterwards."""
    (entry,) = await allocate(service, issuer)
    before = await version(service, 0)
    service.chain.clock_offset_s = 301
    await service.mine(2)
    assert clock_fault(service) is not None

    with pytest.raises(Overloaded, match="clock"):
        await service.services.intake.change_status(issuer, [revocation(entry)])
    assert await version(service, 0) == before

    service.chain.clock_offset_s = 0
    service.clock.advance(900)
    await service.mine()
    assert clock_fault(service) is None
    await service.services.lists.publish_due()
    assert get_entry((await published(service, issuer, 0)).bits, entry.index) == 1


async def test_lagging_chain_does_not_stop_signing(service: Running, issuer: Issuer) -> None:
    """An endpoint whose newest block is minutes old is late, not the clock early."""
    (entry,) = await allocate(service, issuer)
    await service.mine(3)
    service.chain.clock_offset_s = -400
    service.clock.advance(500)
    await service.mine(5)

    await service.services.intake.change_status(issuer, [revocation(entry)])

    assert clock_fault(service) is None
    assert get_entry((await published(service, issuer, 0)).bits, entry.index) == 1


async def test_renewals_of_many_issuers_share_one_anchor(service: Running) -> None:
    """Lists that fall due at different times within a quarter of their validity are renewed, and anchored, together."""
    for number in range(4):
        newcomer = await service.add_issuer(f"issuer{number}")
        await service.submit(newcomer, number, allocate=True)
        service.clock.advance(600)
    await service.mine(10)
    anchored = len(service.chain.anchored_roots(service.publisher))
    service.clock.advance(3.5 * DAY_S - 4 * 600 - 600)
    await service.mine(60)
    before = len(service.chain.anchored_roots(service.publisher))

    for _ in range(12):
        service.clock.advance(600)
        await service.services.lists.publish_due()
        await service.mine(5)

    assert before == anchored + 1, "the heartbeat"
    assert len(service.chain.anchored_roots(service.publisher)) == before + 1
    assert (await service.store.backlog()).lists_waiting_since_ms is None


async def test_renewal_without_a_change_waits_from_its_publication(service: Running, issuer: Issuer) -> None:
    """A renewed list is anchored `status_wait_s` after its renewal, not at once for a change of long ago."""
    await allocate(service, issuer)
    service.clock.advance(30)
    await service.mine(5)
    assert (await service.store.backlog()).lists_waiting_since_ms is None
    service.clock.advance(3.6 * DAY_S)

    assert await service.services.lists.publish_due() == 2

    assert (await service.store.backlog()).lists_waiting_since_ms == service.clock.now_ms()


async def test_changes_one_after_the_other_put_no_anchor_off(service: Running, issuer: Issuer) -> None:
    """A list that changes every few seconds waits from the first change that is not anchored."""
    entries = await allocate(service, issuer, 6)
    service.clock.advance(30)
    await service.mine(5)
    started_ms = service.clock.now_ms()
    for entry in entries:
        await service.services.intake.change_status(issuer, [revocation(entry)])
        service.clock.advance(10)

    assert (await service.store.backlog()).lists_waiting_since_ms == started_ms


async def test_unreachable_chain_does_not_stop_signing(service: Running, issuer: Issuer) -> None:
    """Whoever cannot ask the chain for the time goes on with their own."""
    (entry,) = await allocate(service, issuer)
    await service.mine(2)
    service.chain.failing = True
    service.clock.advance(3600)

    await service.services.intake.change_status(issuer, [revocation(entry)])

    assert get_entry((await published(service, issuer, 0)).bits, entry.index) == 1


async def test_other_key_encryption_key_fatal(service: Running, issuer: Issuer) -> None:
    """Where the key file was lost, lists are not signed with another key: a person must look."""
    await service.store.allocate(
        issuer.number, 1, idempotency_key=None, plan=service.services.intake._plan, now_ms=0
    )
    own = service.services.lists
    publisher = ListPublisher(
        store=service.store,
        vault=KeyVault(bytes(32)),
        clock=service.clock,
        base_url=BASE_URL,
        policy=own.policy,
        announcer=service.services.announcer,
    )

    with pytest.raises(FatalError, match=r"put back the lists\.key file"):
        await publisher.publish_due()

    assert await service.store.list_version(0, None) is None
    assert await own.publish_due() == 2
