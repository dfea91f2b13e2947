"""Reads a copy of a database that nobody writes to: whether it is whole, and what it knows."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from anchor.errors import FatalError

PINS = ("chain_id", "genesis_hash", "contract", "publisher", "base_url")


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseFacts:
    """What a database is tied to, the last migration it had, and the highest sequences of its batches."""

    pins: Mapping[str, str]
    schema: str
    sealed_sequence: int
    mined_sequence: int


def check_copy(path: Path) -> None:
    """Raise FatalError unless SQLite finds every page and index of a copy in order, and no row without its parent."""
    with _reading(path) as connection:
        problems = [str(row[0]) for row in connection.execute("pragma integrity_check(3)")]
        if problems != ["ok"]:
            raise FatalError(
                f"the copy {path.name} is damaged: {problems[0]}; run `anchor fsck` on its source"
            )
        if connection.execute("pragma foreign_key_check").fetchone() is not None:
            raise FatalError(
                f"the copy {path.name} has rows that name others that do not exist: run `anchor fsck` on its source"
            )


def facts_of(path: Path) -> DatabaseFacts:
    """Return what a copy says of itself; FatalError where no service has worked with it yet."""
    with _reading(path) as connection:
        pins = dict(connection.execute("select name, value from facts").fetchall())
        missing = [name for name in PINS if name not in pins]
        if missing:
            raise FatalError(f"the database does not say its {missing[0]}: no service has worked with it yet")
        (schema,) = connection.execute("select max(name) from _sqlite_migrations").fetchone()
        sealed, mined = connection.execute(
            """
            select coalesce(max(sequence), 0),
                   coalesce(max(case when state in ('mined', 'final') then sequence end), 0) from batches
            """
        ).fetchone()
    return DatabaseFacts(pins=pins, schema=schema, sealed_sequence=sealed, mined_sequence=mined)


@contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    # Immutable: no log and no lock file appear beside a copy that is to be moved as it is.
    try:
        with closing(
            sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
        ) as connection:
            yield connection
    except sqlite3.Error as exc:
        raise FatalError(f"{path.name} is no database that can be read: {exc}") from exc
