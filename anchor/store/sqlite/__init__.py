"""The embedded store: one SQLite file, one writing thread, readers beside it."""

from anchor.store.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]
