"""Rows that a rebuilt database takes over from an older one as they are: what no published file holds."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from anchor.store.records import ListSigner
from anchor.store.sqlite.issuers import SIGNER_COLUMNS, SIGNER_TABLES
from anchor.store.sqlite.writer import Session


@dataclass(frozen=True, slots=True)
class StoredTokenKey:
    """A P-256 key that signs or signed tokens: one of the two last members is there, the other is None."""

    verification_method: str
    public_key: bytes
    sealed_secret: bytes | None = field(repr=False)
    retired_ms: int | None


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
    "receipt_keys": ("public_key", "since_ms"),
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


def stored_token_keys(session: Session, issuer: int) -> list[StoredTokenKey]:
    """Return an issuer's token keys, oldest first; the secret of the present one is sealed."""
    rows = session.all(
        """
        select verification_method, public_key, sealed_secret, retired_ms from token_keys where issuer = ? order by id
        """,
        (issuer,),
    )
    return [StoredTokenKey(**dict(row)) for row in rows]


def retired_token_key(method: str, public_key: bytes) -> StoredTokenKey:
    """Return a key of which the public half alone is known: when it was replaced is not."""
    return StoredTokenKey(verification_method=method, public_key=public_key, sealed_secret=None, retired_ms=0)


def add_token_keys(session: Session, issuer: int, keys: Iterable[StoredTokenKey]) -> None:
    """Insert an issuer's token keys, oldest first; without one that is not retired its list key signs tokens."""
    session.execute_many(
        """
        insert into token_keys (issuer, verification_method, public_key, sealed_secret, retired_ms)
        values (?, ?, ?, ?, ?)
        """,
        [
            (issuer, key.verification_method, key.public_key, key.sealed_secret, key.retired_ms)
            for key in keys
        ],
    )


def take_transactions(source: Session, target: Session, anchorages: Mapping[int, int]) -> None:
    """
    Copy what was signed, and what it cost, of batches that were rebuilt; `anchorages` gives their new numbers.

    Batches are told by their roots. What an abandoned batch had sent comes with it: it explains an anchor of a chain
    that was left. So do calls, and all that was spent.
    """
    batches = {
        row["root"]: row["id"] for row in target.all("select id, root from batches where root is not null")
    }
    columns = "sequence, nonce, gas_limit, max_fee_wei, priority_fee_wei, created_ms, raw"
    places = _places(columns.split(", "))
    for row in source.iterate(
        f"""
        select hash, root, payloads.anchorage, sender, {", ".join("payloads." + name for name in columns.split(", "))}
        from payloads join batches on batches.id = payloads.batch where root is not null order by payloads.rowid
        """
    ):
        if row["root"] in batches and row["anchorage"] in anchorages:
            target.execute(
                f"insert into payloads (hash, batch, anchorage, sender, {columns}) values (?, ?, ?, ?, {places})",
                (row["hash"], batches[row["root"]], anchorages[row["anchorage"]], *tuple(row)[3:]),
            )
    for table, its_columns in _OF_ANCHORAGES.items():
        for row in source.iterate(f"select anchorage, {', '.join(its_columns)} from {table} order by rowid"):
            if row["anchorage"] in anchorages:
                target.execute(
                    f"insert into {table} (anchorage, {', '.join(its_columns)}) values (?, {_places(its_columns)})",
                    (anchorages[row["anchorage"]], *tuple(row)[1:]),
                )


_TRANSACTION = ("sender", "nonce", "gas_limit", "max_fee_wei")
_OF_ANCHORAGES = {
    "calls": ("hash", "calldata", "priority_fee_wei", "created_ms", "raw", *_TRANSACTION),
    "costs": ("transaction_hash", "cost_wei", "mined_s", "is_settled", *_TRANSACTION),
}


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
