"""Status lists from files on this machine: downloaded lists, and the batch document that they stand in."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from anchor.errors import InvalidInput, NotFound
from anchor.verify.layout import MAX_DOCUMENT_BYTES
from anchor.verify.sources import ListSource
from status_lists import StatusListError, parse_json_object
from status_lists.datetimes import parse_datetime

_NUMBER_AT_END = re.compile(r".*/status-lists/(0|[1-9][0-9]{0,8})", re.ASCII)


class ListFiles:
    """A ListSource over files that were given by name.

    Lists are told apart by the number at the end of their URL, and by the time from which they hold. `batch`
    is a batch document; without it `batches` is asked for one, which names no credential.
    """

    __slots__ = ("_batch", "_batches", "_lists")

    def __init__(
        self, lists: Mapping[Path, bytes], *, batch: bytes | None, batches: ListSource | None
    ) -> None:
        self._batch = batch
        self._batches = batches
        self._lists: dict[int, dict[int, bytes]] = {}
        for path, content in lists.items():
            number, version = _identified(path, content)
            self._lists.setdefault(number, {})[version] = content

    async def batch(self, sequence: int) -> bytes:
        """Return the batch document that was given, whatever batch it is of: the chain decides whether it fits."""
        if self._batch is not None:
            return self._batch
        if self._batches is None:
            raise NotFound(f"the document of batch {sequence} was not given: add --batch FILE")
        return await self._batches.batch(sequence)

    async def status_list(self, number: int, version: int | None) -> bytes:
        """Return the list of that version among those given, the newest for None."""
        versions = self._lists.get(number)
        if not versions:
            raise NotFound(f"status list {number} was not given: add --list FILE")
        if version is None:
            return versions[max(versions)]
        if version in versions:
            return versions[version]
        # Not the anchored one: let it be said of the list at hand that it differs.
        older = [known for known in versions if known < version]
        if not older:
            raise NotFound(f"status list {number} was given only as it stands after its newest anchor")
        return versions[max(older)]


def read_list_files(paths: Sequence[Path]) -> dict[Path, bytes]:
    """Return the content of list files; InvalidInput where one cannot be read."""
    return {path: _read(path) for path in paths}


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_DOCUMENT_BYTES + 1)
    except OSError as exc:
        raise InvalidInput(f"{path} cannot be read: {exc.strerror}") from exc
    if len(content) > MAX_DOCUMENT_BYTES:
        raise InvalidInput(f"{path} has more than {MAX_DOCUMENT_BYTES:,} bytes: no status list is so large")
    return content


def _identified(path: Path, content: bytes) -> tuple[int, int]:
    """Return a list's number and version as it states them; nothing of it is believed yet."""
    try:
        document = parse_json_object(content)
        url, valid_from = document.get("id"), document.get("validFrom")
        match = _NUMBER_AT_END.fullmatch(url) if isinstance(url, str) else None
        if match is None:
            raise InvalidInput(f"{path} is no status list whose URL ends in /status-lists/ and its number")
        return int(match[1]), parse_datetime(valid_from)
    except StatusListError as exc:
        raise InvalidInput(f"{path} is no status list: {exc}") from exc
