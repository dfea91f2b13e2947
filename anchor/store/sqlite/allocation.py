"""Handing out status entries: a counter a pair of lists, scattered by the list's keyed permutation."""

from __future__ import annotations

import json
from collections.abc import Sequence

from anchor.core.entries import Purpose, StatusEntry
from anchor.errors import Conflict, InvalidInput, NotFound
from anchor.store.records import ListPlan, ListSpec
from anchor.store.sqlite.issuers import require_list_key
from anchor.store.sqlite.writer import Session
from status_lists.allocation import IndexPermutation

PAIR = (Purpose.REVOCATION, Purpose.SUSPENSION)
"""Made together, with the same length and the same index for one credential."""

RESERVE_DIVISOR = 64
"""The next list is made when a 64th of the last is left: so it is published and anchored before it is needed."""


def allocate_once(
    session: Session,
    issuer: int,
    count: int,
    purpose: Purpose,
    idempotency_key: str,
    plan: ListPlan,
    now_ms: int,
) -> Sequence[StatusEntry]:
    """Allocate, or return again what the same key got before."""
    row = session.one(
        "select count, purpose, ranges from allocations where issuer = ? and idempotency_key = ?",
        (issuer, idempotency_key),
    )
    if row is None:
        ranges = _take_ranges(session, issuer, count, purpose, plan, now_ms)
        session.execute(
            """
            insert into allocations (issuer, idempotency_key, count, purpose, ranges, created_ms)
            values (?, ?, ?, ?, ?, ?)
            """,
            (issuer, idempotency_key, count, purpose, json.dumps(ranges), now_ms),
        )
    elif (row["count"], row["purpose"]) != (count, purpose):
        raise Conflict(
            f"this Idempotency-Key was used for {row['count']} entries, not {count}, or for another purpose: use a "
            "fresh one"
        )
    else:
        ranges = [(first, start, taken) for first, start, taken in json.loads(row["ranges"])]
    return _entries(session, ranges)


def allocate(
    session: Session, issuer: int, count: int, purpose: Purpose, plan: ListPlan, now_ms: int
) -> list[StatusEntry]:
    """Hand out `count` entries from the issuer's lists of the purpose, and from new ones as these fill up."""
    return _entries(session, _take_ranges(session, issuer, count, purpose, plan, now_ms))


def add_list(session: Session, issuer: int, spec: ListSpec, new_permutation_key: bytes, now_ms: int) -> int:
    """Make a list, or a pair of revocation and suspension lists, and return the number of the first."""
    require_list_key(session, issuer)
    row = session.one("select coalesce(max(number) + 1, 0) as number from lists")
    first = int(row["number"]) if row else 0
    purposes = PAIR if spec.purpose in PAIR else (spec.purpose,)
    for number, purpose in enumerate(purposes, start=first):
        session.execute(
            """
            insert into lists (number, issuer, purpose, bits_per_entry, length, messages, first_of_pair,
                               permutation_key, changed_ms)
            values (?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            (
                number,
                issuer,
                purpose,
                spec.bits_per_entry,
                spec.length,
                json.dumps(spec.messages, ensure_ascii=False),
                first,
                new_permutation_key,
                now_ms,
            ),
        )
    return first


class HandedOut:
    """Which status entries an issuer has been given; looks each list up once."""

    __slots__ = ("_issuer", "_pairs", "_session")

    def __init__(self, session: Session, issuer: int) -> None:
        self._session = session
        self._issuer = issuer
        self._pairs: dict[int, tuple[int, int, IndexPermutation]] = {}

    def require(self, entry: StatusEntry) -> int:
        """
        Return the first list of the entry's pair.

        NotFound where the list is not this issuer's, InvalidInput where the index was never handed out.
        """
        if entry.list_number not in self._pairs:
            self._pairs[entry.list_number] = self._pair(entry.list_number)
        first, allocated, permutation = self._pairs[entry.list_number]
        if not 0 <= entry.index < permutation.length:
            raise InvalidInput(
                f"index {entry.index} is beyond list {entry.list_number} of {permutation.length} entries"
            )
        if permutation.counter_of(entry.index) >= allocated:
            raise InvalidInput(
                f"index {entry.index} of list {entry.list_number} was never handed out: allocate status entries first"
            )
        return first

    def _pair(self, list_number: int) -> tuple[int, int, IndexPermutation]:
        row = self._session.one(
            """
            select pair.number, pair.permutation_key, pair.length, pair.allocated
            from lists join lists as pair on pair.number = lists.first_of_pair
            where lists.number = ? and lists.issuer = ?
            """,
            (list_number, self._issuer),
        )
        if row is None:
            raise NotFound(f"status list {list_number} is not one of yours")
        return row["number"], row["allocated"], IndexPermutation(row["permutation_key"], row["length"])


def _take_ranges(
    session: Session, issuer: int, count: int, purpose: Purpose, plan: ListPlan, now_ms: int
) -> list[tuple[int, int, int]]:
    """Advance counters by `count` in all; return (first list of the pair, first counter, how many) of each pair."""
    ranges = []
    while count:
        row = session.one(
            """
            select number, length, allocated from lists
            where issuer = ? and purpose = ? and number = first_of_pair and allocated < length order by number limit 1
            """,
            (issuer, purpose),
        )
        if row is None:
            _add_next(session, issuer, purpose, plan, now_ms)
            continue
        taken = min(count, row["length"] - row["allocated"])
        session.execute("update lists set allocated = allocated + ? where number = ?", (taken, row["number"]))
        ranges.append((row["number"], row["allocated"], taken))
        count -= taken
    _keep_reserve(session, issuer, purpose, plan, now_ms)
    return ranges


def _keep_reserve(session: Session, issuer: int, purpose: Purpose, plan: ListPlan, now_ms: int) -> None:
    row = session.one(
        """
        select sum(length - allocated) as free, max(length) as length from lists
        where issuer = ? and purpose = ? and number = first_of_pair
        """,
        (issuer, purpose),
    )
    if row is not None and row["free"] < row["length"] // RESERVE_DIVISOR:
        _add_next(session, issuer, purpose, plan, now_ms)


def _add_next(session: Session, issuer: int, purpose: Purpose, plan: ListPlan, now_ms: int) -> None:
    """Make a list like the issuer's last of this purpose, or its first pair."""
    row = session.one(
        """
        select bits_per_entry, length, messages from lists
        where issuer = ? and purpose = ? order by number desc limit 1
        """,
        (issuer, purpose),
    )
    if row is not None:
        spec = ListSpec(purpose, row["bits_per_entry"], row["length"], tuple(json.loads(row["messages"])))
    elif purpose in PAIR:
        spec = ListSpec(purpose, 1, plan.length)
    else:
        raise NotFound(f"you have no {purpose.label} list yet: make one first")
    add_list(session, issuer, spec, plan.new_permutation_key(), now_ms)


def _entries(session: Session, ranges: Sequence[tuple[int, int, int]]) -> list[StatusEntry]:
    entries = []
    for first, start, taken in ranges:
        row = session.one("select permutation_key, length from lists where number = ?", (first,))
        if row is None:
            raise AssertionError("a list is never deleted")
        permutation = IndexPermutation(row["permutation_key"], row["length"])
        entries += [StatusEntry(first, permutation.index_of(start + offset)) for offset in range(taken)]
    return entries
