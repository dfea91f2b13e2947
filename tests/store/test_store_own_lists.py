"""Lists of every purpose, the reserve that is made before one is full, other forms, and entries by credential."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from hashlib import sha256

import pytest

from anchor.core.entries import Purpose, StatusEntry
from anchor.errors import Conflict, InvalidInput, NotFound
from anchor.store.protocol import Store
from anchor.store.records import Issuer, IssuerList, ListSpec, NewVersion, StatusChange
from status_lists.bitstring import get_entry
from tests.support.store_values import LIST_LENGTH, NOW_MS, PLAN, accept, publish_due, submission

MESSAGES = ListSpec(Purpose.MESSAGE, 2, LIST_LENGTH, ("valid", "in review", "on probation", "withdrawn"))
REFRESH = ListSpec(Purpose.REFRESH, 1, LIST_LENGTH)
KEY = sha256(b"permutation").digest()
CREDENTIAL = sha256(b"urn:uuid:951b475e-b795-43bc-ba8f-a2d01efd2eb1").digest()


async def allocate(
    store: Store, issuer: Issuer, count: int, *, purpose: Purpose = Purpose.REVOCATION, key: str | None = None
) -> list[StatusEntry]:
    """Allocate entries of a purpose."""
    return list(
        await store.allocate(
            issuer.number, count, purpose=purpose, idempotency_key=key, plan=PLAN, now_ms=NOW_MS
        )
    )


async def test_add_list_alone_or_as_a_pair(store: Store, issuer: Issuer, other: Issuer) -> None:
    """A list of messages stands alone, revocation comes with suspension, and an issuer sees its own."""
    first = await store.add_list(issuer.number, MESSAGES, permutation_key=KEY, now_ms=NOW_MS)
    second = await store.add_list(other.number, REFRESH, permutation_key=KEY, now_ms=NOW_MS)
    pair = await store.add_list(
        issuer.number, ListSpec(Purpose.REVOCATION, 1, 1024), permutation_key=KEY, now_ms=NOW_MS
    )

    assert (first, second, pair) == (0, 1, 2)
    assert list(await store.issuer_lists(issuer.number)) == [
        IssuerList(number=0, spec=MESSAGES, allocated=0),
        IssuerList(number=2, spec=ListSpec(Purpose.REVOCATION, 1, 1024), allocated=0),
        IssuerList(number=3, spec=ListSpec(Purpose.SUSPENSION, 1, 1024), allocated=0),
    ]
    assert list(await store.issuer_lists(other.number)) == [IssuerList(number=1, spec=REFRESH, allocated=0)]
    assert sorted(item.number for item in await store.due_lists(expiring_before_ms=0)) == [0, 1, 2, 3]


async def test_allocate_by_purpose_from_lists_of_that_purpose(store: Store, issuer: Issuer) -> None:
    """Entries of one purpose come from its lists, never from another's, and are not handed out twice."""
    await allocate(store, issuer, 1)
    await store.add_list(issuer.number, MESSAGES, permutation_key=KEY, now_ms=NOW_MS)

    entries = await allocate(store, issuer, LIST_LENGTH + 3, purpose=Purpose.MESSAGE)

    lists = {item.number: item for item in await store.issuer_lists(issuer.number)}
    assert len(set(entries)) == len(entries)
    assert {lists[entry.list_number].spec for entry in entries} == {MESSAGES}


async def test_allocate_purpose_without_a_list_not_found(store: Store, issuer: Issuer, other: Issuer) -> None:
    """Refresh and message lists are made by their issuer first; another's do not count."""
    await store.add_list(other.number, MESSAGES, permutation_key=KEY, now_ms=NOW_MS)

    with pytest.raises(NotFound):
        await allocate(store, issuer, 1, purpose=Purpose.MESSAGE, key="k")

    assert list(await store.issuer_lists(issuer.number)) == []


async def test_allocate_same_key_other_purpose_conflict(store: Store, issuer: Issuer) -> None:
    """An idempotency key stands for one request."""
    await store.add_list(issuer.number, REFRESH, permutation_key=KEY, now_ms=NOW_MS)
    await allocate(store, issuer, 2, key="k")

    with pytest.raises(Conflict):
        await allocate(store, issuer, 2, purpose=Purpose.REFRESH, key="k")


async def test_next_list_is_made_before_the_last_is_full(store: Store, issuer: Issuer) -> None:
    """While some entries are left the next pair exists already, so that it can be published and anchored in time."""
    await allocate(store, issuer, LIST_LENGTH - 40)
    assert len(await store.issuer_lists(issuer.number)) == 2

    await allocate(store, issuer, 39)

    numbers = [item.number for item in await store.issuer_lists(issuer.number)]
    assert numbers == [0, 1, 2, 3]
    first, second = await allocate(store, issuer, 2)
    assert (first.list_number, second.list_number) == (0, 2)


async def test_bind_entry_of_another_purpose_invalid(store: Store, issuer: Issuer) -> None:
    """A binding gives revocation and suspension: an entry of any other list is refused."""
    await store.add_list(issuer.number, MESSAGES, permutation_key=KEY, now_ms=NOW_MS)
    (entry,) = await allocate(store, issuer, 1, purpose=Purpose.MESSAGE)

    with pytest.raises(InvalidInput, match="no revocation list"):
        await accept(store, issuer, replace(submission(1), status=entry))

    assert await store.unmined_entries() == 0


async def test_change_message_any_value_and_back(store: Store, issuer: Issuer) -> None:
    """An entry of two bits holds any of four messages, its neighbours keep theirs, and five is refused."""
    await store.add_list(issuer.number, MESSAGES, permutation_key=KEY, now_ms=NOW_MS)
    entries = await allocate(store, issuer, 40, purpose=Purpose.MESSAGE)
    wanted = {entry.index: position % 4 for position, entry in enumerate(entries)}
    changes = [
        StatusChange(entry, Purpose.MESSAGE, value=wanted[entry.index], reason="as it is")
        for entry in entries
    ]

    outcome = await store.change_status(issuer.number, changes, actor="test", now_ms=NOW_MS)

    (due,) = await store.due_lists(expiring_before_ms=0)
    assert outcome.changed == 30
    assert {index: get_entry(due.bits, index, 2) for index in wanted} == wanted
    assert due.messages == MESSAGES.messages
    with pytest.raises(InvalidInput):
        await store.change_status(issuer.number, [replace(changes[0], value=4)], actor="test", now_ms=NOW_MS)
    back = await store.change_status(
        issuer.number, [replace(changes[3], value=0)], actor="test", now_ms=NOW_MS
    )
    assert back.changed == 1


async def test_other_forms_of_a_version(store: Store, issuer: Issuer) -> None:
    """A version is had in each form that was published with it, and in no other."""
    await allocate(store, issuer, 1)
    (due, _) = await store.due_lists(expiring_before_ms=0)
    await store.add_version(
        NewVersion(
            list_number=0,
            version=7,
            valid_until_ms=1007,
            bits_root=bytes(32),
            changes=due.changes,
            document=b"json",
            forms={"application/vc+jwt": b"jwt"},
        )
    )

    usual, jwt = await store.list_version(0, 7), await store.list_version(0, None, form="application/vc+jwt")

    assert usual is not None
    assert jwt is not None
    assert (usual.document, jwt.document) == (b"json", b"jwt")
    assert await store.list_version_at(0, 7, form="application/vc+jwt") == jwt
    assert await store.list_version(0, 7, form="application/statuslist+cwt") is None
    assert await store.list_version(0, 6, form="application/vc+jwt") is None


async def test_named_entry_is_the_newest_of_an_id(store: Store, issuer: Issuer, other: Issuer) -> None:
    """An id gets one entry however often it is asked for, and another where one is added; ids are the issuer's own."""

    async def named(who: Issuer) -> StatusEntry:
        return await store.named_entry(who.number, CREDENTIAL, plan=PLAN, now_ms=NOW_MS)

    first = await named(issuer)
    assert {await named(issuer) for _ in range(3)} == {first}
    assert len(set(await asyncio.gather(*(named(other) for _ in range(20))))) == 1
    further = await store.add_named_entry(issuer.number, CREDENTIAL, plan=PLAN, now_ms=NOW_MS)

    assert further != first
    assert await named(issuer) == further
    assert list(await store.named_entries(issuer.number, CREDENTIAL)) == [first, further]
    assert list(await store.named_entries(other.number, CREDENTIAL)) == [await named(other)]
    assert list(await store.named_entries(issuer.number, bytes(32))) == []
    assert await publish_due(store, version=1) == [0, 1, 2, 3]
