"""Rows that a rebuilt database takes over from an older one as they are: what no published file holds."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence

from anchor.store.records import ListSigner
from anchor.store.sqlite.issuers import SIGNER_COLUMNS, SIGNER_TABLES
from anchor.store.sqlite.writer import Session

_ISSUER = """
    number, identifier, name, api_key_hash, signer_kind, signer_did, verification_method, public_key, sealed_seed,
    created_ms, is_disabled
"""

HISTORY = {
    "status_changes": ("id", "list", "list_index", "value", "reason", "actor", "changed_ms"),
}
KNOWLEDGE = {
    "named_credentials": ("id", "issuer", "credential", "list", "list_index", "created_ms"),
    "allocations": ("issuer", "idempotency_key", "count", "purpose", "ranges", "created_ms"),
    "webhooks": (
        *("id", "issuer", "url", "sealed_secret", "created_ms", "delivered", "attempt_at_ms"),
        *("failures", "failing_since_ms", "last_failure", "is_disabled"),
    ),
}


def stored_issuers(session: Session) -> list[sqlite3.Row]:
    """Return every issuer's row."""
    return session.all(
        f"""
        select number, identifier, name, api_key_hash, {SIGNER_COLUMNS}, created_ms, is_disabled
        from {SIGNER_TABLES} order by number
        """
    )


def take_issuer(session: Session, row: sqlite3.Row, signer: ListSigner) -> None:
    """Insert an issuer under its number, with its API key and name, and the signer that it has now."""
    session.execute(
        f"insert into issuers ({_ISSUER}) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            row["number"],
            row["identifier"],
            row["name"],
            row["api_key_hash"],
            signer.kind.value,
            signer.did,
            signer.verification_method,
            signer.public_key,
            signer.sealed_seed,
            row["created_ms"],
            row["is_disabled"],
        ),
    )


def take_token_keys(session: Session, source: Session, issuer: int) -> None:
    """Insert the public halves of an issuer's token keys as retired: until a new one, its list key signs tokens."""
    session.execute_many(
        """
        insert into token_keys (issuer, verification_method, public_key, retired_ms) values (?, ?, ?, ?)
        """,
        [
            (issuer, row["verification_method"], row["public_key"], row["retired_ms"] or 0)
            for row in source.all(
                "select verification_method, public_key, retired_ms from token_keys where issuer = ? order by id",
                (issuer,),
            )
        ],
    )


def stored_entries(session: Session) -> Iterator[sqlite3.Row]:
    """Yield every digest with its binding and its issuer's identifier, issuer by issuer, in the order accepted."""
    return session.iterate(
        """
        select identifier, method, digest, list, list_index from entries
        join issuers on issuers.number = entries.issuer order by issuers.number, batch, leaf_index
        """
    )


def take_rows(source: Session, target: Session, tables: Mapping[str, tuple[str, ...]]) -> None:
    """Copy tables, but for rows of lists that were not rebuilt."""
    known = {row["number"] for row in target.all("select number from lists")}
    for table, columns in tables.items():
        rows = source.iterate(f"select {', '.join(columns)} from {table}")
        target.execute_many(
            f"insert into {table} ({', '.join(columns)}) values ({_places(columns)})",
            (tuple(row) for row in rows if "list" not in columns or row["list"] in known),
        )
    # Publications are numbered anew: a webhook hears of those that come, not of all that ever were.
    target.execute("update webhooks set delivered = (select coalesce(max(rowid), 0) from list_versions)")


def _places(columns: Sequence[str]) -> str:
    return ", ".join("?" for _ in columns)
