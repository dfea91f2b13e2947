"""The thread that writes: whatever fails in it, every caller is told."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlite_utils import Database

from anchor.errors import FatalError
from anchor.store.sqlite.connection import open_for_writing
from anchor.store.sqlite.writer import Session, Writer

CALLERS_WAIT_S = 10.0
"""Only a caller that is never told waits as long."""


def _without_rollback(action: int, what: str | None, *_: str | None) -> int:
    denied = action == sqlite3.SQLITE_TRANSACTION and what == "ROLLBACK"
    return sqlite3.SQLITE_DENY if denied else sqlite3.SQLITE_OK


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    """Return a writer whose database refuses to roll back, as one on a failing disk does."""

    def opened() -> Database:
        database = open_for_writing(tmp_path / "anchor.db")
        database.conn.execute("create table kept (number integer primary key) strict")
        database.conn.set_authorizer(_without_rollback)
        return database

    started = Writer(opened)
    started.start()
    yield started
    started.close()


def _fail(session: Session) -> None:
    session.execute("insert into kept values (1)")
    session.execute("select number from nowhere")


def _keep(session: Session) -> None:
    session.execute("insert into kept values (2)")


async def test_rollback_fails_callers_are_told_and_nothing_is_kept(writer: Writer, tmp_path: Path) -> None:
    """Fault 3: who comes after a transaction that could not be undone is told too, since its work would go with it."""
    for operation in (_fail, _keep):
        with pytest.raises(FatalError, match="must stop and start again"):
            await asyncio.wait_for(writer.run(operation), CALLERS_WAIT_S)

    await asyncio.to_thread(writer.close)
    connection = sqlite3.connect(tmp_path / "anchor.db")
    assert connection.execute("select count(*) from kept").fetchone() == (0,)
    connection.close()
