"""Published versions of lists, and which of them a batch commits to, in every store."""

from __future__ import annotations

from dataclasses import replace

import pytest

from anchor.core.entries import Purpose, StatusEntry, StatusListEntry, bits_root, identifier_hash
from anchor.errors import Conflict
from anchor.store.protocol import Store
from anchor.store.records import AnchoredList, Issuer, NewVersion, PublishedVersion, StatusChange
from status_lists.bitstring import set_entry
from tests.support.store_values import BASE_URL, LIST_LENGTH, NOW_MS, NOW_S, PLAN, publish_due, seal_next


async def allocate(store: Store, issuer: Issuer) -> StatusEntry:
    """Allocate one entry."""
    (entry,) = await store.allocate(issuer.number, 1, idempotency_key=None, plan=PLAN, now_ms=NOW_MS)
    return entry


async def revoke(store: Store, issuer: Issuer, entry: StatusEntry, *, now_ms: int = NOW_MS) -> None:
    """Revoke one entry."""
    change = StatusChange(entry, Purpose.REVOCATION, value=1, reason="left")
    await store.change_status(issuer.number, [change], actor="test", now_ms=now_ms)


def state(issuer: Issuer, number: int, version: int, *revoked: StatusEntry) -> AnchoredList:
    """Return what a batch commits to for a list with these entries revoked."""
    bits = bytearray(LIST_LENGTH // 8)
    for entry in revoked:
        set_entry(bits, entry.index, 1)
    return AnchoredList(
        number=number,
        issuer=issuer.identifier,
        entry=StatusListEntry(
            issuer_id=identifier_hash(issuer.identifier),
            list_id=identifier_hash(f"{BASE_URL}/status-lists/{number}"),
            purpose=Purpose.SUSPENSION if number % 2 else Purpose.REVOCATION,
            bits_per_entry=1,
            length=LIST_LENGTH,
            version=version,
            bits_root=bits_root(bits),
        ),
    )


def version_of(number: int, version: int, *, changes: int = 0) -> NewVersion:
    """Return a version to publish."""
    return NewVersion(
        list_number=number,
        version=version,
        valid_until_ms=version + 1000,
        bits_root=bits_root(bytes(LIST_LENGTH // 8)),
        changes=changes,
        document=b"list %d version %d" % (number, version),
    )


async def test_new_lists_are_due_until_published(store: Store, issuer: Issuer) -> None:
    """A new pair is due at once, with its fixed attributes; publishing it settles that."""
    await allocate(store, issuer)

    first, second = await store.due_lists(expiring_before_ms=0)

    assert (first.number, first.purpose) == (0, Purpose.REVOCATION)
    assert (second.number, second.purpose) == (1, Purpose.SUSPENSION)
    assert (first.issuer, first.length, first.bits_per_entry) == (issuer.identifier, LIST_LENGTH, 1)
    assert first.signer == issuer.signer
    assert first.previous_version is None
    assert first.bits == bytes(LIST_LENGTH // 8)
    assert await publish_due(store, version=1) == [0, 1]
    assert list(await store.due_lists(expiring_before_ms=0)) == []


async def test_changed_list_is_due_until_a_version_shows_the_change(store: Store, issuer: Issuer) -> None:
    """A version made before a change does not settle it."""
    entry = await allocate(store, issuer)
    (before, _) = await store.due_lists(expiring_before_ms=0)
    await revoke(store, issuer, entry)

    # Signing took a while: what is published now are the bits from before the change.
    await store.add_version(version_of(0, 1, changes=before.changes))
    await store.add_version(version_of(1, 1))

    (due,) = await store.due_lists(expiring_before_ms=0)
    assert (due.number, due.previous_version) == (0, 1)
    assert due.bits != before.bits
    assert await publish_due(store, version=2) == [0]


async def test_due_lists_names_versions_that_run_out(store: Store, issuer: Issuer) -> None:
    """A version that ends before the time asked for is due, one that ends at it or later is not."""
    await allocate(store, issuer)
    await publish_due(store, version=5000)

    assert list(await store.due_lists(expiring_before_ms=6000)) == []
    assert [item.number for item in await store.due_lists(expiring_before_ms=6001)] == [0, 1]
    assert await publish_due(store, version=5500, expiring_before_ms=6001) == [0, 1]
    assert list(await store.due_lists(expiring_before_ms=6001)) == []


@pytest.mark.parametrize("version", [6, 7])
async def test_add_version_not_newer_conflict(store: Store, issuer: Issuer, version: int) -> None:
    """A version that is not above the newest is refused, and the newest stays."""
    await allocate(store, issuer)
    await publish_due(store, version=7)

    with pytest.raises(Conflict, match="version 7"):
        await store.add_version(replace(version_of(0, version), document=b"other"))

    newest = await store.list_version(0, None)
    assert newest is not None
    assert (newest.version, newest.document) == (7, b"list 0 version 7")
    assert await store.list_version(0, 6) is None


async def test_list_version_every_version_stays(store: Store, issuer: Issuer) -> None:
    """Each version is served for ever; where none is named, the newest."""
    entry = await allocate(store, issuer)
    await publish_due(store, version=1)
    assert await store.list_version(0, 2) is None
    await revoke(store, issuer, entry)
    await publish_due(store, version=2)

    old = PublishedVersion(list_number=0, version=1, valid_until_ms=1001, document=b"list 0 version 1")
    new = PublishedVersion(list_number=0, version=2, valid_until_ms=1002, document=b"list 0 version 2")
    assert await store.list_version(0, 1) == old
    assert await store.list_version(0, 2) == await store.list_version(0, None) == new
    assert await store.list_version(1, 2) is None
    assert await store.list_version(9, None) is None


async def test_list_version_at_a_time_the_one_in_force(store: Store, issuer: Issuer) -> None:
    """A version holds from its own millisecond until the next one's."""
    await allocate(store, issuer)
    await publish_due(store, version=1000)
    await publish_due(store, version=2000, expiring_before_ms=10_000)

    found = [await store.list_version_at(0, time_ms) for time_ms in (999, 1000, 1999, 2000, 10**13)]

    assert [item.version if item else None for item in found] == [None, 1000, 1000, 2000, 2000]
    assert found[1] == await store.list_version(0, 1000)
    assert await store.list_version_at(9, 10**13) is None


async def test_list_events_follow_the_order_of_publication(store: Store, issuer: Issuer) -> None:
    """Every publication is an event, ids rise, and a reader goes on after the last one it saw."""
    assert await store.newest_list_event() == 0
    await allocate(store, issuer)
    await publish_due(store, version=5)
    await store.add_version(version_of(1, 6))
    await store.add_version(version_of(0, 7))

    events = list(await store.list_events(after=0, limit=10))

    assert [(event.list_number, event.version) for event in events] == [(0, 5), (1, 5), (1, 6), (0, 7)]
    ids = [event.id for event in events]
    assert ids == sorted(set(ids))
    assert ids[0] > 0
    assert list(await store.list_events(after=ids[1], limit=10)) == events[2:]
    assert list(await store.list_events(after=0, limit=2)) == events[:2]
    assert await store.newest_list_event() == ids[-1]
    assert list(await store.list_events(after=ids[-1], limit=10)) == []


async def test_list_states_none_while_a_list_has_no_version(store: Store, issuer: Issuer) -> None:
    """No states are told while one list is unpublished; none at all are an empty answer."""
    assert await store.list_states() == []
    await allocate(store, issuer)
    assert await store.list_states() is None
    await store.add_version(version_of(0, 1))
    assert await store.list_states() is None
    await store.add_version(version_of(1, 1))

    assert await store.list_states() == [state(issuer, 0, 1), state(issuer, 1, 1)]


async def test_list_states_newest_version_in_number_order(
    store: Store, issuer: Issuer, other: Issuer
) -> None:
    """States name the newest version of every list of every issuer, in number order."""
    entry = await allocate(store, issuer)
    await allocate(store, other)
    await publish_due(store, version=1)
    await revoke(store, issuer, entry)
    await publish_due(store, version=3)

    assert await store.list_states() == [
        state(issuer, 0, 3, entry),
        state(issuer, 1, 1),
        state(other, 2, 1),
        state(other, 3, 1),
    ]


async def test_list_states_at_each_batch_keeps_its_own(store: Store, issuer: Issuer, other: Issuer) -> None:
    """A batch's states stay what it commits to, whatever is published and sealed after it."""
    empty = await seal_next(store)
    entry = await allocate(store, issuer)
    await publish_due(store, version=1)
    first = await seal_next(store)
    unchanged = await seal_next(store)
    await revoke(store, issuer, entry)
    await publish_due(store, version=2)
    await allocate(store, other)
    await publish_due(store, version=3)
    # A version between two batches that neither commits to.
    await publish_due(store, version=4, expiring_before_ms=1003)
    last = await seal_next(store)

    one = [state(issuer, 0, 1), state(issuer, 1, 1)]
    assert list(await store.list_states_at(empty.batch.id)) == []
    assert list(await store.list_states_at(first.batch.id)) == one
    assert list(await store.list_states_at(unchanged.batch.id)) == one
    assert list(await store.list_states_at(last.batch.id)) == [
        state(issuer, 0, 4, entry),
        state(issuer, 1, 4),
        state(other, 2, 3),
        state(other, 3, 3),
    ]


async def test_backlog_lists_wait_until_a_batch_commits_to_them(store: Store, issuer: Issuer) -> None:
    """Lists wait from their change until a sealed batch holds the version that shows it."""
    assert (await store.backlog()).lists_waiting_since_ms is None
    entry = await allocate(store, issuer)
    assert (await store.backlog()).lists_waiting_since_ms == NOW_MS
    await publish_due(store, version=1)
    assert (await store.backlog()).lists_waiting_since_ms == NOW_MS
    await seal_next(store)
    assert (await store.backlog()).lists_waiting_since_ms is None

    await revoke(store, issuer, entry, now_ms=NOW_MS + 50)
    assert (await store.backlog()).lists_waiting_since_ms == NOW_MS + 50
    await publish_due(store, version=2)
    assert (await store.backlog()).lists_waiting_since_ms == NOW_MS + 50
    await seal_next(store, created_s=NOW_S + 1)
    assert (await store.backlog()).lists_waiting_since_ms is None
