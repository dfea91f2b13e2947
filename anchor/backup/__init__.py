"""Backups of a service's data folder: checked before they are called good, put back only where that is safe."""

from anchor.backup.making import make_backup
from anchor.backup.manifest import BackedUpFile, BackupManifest
from anchor.backup.restoring import (
    RestorePlan,
    head_sequence,
    put_back,
    read_backup,
    require_same_service,
)

__all__ = [
    "BackedUpFile",
    "BackupManifest",
    "RestorePlan",
    "head_sequence",
    "make_backup",
    "put_back",
    "read_backup",
    "require_same_service",
]
