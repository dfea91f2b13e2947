"""Operations on anchorages: where roots are anchored, by whom, and the move from one to the next."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from anchor.errors import Conflict, FatalError
from anchor.store.records import Anchorage, NewAnchorage, Payload
from anchor.store.sqlite.connection import open_for_reading
from anchor.store.sqlite.costs import open_cost
from anchor.store.sqlite.writer import Session

STRANGERS = "strangers' anchors noted up to sequence"


def anchorages(session: Session) -> Sequence[Anchorage]:
    """Return all anchorages, oldest first."""
    lines: dict[int, list[str]] = {}
    for row in session.all("select anchorage, address from publishers order by anchorage, position"):
        lines.setdefault(row["anchorage"], []).append(row["address"])
    return [
        Anchorage(**dict(row), publishers=tuple(lines[row["number"]]))
        for row in session.all(
            "select number, chain_id, genesis_hash, contract, from_block from anchorages order by number"
        )
    ]


def former_head(session: Session, anchorage: int) -> tuple[int, bytes] | None:
    """Return sequence and root of the last batch of an anchorage that was left, had or missing since a rebuild."""
    row = session.one(
        """
        select former_sequence as sequence, root from batches
        where anchorage = ?1 and former_sequence is not null and state = 'final'
        union all select sequence, root from missing_former_batches where anchorage = ?1
        order by sequence desc limit 1
        """,
        (anchorage,),
    )
    return (row["sequence"], row["root"]) if row else None


def begin_anchorage(session: Session, place: NewAnchorage) -> Anchorage:
    """Store the first anchorage unless there is one; return the last."""
    if not anchorages(session):
        _add(session, place)
    return anchorages(session)[-1]


def add_rebuilt(session: Session, place: NewAnchorage, publishers: Sequence[str]) -> int:
    """Add an anchorage after those that are there, with its whole line; return its number."""
    _add(session, place)
    number = anchorages(session)[-1].number
    session.execute("delete from publishers where anchorage = ?", (number,))
    _add_line(session, number, publishers)
    return number


def note_line(session: Session, publishers: Sequence[str], contract: str, from_block: int) -> None:
    """Note the line of succession of the last anchorage, how its contract is written, and where it begins."""
    last = anchorages(session)[-1]
    session.execute(
        "update anchorages set contract = ?, from_block = ? where number = ?",
        (contract, from_block, last.number),
    )
    if tuple(publishers) == last.publishers:
        return
    session.execute("delete from publishers where anchorage = ?", (last.number,))
    _add_line(session, last.number, publishers)


def add_call(session: Session, calldata: bytes, payload: Payload) -> None:
    """Store a signed call of the last anchorage's contract."""
    anchorage = anchorages(session)[-1].number
    session.execute(
        """
        insert into calls (hash, anchorage, sender, calldata, nonce, gas_limit, max_fee_wei, priority_fee_wei,
                           created_ms, raw)
        values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) on conflict (hash) do nothing
        """,
        (
            payload.hash,
            anchorage,
            payload.sender,
            calldata,
            payload.nonce,
            payload.gas_limit,
            payload.max_fee_wei,
            payload.priority_fee_wei,
            payload.created_ms,
            payload.raw,
        ),
    )
    open_cost(session, payload, anchorage)


_CALL = """
    select hash, sender, nonce, max_fee_wei, priority_fee_wei, gas_limit, created_ms, raw from calls
    where anchorage = (select max(number) from anchorages) and sender = ?
"""


def calls(session: Session, sender: str, calldata: bytes) -> Sequence[Payload]:
    """Return the signed forms of a call of the last anchorage's contract, oldest first."""
    rows = session.all(f"{_CALL} and calldata = ? order by rowid", (sender, calldata))
    return [Payload(**dict(row)) for row in rows]


def calls_from_nonce(session: Session, sender: str, nonce: int) -> Sequence[Payload]:
    """Return the calls of the last anchorage's contract that an account signed with a nonce or a later one."""
    rows = session.all(f"{_CALL} and nonce >= ? order by rowid", (sender, nonce))
    return [Payload(**dict(row)) for row in rows]


def move(session: Session, place: NewAnchorage, abandons: bool) -> Anchorage:  # noqa: FBT001 - see Store.move
    """Begin another anchorage; batches that are not final are to be sealed for it."""
    unfinished = session.all(
        "select id, state from batches where state in ('sealed', 'sent', 'mined') order by id"
    )
    if unfinished and not abandons:
        raise Conflict(f"batch {unfinished[0]['id']} is {unfinished[0]['state']}, not final")
    session.execute(
        """
        update batches set sequence = null, former_sequence = coalesce(
            sequence, former_sequence, (select sequence from displaced_batches where batch = batches.id))
        where root is not null
        """
    )
    session.execute(
        """
        update batches set state = 'sealed', mined_transaction = null, block_number = null, block_hash = null,
                           block_time_s = null, publisher = null
        where state in ('sent', 'mined')
        """
    )
    session.execute("delete from displaced_batches")
    # What a rebuild did not find was anchored where the database comes from.
    session.execute(
        """
        insert into missing_former_batches (anchorage, sequence, root)
        select (select max(number) from anchorages), sequence, root from missing_batches
        """
    )
    session.execute("delete from missing_batches")
    # A stranger's anchors in one contract say nothing of those in another.
    session.execute("delete from facts where name = ?", (STRANGERS,))
    _add(session, place)
    return anchorages(session)[-1]


def _add(session: Session, place: NewAnchorage) -> None:
    number = session.insert(
        "insert into anchorages (chain_id, genesis_hash, contract, from_block) values (?, ?, ?, ?)",
        (place.chain_id, place.genesis_hash, place.contract, place.from_block),
    )
    _add_line(session, number, [place.publisher])
    # Copies of the file are told apart by these facts of the last anchorage: backups, and what is rebuilt from them.
    facts = {
        "chain_id": str(place.chain_id),
        "genesis_hash": place.genesis_hash.hex(),
        "contract": place.contract.lower(),
        "publisher": place.publisher,
    }
    session.execute_many(
        "insert into facts (name, value) values (?, ?) on conflict (name) do update set value = excluded.value",
        list(facts.items()),
    )


def _add_line(session: Session, number: int, publishers: Sequence[str]) -> None:
    session.execute_many(
        "insert into publishers (anchorage, position, address) values (?, ?, ?)",
        [(number, position, address) for position, address in enumerate(publishers)],
    )


def read_anchorages(path: Path) -> Sequence[Anchorage]:
    """Return the anchorages of a database that a service may be using; none where there is no file. FatalError."""
    if not path.exists():
        return ()
    try:
        database = open_for_reading(path)
        try:
            return anchorages(Session(database))
        finally:
            database.conn.close()
    except sqlite3.Error as exc:
        raise FatalError(
            f"{path.name} cannot be read: {exc}; start this version of the service on it once, or restore a backup"
        ) from exc
