"""Files that are whole under their name or not there: temporary file, fsync, rename, fsync of the folder."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

PRIVATE = 0o600
PUBLIC = 0o644
COPY_BYTES = 1024 * 1024


@contextmanager
def durable_file(path: Path, *, mode: int) -> Iterator[BinaryIO]:
    """
    Yield a file to write that takes its name, in the place of what stood there, once the block ends without an error.

    Guarantees after the block that name and content survive loss of power; after an error, that nothing changed.
    """
    temporary = path.with_name(f".writing-{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def write_durably(path: Path, content: bytes, *, mode: int) -> None:
    """Write a file whole; see `durable_file` for what is guaranteed."""
    with durable_file(path, mode=mode) as file:
        file.write(content)


def copy_durably(source: Path, target: Path, *, mode: int) -> bytes:
    """Copy a file and return the SHA-256 of what was copied; see `durable_file` for what is guaranteed."""
    digest = sha256()
    with source.open("rb") as reading, durable_file(target, mode=mode) as writing:
        while piece := reading.read(COPY_BYTES):
            digest.update(piece)
            writing.write(piece)
    return digest.digest()


def make_folder(path: Path, *, mode: int = 0o777) -> None:
    """
    Make a folder of this mode, and those above it, where they are missing.

    Guarantees on return that those names survive loss of power: a file that is synced in a folder whose own name is
    lost is lost with it.
    """
    if path.is_dir():
        return
    make_folder(path.parent)
    path.mkdir(mode=mode, exist_ok=True)
    sync_folder(path.parent)


def file_sha256(path: Path) -> bytes:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        digest = sha256()
        while piece := file.read(COPY_BYTES):
            digest.update(piece)
    return digest.digest()


def sync_file(path: Path) -> None:
    """Put a file's content on disk."""
    _sync(path, os.O_RDONLY)


def sync_folder(path: Path) -> None:
    """Put a folder's names on disk."""
    _sync(path, os.O_RDONLY | os.O_DIRECTORY)


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
