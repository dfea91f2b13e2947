"""Operations on batches, and on the transactions that anchor them."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from anchor.core.lifecycle import BatchState
from anchor.core.merkle import HASH_BYTES
from anchor.errors import Conflict
from anchor.store.records import AnchoredList, Backlog, Batch, Mined, NodeLevels, Payload, Seal
from anchor.store.sqlite.costs import open_cost
from anchor.store.sqlite.lists import committed_versions, freeze_versions
from anchor.store.sqlite.tiles import append_leaves, replace_left_edge, store_levels
from anchor.store.sqlite.writer import Session
from status_lists.publishing import BACKDATED_MS

_SEQUENCE = """
    coalesce(batches.sequence, batches.former_sequence, (select displaced.sequence from displaced_batches as displaced
                                                         where displaced.batch = batches.id))
"""
_COLUMNS = f"""
    id, state, created_s, leaf_count, is_closed, {_SEQUENCE} as sequence, previous_root, sealed_s, root,
    credential_root, status_root, mined_transaction, block_number, block_hash, block_time_s, anchorage, publisher
"""
_PAYLOAD = "hash, sender, nonce, gas_limit, max_fee_wei, priority_fee_wei, created_ms, raw"
_HEADER_PLACEHOLDER = bytes(HASH_BYTES)
"""Keeps leaf 0 free until the header is known."""


def open_batch(session: Session, now_s: int) -> tuple[int, int]:
    """Return the id and size (header included) of the batch that takes digests, making one where there is none."""
    row = session.one("select id, leaf_count from batches where is_closed = 0")
    if row is not None:
        return row["id"], row["leaf_count"]
    batch = session.insert(
        "insert into batches (state, created_s, leaf_count) values ('accepted', ?, 1)", (now_s,)
    )
    append_leaves(session, batch, 0, _HEADER_PLACEHOLDER)
    return batch, 1


def read_batch(session: Session, condition: str, *parameters: object) -> Batch | None:
    """Return the first batch that a condition of this package's own wording finds."""
    row = session.one(f"select {_COLUMNS} from batches where {condition} limit 1", parameters)
    return None if row is None else _batch(row)


def unmined_entries(session: Session) -> int:
    """Count the entries of all batches that are not mined."""
    row = session.one(
        "select coalesce(sum(leaf_count - 1), 0) as entries from batches where state in ('accepted', 'sealed', 'sent')"
    )
    return int(row["entries"]) if row else 0


def backlog(session: Session) -> Backlog:
    """Return what waits to be sealed."""
    opened = session.one("select id, leaf_count - 1 as entries, created_s from batches where is_closed = 0")
    sealed = session.one(
        """
        select max(sealed_s) filter (where sequence is not null) as sealed_s,
               count(former_sequence) > 0 as has_moved
        from batches
        """
    )
    waiting = session.one(
        """
        select min(case when changes = published_changes and newest.bits_root = anchored.bits_root
                        then newest.version + ? else changed_ms end) as since_ms
        from lists
        left join list_versions as newest on newest.list = lists.number
             and newest.version = (select max(version) from list_versions where list = lists.number)
        left join list_versions as anchored on anchored.list = lists.number and anchored.version = (
             select max(version) from list_versions where list = lists.number and batch is not null)
        where changes != coalesce(published_changes, -1) or newest.batch is null
        """,
        # A renewal without a change waits from its own publication, not from a change long ago.
        (BACKDATED_MS,),
    )
    if sealed is None or waiting is None:
        raise AssertionError("aggregates return a row")
    return Backlog(
        open_batch=opened["id"] if opened else None,
        open_entries=opened["entries"] if opened else 0,
        open_since_s=opened["created_s"] if opened else None,
        lists_waiting_since_ms=waiting["since_ms"],
        last_sealed_s=sealed["sealed_s"],
        has_moved=bool(sealed["has_moved"]),
    )


def close_batch(session: Session, now_s: int) -> Batch:
    """Close the open batch unless one is closed and waits for its seal."""
    waiting = read_batch(session, "is_closed = 1 and state = 'accepted'")
    if waiting is not None:
        return waiting
    batch, _ = open_batch(session, now_s)
    session.execute("update batches set is_closed = 1 where id = ?", (batch,))
    return _existing(session, batch)


def seal_batch(
    session: Session, batch: int, seal: Seal, levels: NodeLevels, lists: Sequence[AnchoredList]
) -> None:
    """Store a seal with its tree, and mark the list versions that it commits to."""
    current = _existing(session, batch)
    if current.state is not BatchState.ACCEPTED or not current.is_closed:
        raise Conflict(f"batch {batch} is {current.state.value}, not closed and waiting for its seal")
    newest = session.one(
        "select sequence, root from batches where sequence is not null order by sequence desc limit 1"
    )
    if newest is not None and (seal.sequence <= newest["sequence"] or seal.previous_root != newest["root"]):
        raise Conflict(
            f"sequence {seal.sequence} does not follow {newest['sequence']}, which is the newest now"
        )
    _require_rising(session, batch, seal.sequence, lists)
    store_levels(session, batch, levels)
    session.execute_many(
        "update list_versions set batch = ? where list = ? and version = ? and batch is null",
        [(batch, item.number, item.entry.version) for item in lists],
    )
    _store_seal(session, batch, seal)


def reseal_batch(
    session: Session, batch: int, seal: Seal, left_edge: Sequence[bytes], lists: Sequence[AnchoredList]
) -> None:
    """Store another seal of an unmined batch; another unmined batch that had the sequence is displaced."""
    current = _existing(session, batch)
    if current.state not in (BatchState.SEALED, BatchState.SENT):
        raise Conflict(f"batch {batch} is {current.state.value}: only an unmined batch is sealed again")
    _require_rising(session, batch, seal.sequence, lists)
    replace_left_edge(session, batch, list(left_edge))
    freeze_versions(session, batch, lists)
    _take_sequence(session, batch, seal.sequence)
    _store_seal(session, batch, seal)


def _require_rising(session: Session, batch: int, sequence: int, lists: Sequence[AnchoredList]) -> None:
    """Refuse a seal that commits to an older version of a list, or to fewer lists, than a lower sequence does."""
    before = session.one(
        "select id from batches where sequence < ? and id != ? order by sequence desc limit 1",
        (sequence, batch),
    )
    if before is None:
        return
    versions = {item.number: item.entry.version for item in lists}
    for number, version in enumerate(committed_versions(session, before["id"])):
        if versions.get(number, -1) < version:
            raise Conflict(f"list {number} would fall below version {version} at sequence {sequence}")


def _take_sequence(session: Session, batch: int, sequence: int) -> None:
    """Free a sequence for a batch: an unmined batch that has it is displaced, and keeps its seal."""
    holder = session.one("select id, state from batches where sequence = ? and id != ?", (sequence, batch))
    if holder is not None:
        if BatchState(holder["state"]).is_mined:
            raise Conflict(f"sequence {sequence} belongs to batch {holder['id']}, which is {holder['state']}")
        session.execute(
            "insert into displaced_batches (batch, sequence) values (?, ?)", (holder["id"], sequence)
        )
        session.execute("update batches set sequence = null where id = ?", (holder["id"],))
    session.execute("delete from displaced_batches where batch = ?", (batch,))
    session.execute("update batches set sequence = ? where id = ?", (sequence, batch))


def _store_seal(session: Session, batch: int, seal: Seal) -> None:
    session.execute(
        """
        update batches set state = 'sealed', sequence = ?, previous_root = ?, sealed_s = ?, credential_root = ?,
                           status_root = ?, root = ?, anchorage = (select max(number) from anchorages),
                           former_sequence = null
        where id = ?
        """,
        (
            seal.sequence,
            seal.previous_root,
            seal.sealed_s,
            seal.credential_root,
            seal.status_root,
            seal.root,
            batch,
        ),
    )


def unfinished_batches(session: Session) -> Sequence[Batch]:
    """Return the sealed batches that are not final."""
    rows = session.all(
        f"select {_COLUMNS} from batches where state in ('sealed', 'sent', 'mined') order by sequence, id"
    )
    return [_batch(row) for row in rows]


def all_batches(session: Session) -> Sequence[Batch]:
    """Return every batch, oldest first."""
    return [_batch(row) for row in session.all(f"select {_COLUMNS} from batches order by id")]


def add_payload(session: Session, batch: int, payload: Payload) -> None:
    """Store a payload."""
    current = _existing(session, batch)
    if current.state not in (BatchState.SEALED, BatchState.SENT):
        raise Conflict(f"batch {batch} is {current.state.value}: it takes no payload")
    if current.sequence is None or current.anchorage is None:
        raise AssertionError("a sealed batch has a sequence in an anchorage")
    _take_sequence(session, batch, current.sequence)
    session.execute(
        """
        insert into payloads (hash, batch, anchorage, sequence, sender, nonce, gas_limit, max_fee_wei,
                              priority_fee_wei, created_ms, raw)
        values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) on conflict (hash) do nothing
        """,
        (
            payload.hash,
            batch,
            current.anchorage,
            current.sequence,
            payload.sender,
            payload.nonce,
            payload.gas_limit,
            payload.max_fee_wei,
            payload.priority_fee_wei,
            payload.created_ms,
            payload.raw,
        ),
    )
    open_cost(session, payload, current.anchorage)
    session.execute("update batches set state = 'sent' where id = ?", (batch,))


def payloads(session: Session, batch: int) -> Sequence[Payload]:
    """Return the payloads of the batch's present sequence in its present anchorage."""
    rows = session.all(
        f"""
        select {_PAYLOAD} from payloads
        where batch = ?1 and (anchorage, sequence) = (select anchorage, {_SEQUENCE} from batches where id = ?1)
        order by rowid
        """,
        (batch,),
    )
    return [Payload(**dict(row)) for row in rows]


def payloads_of_nonce(session: Session, sender: str, nonce: int) -> Sequence[Payload]:
    """Return every payload of a nonce of an account on the present chain, whatever it was signed for."""
    rows = session.all(
        f"""
        select {_PAYLOAD} from (
            select anchorage, {_PAYLOAD} from payloads union all select anchorage, {_PAYLOAD} from calls)
        where sender = ? and nonce = ? and anchorage in (
            select number from anchorages where (chain_id, genesis_hash) = (
                select chain_id, genesis_hash from anchorages order by number desc limit 1))
        order by max_fee_wei
        """,
        (sender, nonce),
    )
    return [Payload(**dict(row)) for row in rows]


def mark_mined(session: Session, batch: int, mined: Mined) -> None:
    """Record a block; the sequence is the batch's from now on, and no other batch is mined under it any more."""
    current = _existing(session, batch)
    if current.sequence is not None and not current.state.is_mined:
        # The chain holds one root under a sequence: a reorganisation may have put this one in another's place.
        _forget_block(session, "sequence = ? and id != ?", current.sequence, batch)
        _take_sequence(session, batch, current.sequence)
    session.execute(
        """
        update batches set state = 'mined', mined_transaction = ?, block_number = ?, block_hash = ?, block_time_s = ?,
                           publisher = ?
        where id = ? and state in ('sealed', 'sent', 'mined')
        """,
        (
            mined.transaction,
            mined.block_number,
            mined.block_hash,
            mined.block_time_s,
            mined.publisher,
            batch,
        ),
    )


def mark_unmined(session: Session, batch: int) -> None:
    """Forget a block."""
    _forget_block(session, "id = ?", batch)


def mark_final(session: Session, batch: int) -> None:
    """Make a mined batch final."""
    session.execute("update batches set state = 'final' where id = ? and state = 'mined'", (batch,))


def _forget_block(session: Session, condition: str, *parameters: object) -> None:
    session.execute(
        f"""
        update batches set state = 'sent', mined_transaction = null, block_number = null, block_hash = null,
                           block_time_s = null, publisher = null
        where state = 'mined' and {condition}
        """,
        parameters,
    )


def _existing(session: Session, batch: int) -> Batch:
    found = read_batch(session, "id = ?", batch)
    if found is None:
        raise AssertionError(f"batch {batch} exists")
    return found


def _batch(row: sqlite3.Row) -> Batch:
    return Batch(
        id=row["id"],
        state=BatchState(row["state"]),
        created_s=row["created_s"],
        leaf_count=row["leaf_count"],
        is_closed=bool(row["is_closed"]),
        sequence=row["sequence"],
        previous_root=row["previous_root"],
        sealed_s=row["sealed_s"],
        root=row["root"],
        credential_root=row["credential_root"],
        status_root=row["status_root"],
        transaction=row["mined_transaction"],
        block_number=row["block_number"],
        block_hash=row["block_hash"],
        block_time_s=row["block_time_s"],
        anchorage=row["anchorage"],
        publisher=row["publisher"],
    )
