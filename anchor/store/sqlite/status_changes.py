"""Changing status bits, one or a few hundred thousand in one operation, and the history that is never deleted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from anchor.core.digest import METHOD_CODES
from anchor.core.entries import Purpose, StatusEntry
from anchor.errors import Conflict, InvalidInput, NotFound, RevocationIsFinal
from anchor.store.records import ChangeOutcome, DigestTarget, HistoryItem, StatusChange
from anchor.store.sqlite.allocation import HandedOut
from anchor.store.sqlite.hidden import hidden_words
from anchor.store.sqlite.issuers import require_list_key
from anchor.store.sqlite.writer import Session
from status_lists.bitstring import get_entry, set_entry
from status_lists.multibase import encode_digest

PAGE_BYTES = 4096
"""Bits are stored in pages, an absent page being all zero, so that one change in a large list writes one page."""


def change_status(
    session: Session, issuer: int, changes: Sequence[StatusChange], actor: str, now_ms: int
) -> ChangeOutcome:
    """Apply changes in the order given."""
    require_list_key(session, issuer)
    places = _Places(session, issuer)
    pages = _Pages(session)
    history: list[tuple[object, ...]] = []
    for change in changes:
        listed, index = places.of(change)
        bits, offset = pages.load(listed, index)
        before = get_entry(bits, offset, listed.bits_per_entry)
        if before == change.value:
            continue
        if listed.purpose is Purpose.REVOCATION and before:
            raise RevocationIsFinal(f"index {index} of list {listed.number} is revoked: revocation is final")
        set_entry(bits, offset, change.value, listed.bits_per_entry)
        history.append((listed.number, index, change.value, change.reason, actor, now_ms))
    pages.store()
    _record(session, history)
    touched = tuple(dict.fromkeys(int(str(row[0])) for row in history))
    session.execute_many(
        # A list that waits for its anchor already waits from its first change: a stream of them puts nothing off.
        """
        update lists set changes = changes + 1, changed_ms = case when changes = published_changes and exists (
            select 1 from list_versions as newest where newest.list = lists.number and newest.batch is not null
            and newest.version = (select max(version) from list_versions where list = lists.number)
        ) then ? else changed_ms end where number = ?
        """,
        [(now_ms, number) for number in touched],
    )
    return ChangeOutcome(changed=len(history), unchanged=len(changes) - len(history), lists=touched)


def status_history(session: Session, issuer: int, entry: StatusEntry) -> Sequence[HistoryItem]:
    """Return the changes of an entry in all lists that share its index."""
    first = HandedOut(session, issuer).require(entry)
    rows = session.all(
        """
        select status_changes.changed_ms, purpose, value, reason, actor from status_changes
        join lists on lists.number = status_changes.list
        where lists.first_of_pair = ? and list_index = ? order by status_changes.id
        """,
        (first, entry.index),
    )
    return [
        HistoryItem(
            changed_ms=row["changed_ms"],
            purpose=Purpose(row["purpose"]),
            value=row["value"],
            reason=row["reason"],
            actor=row["actor"],
        )
        for row in rows
    ]


@dataclass(frozen=True, slots=True)
class _Listed:
    number: int
    purpose: Purpose
    bits_per_entry: int


class _Places:
    """Finds the list and index that changes mean; looks every list up once."""

    __slots__ = ("_handed_out", "_issuer", "_lists", "_session")

    def __init__(self, session: Session, issuer: int) -> None:
        self._session = session
        self._issuer = issuer
        self._handed_out = HandedOut(session, issuer)
        self._lists: dict[tuple[int, Purpose], _Listed] = {}

    def of(self, change: StatusChange) -> tuple[_Listed, int]:
        entry = change.target if isinstance(change.target, StatusEntry) else self._bound(change.target)
        first = self._handed_out.require(entry)
        key = (first, change.purpose)
        if key not in self._lists:
            self._lists[key] = self._listed(*key)
        listed = self._lists[key]
        if not 0 <= change.value < 1 << listed.bits_per_entry:
            raise InvalidInput(
                f"list {listed.number} has {listed.bits_per_entry} bits an entry: no {change.value}"
            )
        return listed, entry.index

    def _listed(self, first: int, purpose: Purpose) -> _Listed:
        row = self._session.one(
            "select number, bits_per_entry from lists where first_of_pair = ? and purpose = ?",
            (first, purpose),
        )
        if row is None:
            raise InvalidInput(f"list {first} has no {purpose.label} beside it")
        return _Listed(number=row["number"], purpose=purpose, bits_per_entry=row["bits_per_entry"])

    def _bound(self, target: DigestTarget) -> StatusEntry:
        rows = self._session.all(
            f"""
            select method, list, list_index from entries where issuer = ? and method in {METHOD_CODES} and digest = ?
            """,
            (self._issuer, target.digest),
        )
        rows = [row for row in rows if target.method_code in (None, row["method"])]
        named = f"the digest {encode_digest(target.digest)}"
        if not rows:
            raise NotFound(
                f"{named} was not submitted with your key{hidden_words(self._session, self._issuer)}"
            )
        bound = [row for row in rows if row["list"] is not None]
        if not bound:
            raise Conflict(
                f"no status entry is bound to {named}: name the list and index of its credentialStatus"
            )
        if len(bound) > 1:
            raise Conflict(f"{named} was submitted under several methods: name one in 'method'")
        return StatusEntry(bound[0]["list"], bound[0]["list_index"])


class _Pages:
    """The pages that one operation touches, each read and written once."""

    __slots__ = ("_pages", "_session")

    def __init__(self, session: Session) -> None:
        self._session = session
        self._pages: dict[tuple[int, int], bytearray] = {}

    def load(self, listed: _Listed, index: int) -> tuple[bytearray, int]:
        """Return the page that holds an entry, and the entry's index within it."""
        page, offset = divmod(index, PAGE_BYTES * 8 // listed.bits_per_entry)
        key = (listed.number, page)
        if key not in self._pages:
            row = self._session.one("select bits from list_pages where list = ? and page = ?", key)
            self._pages[key] = bytearray(row["bits"] if row else PAGE_BYTES)
        return self._pages[key], offset

    def store(self) -> None:
        self._session.execute_many(
            """
            insert into list_pages (list, page, bits) values (?, ?, ?)
            on conflict (list, page) do update set bits = excluded.bits
            """,
            [(number, page, bytes(bits)) for (number, page), bits in self._pages.items()],
        )


def all_bits(session: Session, number: int, size_bytes: int) -> bytes:
    """Return the whole bitstring of a list."""
    bits = bytearray(size_bytes)
    for row in session.all("select page, bits from list_pages where list = ? order by page", (number,)):
        start = row["page"] * PAGE_BYTES
        bits[start : start + PAGE_BYTES] = row["bits"][: size_bytes - start]
    return bytes(bits)


def _record(session: Session, history: list[tuple[object, ...]]) -> None:
    session.execute_many(
        """
        insert into status_changes (list, list_index, value, reason, actor, changed_ms) values (?, ?, ?, ?, ?, ?)
        """,
        history,
    )
