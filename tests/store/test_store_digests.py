"""Accepting digests: one leaf each, first receipts, all or nothing, in every store."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from anchor.core.entries import StatusEntry, encode_credential, identifier_hash
from anchor.core.merkle import Tree, leaf_hash
from anchor.errors import AnchorError, Conflict, InvalidInput, NotFound
from anchor.store.protocol import Store
from anchor.store.records import Accepted, Issuer, Submission
from tests.support.store_values import (
    LIST_LENGTH,
    NOW_MS,
    NOW_S,
    PLAN,
    accept,
    add_issuer,
    digest,
    leaf_of,
    seal_next,
    submission,
)

HEADER_LEAVES = 1


async def stored_leaves(store: Store) -> list[bytes]:
    """Return the open batch's leaf hashes after the header's place."""
    backlog = await store.backlog()
    if backlog.open_batch is None:
        return []
    packed = await store.nodes(backlog.open_batch, 0, HEADER_LEAVES, backlog.open_entries + 1)
    assert len(packed) == 32 * backlog.open_entries, "as many leaves as entries"
    return [packed[at : at + 32] for at in range(0, len(packed), 32)]


async def test_accept_new_digests_stand_in_the_order_given(store: Store, issuer: Issuer) -> None:
    """Leaves follow the header in the order of the request, under any method."""
    first, second, salted = await accept(
        store, issuer, submission(1), submission(2), submission(3, method_code=0x84)
    )

    assert [first.leaf_index, second.leaf_index, salted.leaf_index] == [1, 2, 3]
    assert first == Accepted(
        method_code=1,
        digest=digest(1),
        status=None,
        batch=first.batch,
        leaf_index=1,
        accepted_s=NOW_S,
        is_new=True,
    )
    assert await stored_leaves(store) == [leaf_of(issuer, item) for item in (first, second, salted)]


async def test_accept_known_digest_first_place(store: Store, issuer: Issuer) -> None:
    """The same again returns the first place, later and across batches, and adds nothing."""
    (first,) = await accept(store, issuer, submission(1))
    await seal_next(store)

    (again,) = await store.accept(issuer.number, [submission(1)], plan=PLAN, now_s=NOW_S + 999)

    assert again == replace(first, is_new=False)
    assert await stored_leaves(store) == []


async def test_accept_duplicate_within_one_request_one_leaf(store: Store, issuer: Issuer) -> None:
    """A digest that stands twice in one array gets one leaf (fault 39)."""
    first, second, again = await accept(store, issuer, submission(1), submission(2), submission(1))

    assert again == replace(first, is_new=False)
    assert await stored_leaves(store) == [leaf_of(issuer, first), leaf_of(issuer, second)]


async def test_accept_two_hundred_concurrent_duplicates_one_leaf(store: Store, issuer: Issuer) -> None:
    """However many ask at once, one is first and all hear of the same place (fault 39)."""
    answers = await asyncio.gather(*(accept(store, issuer, submission(1)) for _ in range(200)))

    places = {(item.batch, item.leaf_index) for (item,) in answers}
    assert len(places) == 1
    assert sum(item.is_new for (item,) in answers) == 1
    assert len(await stored_leaves(store)) == 1


async def test_accept_concurrent_different_digests_no_place_twice(store: Store, issuer: Issuer) -> None:
    """Concurrent requests get places of their own, without gap, each with its own leaf."""
    answers = await asyncio.gather(*(accept(store, issuer, submission(number)) for number in range(100)))

    places = {item.leaf_index: item for (item,) in answers}
    assert sorted(places) == list(range(1, 101))
    assert await stored_leaves(store) == [leaf_of(issuer, places[index]) for index in range(1, 101)]


async def test_accept_another_method_is_another_leaf(store: Store, issuer: Issuer) -> None:
    """One digest under two methods, or salted and not, is two entries."""
    codes = (1, 4, 0x81)

    accepted = await accept(store, issuer, *(submission(1, method_code=code) for code in codes))

    assert [item.is_new for item in accepted] == [True, True, True]
    places = await store.find_digest(issuer.number, digest(1))
    assert sorted(place.accepted.method_code for place in places) == sorted(codes)


async def test_accept_another_issuers_digest_own_leaf(store: Store, issuer: Issuer, other: Issuer) -> None:
    """Two issuers may anchor one digest: each has a leaf that names it, and sees only its own."""
    (mine,) = await accept(store, issuer, submission(1))
    (theirs,) = await accept(store, other, submission(1))

    assert theirs.is_new
    assert mine.leaf_index != theirs.leaf_index
    assert await stored_leaves(store) == [leaf_of(issuer, mine), leaf_of(other, theirs)]
    assert [place.accepted.leaf_index for place in await store.find_digest(other.number, digest(1))] == [
        theirs.leaf_index
    ]


async def test_accept_unknown_issuer_not_found(store: Store) -> None:
    """Nobody's digest is not accepted."""
    with pytest.raises(NotFound):
        await store.accept(99, [submission(1)], plan=PLAN, now_s=NOW_S)

    assert await store.unmined_entries() == 0


async def test_accept_with_allocation_binds_a_fresh_entry(store: Store, issuer: Issuer) -> None:
    """`allocate` binds an entry of a revocation list; the same again returns the same one."""
    wanted = replace(submission(1), allocate=True)

    (first,) = await accept(store, issuer, wanted)
    (again,) = await accept(store, issuer, wanted)

    assert first.status is not None
    assert first.status.list_number == 0
    assert 0 <= first.status.index < LIST_LENGTH
    assert again == replace(first, is_new=False)
    assert await stored_leaves(store) == [leaf_of(issuer, first)]


async def test_accept_allocated_entry_can_be_bound_once(store: Store, issuer: Issuer) -> None:
    """An entry handed out before is bound to one digest and refused to the next."""
    (entry,) = await store.allocate(issuer.number, 1, idempotency_key=None, plan=PLAN, now_ms=NOW_MS)
    bound = replace(submission(1), status=entry)

    (accepted,) = await accept(store, issuer, bound)

    assert accepted.status == entry
    assert (await accept(store, issuer, bound))[0] == replace(accepted, is_new=False)
    with pytest.raises(Conflict, match="bound to another credential"):
        await accept(store, issuer, replace(submission(2), status=entry))
    with pytest.raises(Conflict, match="bound to another credential"):
        await accept(store, issuer, replace(submission(1, method_code=4), status=entry))
    assert len(await stored_leaves(store)) == 1


@pytest.mark.parametrize("first_is", ["unbound", "bound", "allocated"])
async def test_accept_known_digest_other_binding_conflict(
    store: Store, issuer: Issuer, first_is: str
) -> None:
    """A known digest never changes its binding: any other is refused and nothing is stored."""
    entries = await store.allocate(issuer.number, 2, idempotency_key=None, plan=PLAN, now_ms=NOW_MS)
    firsts = {
        "unbound": submission(1),
        "bound": replace(submission(1), status=entries[0]),
        "allocated": replace(submission(1), allocate=True),
    }
    (first,) = await accept(store, issuer, firsts[first_is])
    others: list[Submission] = [replace(submission(1), status=entries[1])]
    others += [firsts["allocated"]] if first_is == "unbound" else [firsts["unbound"]]

    for other_binding in others:
        with pytest.raises(Conflict, match="another binding"):
            await accept(store, issuer, other_binding)

    (place,) = await store.find_digest(issuer.number, digest(1))
    assert place.accepted == replace(first, is_new=False)
    assert len(await stored_leaves(store)) == 1
    # The entry that was refused is still free.
    (second,) = await accept(store, issuer, replace(submission(2), status=entries[1]))
    assert second.status == entries[1]


async def test_accept_unusable_status_entries_are_refused_and_leave_no_trace(
    store: Store, issuer: Issuer, other: Issuer
) -> None:
    """Another's list, an index beyond the list, one never handed out, and the second list of a pair are refused."""
    (own,) = await store.allocate(issuer.number, 1, idempotency_key=None, plan=PLAN, now_ms=NOW_MS)
    (theirs,) = await store.allocate(other.number, 1, idempotency_key=None, plan=PLAN, now_ms=NOW_MS)
    unused = next(index for index in range(LIST_LENGTH) if index != own.index)
    refused: dict[StatusEntry, type[AnchorError]] = {
        theirs: NotFound,
        StatusEntry(77, 0): NotFound,
        StatusEntry(own.list_number, LIST_LENGTH): InvalidInput,
        StatusEntry(own.list_number, 2**53 - 1): InvalidInput,
        StatusEntry(own.list_number, -1): InvalidInput,
        StatusEntry(own.list_number, unused): InvalidInput,
        StatusEntry(own.list_number + 1, own.index): Conflict,
    }

    for entry, error in refused.items():
        with pytest.raises(error):
            await accept(store, issuer, replace(submission(1), status=entry))

    assert await stored_leaves(store) == []
    assert list(await store.find_digest(issuer.number, digest(1))) == []


async def test_accept_array_with_a_bad_one_in_the_middle_leaves_no_trace(
    store: Store, issuer: Issuer, other: Issuer
) -> None:
    """All or nothing: neither leaves nor status entries of an array that is refused remain."""
    (theirs,) = await store.allocate(other.number, 1, idempotency_key=None, plan=PLAN, now_ms=NOW_MS)
    await accept(store, issuer, submission(0))

    with pytest.raises(NotFound):
        await accept(
            store,
            issuer,
            submission(1),
            replace(submission(2), allocate=True),
            replace(submission(3), status=theirs),
            submission(4),
        )

    assert len(await stored_leaves(store)) == 1
    for number in (1, 2, 3, 4):
        assert list(await store.find_digest(issuer.number, digest(number))) == []
    # Not even a list was made for it: the next one has the number after the other issuer's pair.
    (accepted,) = await accept(store, issuer, replace(submission(2), allocate=True))
    assert accepted.status is not None
    assert accepted.status.list_number == theirs.list_number + 2
    assert accepted.leaf_index == 2


async def test_accept_one_entry_twice_in_one_array_conflict(store: Store, issuer: Issuer) -> None:
    """Two digests of one array cannot share a status entry."""
    (entry,) = await store.allocate(issuer.number, 1, idempotency_key=None, plan=PLAN, now_ms=NOW_MS)

    with pytest.raises(Conflict):
        await accept(store, issuer, *(replace(submission(number), status=entry) for number in (1, 2)))

    assert await stored_leaves(store) == []


async def test_refused_request_takes_nothing_of_its_neighbours_with_it(store: Store, issuer: Issuer) -> None:
    """Requests that share a commit with a refused one are accepted all the same."""
    bad = replace(submission(1), status=StatusEntry(77, 0))

    outcomes = await asyncio.gather(
        *(accept(store, issuer, bad if number % 2 else submission(number)) for number in range(40)),
        return_exceptions=True,
    )

    assert [isinstance(outcome, NotFound) for outcome in outcomes] == [
        bool(number % 2) for number in range(40)
    ]
    assert len(await stored_leaves(store)) == 20


async def test_accept_while_batches_close_each_digest_in_exactly_one(store: Store, issuer: Issuer) -> None:
    """Digests that come while batches are closed stand in one batch each, and none is lost."""

    async def submit(start: int) -> list[Accepted]:
        return [(await accept(store, issuer, submission(number)))[0] for number in range(start, start + 20)]

    async def seal() -> None:
        for _ in range(5):
            await seal_next(store)

    *accepted, _ = await asyncio.gather(*(submit(start) for start in range(0, 100, 20)), seal())
    await seal_next(store)

    places = [(item.batch, item.leaf_index) for part in accepted or () for item in part or ()]
    assert len(set(places)) == len(places) == 100
    for number in range(100):
        (place,) = await store.find_digest(issuer.number, digest(number))
        leaf = await store.nodes(place.batch.id, 0, place.accepted.leaf_index, 1)
        assert leaf == leaf_of(issuer, place.accepted)


async def test_open_batch_is_as_old_as_its_first_entry(store: Store, issuer: Issuer) -> None:
    """A request that brought nothing new does not start a batch's age."""
    await accept(store, issuer, submission(1))
    await seal_next(store)
    await store.accept(issuer.number, [submission(1)], plan=PLAN, now_s=NOW_S + 10)

    await store.accept(issuer.number, [submission(2)], plan=PLAN, now_s=NOW_S + 500)
    await store.accept(issuer.number, [submission(3)], plan=PLAN, now_s=NOW_S + 600)

    assert (await store.backlog()).open_since_s == NOW_S + 500


async def test_find_digest_shows_batch_and_place(store: Store, issuer: Issuer, other: Issuer) -> None:
    """A digest is found with its batch by its own issuer alone."""
    (accepted,) = await accept(store, issuer, submission(1))

    (place,) = await store.find_digest(issuer.number, digest(1))

    assert place.accepted == replace(accepted, is_new=False)
    assert place.batch == await store.batch(accepted.batch)
    assert list(await store.find_digest(other.number, digest(1))) == []
    assert list(await store.find_digest(issuer.number, digest(2))) == []


def packed(*numbers: int) -> bytes:
    """Return digests one after another."""
    return b"".join(digest(number) for number in numbers)


async def test_accept_packed_new_digests_leaves_in_order(store: Store, issuer: Issuer) -> None:
    """A packed body's digests stand in its order, and are found again."""
    outcome = await store.accept_packed(issuer.number, 4, packed(*range(600)), now_s=NOW_S)

    assert (outcome.new, outcome.known) == (600, 0)
    leaves = await stored_leaves(store)
    for number in (0, 1, 255, 256, 599):
        (place,) = await store.find_digest(issuer.number, digest(number))
        assert place.accepted.method_code == 4
        assert place.accepted.leaf_index == number + 1
        assert leaves[number] == leaf_of(issuer, place.accepted)


async def test_accept_packed_duplicates_and_known_ones_one_leaf_each(store: Store, issuer: Issuer) -> None:
    """Repeated digests of a body, and digests known before, add no leaf; the rest keep their order."""
    await accept(store, issuer, submission(2))

    outcome = await store.accept_packed(issuer.number, 1, packed(5, 2, 5, 3, 2, 4, 5), now_s=NOW_S)

    assert (outcome.new, outcome.known) == (3, 4)
    places = [(await store.find_digest(issuer.number, digest(number)))[0].accepted for number in (2, 5, 3, 4)]
    assert [place.leaf_index for place in places] == [1, 2, 3, 4]
    assert await stored_leaves(store) == [leaf_of(issuer, place) for place in places]


async def test_accept_packed_root_is_that_of_one_tree_whatever_the_slices(
    store: Store, issuer: Issuer
) -> None:
    """More digests than are inserted at once, known and repeated ones among them, some slices new and some not."""
    await store.accept_packed(issuer.number, 1, packed(*range(40_000, 40_100)), now_s=NOW_S)
    numbers = [*range(70_000), 5, 69_999]
    issuer_id = identifier_hash(issuer.identifier)

    outcome = await store.accept_packed(issuer.number, 1, packed(*numbers), now_s=NOW_S)

    tree = Tree()
    tree.extend(leaf_hash(encode_credential(issuer_id, 1, digest(number), None)) for number in numbers)
    assert (outcome.new, outcome.known) == (69_900, 102)
    assert outcome.root == tree.root()
    stored = await store.nodes(1, 0, 1, 70_000)
    assert len({stored[at : at + 32] for at in range(0, len(stored), 32)}) == 70_000


async def test_accept_packed_same_body_again_all_known(store: Store, issuer: Issuer) -> None:
    """A body sent twice is stored once (fault 39)."""
    body = packed(*range(50))
    await store.accept_packed(issuer.number, 1, body, now_s=NOW_S)

    outcome = await store.accept_packed(issuer.number, 1, body, now_s=NOW_S + 60)

    assert (outcome.new, outcome.known) == (0, 50)
    assert len(await stored_leaves(store)) == 50


async def test_accept_packed_digest_known_with_binding_conflict(store: Store, issuer: Issuer) -> None:
    """A body with a digest that was accepted with a status entry is refused as a whole."""
    await accept(store, issuer, replace(submission(2), allocate=True))

    with pytest.raises(Conflict, match="status entry"):
        await store.accept_packed(issuer.number, 1, packed(1, 2, 3), now_s=NOW_S)

    assert len(await stored_leaves(store)) == 1
    assert list(await store.find_digest(issuer.number, digest(1))) == []


async def test_accept_packed_equals_accept_one_by_one(store: Store, issuer: Issuer) -> None:
    """Both ways in give the same leaves for the same issuer, method and digests."""
    await store.accept_packed(issuer.number, 0x81, packed(*range(10)), now_s=NOW_S)
    first = await stored_leaves(store)
    await seal_next(store)
    again = await add_issuer(store, "twin")
    expected = [
        leaf_of(issuer, item)
        for item in await accept(
            store, again, *(submission(number, method_code=0x81) for number in range(10))
        )
    ]

    assert first == expected
    assert leaf_hash(b"") not in first
