"""Puts a backup back into a data folder, after checking all of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from anchor.backup.checking import check_copy, facts_of
from anchor.backup.manifest import MANIFEST, MAX_MANIFEST_BYTES, BackupManifest, parse_manifest
from anchor.chain.protocol import ChainReader
from anchor.config import Settings
from anchor.durable_files import PRIVATE, copy_durably, file_sha256, make_folder
from anchor.errors import ConfigError, FatalError, InvalidInput
from anchor.store.sqlite.connection import FileLock
from anchor.verify.chain_view import open_view
from anchor.verify.trust import Anchorage

_LOG_SUFFIXES = ("-wal", "-shm")


@dataclass(frozen=True, slots=True)
class RestorePlan:
    """A backup that was checked, ready to be put back."""

    folder: Path
    manifest: BackupManifest


def read_backup(folder: Path, *, database: str) -> RestorePlan:
    """
    Check a backup: its manifest, each file's size and hash, every page of its database.

    Raises InvalidInput where it is no backup, FatalError where something in it is damaged or missing.
    """
    manifest = parse_manifest(_read(folder / MANIFEST))
    if database not in (file.name for file in manifest.files):
        raise InvalidInput(f"{folder} holds no {database}: it is no backup of a service")
    for file in manifest.files:
        path = folder / file.name
        if not path.is_file():
            raise FatalError(f"{path} is missing: use another backup")
        if path.stat().st_size != file.size_bytes or file_sha256(path) != file.sha256:
            raise FatalError(f"{path} is not the file that was backed up: use another backup")
    check_copy(folder / database)
    facts = facts_of(folder / database)
    if (facts.sealed_sequence, facts.mined_sequence) != (manifest.sealed_sequence, manifest.mined_sequence):
        raise FatalError(f"{folder / MANIFEST} speaks of another database: use another backup")
    return RestorePlan(folder=folder, manifest=manifest)


def require_same_service(plan: RestorePlan, settings: Settings) -> None:
    """Raise ConfigError where the settings are those of another service than the backup's."""
    manifest = plan.manifest
    for name, stored, configured in (
        ("chain", manifest.chain_id, settings.chain_id),
        ("contract", manifest.contract.lower(), settings.chain.contract.lower()),
        ("base URL", manifest.base_url, settings.server.base_url),
    ):
        if stored != configured:
            raise ConfigError(
                f"the backup is of a service with {name} {stored}, the settings say {configured}: use the settings "
                "that belong to it"
            )


def put_back(plan: RestorePlan, settings: Settings) -> tuple[str, ...]:
    """
    Copy a checked backup into an empty data folder and return the names of the files, the database last.

    Guarantees that a database stands there only when everything else does, and that all of it is on disk on return. A
    file that is there already with the same content is left alone, so that a restore that was interrupted can be
    repeated. Raises FatalError where a service holds the lock, InvalidInput where other data is there.
    """
    data_dir = settings.data_dir
    make_folder(data_dir, mode=0o700)
    lock = FileLock(settings.database)
    try:
        _require_empty(plan, settings)
        for file in sorted(plan.manifest.files, key=lambda item: item.name == settings.database.name):
            target = data_dir / file.name
            make_folder(target.parent, mode=0o700)
            if target.exists():
                continue
            if copy_durably(plan.folder / file.name, target, mode=PRIVATE) != file.sha256:
                target.unlink()
                raise FatalError(f"{plan.folder / file.name} changed while it was copied: use another backup")
    except OSError as exc:
        raise FatalError(f"{data_dir} cannot be written ({exc.strerror}): restore again") from exc
    finally:
        lock.release()
    return tuple(file.name for file in plan.manifest.files)


def _require_empty(plan: RestorePlan, settings: Settings) -> None:
    logs = [settings.database.with_name(settings.database.name + suffix) for suffix in _LOG_SUFFIXES]
    present = [path for path in (settings.database, *logs) if path.exists()]
    present += [
        path
        for file in plan.manifest.files
        if (path := settings.data_dir / file.name).exists()
        and path not in present
        and file_sha256(path) != file.sha256
    ]
    if present:
        names = ", ".join(path.name for path in present)
        raise InvalidInput(
            f"{settings.data_dir} holds {names} already: a restore overwrites nothing; move the data folder "
            "away first, and keep it: it may know more than the backup"
        )


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_MANIFEST_BYTES + 1)
    except OSError as exc:
        raise InvalidInput(f"{path} cannot be read ({exc.strerror}): name the folder of a backup") from exc


async def head_sequence(reader: ChainReader, manifest: BackupManifest, *, confirmations: int) -> int:
    """Return the newest sequence that the chain holds of the backup's publisher or its successors; 0 for none."""
    anchorage = Anchorage(
        chain_id=manifest.chain_id,
        genesis_hash=bytes.fromhex(manifest.genesis_hash),
        contract=manifest.contract,
        publisher=manifest.publisher,
        confirmations=confirmations or None,
    )
    head = await (await open_view(reader, anchorage)).head()
    return head.record.sequence if head else 0
