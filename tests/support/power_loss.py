"""
What a disk holds when the power goes: made again from a trace of writes and syncs.

A write is on disk for certain once a later fsync or fdatasync of its file returned; until then it may be there, in
part, or not at all, in any order. The name of a new file is there for certain once its folder was synced.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

TRACE_OPTIONS = ("-xx", "-s", "1000000", "-e", "trace=openat,write,pwrite64,fsync,fdatasync,ftruncate")
"""Makes strace print all bytes, in hex, and tell which files are made."""

_SECTOR = 512
_CALL = re.compile(
    r"(?P<pid>\d+) +(?P<call>\w+)\((?P<fd>\d+)<(?P<path>[^>]*)>(?P<arguments>.*?)"
    r"(?P<end> <unfinished \.\.\.>|\) += (?P<result>-?\d+).*)$"
)
_RESUMED = re.compile(r"(?P<pid>\d+) +<\.\.\. (?P<call>\w+) resumed>.*\) += (?P<result>-?\d+)")
_OPENED = re.compile(r".*O_CREAT.* = \d+<(?P<path>[^>]*)>$")
_DATA = re.compile(r', "(?P<data>(?:\\x[0-9a-f]{2})*)", \d+(?:, (?P<offset>\d+))?')
_SYNCS = ("fsync", "fdatasync")


@dataclass(slots=True)
class _File:
    """Bytes that are on disk for certain, and what was written to them since."""

    synced: bytes
    pending: list[tuple[int, bytes]] = field(default_factory=list)
    has_durable_name: bool = True

    def sync(self) -> None:
        self.synced = _written(self.synced, self.pending)
        self.pending.clear()

    def lost(self, dice: random.Random | None) -> bytes:
        """Return what is left without the pending writes, or with those that dice say, each whole or torn."""
        kept = [] if dice is None else [_torn(write, dice) for write in self.pending if dice.random() < 0.5]
        if dice is not None:
            dice.shuffle(kept)
        return _written(self.synced, kept)


class Disk:
    """A folder's files as a trace of one process leaves them, step by step."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files = {path: _File(path.read_bytes()) for path in folder.rglob("*") if path.is_file()}
        self._syncing: dict[str, Path] = {}

    def lines(self, trace: str) -> Iterator[str]:
        """Follow a trace; yield each line that the process writes to standard output, at that moment."""
        for line in trace.splitlines():
            if (resumed := _RESUMED.match(line)) and resumed["call"] in _SYNCS and resumed["result"] == "0":
                self._sync(self._syncing.pop(resumed["pid"]))
            if opened := _OPENED.match(line):
                self._open(_path(opened))
            if not (call := _CALL.match(line)):
                continue
            if call["call"] == "write" and call["fd"] == "1":
                yield _data(call).decode().removesuffix("\n")
            self._follow(call)

    def write_to(self, folder: Path, *, dice: random.Random | None) -> None:
        """Write what is left after a loss of power; without dice everything that was not synced is gone."""
        for path, file in self._files.items():
            if file.has_durable_name and not path.name.endswith("-shm"):
                target = folder / path.relative_to(self._folder)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.touch(mode=0o600)
                target.write_bytes(file.lost(dice))

    def _open(self, path: Path) -> None:
        if path.is_relative_to(self._folder):
            self._files.setdefault(path, _File(b"", has_durable_name=False))

    def _follow(self, call: re.Match[str]) -> None:
        path = _path(call)
        if not path.is_relative_to(self._folder):
            return
        if call["call"] == "pwrite64":
            match = _DATA.match(call["arguments"])
            assert match is not None, call[0][:200]
            self._files[path].pending.append((int(match["offset"]), _data(call)))
        elif call["call"] in _SYNCS and call["result"] is None:
            self._syncing[call["pid"]] = path
        elif call["call"] in _SYNCS and call["result"] == "0":
            self._sync(path)

    def _sync(self, path: Path) -> None:
        if path in self._files:
            self._files[path].sync()
        for other, file in self._files.items():
            file.has_durable_name = file.has_durable_name or other.parent == path


def _path(match: re.Match[str]) -> Path:
    text = match["path"]
    return Path(bytes.fromhex(text.replace("\\x", "")).decode() if text.startswith("\\x") else text)


def _data(call: re.Match[str]) -> bytes:
    match = _DATA.match(call["arguments"])
    assert match is not None, call[0][:200]
    return bytes.fromhex(match["data"].replace("\\x", ""))


def _written(content: bytes, writes: list[tuple[int, bytes]]) -> bytes:
    octets = bytearray(content)
    for offset, data in writes:
        octets.extend(bytes(max(0, offset - len(octets))))
        octets[offset : offset + len(data)] = data
    return bytes(octets)


def _torn(write: tuple[int, bytes], dice: random.Random) -> tuple[int, bytes]:
    """Return a write whole, or cut at a sector's border."""
    offset, data = write
    return (offset, data[: dice.randrange(0, len(data), _SECTOR)]) if dice.random() < 0.5 else write
