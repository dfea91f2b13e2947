"""The folder of a mirror: every file in it is whole, and was checked before it took its name."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO

from anchor.core.strict_json import JsonValue, parse_strict_json
from anchor.durable_files import PUBLIC, durable_file, sync_folder, write_durably
from anchor.errors import InvalidInput
from anchor.fields import Fields
from anchor.verify.folder_source import FolderSource
from anchor.verify.layout import MIRROR
from anchor.verify.sources import LeafSource

MIRROR_FORMAT = "credential-anchor/mirror/v1"
PROGRESS = "mirror.json"


class MirrorFolder:
    """Reads and writes a mirror by the names of its layout; OSError is left to the caller."""

    __slots__ = ("_layout", "_progress", "path")

    def __init__(self, path: Path, *, earlier: int | None = None) -> None:
        """`earlier` is the number of an anchorage that was left: batches and progress are then its own."""
        self.path = path
        self._layout = MIRROR if earlier is None else MIRROR.of_anchorage(earlier)
        self._progress = PROGRESS if earlier is None else f"anchorages/{earlier}/{PROGRESS}"

    def batch_name(self, sequence: int) -> str:
        """Return the name of a batch's document."""
        return self._layout.batch.format(sequence=sequence)

    def leaves_name(self, sequence: int) -> str:
        """Return the name of a batch's leaves."""
        return self._layout.leaves.format(sequence=sequence)

    @property
    def published(self) -> FolderSource:
        """What is here, to be read as published files are."""
        return FolderSource(self.path, layout=self._layout)

    def read(self, name: str) -> bytes | None:
        """Return a file's content; None where there is none."""
        try:
            return (self.path / name).read_bytes()
        except FileNotFoundError:
            return None

    def size(self, name: str) -> int:
        """Return a file's size in bytes; 0 where there is none."""
        path = self.path / name
        return path.stat().st_size if path.exists() else 0

    def has(self, name: str) -> bool:
        """Whether there is a file of this name."""
        return (self.path / name).is_file()

    def write(self, name: str, content: bytes) -> None:
        """Write a file unless it is there with this content."""
        if self.read(name) != content:
            write_durably(self._made(name), content, mode=PUBLIC)

    def writing(self, name: str) -> AbstractContextManager[BinaryIO]:
        """Return a file to write that takes its name once its block ends without an error."""
        return durable_file(self._made(name), mode=PUBLIC)

    def complete_to(self, anchorage: int) -> int:
        """Return the sequence up to which an anchorage is here, final and checked; 0 where nothing of it is."""
        content = self.read(self._progress)
        if content is None:
            return 0
        fields = Fields(parse_strict_json(content), self._progress)
        if fields.text("format") != MIRROR_FORMAT:
            raise InvalidInput(
                f"{self.path / self._progress} is not of the format {MIRROR_FORMAT}: name another folder"
            )
        known = fields.integer("anchorage", minimum=1) if fields.has("anchorage") else 1
        return fields.integer("completeTo") if known == anchorage else 0

    def set_complete_to(self, sequence: int, anchorage: int) -> None:
        """Note up to which sequence of an anchorage nothing needs to be looked at again."""
        document: dict[str, JsonValue] = {"format": MIRROR_FORMAT, "completeTo": sequence}
        if anchorage > 1:
            document["anchorage"] = anchorage
        self.write(self._progress, (json.dumps(document) + "\n").encode())

    def leave(self, anchorage: int) -> None:
        """Let the batches that are here be those of an anchorage that was left; done already, nothing happens."""
        left = self.path / "anchorages" / str(anchorage) / "batches"
        here = self.path / "batches"
        if left.exists() or not here.exists():
            return
        left.parent.mkdir(parents=True, exist_ok=True)
        here.rename(left)
        sync_folder(left.parent)
        sync_folder(self.path)

    def _made(self, name: str) -> Path:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path


class KeptLeaves:
    """Leaves on their way into a file: what is checked is what is written."""

    __slots__ = ("_file", "_source")

    def __init__(self, source: LeafSource, file: BinaryIO) -> None:
        self._source = source
        self._file = file

    async def leaves(self, sequence: int, *, max_bytes: int) -> AsyncGenerator[bytes]:
        """Yield a batch's leaf hashes as the source does, and write each piece."""
        async for piece in self._source.leaves(sequence, max_bytes=max_bytes):
            self._file.write(piece)
            yield piece
