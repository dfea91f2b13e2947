"""Opening the database: every PRAGMA set and asserted, one service a file."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from pathlib import Path

from sqlite_utils import Database

from anchor.errors import ConfigError, FatalError

MINIMUM_SQLITE = (3, 37, 0)
"""STRICT tables came with 3.37."""

BUSY_TIMEOUT_MS = 5000
CACHE_KIB = 128 * 1024
"""Page cache of the writing connection: random digests fall all over the unique index."""

_PRAGMAS: dict[str, tuple[str, object]] = {
    # name: (value to set, value to read back)
    "journal_mode": ("wal", "wal"),
    "synchronous": ("full", 2),
    "foreign_keys": ("on", 1),
    "busy_timeout": (str(BUSY_TIMEOUT_MS), BUSY_TIMEOUT_MS),
    "trusted_schema": ("off", 0),
    "cell_size_check": ("on", 1),
}


class FileLock:
    """An exclusive lock on a file beside the database; the kernel frees it when the process ends, however it ends."""

    __slots__ = ("_descriptor",)

    def __init__(self, database: Path) -> None:
        path = database.with_name(database.name + ".lock")
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            os.close(self._descriptor)
            raise FatalError(f"another service is using {database.name}: stop it first") from exc

    def release(self) -> None:
        """Let the next service have the database."""
        os.close(self._descriptor)


def open_for_writing(path: Path) -> Database:
    """
    Open the writing connection.

    Guarantees write-ahead logging with `synchronous=FULL`: a commit that returned survives loss of power. Raises
    FatalError where the file is damaged, or where the folder cannot be brought onto the disk; ConfigError where SQLite
    is older than MINIMUM_SQLITE.
    """
    if sqlite3.sqlite_version_info < MINIMUM_SQLITE:
        raise ConfigError(
            f"SQLite {sqlite3.sqlite_version} is too old: {'.'.join(map(str, MINIMUM_SQLITE))} is needed"
        )
    try:
        database = _connect(f"{path.absolute().as_uri()}?mode=rwc")
        for name, (value, _) in _PRAGMAS.items():
            # Read to the end: journal_mode answers "wal" first and commits the switch after, where it can still fail.
            database.execute(f"pragma {name} = {value}").fetchall()
        database.execute(f"pragma cache_size = -{CACHE_KIB}")
        _assert_pragmas(database)
        _check_pages(database, path)
        _sync_names(path.parent)
    except sqlite3.DatabaseError as exc:
        raise FatalError(f"cannot open {path.name}: {exc}; restore a backup") from exc
    return database


def open_for_reading(path: Path) -> Database:
    """Open a connection that cannot write; it sees what is committed."""
    database = _connect(f"{path.absolute().as_uri()}?mode=ro")
    database.execute(f"pragma busy_timeout = {BUSY_TIMEOUT_MS}")
    database.execute("pragma query_only = on")
    return database


def _connect(uri: str) -> Database:
    # Autocommit: a transaction begins only where a statement says so, never behind our back. Each connection is used
    # by one thread at a time; the last use, closing it, may come from another.
    connection = sqlite3.connect(
        uri, uri=True, isolation_level=None, cached_statements=512, check_same_thread=False
    )
    return Database(connection, execute_plugins=False)


def _assert_pragmas(database: Database) -> None:
    for name, (_, expected) in _PRAGMAS.items():
        found = database.execute(f"pragma {name}").fetchone()[0]
        if found != expected:
            raise FatalError(
                f"SQLite keeps {name} at {found!r} instead of {expected!r}: use another build of SQLite"
            )


def _sync_names(folder: Path) -> None:
    """Bring the names of the database and its log onto the disk: SQLite tries too, but passes over a failure."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as exc:
        raise FatalError(f"{folder.name} cannot be synced ({exc.strerror}): check the disk") from exc


def _check_pages(database: Database, path: Path) -> None:
    problems = [row[0] for row in database.execute("pragma quick_check(3)").fetchall()]
    if problems != ["ok"]:
        raise FatalError(f"{path.name} is damaged ({problems[0]}): restore a backup")
