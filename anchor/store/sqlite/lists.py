"""Operations on status lists: bits, history, versions."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from anchor.core.entries import Purpose, StatusEntry, StatusListEntry, identifier_hash
from anchor.errors import Conflict, InvalidInput
from anchor.store.records import (
    AnchoredList,
    ChangeOutcome,
    DueList,
    HistoryItem,
    NewVersion,
    PublishedVersion,
    StatusChange,
)
from anchor.store.sqlite.allocation import require_handed_out
from anchor.store.sqlite.issuers import read_signer
from anchor.store.sqlite.writer import Session
from status_lists.bitstring import bytes_needed, get_entry, set_entry

PAGE_BYTES = 4096
"""Bits are stored in pages, an absent page being all zero, so that one change in a large list writes one page."""


def list_url(base_url: str, number: int) -> str:
    """Return a list's URL: it ends in its number, which is its position in the list tree."""
    return f"{base_url}/status-lists/{number}"


def change_status(
    session: Session, issuer: int, changes: Sequence[StatusChange], actor: str, now_ms: int
) -> ChangeOutcome:
    """Apply changes in the order given."""
    pages = _Pages(session)
    changed = 0
    touched: dict[int, None] = {}
    for change in changes:
        number = _list_of_change(session, issuer, change)
        page, index = divmod(change.index, PAGE_BYTES * 8)
        bits = pages.load(number, page)
        if bool(get_entry(bits, index)) == change.value:
            continue
        if change.purpose is Purpose.REVOCATION and not change.value:
            raise Conflict(f"index {change.index} of list {number} is revoked: revocation is final")
        set_entry(bits, index, int(change.value))
        _record_change(session, number, change, actor, now_ms)
        changed += 1
        touched[number] = None
    pages.store()
    for number in touched:
        session.execute(
            "update lists set changes = changes + 1, changed_ms = ? where number = ?", (now_ms, number)
        )
    return ChangeOutcome(changed=changed, unchanged=len(changes) - changed, lists=tuple(touched))


def status_history(session: Session, issuer: int, entry: StatusEntry) -> Sequence[HistoryItem]:
    """Return the changes of an entry in both lists of its pair."""
    first = require_handed_out(session, issuer, entry)["number"]
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
            value=bool(row["value"]),
            reason=row["reason"],
            actor=row["actor"],
        )
        for row in rows
    ]


def due_lists(session: Session, expiring_before_ms: int) -> Sequence[DueList]:
    """Return lists to publish, each with its bits as of the same moment."""
    rows = session.all(
        """
        select lists.number, issuers.identifier, purpose, bits_per_entry, length, changes, signer_kind, signer_did,
               verification_method, public_key, sealed_seed, newest.version, newest.valid_until_ms
        from lists join issuers on issuers.number = lists.issuer
        left join list_versions as newest on newest.list = lists.number
             and newest.version = (select max(version) from list_versions where list = lists.number)
        where published_changes is null or changes != published_changes or newest.valid_until_ms < ?
        order by lists.number
        """,
        (expiring_before_ms,),
    )
    return [
        DueList(
            number=row["number"],
            issuer=row["identifier"],
            purpose=Purpose(row["purpose"]),
            bits_per_entry=row["bits_per_entry"],
            length=row["length"],
            signer=read_signer(row),
            previous_version=row["version"],
            changes=row["changes"],
            bits=_all_bits(session, row["number"], bytes_needed(row["length"], row["bits_per_entry"])),
        )
        for row in rows
    ]


def add_version(session: Session, version: NewVersion) -> None:
    """Insert a version and note which changes it shows."""
    newest = session.one(
        "select max(version) as version from list_versions where list = ?", (version.list_number,)
    )
    if newest is not None and newest["version"] is not None and newest["version"] >= version.version:
        raise Conflict(f"list {version.list_number} has version {newest['version']} already")
    session.execute(
        """
        insert into list_versions (list, version, valid_until_ms, bits_root, document) values (?, ?, ?, ?, ?)
        """,
        (version.list_number, version.version, version.valid_until_ms, version.bits_root, version.document),
    )
    session.execute(
        "update lists set published_changes = ? where number = ?", (version.changes, version.list_number)
    )


def list_version(session: Session, number: int, version: int | None) -> PublishedVersion | None:
    """Return a version, the newest where none is named."""
    row = session.one(
        """
        select list, version, valid_until_ms, document from list_versions
        where list = ? and (version = ? or ? is null) order by version desc limit 1
        """,
        (number, version, version),
    )
    if row is None:
        return None
    return PublishedVersion(
        list_number=row["list"],
        version=row["version"],
        valid_until_ms=row["valid_until_ms"],
        document=row["document"],
    )


_STATES = """
    select lists.number, issuers.identifier, purpose, bits_per_entry, length, shown.version, shown.bits_root
    from lists join issuers on issuers.number = lists.issuer
"""


def list_states(session: Session, base_url: str) -> Sequence[AnchoredList] | None:
    """Return every list at its newest version; None while one has none."""
    rows = session.all(
        f"""
        {_STATES} left join list_versions as shown on shown.list = lists.number
             and shown.version = (select max(version) from list_versions where list = lists.number)
        order by lists.number
        """
    )
    if any(row["version"] is None for row in rows):
        return None
    return [_anchored(row, base_url) for row in rows]


def list_states_at(session: Session, batch: int, base_url: str) -> Sequence[AnchoredList]:
    """Return the lists as a batch commits to them: of each the newest version that was anchored by then."""
    rows = session.all(
        f"""
        {_STATES} join list_versions as shown on shown.list = lists.number
             and shown.version = (
                 select max(version) from list_versions
                 where list = lists.number and batch is not null and batch <= ?)
        order by lists.number
        """,
        (batch,),
    )
    return [_anchored(row, base_url) for row in rows]


class _Pages:
    """The pages that one operation touches, each read and written once."""

    __slots__ = ("_pages", "_session")

    def __init__(self, session: Session) -> None:
        self._session = session
        self._pages: dict[tuple[int, int], bytearray] = {}

    def load(self, number: int, page: int) -> bytearray:
        key = (number, page)
        if key not in self._pages:
            row = self._session.one("select bits from list_pages where list = ? and page = ?", key)
            self._pages[key] = bytearray(row["bits"] if row else PAGE_BYTES)
        return self._pages[key]

    def store(self) -> None:
        self._session.execute_many(
            """
            insert into list_pages (list, page, bits) values (?, ?, ?)
            on conflict (list, page) do update set bits = excluded.bits
            """,
            [(number, page, bytes(bits)) for (number, page), bits in self._pages.items()],
        )


def _list_of_change(session: Session, issuer: int, change: StatusChange) -> int:
    first = require_handed_out(session, issuer, StatusEntry(change.list_number, change.index))["number"]
    row = session.one(
        "select number from lists where first_of_pair = ? and purpose = ?", (first, change.purpose)
    )
    if row is None:
        raise InvalidInput(f"list {change.list_number} has no {change.purpose.label} beside it")
    return int(row["number"])


def _record_change(session: Session, number: int, change: StatusChange, actor: str, now_ms: int) -> None:
    session.execute(
        """
        insert into status_changes (list, list_index, value, reason, actor, changed_ms) values (?, ?, ?, ?, ?, ?)
        """,
        (number, change.index, int(change.value), change.reason, actor, now_ms),
    )


def _all_bits(session: Session, number: int, size_bytes: int) -> bytes:
    bits = bytearray(size_bytes)
    for row in session.all("select page, bits from list_pages where list = ? order by page", (number,)):
        start = row["page"] * PAGE_BYTES
        bits[start : start + PAGE_BYTES] = row["bits"][: size_bytes - start]
    return bytes(bits)


def _anchored(row: sqlite3.Row, base_url: str) -> AnchoredList:
    return AnchoredList(
        number=row["number"],
        issuer=row["identifier"],
        entry=StatusListEntry(
            issuer_id=identifier_hash(row["identifier"]),
            list_id=identifier_hash(list_url(base_url, row["number"])),
            purpose=Purpose(row["purpose"]),
            bits_per_entry=row["bits_per_entry"],
            length=row["length"],
            version=row["version"],
            bits_root=row["bits_root"],
        ),
    )
