"""Makes a database anew beside the place of the lost one, and puts it there only when it is to be used."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from anchor.assembly import open_vault
from anchor.chain.protocol import Chain
from anchor.config import Settings
from anchor.documents import EarlierAnchorage
from anchor.durable_files import sync_file, sync_folder
from anchor.errors import FatalError, InvalidInput
from anchor.rebuild.anchors import FinalAnchors, final_anchors
from anchor.rebuild.base import KEY_FILES, Base, open_base
from anchor.rebuild.building import Building, OnBatch
from anchor.rebuild.lines import EarlierLines, Line, current_line, earlier_anchorages, read_place
from anchor.rebuild.proofs import attach_proofs
from anchor.rebuild.report import RebuildReport
from anchor.rebuild.signers import SignerMaker
from anchor.store.sqlite import SqliteStore
from anchor.store.sqlite.connection import FileLock, open_for_writing
from anchor.store.sqlite.migrations import migrations
from anchor.store.sqlite.writer import Session
from anchor.verify.chain_view import OpenChain
from anchor.verify.opening import open_chain as open_over_http
from anchor.verify.sources import PublishedFiles
from anchor.verify.trust import Anchorage

_SUFFIXES = ("", "-wal", "-shm", ".lock")


@dataclass(frozen=True, slots=True, kw_only=True)
class RebuildRequest:
    """What a database is rebuilt from besides the chain and published files, and whether losses are accepted."""

    settings: Settings
    publisher: str
    seeds: tuple[bytes, ...] = field(default=(), repr=False)
    proofs: Path | None = None
    base: Path | None = None
    accepts_loss: bool = False
    # Endpoints of anchorages that were left, by their numbers; those of the present chain need none.
    earlier_rpcs: Mapping[int, str] = field(default_factory=dict, repr=False)


async def rebuild_database(
    request: RebuildRequest,
    *,
    chain: Chain,
    places: Sequence[PublishedFiles],
    on_batch: OnBatch | None = None,
    open_chain: OpenChain = open_over_http,
) -> RebuildReport:
    """
    Rebuild a lost database from the chain and from published files, as far as they reach.

    Guarantees that every batch in it gives, leaf by leaf and list by list, the root that the contract holds for it, and
    that the report names every anchor of which that could not be said. The database takes its place only where
    nothing is missing, or where losses are accepted; else nothing is left. Raises InvalidInput where a database is
    there, FatalError where a service holds its lock, ChainUnavailable and ConfigError as `final_anchors`.
    """
    settings = request.settings
    _require_no_database(settings.database)
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = FileLock(settings.database)
    keys_before = _key_files(settings.data_dir)
    partial = settings.database.with_name(settings.database.name + ".rebuilding")
    try:
        current = await _anchorage(request, chain)
        found = await final_anchors(chain, current)
        _remove(partial)
        with open_base(request.base, settings) as base:
            report = RebuildReport(now_s=int(time.time()), has_base=base is not None)
            lines = await _lines(request, current, found, base, places, open_chain, report)
            await _fill(request, lines, partial, base, report, on_batch)
        await _finish(partial, request, lines[-1])
        report.has_pending = await _has_pending(chain, request.publisher)
        if report.is_complete or request.accepts_loss:
            sync_file(partial)
            partial.replace(settings.database)
            sync_folder(settings.data_dir)
            report.database = str(settings.database)
    except OSError as exc:
        raise FatalError(
            f"{settings.data_dir} cannot be written ({exc.strerror}): nothing was rebuilt"
        ) from exc
    finally:
        _remove(partial)
        if not settings.database.exists():
            # Keys that were made for nothing would shut out those of a backup at the next try.
            for path in _key_files(settings.data_dir) - keys_before:
                path.unlink()
        lock.release()
    return report


def _key_files(data_dir: Path) -> set[Path]:
    return {data_dir / name for name in KEY_FILES if (data_dir / name).exists()}


def _require_no_database(database: Path) -> None:
    # A log that lies about would be taken for the new database's own.
    for suffix in ("", "-wal", "-shm"):
        path = database.with_name(database.name + suffix)
        if path.exists():
            raise InvalidInput(f"{path} is there: move it away first, and keep it for --base")


async def _anchorage(request: RebuildRequest, chain: Chain) -> Anchorage:
    settings = request.settings
    identity = await chain.identity()
    return Anchorage(
        chain_id=settings.chain_id,
        genesis_hash=settings.genesis_hash or identity.genesis_hash,
        contract=settings.chain.contract,
        publisher=request.publisher,
        from_block=settings.chain.from_block,
        confirmations=settings.chain.confirmations or None,
    )


async def _lines(
    request: RebuildRequest,
    current: Anchorage,
    found: FinalAnchors,
    base: Base | None,
    files: Sequence[PublishedFiles],
    open_chain: OpenChain,
    report: RebuildReport,
) -> Sequence[Line]:
    """Return every anchorage, oldest first, as its chain tells it or, where that is gone, as its files do."""
    places = [await read_place(place) for place in files]
    if base is not None:
        places.append(await read_place(base.files))
    here = EarlierAnchorage(
        number=0,
        chain_id=current.chain_id,
        genesis_hash=current.genesis_hash,
        contract=current.contract,
        publisher=found.publishers[0],
        from_block=current.from_block,
        head_sequence=0,
        head_root=None,
    )
    earlier = earlier_anchorages(places, here)
    numbered = replace(here, number=len(earlier) + 1)
    last = current_line(
        request.settings,
        found,
        genesis_hash=current.genesis_hash,
        places=[place.of_anchorage(numbered, is_last=True) for place in places],
    )
    reading = EarlierLines(
        current=last, rpcs=request.earlier_rpcs, settings=request.settings, open_chain=open_chain
    )
    lines = [
        await reading.read(
            anchorage, [place.of_anchorage(anchorage, is_last=False) for place in places], report
        )
        for anchorage in earlier
    ]
    return [*lines, last]


async def _fill(
    request: RebuildRequest,
    lines: Sequence[Line],
    partial: Path,
    base: Base | None,
    report: RebuildReport,
    on_batch: OnBatch | None,
) -> None:
    report.anchored = sum(len(line.anchors) for line in lines)
    vault = open_vault(request.settings)
    signers = SignerMaker(vault, seeds=request.seeds, held=base.held_signers(vault) if base else ())
    database = open_for_writing(partial)
    try:
        migrations.apply(database)
        building = Building(
            session=Session(database),
            signers=signers,
            base_url=request.settings.server.base_url,
            base=base,
            report=report,
        )
        await building.build(lines, on_batch)
        if request.proofs is not None:
            attach_proofs(Session(database), request.proofs, building.issuer_number, report)
        building.finish()
    finally:
        database.conn.close()


async def _finish(partial: Path, request: RebuildRequest, last: Line) -> None:
    """Tie the database to its base URL, as a first start does, and let the next batch follow the head."""
    base_url = request.settings.server.base_url
    store = SqliteStore(partial, base_url=base_url)
    store.open()
    try:
        await store.pin("base_url", base_url)
        newest = await store.newest_sealed()
        if newest is None or newest.sequence != len(last.anchors):
            # The newest anchors are known to the chain alone: the next batch follows them.
            await store.note_strangers(len(last.anchors))
    finally:
        await store.close()


async def _has_pending(chain: Chain, publisher: str) -> bool:
    """Whether the account has a transaction in the pool: one of the lost database may still be mined."""
    return await chain.nonce(publisher, "pending") > await chain.nonce(publisher, "latest")


def _remove(partial: Path) -> None:
    for suffix in _SUFFIXES:
        partial.with_name(partial.name + suffix).unlink(missing_ok=True)
