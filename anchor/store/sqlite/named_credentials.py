"""Operations on status entries by the ids of credentials, of which only hashes are kept."""

from __future__ import annotations

from collections.abc import Sequence

from anchor.core.entries import Purpose, StatusEntry
from anchor.store.records import ListPlan
from anchor.store.sqlite.allocation import allocate
from anchor.store.sqlite.writer import Session


def named_entry(session: Session, issuer: int, credential: bytes, plan: ListPlan, now_ms: int) -> StatusEntry:
    """Return the newest entry of a credential's id, a fresh one where there is none."""
    known = named_entries(session, issuer, credential)
    return known[-1] if known else add_named_entry(session, issuer, credential, plan, now_ms)


def add_named_entry(
    session: Session, issuer: int, credential: bytes, plan: ListPlan, now_ms: int
) -> StatusEntry:
    """Hand out a fresh entry for a credential's id."""
    (entry,) = allocate(session, issuer, 1, Purpose.REVOCATION, plan, now_ms)
    session.execute(
        """
        insert into named_credentials (issuer, credential, list, list_index, created_ms) values (?, ?, ?, ?, ?)
        """,
        (issuer, credential, entry.list_number, entry.index, now_ms),
    )
    return entry


def named_entries(session: Session, issuer: int, credential: bytes) -> Sequence[StatusEntry]:
    """Return the entries of a credential's id, oldest first."""
    rows = session.all(
        "select list, list_index from named_credentials where issuer = ? and credential = ? order by id",
        (issuer, credential),
    )
    return [StatusEntry(row["list"], row["list_index"]) for row in rows]
