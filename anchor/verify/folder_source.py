"""Published files from a folder on this machine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

from anchor.errors import NotFound, ServiceUnavailable
from anchor.verify.layout import MAX_DOCUMENT_BYTES, MIRROR, Layout

_PIECE_BYTES = 1024 * 1024


class FolderSource:
    """A mirror in a folder: `publisher.json`, `batches/`, `status-lists/` (see anchor.verify.layout)."""

    __slots__ = ("_folder", "_layout")

    def __init__(self, folder: Path, *, layout: Layout = MIRROR) -> None:
        self._folder = folder
        self._layout = layout

    async def publisher(self) -> bytes:
        """Return the publisher document."""
        return await self._read(self._layout.publisher)

    async def receipt_keys(self) -> bytes:
        """Return the receipt keys document."""
        return await self._read(MIRROR.receipt_keys)

    async def batch(self, sequence: int) -> bytes:
        """Return the document of a batch."""
        return await self._read(self._layout.batch.format(sequence=sequence))

    async def status_list(self, number: int, version: int | None) -> bytes:
        """Return a list as signed: the version named, or the newest for None."""
        return await self._read(self._layout.status_list(number, version))

    async def did_document(self, slug: str) -> bytes:
        """Return the DID document of an issuer that has it hosted by the service."""
        return await self._read(MIRROR.did_document.format(slug=slug))

    async def list_jwt(self, number: int) -> bytes:
        """Raise NotFound: a mirror has its files in one form."""
        raise NotFound(f"a mirror has no list {number} as a token: ask the service")

    async def leaves(self, sequence: int, *, max_bytes: int) -> AsyncGenerator[bytes]:
        """Yield the leaf hashes of a batch in pieces; more than `max_bytes` is refused."""
        path = self._folder / self._layout.leaves.format(sequence=sequence)
        offset = 0
        while piece := await asyncio.to_thread(_read_piece, path, offset, _PIECE_BYTES):
            offset += len(piece)
            if offset > max_bytes:
                raise ServiceUnavailable(
                    f"{path.name} holds more than the {max_bytes} bytes that the chain allows"
                )
            yield piece

    def of_anchorage(self, number: int) -> FolderSource:
        """Return the files of an earlier anchorage."""
        return FolderSource(self._folder, layout=self._layout.of_anchorage(number))

    async def _read(self, name: str) -> bytes:
        content = await asyncio.to_thread(_read_piece, self._folder / name, 0, MAX_DOCUMENT_BYTES + 1)
        if len(content) > MAX_DOCUMENT_BYTES:
            raise ServiceUnavailable(f"the mirror's {name} has more than {MAX_DOCUMENT_BYTES} bytes")
        return content


def _read_piece(path: Path, offset: int, max_bytes: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(max_bytes)
    except FileNotFoundError as exc:
        raise NotFound(f"the mirror has no {path.parent.name}/{path.name}") from exc
    except OSError as exc:
        raise ServiceUnavailable(f"the mirror's {path.name} cannot be read: {exc.strerror}") from exc
