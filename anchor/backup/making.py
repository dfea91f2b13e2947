"""Makes a backup: a consistent copy of the database, with the key files beside it, while the service may run."""

from __future__ import annotations

import secrets
import shutil
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from anchor import __version__
from anchor.backup.checking import check_copy, facts_of
from anchor.backup.manifest import MANIFEST, BackedUpFile, BackupManifest
from anchor.config import StorageSettings
from anchor.durable_files import (
    PRIVATE,
    copy_durably,
    file_sha256,
    make_folder,
    sync_file,
    sync_folder,
    write_durably,
)
from anchor.errors import FatalError, InvalidInput
from anchor.store.sqlite.connection import open_for_reading

PAGES_AT_ONCE = 2048
"""8 MiB: often enough for a progress bar, few enough that nobody waits between two steps."""

KEY_FILES = ("lists.key", "operator.key", "receipts.key")

OnPages = Callable[[int, int], None]
"""Told after each step: (pages copied, pages in all)."""


def make_backup(
    settings: StorageSettings, target: Path, *, on_pages: OnPages | None = None
) -> BackupManifest:
    """
    Copy the database and the key files of the data folder into a new folder, and return its manifest.

    Writers are not kept waiting. Guarantees on return that the copy is one committed state of the database, that
    SQLite finds nothing wrong with it, and that all of it is on disk under `target`; that name appears in the end,
    with everything in it. Raises InvalidInput where `target` exists or cannot be written, FatalError where there is no
    database or it is damaged.
    """
    if target.exists() or target.is_symlink():
        raise InvalidInput(f"{target} exists already: name a new folder, a backup overwrites nothing")
    if not settings.database.exists():
        raise FatalError(f"there is no {settings.database}: no service has worked with this data folder yet")
    if not target.parent.is_dir():
        # Not made: where a disk is not mounted, the backup would go to the disk that it is to survive.
        raise InvalidInput(
            f"there is no folder {target.parent}: make it, or mount the disk that it stands for"
        )
    partial = target.with_name(f".writing-{target.name}.{secrets.token_hex(8)}")
    try:
        partial.mkdir(mode=0o700)
        try:
            manifest = _fill(settings, partial, on_pages)
            partial.rename(target)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        sync_folder(target.parent)
    except OSError as exc:
        raise InvalidInput(f"{target} cannot be written ({exc.strerror}): nothing was kept of it") from exc
    return manifest


def _fill(settings: StorageSettings, folder: Path, on_pages: OnPages | None) -> BackupManifest:
    name = settings.database.name
    copy = folder / name
    _copy_database(settings.database, copy, on_pages)
    check_copy(copy)
    sync_file(copy)
    inside, elsewhere = _key_files(settings)
    files = [BackedUpFile(name, copy.stat().st_size, file_sha256(copy))]
    for path in inside:
        relative = path.relative_to(settings.data_dir)
        make_folder((folder / relative).parent, mode=0o700)
        digest = copy_durably(path, folder / relative, mode=PRIVATE)
        files.append(BackedUpFile(relative.as_posix(), (folder / relative).stat().st_size, digest))
    facts = facts_of(copy)
    manifest = BackupManifest(
        created=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        software=__version__,
        schema=facts.schema,
        sealed_sequence=facts.sealed_sequence,
        mined_sequence=facts.mined_sequence,
        chain_id=int(facts.pins["chain_id"]),
        genesis_hash=facts.pins["genesis_hash"],
        contract=facts.pins["contract"],
        publisher=facts.pins["publisher"],
        base_url=facts.pins["base_url"],
        files=tuple(files),
        not_included=tuple(str(path) for path in elsewhere),
    )
    write_durably(folder / MANIFEST, manifest.encode(), mode=PRIVATE)
    return manifest


def _copy_database(source: Path, target: Path, on_pages: OnPages | None) -> None:
    target.touch(mode=PRIVATE)
    try:
        with (
            closing(open_for_reading(source).conn) as reading,
            closing(sqlite3.connect(target, isolation_level=None)) as writing,
        ):
            # The snapshot is held from here to the end: without it, every commit of the service between two steps
            # would make SQLite begin the copy again, for ever under load.
            reading.execute("begin")
            reading.execute("select count(*) from sqlite_schema").fetchone()
            reading.backup(writing, pages=PAGES_AT_ONCE, progress=_progress(on_pages), sleep=0)
    except sqlite3.Error as exc:
        raise FatalError(f"{source.name} cannot be copied: {exc}") from exc


def _progress(on_pages: OnPages | None) -> Callable[[int, int, int], None] | None:
    if on_pages is None:
        return None
    return lambda _status, remaining, total: on_pages(total - remaining, total)


def _key_files(settings: StorageSettings) -> tuple[Sequence[Path], Sequence[Path]]:
    """Return the key files in the data folder, by plain paths within it, and those that the settings name elsewhere."""
    publisher, data_dir = settings.publisher, settings.data_dir.resolve()
    named = [settings.path(text) for text in (publisher.keystore, publisher.password_file) if text]
    inside = [path for path in (settings.data_dir / name for name in KEY_FILES) if path.exists()]
    elsewhere: list[Path] = []
    for path in named:
        # However the settings spell it: a restore takes no path with links or dots in it.
        plain = path.parent.resolve() / path.name
        is_inside = all(each.is_relative_to(data_dir) for each in (plain, path.resolve()))
        if path.exists() and is_inside:
            inside.append(settings.data_dir / plain.relative_to(data_dir))
        else:
            elsewhere.append(path)
    return inside, elsewhere
