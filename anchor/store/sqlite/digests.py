"""Accepting digests and finding them again."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence

from anchor.core.digest import DIGEST_BYTES, METHOD_CODES
from anchor.core.entries import (
    Purpose,
    StatusEntry,
    encode_credential,
    identifier_hash,
    unbound_credential_leaves,
)
from anchor.core.merkle import HASH_BYTES, Tree, leaf_hash, root_of
from anchor.errors import Conflict, InvalidInput, NotFound
from anchor.store.records import Accepted, DigestPlace, ListPlan, PackedAccepted, Submission
from anchor.store.sqlite.allocation import HandedOut, allocate
from anchor.store.sqlite.batches import open_batch, read_batch
from anchor.store.sqlite.hidden import hidden_words
from anchor.store.sqlite.issuers import issuer_by_number
from anchor.store.sqlite.orphans import Orphans, orphan_places, require_not_rebuilt
from anchor.store.sqlite.tiles import append_leaves
from anchor.store.sqlite.writer import Session

_SLICE = 32_768
"""
Digests that are sorted and inserted together: sorted runs touch the index page by page.

A power of two, so that the tree over the slices' roots is the tree over all leaves, which nobody needs to hold.
"""

_INSERT = """
    insert into entries (issuer, method, digest, batch, leaf_index, accepted_s, list, list_index)
    values (?, ?, ?, ?, ?, ?, ?, ?)
"""
_INSERT_UNBOUND = """
    insert into entries (issuer, method, digest, batch, leaf_index, accepted_s) values (?, ?, ?, ?, ?, ?)
    on conflict (issuer, method, digest) do nothing
"""


def accept(
    session: Session, issuer: int, submissions: Sequence[Submission], plan: ListPlan, now_s: int
) -> Sequence[Accepted]:
    """Accept digests one by one, in the order given."""
    issuer_id = identifier_hash(issuer_by_number(session, issuer).identifier)
    batch, size = open_batch(session, now_s)
    orphans = Orphans(session, issuer, issuer_id)
    leaves: list[bytes] = []
    accepted: list[Accepted] = []
    for submission in submissions:
        known = _known(session, issuer, submission)
        if known is None and orphans.claim(submission.method_code, submission.digest, submission.status):
            known = _known(session, issuer, submission)
        if known is not None:
            accepted.append(known)
            continue
        if not submission.again:
            orphans.require_none_hidden(submission.digest)
        status = _binding(session, issuer, submission, plan, now_s)
        place = Accepted(
            method_code=submission.method_code,
            digest=submission.digest,
            status=status,
            batch=batch,
            leaf_index=size + len(leaves),
            accepted_s=now_s,
            is_new=True,
        )
        _insert(session, issuer, place)
        leaves.append(
            leaf_hash(encode_credential(issuer_id, submission.method_code, submission.digest, status))
        )
        accepted.append(place)
    _grow(session, batch, size, b"".join(leaves), now_s)
    return accepted


def accept_packed(
    session: Session, issuer: int, method_code: int, digests: bytes, now_s: int, *, again: bool
) -> PackedAccepted:
    """Accept unbound digests slice by slice; each slice is tried as all new first, since it mostly is."""
    issuer_id = identifier_hash(issuer_by_number(session, issuer).identifier)
    batch, first_size = open_batch(session, now_s)
    size = first_size
    orphans = Orphans(session, issuer, issuer_id)
    subtrees = Tree()
    known_batches: set[int] = set()
    for start in range(0, len(digests), _SLICE * DIGEST_BYTES):
        chunk = digests[start : start + _SLICE * DIGEST_BYTES]
        in_order = [chunk[at : at + DIGEST_BYTES] for at in range(0, len(chunk), DIGEST_BYTES)]
        orphans.claim_unbound(method_code, in_order)
        # Hashed once: the batch takes those that are new, the root of the request is over them all.
        hashed = unbound_credential_leaves(issuer_id, method_code, in_order)
        subtrees.extend(root_of(hashed))
        session.execute("savepoint slice")
        if _insert_unbound(session, issuer, method_code, batch, size, in_order, now_s) != len(in_order):
            session.execute("rollback to slice")
            unknown = _unknown_only(session, issuer, method_code, in_order, known_batches)
            _insert_unbound(session, issuer, method_code, batch, size, list(unknown), now_s)
            hashed = b"".join(hashed[at * HASH_BYTES : (at + 1) * HASH_BYTES] for at in unknown.values())
        session.execute("release slice")
        if hashed and not again:
            orphans.require_none_hidden(None)
        _grow(session, batch, size, hashed, now_s)
        size += len(hashed) // HASH_BYTES
    new = size - first_size
    return PackedAccepted(
        new=new,
        known=len(digests) // DIGEST_BYTES - new,
        root=subtrees.root(),
        known_batches=frozenset(known_batches),
    )


def find_digest(session: Session, issuer: int, digest: bytes) -> Sequence[DigestPlace]:
    """Return the places of a digest under all methods."""
    rows = session.all(
        f"""
        select method, digest, batch, leaf_index, accepted_s, list, list_index from entries
        where issuer = ? and method in {METHOD_CODES} and digest = ? order by method
        """,
        (issuer, digest),
    )
    places = []
    for row in rows:
        batch = read_batch(session, "id = ?", row["batch"])
        if batch is None:
            raise AssertionError("an entry's batch exists")
        places.append(DigestPlace(accepted=_accepted(row), batch=batch))
    known = {place.accepted.method_code for place in places}
    found = [*places, *orphan_places(session, issuer, digest, known=known)]
    if not found and (hidden := hidden_words(session, issuer)):
        raise NotFound(f"this digest was not submitted with your key{hidden}")
    return sorted(found, key=lambda place: place.accepted.method_code)


def _known(session: Session, issuer: int, submission: Submission) -> Accepted | None:
    row = session.one(
        """
        select method, digest, batch, leaf_index, accepted_s, list, list_index from entries
        where issuer = ? and method = ? and digest = ?
        """,
        (issuer, submission.method_code, submission.digest),
    )
    if row is None:
        return None
    known = _accepted(row)
    same = known.status is not None if submission.allocate else known.status == submission.status
    if not same:
        bound = (
            "no status entry" if known.status is None else f"list {row['list']}, index {row['list_index']}"
        )
        raise Conflict(f"this digest was accepted with another binding ({bound}): a binding never changes")
    return known


def _binding(
    session: Session, issuer: int, submission: Submission, plan: ListPlan, now_s: int
) -> StatusEntry | None:
    if submission.allocate:
        return allocate(session, issuer, 1, Purpose.REVOCATION, plan, now_s * 1000)[0]
    if submission.status is None:
        return None
    first = HandedOut(session, issuer).require(submission.status)
    require_not_rebuilt(session, first)
    status = StatusEntry(list_number=first, index=submission.status.index)
    if status != submission.status:
        raise Conflict(
            f"bind list {first}, the first of its pair, instead of {submission.status.list_number}"
        )
    _require_revocation_list(session, first)
    bound = (status.list_number, status.index)
    if session.one("select 1 from entries where list = ? and list_index = ?", bound):
        raise Conflict(
            f"index {status.index} of list {first} is bound to another credential: it can be used once"
        )
    return status


def _require_revocation_list(session: Session, number: int) -> None:
    # A binding (n, index) gives revocation at n and suspension at n + 1: a list of any other purpose has no such pair.
    row = session.one("select purpose from lists where number = ?", (number,))
    if row is None or row["purpose"] != Purpose.REVOCATION:
        raise InvalidInput(f"list {number} is no revocation list: only entries of revocation lists are bound")


def _insert(session: Session, issuer: int, place: Accepted) -> None:
    list_number, index = (place.status.list_number, place.status.index) if place.status else (None, None)
    session.execute(
        _INSERT,
        (
            issuer,
            place.method_code,
            place.digest,
            place.batch,
            place.leaf_index,
            place.accepted_s,
            list_number,
            index,
        ),
    )


def _insert_unbound(
    session: Session, issuer: int, method_code: int, batch: int, size: int, in_order: list[bytes], now_s: int
) -> int:
    order = sorted(range(len(in_order)), key=in_order.__getitem__)
    rows: Iterator[tuple[object, ...]] = (
        (issuer, method_code, in_order[position], batch, size + position, now_s) for position in order
    )
    return session.execute_many(_INSERT_UNBOUND, rows)


def _unknown_only(
    session: Session, issuer: int, method_code: int, digests: list[bytes], known_batches: set[int]
) -> dict[bytes, int]:
    """Return each digest that is not known, once, with its first position; add the batches of the known ones."""
    unknown: dict[bytes, int] = {}
    for position, digest in enumerate(digests):
        row = session.one(
            "select batch, list from entries where issuer = ? and method = ? and digest = ?",
            (issuer, method_code, digest),
        )
        if row is None:
            unknown.setdefault(digest, position)
            continue
        known_batches.add(row["batch"])
        if row["list"] is not None:
            raise Conflict("a digest of this body was accepted with a status entry: send it with its binding")
    return unknown


def _grow(session: Session, batch: int, size: int, leaves: bytes, now_s: int) -> None:
    if not leaves:
        return
    append_leaves(session, batch, size, leaves)
    new_size = size + len(leaves) // HASH_BYTES
    session.execute("update batches set leaf_count = ? where id = ?", (new_size, batch))
    if size == 1:
        # A batch is as old as its first entry: it may have been opened by a request that brought nothing new.
        session.execute("update batches set created_s = ? where id = ?", (now_s, batch))


def _accepted(row: sqlite3.Row) -> Accepted:
    status = None if row["list"] is None else StatusEntry(row["list"], row["list_index"])
    return Accepted(
        method_code=row["method"],
        digest=row["digest"],
        status=status,
        batch=row["batch"],
        leaf_index=row["leaf_index"],
        accepted_s=row["accepted_s"],
        is_new=False,
    )
