"""Operations on the public keys that sign receipts."""

from __future__ import annotations

from collections.abc import Sequence

from anchor.store.sqlite.writer import Session


def add_receipt_key(session: Session, public_key: bytes, now_ms: int) -> None:
    """Record a key, unless it is recorded."""
    session.execute(
        "insert into receipt_keys (public_key, since_ms) values (?, ?) on conflict (public_key) do nothing",
        (public_key, now_ms),
    )


def receipt_keys(session: Session) -> Sequence[bytes]:
    """Return all keys in the order in which they were first used."""
    return [row["public_key"] for row in session.all("select public_key from receipt_keys order by id")]
