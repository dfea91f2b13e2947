"""Runs all checks on one committed state of the database."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlite_utils import Database

from anchor.chain.protocol import ChainReader
from anchor.errors import FatalError
from anchor.fsck.batches import check_batches
from anchor.fsck.chain import check_anchors
from anchor.fsck.earlier import OpenEarlier, check_earlier, no_endpoint
from anchor.fsck.findings import Check, Problem, all_problems
from anchor.fsck.lists import check_lists
from anchor.fsck.outbox import check_outbox
from anchor.fsck.published import check_published
from anchor.store.records import Anchorage, Batch
from anchor.store.sqlite.anchorages import anchorages
from anchor.store.sqlite.batches import all_batches
from anchor.store.sqlite.connection import open_for_reading
from anchor.store.sqlite.rebuilt import missing_batches
from anchor.store.sqlite.writer import Session
from anchor.verify import PublishedFiles


@dataclass(frozen=True, slots=True)
class FsckReport:
    """What was looked at and what is wrong with it."""

    checks: tuple[Check, ...]
    # Anchorages that were left and, by the operator's word, are held against the database alone.
    left: tuple[int, ...] = ()

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Everything that is not as promised."""
        return tuple(all_problems(list(self.checks)))

    @property
    def is_sound(self) -> bool:
        """Whether every promise was checked and holds, as far as database, chain and published files show."""
        return not self.problems and not self.unchecked

    @property
    def unchecked(self) -> tuple[str, ...]:
        """What could not be looked at."""
        return tuple(reason for check in self.checks for reason in check.unchecked)


async def check_everything(
    database: Path,
    *,
    chain: ChainReader,
    from_block: int,
    confirmations: int,
    files: PublishedFiles | None,
    open_earlier: OpenEarlier = no_endpoint,
    without: Collection[int] = (),
) -> FsckReport:
    """
    Check a database that a service may be using: all of it is read in one transaction, as of one moment.

    Raises FatalError where the file cannot be read at all. The chain is looked at afterwards, so it may know more than
    the database did: an anchor that was mined in between is told as unknown, and a second run tells it right.
    Anchorages that were left are checked too, on their own chains; `without` names those whose chain is gone.
    """
    connection = await asyncio.to_thread(_open, database)
    session = Session(connection)
    try:
        session.execute("begin")
        local, batches, places = await asyncio.to_thread(_check_local, session)
        last = places[-1]
        checks = [
            *local,
            await check_anchors(
                chain,
                [batch for batch in batches if batch.anchorage == last.number],
                missing=missing_batches(session, last.number, is_last=True),
                publisher=last.publishers[0],
                from_block=from_block,
                confirmations=confirmations,
            ),
        ]
        left = [place for place in places[:-1] if place.number not in without]
        checks += await _check_left(session, batches, left, last, open_earlier, confirmations)
        if files is not None:
            checks.append(await check_published(session, batches, files, last_anchorage=last.number))
        return FsckReport(
            checks=tuple(checks), left=tuple(place.number for place in places[:-1] if place.number in without)
        )
    except sqlite3.Error as exc:
        raise FatalError(f"{database.name} cannot be read: {exc}; restore a backup") from exc
    finally:
        connection.conn.close()


async def _check_left(
    session: Session,
    batches: Sequence[Batch],
    left: Sequence[Anchorage],
    last: Anchorage,
    open_earlier: OpenEarlier,
    confirmations: int,
) -> list[Check]:
    return [
        await check_earlier(
            session,
            batches,
            place,
            open_chain=open_earlier,
            # Set for the present chain: another has its own way to say what is final.
            confirmations=confirmations if _is_same_chain(place, last) else 0,
        )
        for place in left
    ]


def _is_same_chain(one: Anchorage, other: Anchorage) -> bool:
    return (one.chain_id, one.genesis_hash) == (other.chain_id, other.genesis_hash)


def _open(path: Path) -> Database:
    if not path.exists():
        raise FatalError(f"there is no {path}")
    try:
        return open_for_reading(path)
    except sqlite3.Error as exc:
        raise FatalError(f"{path.name} cannot be opened: {exc}; restore a backup") from exc


def _check_local(session: Session) -> tuple[list[Check], list[Batch], Sequence[Anchorage]]:
    file_check = _check_file(session)
    facts = {row["name"]: str(row["value"]) for row in session.all("select name, value from facts")}
    places = anchorages(session)
    for name, is_known in (("base_url", "base_url" in facts), ("publisher", bool(places))):
        if not file_check.expect(is_known, "facts", f"the database does not say its {name}"):
            raise FatalError(f"the database does not say its {name}: no service has worked with it yet")
    batches = list(all_batches(session))
    checks = [
        file_check,
        check_batches(session, batches, facts["base_url"]),
        check_outbox(session, batches),
        check_lists(session, facts["base_url"]),
    ]
    return checks, batches, places


def _check_file(session: Session) -> Check:
    check = Check("file")
    for row in session.all("pragma integrity_check"):
        check.expect(row[0] == "ok", "database", f"its pages are damaged: {row[0]}")
    broken = session.all("pragma foreign_key_check")
    check.expect(not broken, "database", f"{len(broken)} rows name others that do not exist")
    return check
