"""A folder for databases whose loss of power is not under test: in memory, where the machine has such a place."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_MEMORY = Path("/dev/shm")


@contextmanager
def fast_folder() -> Iterator[Path]:
    """Yield an empty folder that is removed at the end."""
    base = _MEMORY if os.access(_MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="credential-anchor-", dir=base) as name:
        yield Path(name)
