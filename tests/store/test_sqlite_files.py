"""What only the SQLite store promises: its file, its lock, its commits, and what it does when the disk fails."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from anchor.errors import FatalError, Overloaded
from anchor.store.records import ListPlan
from anchor.store.sqlite import SqliteStore, connection
from anchor.store.sqlite.connection import open_for_writing
from anchor.store.sqlite.writer import Session
from tests.support.store_values import (
    BASE_URL,
    NOW_MS,
    NOW_S,
    PLAN,
    accept,
    add_issuer,
    digest,
    seal_next,
    submission,
)

HOLDER = """
import sys
from pathlib import Path
from anchor.store.sqlite import SqliteStore
store = SqliteStore(Path(sys.argv[1]), base_url="https://anchor.example.org")
store.open()
print("open", flush=True)
sys.stdin.read()
"""


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    """Open an empty store in tmp_path/anchor.db."""
    opened = SqliteStore(tmp_path / "anchor.db", base_url=BASE_URL)
    opened.open()
    yield opened
    await opened.close()


async def write_pragma(store: SqliteStore, sql: str) -> int:
    """Run a PRAGMA on the writing connection and return its value."""

    def operation(session: Session) -> int:
        row = session.one(sql)
        assert row is not None
        return int(row[0])

    return await store._writer.run(operation)


async def test_open_for_writing_sets_every_pragma(tmp_path: Path) -> None:
    """Write-ahead logging, full synchronisation and foreign keys are on, whatever this build's defaults are."""
    database = open_for_writing(tmp_path / "anchor.db")
    expected = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "trusted_schema": 0}

    found = {name: database.execute(f"pragma {name}").fetchone()[0] for name in expected}

    database.conn.close()
    assert found == expected


@pytest.mark.parametrize("name", ["synchronous", "journal_mode", "foreign_keys"])
def test_open_for_writing_build_ignores_a_pragma_fatal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Where SQLite keeps another value than was asked for, nothing is opened."""
    kept = {"synchronous": ("normal", 2), "journal_mode": ("delete", "wal"), "foreign_keys": ("off", 1)}
    monkeypatch.setitem(connection._PRAGMAS, name, kept[name])

    with pytest.raises(FatalError, match=f"SQLite keeps {name}"):
        open_for_writing(tmp_path / "anchor.db")


async def test_readers_cannot_write(store: SqliteStore) -> None:
    """A read operation that tried to write would fail."""
    with pytest.raises(FatalError, match="readonly"):
        await store._read(lambda session: session.execute("delete from facts"))


async def test_names_of_new_folders_are_synced_before_the_database_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fault 5: of a data folder whose own name was never synced, loss of power takes all that was acknowledged."""
    synced: list[Path] = []
    fsync = os.fsync

    def note(descriptor: int) -> None:
        fsync(descriptor)
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink())

    monkeypatch.setattr(os, "fsync", note)
    store = SqliteStore(tmp_path / "service" / "data" / "anchor.db", base_url=BASE_URL)
    store.open()
    await store.close()

    assert synced[:3] == [tmp_path, tmp_path / "service", tmp_path / "service" / "data"]


async def test_open_twice_refused_with_a_clear_message(store: SqliteStore, tmp_path: Path) -> None:
    """A second store on one file is refused at once; the first goes on."""
    with pytest.raises(FatalError, match=r"another service is using anchor\.db"):
        SqliteStore(tmp_path / "anchor.db", base_url=BASE_URL).open()

    assert await store.pin("a", "1") == "1"


async def test_second_process_refused_until_the_first_is_killed(tmp_path: Path) -> None:
    """Fault 7: The lock holds between processes, and a killed one leaves none behind."""
    path = tmp_path / "anchor.db"
    holder = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        HOLDER,
        str(path),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert holder.stdout is not None
    assert await holder.stdout.readline() == b"open\n"
    with pytest.raises(FatalError, match="stop it first"):
        SqliteStore(path, base_url=BASE_URL).open()

    holder.send_signal(signal.SIGKILL)
    await holder.wait()

    store = SqliteStore(path, base_url=BASE_URL)
    store.open()
    await store.close()


async def test_corrupt_page_refused(tmp_path: Path) -> None:
    """Fault 10: A file with damaged pages is not opened, and the lock is let go."""
    path = tmp_path / "anchor.db"
    store = SqliteStore(path, base_url=BASE_URL)
    store.open()
    issuer = await add_issuer(store, "university")
    await store.accept_packed(issuer.number, 1, b"".join(map(digest, range(2000))), now_s=NOW_S)
    await store.close()
    intact = path.read_bytes()
    page = 4096
    assert len(intact) > 40 * page
    path.write_bytes(intact[: 8 * page] + b"\xff" * (30 * page) + intact[38 * page :])

    with pytest.raises(FatalError, match=r"anchor\.db"):
        SqliteStore(path, base_url=BASE_URL).open()

    path.write_bytes(intact)
    again = SqliteStore(path, base_url=BASE_URL)
    again.open()
    assert len(await again.find_digest(issuer.number, digest(7))) == 1
    await again.close()


def test_other_file_refused(tmp_path: Path) -> None:
    """What is no database is refused, not overwritten."""
    path = tmp_path / "anchor.db"
    path.write_bytes(b"a letter, not a database" * 400)

    with pytest.raises(FatalError, match="restore a backup"):
        SqliteStore(path, base_url=BASE_URL).open()

    assert path.read_bytes() == b"a letter, not a database" * 400


async def test_disk_full_nothing_half_done_and_recovers(store: SqliteStore) -> None:
    """Fault 4: A full disk refuses as overload, keeps what was there, goes on serving reads, and works again after."""
    issuer = await add_issuer(store, "university")
    (first,) = await accept(store, issuer, submission(0))
    before = await store.backlog()
    pages = await write_pragma(store, "pragma page_count")
    unlimited = await write_pragma(store, "pragma max_page_count")
    body = b"".join(digest(number) for number in range(1, 3000))
    await write_pragma(store, f"pragma max_page_count = {pages + 4}")

    for _ in range(2):
        with pytest.raises(Overloaded, match="disk is full"):
            await store.accept_packed(issuer.number, 1, body, now_s=NOW_S)

    assert await store.backlog() == before
    assert list(await store.find_digest(issuer.number, digest(1))) == []
    (place,) = await store.find_digest(issuer.number, digest(0))
    assert place.accepted.leaf_index == first.leaf_index
    await write_pragma(store, f"pragma max_page_count = {unlimited}")
    outcome = await store.accept_packed(issuer.number, 1, body, now_s=NOW_S)
    assert (outcome.new, outcome.known) == (2999, 0)
    sealed = await seal_next(store)
    assert sealed.tree.size == 3001


async def test_parallel_accepts_share_commits(store: SqliteStore) -> None:
    """Two hundred requests at once are answered after a handful of commits."""
    issuer = await add_issuer(store, "university")
    statements: list[str] = []
    await store._writer.run(lambda session: session._connection.set_trace_callback(statements.append))

    await asyncio.gather(*(accept(store, issuer, submission(number)) for number in range(200)))

    commits = [statement for statement in statements if statement == "commit"]
    assert 1 <= len(commits) <= 10
    assert (await store.backlog()).open_entries == 200


async def test_unforeseen_error_reaches_its_caller_and_the_writer_lives_on(store: SqliteStore) -> None:
    """Whatever an operation raises, its caller hears of it, nothing of it stays, and later requests are served."""

    class Unforeseen(Exception):
        pass

    def fail() -> bytes:
        raise Unforeseen

    issuer = await add_issuer(store, "university")
    plan = ListPlan(length=512, new_permutation_key=fail)

    with pytest.raises(FatalError, match="must stop"):
        async with asyncio.timeout(10):
            await store.allocate(issuer.number, 1, idempotency_key="k", plan=plan, now_ms=NOW_MS)

    (entry,) = await store.allocate(issuer.number, 1, idempotency_key="k", plan=PLAN, now_ms=NOW_MS)
    assert entry.list_number == 0


async def test_cancelled_caller_leaves_the_commit_alone(store: SqliteStore) -> None:
    """Giving up waiting does not undo a write, nor disturb the writer."""
    issuer = await add_issuer(store, "university")
    task = asyncio.create_task(store.accept(issuer.number, [submission(1)], plan=PLAN, now_s=NOW_S))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    (again,) = await accept(store, issuer, submission(1))

    assert again.leaf_index == 1
    assert not again.is_new


async def test_writing_after_close_refused(tmp_path: Path) -> None:
    """A store that is closing takes nothing more."""
    store = SqliteStore(tmp_path / "anchor.db", base_url=BASE_URL)
    store.open()
    await store.close()

    with pytest.raises(Overloaded, match="stopping"):
        await store.pin("a", "1")


async def test_closed_database_is_one_complete_file(tmp_path: Path) -> None:
    """After a clean stop the file alone holds everything: a copy of it is a backup."""
    store = SqliteStore(tmp_path / "anchor.db", base_url=BASE_URL)
    store.open()
    issuer = await add_issuer(store, "university")
    await accept(store, issuer, submission(1))
    assert await store.backlog() == await store.backlog(), "readers are open too"
    await store.close()

    assert not (tmp_path / "anchor.db-wal").exists()
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "anchor.db").write_bytes((tmp_path / "anchor.db").read_bytes())
    copy = SqliteStore(tmp_path / "copy" / "anchor.db", base_url=BASE_URL)
    copy.open()
    assert len(await copy.find_digest(issuer.number, digest(1))) == 1
    await copy.close()


async def test_database_is_readable_by_plain_sqlite_after_close(store: SqliteStore, tmp_path: Path) -> None:
    """The file passes SQLite's own checks, foreign keys included."""
    issuer = await add_issuer(store, "university")
    await accept(store, issuer, submission(1))
    await seal_next(store)

    database = sqlite3.connect(tmp_path / "anchor.db")
    try:
        assert database.execute("pragma integrity_check").fetchall() == [("ok",)]
        assert database.execute("pragma foreign_key_check").fetchall() == []
    finally:
        database.close()
