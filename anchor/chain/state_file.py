"""
The state file of a development chain, and a whole copy of it.

anvil rewrites its state in place: open, truncate, write. Killed in between it leaves half a file, with
which it does not start again. So a copy is kept beside it, made only of whole states and replaced in one
step; a start falls back on it. What the copy lacks is lost then, at most the blocks of the last few
seconds. And each start begins with one block 0 only, so that the genesis hash stays (see anchor.chain.genesis).
"""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import dataclass
from pathlib import Path

from anchor.chain.genesis import with_one_genesis
from anchor.errors import ConfigError


@dataclass(frozen=True, slots=True)
class StateFile:
    """anvil's state file at `path`; its copy is `path` with `.whole` appended."""

    path: Path

    @property
    def copy_path(self) -> Path:
        """Where the copy stands."""
        return self.path.with_name(self.path.name + ".whole")

    def prepare(self) -> None:
        """
        Make the file fit for a start: whole, or restored from the copy, or absent with no copy either.

        Guarantees that the chain keeps its block 0. Precondition: locked.
        Raises ConfigError where neither file is whole, since a new chain would
        silently take the old one's place.
        """
        state = self._whole_state()
        if state is None and self.copy_path.exists():
            state = self.copy_path.read_bytes()
            _replace(self.path, state)
        if state is not None:
            self._keep_genesis(state)
        elif self.path.exists():
            raise ConfigError(f"{self.path} is damaged and has no copy: delete it to begin a new chain")

    def lock(self) -> int:
        """
        Return an open, locked descriptor, to be inherited by anvil: the lock lasts as long as the process.

        So it holds too when anvil outlives whoever started it. Raises ConfigError where another anvil has
        it, since two chains in one file would overwrite each other.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        lock_path = self.path.with_name(self.path.name + ".lock")
        descriptor = os.open(lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            os.close(descriptor)
            raise ConfigError(f"{self.path} is in use by an anvil that still runs: stop that first") from exc
        return descriptor

    def keep_copy(self) -> bool:
        """Replace the copy by the file as it is now, if that is whole; return whether it was."""
        state = self._whole_state()
        if state is None:
            return False
        _replace(self.copy_path, state)
        return True

    def _keep_genesis(self, state: bytes) -> None:
        try:
            cleaned = with_one_genesis(json.loads(state))
        except (KeyError, TypeError, ValueError) as exc:
            raise ConfigError(f"{self.path} is no saved state of anvil: name another file") from exc
        if cleaned is not None:
            _replace(self.path, json.dumps(cleaned, separators=(",", ":")).encode())

    def _whole_state(self) -> bytes | None:
        """Return the file's content, or None where anvil has not begun to write it, or not finished."""
        try:
            with self.path.open("rb") as file:
                before = os.fstat(file.fileno())
                state = file.read()
                after = os.fstat(file.fileno())
            json.loads(state)
        except (FileNotFoundError, ValueError):
            return None
        # A file rewritten while it was read could be the beginning of one state and the end of another.
        unchanged = (before.st_mtime_ns, before.st_size) == (after.st_mtime_ns, len(state))
        return state if unchanged else None


def _replace(path: Path, content: bytes) -> None:
    temporary = path.with_name(path.name + ".new")
    temporary.write_bytes(content)
    temporary.replace(path)
