"""Status entries: handed out once, changed by their issuer, remembered, in every store."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from anchor.core.entries import Purpose, StatusEntry
from anchor.errors import AnchorError, Conflict, InvalidInput, NotFound
from anchor.store.protocol import Store
from anchor.store.records import (
    ChangeOutcome,
    DigestTarget,
    HistoryItem,
    Issuer,
    ListPlan,
    StatusChange,
)
from status_lists.bitstring import get_entry
from tests.support.store_values import LIST_LENGTH, NOW_MS, PLAN, accept, new_plan, publish_due, submission


async def allocate(store: Store, issuer: Issuer, count: int, *, key: str | None = None) -> list[StatusEntry]:
    """Allocate entries of short lists."""
    return list(await store.allocate(issuer.number, count, idempotency_key=key, plan=PLAN, now_ms=NOW_MS))


def change(
    target: StatusEntry | DigestTarget,
    *,
    purpose: Purpose = Purpose.REVOCATION,
    value: int = 1,
    reason: str = "left",
) -> StatusChange:
    """Return a change of an entry."""
    return StatusChange(target=target, purpose=purpose, value=value, reason=reason)


async def apply(store: Store, issuer: Issuer, *changes: StatusChange, now_ms: int = NOW_MS) -> ChangeOutcome:
    """Apply changes as the issuer."""
    return await store.change_status(issuer.number, changes, actor=issuer.identifier, now_ms=now_ms)


async def bits_set(store: Store, number: int) -> list[int]:
    """Return the indexes that are set in a list that is due."""
    due = {item.number: item.bits for item in await store.due_lists(expiring_before_ms=0)}
    return [index for index in range(LIST_LENGTH) if get_entry(due[number], index)]


async def test_allocate_never_hands_out_an_entry_twice(store: Store, issuer: Issuer, other: Issuer) -> None:
    """Single, many and concurrent allocations, and those of other issuers, never meet."""
    entries = await allocate(store, issuer, 100)
    entries += await allocate(store, issuer, 1)
    for part in await asyncio.gather(*(allocate(store, issuer, 7) for _ in range(30))):
        entries += part
    (bound,) = await accept(store, issuer, replace(submission(1), allocate=True))
    assert bound.status is not None
    entries += [bound.status, *await allocate(store, other, 50)]

    assert len(set(entries)) == len(entries) == 362
    assert all(0 <= entry.index < LIST_LENGTH for entry in entries)


async def test_allocate_full_list_rolls_over_to_a_new_pair(
    store: Store, issuer: Issuer, other: Issuer
) -> None:
    """
    The next pair is made before the last is full; a larger request goes on through as many as it takes.

    Fault 43.
    """
    await allocate(store, issuer, LIST_LENGTH - 3)
    await allocate(store, other, 1)

    entries = await allocate(store, issuer, LIST_LENGTH + 5)

    by_list = [[entry.index for entry in entries if entry.list_number == number] for number in (0, 2, 6)]
    assert [len(indexes) for indexes in by_list] == [3, LIST_LENGTH, 2]
    assert sorted(by_list[1]) == list(range(LIST_LENGTH))
    # The second list of each pair holds the same indexes, so it is never handed out itself.
    assert {item.number: item.purpose for item in await store.due_lists(expiring_before_ms=0)} == {
        number: Purpose.SUSPENSION if number % 2 else Purpose.REVOCATION for number in range(8)
    }


async def test_allocate_order_is_scattered_by_the_lists_key(store: Store, issuer: Issuer) -> None:
    """Indexes do not follow the order of issue."""
    indexes = [entry.index for entry in await allocate(store, issuer, 200)]

    assert indexes != sorted(indexes)
    assert indexes != sorted(indexes, reverse=True)


async def test_allocate_same_idempotency_key_same_entries(
    store: Store, issuer: Issuer, other: Issuer
) -> None:
    """A repeated request gets what it got before, across a roll-over too; another issuer's key is its own."""
    first = await allocate(store, issuer, LIST_LENGTH + 10, key="request-1")
    await allocate(store, issuer, 5)

    assert await allocate(store, issuer, LIST_LENGTH + 10, key="request-1") == first
    theirs = await allocate(store, other, 3, key="request-1")
    assert not set(theirs) & set(first)
    assert not set(await allocate(store, issuer, 3, key="request-2")) & set(first)


async def test_allocate_concurrent_same_idempotency_key_same_entries(store: Store, issuer: Issuer) -> None:
    """Retries that overlap get the same entries."""
    answers = await asyncio.gather(*(allocate(store, issuer, 4, key="k") for _ in range(50)))

    assert len({tuple(answer) for answer in answers}) == 1
    assert len(set(await allocate(store, issuer, LIST_LENGTH - 4))) == LIST_LENGTH - 4


async def test_allocate_same_idempotency_key_other_count_conflict(store: Store, issuer: Issuer) -> None:
    """A key that comes with another count is refused, and nothing is handed out."""
    first = await allocate(store, issuer, 4, key="k")

    with pytest.raises(Conflict, match="4 entries, not 5"):
        await allocate(store, issuer, 5, key="k")

    rest = await allocate(store, issuer, LIST_LENGTH - 4)
    assert {entry.list_number for entry in rest} == {first[0].list_number}


async def test_allocate_unknown_issuer_is_refused(store: Store, issuer: Issuer) -> None:
    """Nobody gets no entries, and the database goes on working."""
    with pytest.raises(AnchorError):
        await store.allocate(99, 1, idempotency_key=None, plan=PLAN, now_ms=NOW_MS)

    assert [entry.list_number for entry in await allocate(store, issuer, 1)] == [0]


async def test_change_status_sets_one_bit_of_the_purposes_list(store: Store, issuer: Issuer) -> None:
    """Revocation goes to the first list of a pair and suspension to the second, whichever was named."""
    entry, untouched = await allocate(store, issuer, 2)
    second = StatusEntry(entry.list_number + 1, entry.index)

    revoked = await apply(store, issuer, change(second))
    suspended = await apply(store, issuer, change(entry, purpose=Purpose.SUSPENSION))

    assert revoked == ChangeOutcome(changed=1, unchanged=0, lists=(0,))
    assert suspended == ChangeOutcome(changed=1, unchanged=0, lists=(1,))
    assert await bits_set(store, 0) == [entry.index]
    assert await bits_set(store, 1) == [entry.index]
    assert untouched.index not in await bits_set(store, 0)


async def test_change_status_same_again_unchanged_and_not_recorded(store: Store, issuer: Issuer) -> None:
    """Revoking twice, in one request or two, is one change and one line of history (fault 44)."""
    (entry,) = await allocate(store, issuer, 1)

    first = await apply(store, issuer, change(entry), change(entry, reason="again"))
    second = await apply(store, issuer, change(entry), now_ms=NOW_MS + 5)

    assert first == ChangeOutcome(changed=1, unchanged=1, lists=(0,))
    assert second == ChangeOutcome(changed=0, unchanged=1, lists=())
    assert len(await store.status_history(issuer.number, entry)) == 1


async def test_change_status_unrevoke_conflict_and_nothing_changed(store: Store, issuer: Issuer) -> None:
    """Revocation is final: clearing it refuses the whole request (fault 44)."""
    entry, innocent = await allocate(store, issuer, 2)
    await apply(store, issuer, change(entry))

    with pytest.raises(Conflict, match="final"):
        await apply(store, issuer, change(innocent), change(entry, value=0))

    assert await bits_set(store, 0) == [entry.index]
    assert list(await store.status_history(issuer.number, innocent)) == []


async def test_change_status_suspension_can_be_lifted(store: Store, issuer: Issuer) -> None:
    """A suspension comes and goes."""
    (entry,) = await allocate(store, issuer, 1)
    suspension = change(entry, purpose=Purpose.SUSPENSION)
    await apply(store, issuer, suspension)

    lifted = await apply(store, issuer, replace(suspension, value=0))

    assert lifted.lists == (1,)
    assert await bits_set(store, 1) == []
    assert (await apply(store, issuer, replace(suspension, value=0))).unchanged == 1


async def test_change_status_refused_places_leave_no_trace(
    store: Store, issuer: Issuer, other: Issuer
) -> None:
    """Another's list, an index beyond the list, and one never handed out, refuse the whole request."""
    (own,) = await allocate(store, issuer, 1)
    (theirs,) = await allocate(store, other, 1)
    unused = next(index for index in range(LIST_LENGTH) if index != own.index)
    refused: dict[StatusEntry, type[AnchorError]] = {
        theirs: NotFound,
        StatusEntry(99, 0): NotFound,
        StatusEntry(0, LIST_LENGTH): InvalidInput,
        StatusEntry(0, -1): InvalidInput,
        StatusEntry(0, unused): InvalidInput,
    }

    for entry, error in refused.items():
        with pytest.raises(error):
            await apply(store, issuer, change(own), change(entry))

    assert await bits_set(store, own.list_number) == []
    assert await bits_set(store, theirs.list_number) == []
    assert list(await store.status_history(issuer.number, own)) == []


async def test_change_status_concurrent_revocations_all_kept(store: Store, issuer: Issuer) -> None:
    """Two hundred changes of one list at once lose no bit (fault 44)."""
    entries = await allocate(store, issuer, 200)

    outcomes = await asyncio.gather(*(apply(store, issuer, change(entry)) for entry in entries))

    assert all(outcome.changed == 1 for outcome in outcomes)
    assert await bits_set(store, 0) == sorted(entry.index for entry in entries)


async def test_status_history_who_when_why_oldest_first(store: Store, issuer: Issuer) -> None:
    """Every change of both lists is kept in order, whichever list of the pair is asked for."""
    (entry,) = await allocate(store, issuer, 1)
    suspension = change(entry, purpose=Purpose.SUSPENSION, reason="unpaid")
    await apply(store, issuer, suspension, now_ms=NOW_MS + 1)
    await apply(store, issuer, replace(suspension, value=0, reason="paid"), now_ms=NOW_MS + 2)
    await apply(store, issuer, change(entry, reason="fraud"), now_ms=NOW_MS)

    history = list(await store.status_history(issuer.number, entry))

    who = issuer.identifier
    assert history == [
        HistoryItem(NOW_MS + 1, Purpose.SUSPENSION, value=1, reason="unpaid", actor=who),
        HistoryItem(NOW_MS + 2, Purpose.SUSPENSION, value=0, reason="paid", actor=who),
        HistoryItem(NOW_MS, Purpose.REVOCATION, value=1, reason="fraud", actor=who),
    ]
    assert list(await store.status_history(issuer.number, replace(entry, list_number=1))) == history


async def test_status_history_not_own_entry_refused(store: Store, issuer: Issuer, other: Issuer) -> None:
    """Nobody reads another issuer's history, or that of an entry that nobody has."""
    (theirs,) = await allocate(store, other, 1)
    unused = next(index for index in range(LIST_LENGTH) if index != theirs.index)

    with pytest.raises(NotFound):
        await store.status_history(issuer.number, theirs)
    with pytest.raises(InvalidInput):
        await store.status_history(other.number, replace(theirs, index=unused))
    with pytest.raises(InvalidInput):
        await store.status_history(other.number, replace(theirs, index=LIST_LENGTH))


async def test_change_status_in_a_long_list_far_apart_bits(store: Store, issuer: Issuer) -> None:
    """The first and the last bits of a list longer than one stored page are kept where they belong."""
    length = 131_072
    entries = list(
        await store.allocate(issuer.number, 400, idempotency_key=None, plan=new_plan(length), now_ms=NOW_MS)
    )
    ordered = sorted(entries, key=lambda entry: entry.index)

    await apply(store, issuer, change(ordered[0]), change(ordered[-1]), change(ordered[200]))

    (due, _) = await store.due_lists(expiring_before_ms=0)
    assert len(due.bits) == length // 8
    expected = {ordered[0].index, ordered[200].index, ordered[-1].index}
    assert {index for index in range(length) if get_entry(due.bits, index)} == expected
    assert await publish_due(store, version=1) == [0, 1]


async def test_change_status_by_digest_means_the_entry_it_is_bound_to(store: Store, issuer: Issuer) -> None:
    """A digest stands for the entry bound to it, whether handed out before or allocated with it."""
    (entry,) = await allocate(store, issuer, 1)
    (bound,) = await accept(store, issuer, replace(submission(1), status=entry))
    (allocated,) = await accept(store, issuer, replace(submission(2), allocate=True))
    assert allocated.status is not None

    outcome = await apply(
        store,
        issuer,
        change(DigestTarget(bound.digest)),
        change(DigestTarget(allocated.digest, method_code=1)),
        change(entry),
    )

    assert outcome == ChangeOutcome(changed=2, unchanged=1, lists=(0,))
    assert await bits_set(store, 0) == sorted((entry.index, allocated.status.index))


async def test_change_status_by_digest_refused_ones_leave_no_trace(
    store: Store, issuer: Issuer, other: Issuer
) -> None:
    """Unknown, another issuer's, unbound, under another method or under several: all refuse the request."""
    (own,) = await allocate(store, issuer, 1)
    await accept(store, other, replace(submission(2), allocate=True))
    await accept(store, issuer, submission(3), replace(submission(4), allocate=True))
    await accept(store, issuer, replace(submission(4, method_code=4), allocate=True))
    refused: dict[DigestTarget, type[AnchorError]] = {
        DigestTarget(submission(1).digest): NotFound,
        DigestTarget(submission(2).digest): NotFound,
        DigestTarget(submission(3).digest): Conflict,
        DigestTarget(submission(4).digest, method_code=2): NotFound,
        DigestTarget(submission(4).digest): Conflict,
    }

    for target, error in refused.items():
        with pytest.raises(error):
            await apply(store, issuer, change(own), change(target))

    assert await bits_set(store, 0) == []
    assert list(await store.status_history(issuer.number, own)) == []


@pytest.mark.parametrize(
    ("purpose", "value"),
    [(Purpose.REVOCATION, 2), (Purpose.SUSPENSION, -1), (Purpose.REFRESH, 1), (Purpose.MESSAGE, 1)],
)
async def test_change_status_value_or_purpose_that_the_list_has_not_invalid(
    store: Store, issuer: Issuer, purpose: Purpose, value: int
) -> None:
    """A value that does not fit an entry, and a purpose that no list beside it has, are refused."""
    (entry,) = await allocate(store, issuer, 1)

    with pytest.raises(InvalidInput):
        await apply(store, issuer, change(entry, purpose=purpose, value=value))

    assert await bits_set(store, 0) == await bits_set(store, 1) == []


async def test_allocate_one_more_than_a_whole_list_uses_no_index_twice(store: Store, issuer: Issuer) -> None:
    """131,073 entries: every index of the first list once, the second list begun (fault 43)."""
    plan = ListPlan(length=131_072, new_permutation_key=lambda: bytes(32))
    counts = [10_000] * 13 + [1_073]
    entries: list[StatusEntry] = []
    for count in counts:
        entries += await store.allocate(issuer.number, count, idempotency_key=None, plan=plan, now_ms=NOW_MS)

    first = [entry.index for entry in entries if entry.list_number == 0]
    assert sorted(first) == list(range(131_072))
    assert [entry.list_number for entry in entries if entry.list_number != 0] == [2]
