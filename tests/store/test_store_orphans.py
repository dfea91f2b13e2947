"""Leaves of a rebuilt database: who names a digest again gets its place, and nobody gets a second one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from anchor.core.entries import (
    BatchHeader,
    Purpose,
    StatusEntry,
    StatusSummary,
    encode_credential,
    identifier_hash,
    join_root,
)
from anchor.core.merkle import Tree, leaf_hash
from anchor.errors import Conflict, MayBeAnchored, NotFound
from anchor.store.records import (
    DigestTarget,
    Issuer,
    ListSpec,
    Mined,
    NewAnchorage,
    Seal,
    StatusChange,
    Submission,
)
from anchor.store.sqlite import SqliteStore, rebuilt
from anchor.store.sqlite.anchorages import add_rebuilt
from anchor.store.sqlite.rebuilt import RebuiltList, RebuiltPlace
from anchor.store.sqlite.writer import Session
from tests.support.store_values import (
    BASE_URL,
    LIST_LENGTH,
    NOW_MS,
    NOW_S,
    PLAN,
    PUBLISHER,
    accept,
    add_issuer,
    digest,
    submission,
)

BOUND = StatusEntry(list_number=0, index=7)
RAW = 4
PLACE = NewAnchorage(
    chain_id=1, genesis_hash=b"\x04" * 32, contract="0x" + "05" * 20, publisher=PUBLISHER, from_block=0
)


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """A store with one rebuilt batch: digests 0 to 3 of `issuer` unbound, 4 bound, 0 of `other`, 3 again."""

    store: SqliteStore
    issuer: Issuer
    other: Issuer

    @property
    def leaves(self) -> list[bytes]:
        """The batch's leaves after its header."""
        own, others = identifier_hash(self.issuer.identifier), identifier_hash(self.other.identifier)
        entries = [
            *(encode_credential(own, RAW, digest(number), None) for number in range(4)),
            encode_credential(own, RAW, digest(4), BOUND),
            encode_credential(others, RAW, digest(0), None),
            # A second leaf of digest 3: its batch was missing once, and it was submitted again.
            encode_credential(own, RAW, digest(3), None),
        ]
        return [leaf_hash(entry) for entry in entries]

    async def submit(self, *submissions: Submission) -> Sequence[tuple[int, int, bool]]:
        """Submit for `issuer`; return (batch, leaf, whether it is new) of each."""
        places = await accept(self.store, self.issuer, *submissions)
        return [(place.batch, place.leaf_index, place.is_new) for place in places]

    async def orphans(self) -> int:
        """Count the leaves that nobody named yet."""
        return await self.store._read(rebuilt.orphan_count)


def raw(number: int, status: StatusEntry | None = None) -> Submission:
    """Return a submission by the method of the rebuilt leaves."""
    return replace(submission(number, method_code=RAW), status=status)


@pytest_asyncio.fixture
async def made(tmp_path: Path) -> AsyncIterator[Rebuilt]:
    """Write a rebuilt batch under sequence 3."""
    store = SqliteStore(tmp_path / "anchor.db", base_url=BASE_URL)
    store.open()
    found = Rebuilt(store, await add_issuer(store, "university"), await add_issuer(store, "academy"))
    header = BatchHeader(sequence=3, previous_root=b"\x01" * 32, created_s=NOW_S)
    tree = Tree()
    tree.extend([leaf_hash(header.encode()), *found.leaves])
    status_root = StatusSummary.of([]).status_root()
    seal = Seal(
        sequence=3,
        previous_root=header.previous_root,
        sealed_s=NOW_S,
        credential_root=tree.root(),
        status_root=status_root,
        root=join_root(tree.root(), status_root),
    )
    mined = Mined(
        transaction=b"\x02" * 32,
        block_number=9,
        block_hash=b"\x03" * 32,
        block_time_s=NOW_S,
        publisher=PUBLISHER,
    )
    listed = RebuiltList(
        number=0,
        issuer=found.issuer.number,
        spec=ListSpec(Purpose.REVOCATION, 1, LIST_LENGTH),
        first_of_pair=0,
        permutation_key=sha256(b"key").digest(),
    )

    def write(session: Session) -> None:
        rebuilt.add_list(session, listed)
        number = add_rebuilt(session, PLACE, [PUBLISHER])
        place = RebuiltPlace(batch=3, anchorage=number, is_last=True)
        rebuilt.add_batch(session, place, seal, mined, tree.levels)
        rebuilt.set_bits(session, 0, None, bytes(LIST_LENGTH // 8), signs_anew=False)

    await store._writer.run(write)
    yield found
    await store.close()


async def test_unbound_digest_has_its_old_place_again_once(made: Rebuilt) -> None:
    """The first and every further submission name the same leaf; no leaf is added."""
    first = await made.submit(raw(1))
    again = await made.submit(raw(1))

    assert first == again == [(3, 2, False)]
    assert await made.orphans() == 6
    assert (await made.store.backlog()).open_entries == 0


async def test_bound_digest_has_its_old_place_by_its_binding_alone(made: Rebuilt) -> None:
    """The binding of its proof leads to the leaf; then the digest is known like any other."""
    assert await made.submit(raw(4, BOUND)) == [(3, 5, False)]

    with pytest.raises(Conflict, match="another binding"):
        await made.submit(raw(4))


async def test_unbound_leaf_does_not_become_a_bound_one(made: Rebuilt) -> None:
    """Who asks for an entry for a digest that stands unbound is refused, and the leaf stays to be named."""
    with pytest.raises(Conflict, match="another binding"):
        await made.submit(replace(raw(2), allocate=True))

    assert await made.orphans() == 7
    assert await made.submit(raw(2)) == [(3, 3, False)]


async def test_new_binding_to_a_rebuilt_list_is_refused(made: Rebuilt) -> None:
    """Nobody knows which entries of a rebuilt list are bound: none is bound anew."""
    with pytest.raises(Conflict, match="was rebuilt"):
        await made.submit(raw(9, StatusEntry(0, 8)))


async def test_rebuilt_list_hands_out_nothing(made: Rebuilt) -> None:
    """It counts as full: a fresh entry comes from a list that is made now."""
    (entry,) = await made.store.allocate(
        made.issuer.number, 1, idempotency_key=None, plan=PLAN, now_ms=NOW_MS
    )

    assert entry.list_number == 1


async def test_other_issuer_or_method_is_another_leaf(made: Rebuilt) -> None:
    """A leaf belongs to one issuer and one method: the same digest otherwise is new."""
    (other,) = await accept(made.store, made.other, raw(1))
    (jcs,) = await accept(made.store, made.issuer, replace(submission(1, method_code=1), again=True))
    (own,) = await accept(made.store, made.other, raw(0))

    assert (other.is_new, jcs.is_new) == (True, True)
    assert (own.batch, own.leaf_index, own.is_new) == (3, 6, False)


async def test_packed_digests_have_their_old_places(made: Rebuilt) -> None:
    """Of a packed request the known ones keep their leaves, the rest is new."""
    body = b"".join(digest(number) for number in (0, 3, 20, 21))

    outcome = await made.store.accept_packed(made.issuer.number, RAW, body, now_s=NOW_S, again=True)
    again = await made.store.accept_packed(made.issuer.number, RAW, body, now_s=NOW_S)

    assert (outcome.new, outcome.known) == (2, 2)
    assert (again.new, again.known) == (0, 4)
    assert await made.orphans() == 5
    (place,) = await made.store.find_digest(made.issuer.number, digest(3))
    assert (place.accepted.batch, place.accepted.leaf_index) == (3, 4)


async def test_unbound_digest_is_found_before_it_is_named_again(made: Rebuilt) -> None:
    """Its proof can be fetched at once; looking changes nothing, and other issuers see nothing."""
    (place,) = await made.store.find_digest(made.issuer.number, digest(2))

    assert (place.accepted.method_code, place.accepted.leaf_index, place.batch.sequence) == (RAW, 3, 3)
    assert list(await made.store.find_digest(made.other.number, digest(2))) == []
    assert await made.orphans() == 7


@pytest.mark.parametrize("change", [{}, {"allocate": True}, {"method_code": 1}])
async def test_digest_that_may_have_a_bound_leaf_gets_no_second_one_unasked(
    made: Rebuilt, change: dict[str, Any]
) -> None:
    """Its binding is in the leaf hash: without it the service can neither find a leaf nor rule one out, and says so."""
    with pytest.raises(MayBeAnchored, match="again"):
        await made.submit(replace(raw(4), **change))

    assert (await made.store.backlog()).open_entries == 0
    assert await made.submit(raw(4, BOUND)) == [(3, 5, False)]


async def test_request_with_one_such_digest_is_refused_whole(made: Rebuilt) -> None:
    """All or none: what is known stays as it was, and what is new is not accepted."""
    with pytest.raises(MayBeAnchored):
        await made.submit(raw(1), raw(4))
    with pytest.raises(MayBeAnchored, match="a digest of this body"):
        await made.store.accept_packed(made.issuer.number, RAW, digest(1) + digest(4), now_s=NOW_S)

    assert await made.orphans() == 7
    assert (await made.store.backlog()).open_entries == 0


async def test_second_leaf_is_made_for_who_asks_for_it(made: Rebuilt) -> None:
    """The proof is lost, or the digest is new: its issuer says so, and every further submission is of that leaf."""
    ((batch, leaf, is_new),) = await made.submit(replace(raw(4), again=True))
    again = await made.submit(raw(4))

    assert is_new
    assert again == [(batch, leaf, False)]


async def test_known_digest_keeps_its_place_whatever_is_asked_for(made: Rebuilt) -> None:
    """To ask for a second leaf makes none where the first is found."""
    assert await made.submit(replace(raw(1), again=True)) == [(3, 2, False)]
    assert await made.submit(replace(raw(4, BOUND), again=True)) == [(3, 5, False)]


async def test_issuer_without_a_rebuilt_list_is_asked_nothing(made: Rebuilt) -> None:
    """A binding is to a list of one's own: who had none has no leaf that cannot be found."""
    (place,) = await accept(made.store, made.other, raw(4))

    assert place.is_new


async def test_digest_of_a_batch_that_is_missing_gets_no_second_leaf_unasked(made: Rebuilt) -> None:
    """Whatever stood in a batch that could not be had is anchored and unknown, of every issuer."""
    await made.store._writer.run(
        lambda session: rebuilt.add_missing_batch(session, RebuiltPlace(4, 1, is_last=True), 4, b"\x05" * 32)
    )

    with pytest.raises(MayBeAnchored):
        await accept(made.store, made.other, raw(4))


async def test_unknown_digest_is_not_called_never_submitted(made: Rebuilt) -> None:
    """Looking one up, or changing its status by it, says that it may have been, and what makes it known again."""
    change = StatusChange(DigestTarget(digest(4), RAW), Purpose.REVOCATION, 1, "issued in error")

    with pytest.raises(NotFound, match="submit it with the status entry of the proof"):
        await made.store.find_digest(made.issuer.number, digest(4))
    with pytest.raises(NotFound, match="submit it with the status entry of the proof"):
        await made.store.change_status(made.issuer.number, [change], actor="issuer", now_ms=NOW_MS)
