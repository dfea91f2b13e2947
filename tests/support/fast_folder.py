"""A folder for databases whose loss of power is not under test: in memory, where the machine has such a place."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_MEMORY = Path("/dev/shm")


@contextmanager
def fast_folder() -> Iterator[Path]:
    """Yield an empty folder that is removed at the end."""
    base = _MEMORY if os.access(_MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="credential-anchor-", dir=base) as name:
        yield Path(name)


@pytest.fixture(name="tmp_path")
def path_in_memory() -> Iterator[Path]:
    """Return an empty folder, in memory where that is possible: for tests that do not ask what the disk does."""
    with fast_folder() as folder:
        yield folder
