"""Operations on status lists: what is due, versions, and the states that batches commit to."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence

from anchor.core.entries import Purpose, StatusListEntry, identifier_hash, list_url
from anchor.errors import Conflict
from anchor.store.records import (
    AnchoredList,
    DueList,
    IssuerList,
    ListEvent,
    ListSpec,
    NewVersion,
    PublishedVersion,
)
from anchor.store.sqlite.issuers import SIGNER_COLUMNS, SIGNER_TABLES, read_signer
from anchor.store.sqlite.status_changes import all_bits
from anchor.store.sqlite.writer import Session
from status_lists.bitstring import bytes_needed

DUE_BYTES = 16 * 1024 * 1024
"""Bits that are handed out for publication at once: a thousand usual lists, or one of a hundred million entries."""


def issuer_lists(session: Session, issuer: int) -> Sequence[IssuerList]:
    """Return an issuer's lists in number order; both lists of a pair count the same entries."""
    rows = session.all(
        """
        select lists.number, lists.purpose, lists.bits_per_entry, lists.length, lists.messages, pair.allocated
        from lists join lists as pair on pair.number = lists.first_of_pair
        where lists.issuer = ? order by lists.number
        """,
        (issuer,),
    )
    return [
        IssuerList(
            number=row["number"],
            spec=ListSpec(
                purpose=Purpose(row["purpose"]),
                bits_per_entry=row["bits_per_entry"],
                length=row["length"],
                messages=tuple(json.loads(row["messages"])),
            ),
            allocated=row["allocated"],
        )
        for row in rows
    ]


def due_lists(session: Session, expiring_before_ms: int) -> Sequence[DueList]:
    """Return lists to publish, small ones first, each with its bits as of the same moment."""
    rows = session.iterate(
        f"""
        select lists.number, lists.issuer, issuers.identifier, purpose, bits_per_entry, length, messages, changes,
               {SIGNER_COLUMNS}, newest.version, newest.valid_until_ms
        from lists join ({SIGNER_TABLES}) on issuers.number = lists.issuer
        left join list_versions as newest on newest.list = lists.number
             and newest.version = (select max(version) from list_versions where list = lists.number)
        where (published_changes is null or changes != published_changes or newest.valid_until_ms < ?)
              and length(sealed_seed) > 0
        order by length * bits_per_entry, lists.number
        """,
        (expiring_before_ms,),
    )
    due: list[DueList] = []
    size_bytes = 0
    for row in rows:
        item = _due_list(session, row)
        due.append(item)
        size_bytes += len(item.bits)
        if size_bytes >= DUE_BYTES:
            break
    return due


def earliest_expiry_ms(session: Session) -> int | None:
    """Return when the first newest version of a list runs out."""
    row = session.one(
        """
        select min(valid_until_ms) as expiry_ms from list_versions as newest
        join lists on lists.number = newest.list join issuers on issuers.number = lists.issuer
        where version = (select max(version) from list_versions where list = newest.list) and length(sealed_seed) > 0
        """
    )
    return None if row is None else row["expiry_ms"]


def _due_list(session: Session, row: sqlite3.Row) -> DueList:
    return DueList(
        number=row["number"],
        issuer_number=row["issuer"],
        issuer=row["identifier"],
        purpose=Purpose(row["purpose"]),
        bits_per_entry=row["bits_per_entry"],
        length=row["length"],
        messages=tuple(json.loads(row["messages"])),
        signer=read_signer(row),
        previous_version=row["version"],
        changes=row["changes"],
        bits=all_bits(session, row["number"], bytes_needed(row["length"], row["bits_per_entry"])),
    )


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
    # Of a version that was superseded before it was anchored the usual document is history enough.
    session.execute(
        """
        delete from list_forms where list = ? and version < ? and version in (
            select version from list_versions where list_versions.list = list_forms.list and batch is null)
        """,
        (version.list_number, version.version),
    )
    session.execute_many(
        "insert into list_forms (list, version, form, body) values (?, ?, ?, ?)",
        [(version.list_number, version.version, form, body) for form, body in version.forms.items()],
    )
    session.execute(
        "update lists set published_changes = ? where number = ?", (version.changes, version.list_number)
    )


def list_version(
    session: Session, number: int, version: int | None, form: str | None = None
) -> PublishedVersion | None:
    """Return a version, the newest where none is named, in the usual form where no other is."""
    row = session.one(
        """
        select list_versions.list, list_versions.version, valid_until_ms, coalesce(list_forms.body, document) as body,
               list_forms.body is not null as has_form
        from list_versions
        left join list_forms on list_forms.list = list_versions.list
             and list_forms.version = list_versions.version and list_forms.form = ?
        where list_versions.list = ? and (list_versions.version = ? or ? is null) and length(document) > 0
        order by list_versions.version desc limit 1
        """,
        (form, number, version, version),
    )
    if row is None or (form is not None and not row["has_form"]):
        return None
    return PublishedVersion(
        list_number=row["list"],
        version=row["version"],
        valid_until_ms=row["valid_until_ms"],
        document=row["body"],
    )


def list_version_at(
    session: Session, number: int, time_ms: int, form: str | None = None
) -> PublishedVersion | None:
    """Return the version in force at a time: the newest whose `validFrom` is not after it."""
    row = session.one(
        """
        select max(version) as version from list_versions where list = ? and version <= ?
        """,
        (number, time_ms),
    )
    return (
        None if row is None or row["version"] is None else list_version(session, number, row["version"], form)
    )


def list_events(session: Session, after: int, limit: int) -> Sequence[ListEvent]:
    """Return publications in their order; versions are never deleted, so row ids only rise."""
    rows = session.all(
        "select rowid as id, list, version from list_versions where rowid > ? order by rowid limit ?",
        (after, limit),
    )
    return [ListEvent(id=row["id"], list_number=row["list"], version=row["version"]) for row in rows]


def newest_list_event(session: Session) -> int:
    """Return the id of the newest publication."""
    row = session.one("select coalesce(max(rowid), 0) as id from list_versions")
    return int(row["id"]) if row else 0


_STATES = """
    select lists.number, issuers.identifier, purpose, bits_per_entry, length, shown.version, shown.bits_root
    from lists join issuers on issuers.number = lists.issuer
"""


_COMMITTED = """
    case when exists (select 1 from list_snapshots where batch = ?1)
    then (select value from list_snapshots, json_each(list_snapshots.versions)
          where list_snapshots.batch = ?1 and key = lists.number)
    else (select max(version) from list_versions
          where list = lists.number and batch is not null and batch <= ?1) end
"""
"""The version of a list that a batch commits to: of its snapshot, or else the newest that was anchored by then."""


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
    """Return the lists as a batch commits to them."""
    rows = session.all(
        f"""
        {_STATES} join list_versions as shown on shown.list = lists.number and shown.version = ({_COMMITTED})
        order by lists.number
        """,
        (batch,),
    )
    return [_anchored(row, base_url) for row in rows]


def committed_versions(session: Session, batch: int) -> list[int]:
    """Return the versions that a batch commits to, in list-number order."""
    rows = session.all(
        f"""
        select version from (select lists.number, ({_COMMITTED}) as version from lists)
        where version is not null order by number
        """,
        (batch,),
    )
    return [row["version"] for row in rows]


def freeze_versions(session: Session, batch: int, lists: Sequence[AnchoredList]) -> None:
    """
    Let a batch that is sealed again commit to these lists, and every other batch to what it did.

    A version counts as committed to from one batch id on; of the batches made since this one, that would be too many.
    """
    later = session.all(
        """
        select id from batches where id > ? and root is not null and id not in (select batch from list_snapshots)
        """,
        (batch,),
    )
    kept = [(row["id"], json.dumps(committed_versions(session, row["id"]))) for row in later]
    own = (batch, json.dumps([item.entry.version for item in lists]))
    session.execute_many(
        """
        insert into list_snapshots (batch, versions) values (?, ?)
        on conflict (batch) do update set versions = excluded.versions
        """,
        [*kept, own],
    )
    session.execute_many(
        "update list_versions set batch = ? where list = ? and version = ? and batch is null",
        [(batch, item.number, item.entry.version) for item in lists],
    )


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
