"""
One thread writes; many requests share one commit.

Operations queue up while a commit waits for the disk, and the next transaction takes all that wait: a thousand
requests cost a few fsyncs. Each operation runs in a savepoint of its own, so one that is refused takes nothing with it.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlite_utils import Database

from anchor.errors import AnchorError, FatalError, Overloaded

T = TypeVar("T")

MAX_GROUP = 512
"""Operations that share one commit at most, so that the first of them need not wait for ever."""

Parameters = Sequence[object]


class Session:
    """Runs SQL inside the transaction, or on the read-only connection, that its owner opened."""

    __slots__ = ("_connection",)

    def __init__(self, database: Database) -> None:
        self._connection: sqlite3.Connection = database.conn

    def one(self, sql: str, parameters: Parameters = ()) -> sqlite3.Row | None:
        """Return the first row, or None."""
        row: sqlite3.Row | None = self._cursor().execute(sql, parameters).fetchone()
        return row

    def all(self, sql: str, parameters: Parameters = ()) -> list[sqlite3.Row]:
        """Return all rows."""
        return self._cursor().execute(sql, parameters).fetchall()

    def iterate(self, sql: str, parameters: Parameters = ()) -> Iterator[sqlite3.Row]:
        """Yield rows one by one, for results that memory should not hold."""
        return iter(self._cursor().execute(sql, parameters))

    def execute(self, sql: str, parameters: Parameters = ()) -> int:
        """Run one statement and return how many rows it changed."""
        return self._cursor().execute(sql, parameters).rowcount

    def insert(self, sql: str, parameters: Parameters = ()) -> int:
        """Insert one row and return its row id."""
        row_id = self._cursor().execute(sql, parameters).lastrowid
        if row_id is None:
            raise AssertionError("an insert has a row id")
        return row_id

    def execute_many(self, sql: str, rows: Any) -> int:
        """Run one statement for each row of parameters and return how many rows changed in all."""
        return self._cursor().executemany(sql, rows).rowcount

    def _cursor(self) -> sqlite3.Cursor:
        cursor = self._connection.cursor()
        cursor.row_factory = sqlite3.Row
        return cursor


Operation = Callable[[Session], T]


@dataclass(frozen=True, slots=True)
class _Job(Generic[T]):
    operation: Operation[T]
    future: asyncio.Future[T]
    loop: asyncio.AbstractEventLoop


class Writer:
    """Owns the writing connection: opened, used and closed on its own thread."""

    def __init__(self, open_database: Callable[[], Database]) -> None:
        self._jobs: queue.SimpleQueue[_Job[Any] | None] = queue.SimpleQueue()
        self._opened: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
        self._open_database = open_database
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)

    def start(self) -> None:
        """Open the database; raise what opening it raised."""
        self._thread.start()
        failure = self._opened.get()
        if failure is not None:
            self._thread.join()
            raise failure

    async def run(self, operation: Operation[T]) -> T:
        """
        Run an operation and return its result, only after the commit that holds it is on disk.

        A caller that is cancelled gives up waiting, not the commit: what an operation did may still be durable.
        """
        if self._is_closed:
            raise Overloaded("the service is stopping", retry_after_s=5)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._jobs.put(_Job(operation, future, loop))
        return await asyncio.shield(future)

    def close(self) -> None:
        """Finish what is queued and close the database; blocks until it is done."""
        self._is_closed = True
        self._jobs.put(None)
        self._thread.join()

    def _run(self) -> None:
        try:
            database = self._open_database()
        except BaseException as exc:  # noqa: BLE001 - handed to the thread that waits in start()
            self._opened.put(exc)
            return
        self._opened.put(None)
        try:
            while (group := self._next_group()) is not None:
                _commit_group(database, group)
        finally:
            database.conn.close()

    def _next_group(self) -> list[_Job[Any]] | None:
        first = self._jobs.get()
        if first is None:
            return None
        group = [first]
        while len(group) < MAX_GROUP:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                break
            if job is None:
                self._jobs.put(None)
                break
            group.append(job)
        return group


def _commit_group(database: Database, group: list[_Job[Any]]) -> None:
    """Run each job in a savepoint of one transaction, commit, and only then tell their callers."""
    session = Session(database)
    try:
        session.execute("begin immediate")
        outcomes = [_run_in_savepoint(session, job) for job in group]
        session.execute("commit")
    except Exception as exc:  # noqa: BLE001 - whatever it is, the thread lives on and no caller waits for ever
        failure = _translated(exc)
        # A disk that fails may fail here too. The next group finds the transaction open then, and is told the same.
        with suppress(sqlite3.Error):
            if database.conn.in_transaction:
                session.execute("rollback")
        outcomes = [(None, failure)] * len(group)
    for job, (result, error) in zip(group, outcomes, strict=True):
        job.loop.call_soon_threadsafe(_settle, job.future, result, error)


def _run_in_savepoint(session: Session, job: _Job[Any]) -> tuple[Any, Exception | None]:
    session.execute("savepoint operation")
    try:
        result = job.operation(session)
    except FatalError:
        raise
    except AnchorError as exc:
        session.execute("rollback to operation")
        session.execute("release operation")
        return None, exc
    except (ValueError, TypeError, ArithmeticError, LookupError, AssertionError) as exc:
        # Our own bug: the caller sees it, the others of the group do not suffer for it.
        session.execute("rollback to operation")
        session.execute("release operation")
        return None, exc
    session.execute("release operation")
    return result, None


def _settle(future: asyncio.Future[Any], result: Any, error: Exception | None) -> None:
    if future.cancelled():
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(result)


def _translated(exc: Exception) -> AnchorError:
    if isinstance(exc, FatalError):
        return exc
    if (
        isinstance(exc, sqlite3.OperationalError)
        and getattr(exc, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
    ):
        return Overloaded("the disk is full: nothing was accepted, free some space", retry_after_s=60)
    failure = FatalError(f"the database failed: {exc}; the process must stop and start again")
    failure.__cause__ = exc
    return failure
