"""Copies what is new of everything that a service publishes, each file checked while it is written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from anchor.documents import EarlierAnchorage, PublisherDocument, parse_publisher, parse_receipt_keys
from anchor.errors import InvalidInput, NotFound, ServiceUnavailable
from anchor.mirror.copying import Copying, Missing
from anchor.mirror.folder import MirrorFolder
from anchor.verify.layout import MIRROR
from anchor.verify.sources import PublishedFiles

OnBatch = Callable[[int, int], None]
"""Told after each batch: (batches looked at, batches in all)."""


@dataclass(frozen=True, slots=True)
class MirrorReport:
    """How far a mirror reaches: the publisher's head, and up to where all is there and final, and what is missing."""

    head_sequence: int
    complete_to: int
    batches_copied: int
    missing: tuple[Missing, ...]


async def mirror_service(
    files: PublishedFiles, folder: Path, *, checks_all: bool, on_batch: OnBatch | None = None
) -> MirrorReport:
    """
    Bring a mirror up to date with a source of published files.

    Guarantees that every file that it writes is whole under its name, on disk, and agrees with its batch: leaves give
    the credential root, lists the bits that the batch commits to. `publisher.json` is written last: its head names a
    batch whose files were looked for. `checks_all` reads again what an earlier call has checked. Nothing is asked of
    the chain: see `anchor audit`. InvalidInput where the folder mirrors another publisher, ServiceUnavailable
    where the source does not answer; what was copied until then stays, and the next call goes on from there.
    """
    try:
        content = await files.publisher()
        publisher = parse_publisher(content)
    except NotFound as exc:
        raise ServiceUnavailable(f"there is no publisher document: {exc}") from exc
    mirror = MirrorFolder(folder)
    _require_same_publisher(mirror, publisher)
    missing: list[Missing] = []
    copied = 0
    for earlier in publisher.earlier:
        left = await _copy_earlier(files, folder, earlier, checks_all=checks_all)
        missing += left.missing
        copied += left.batches_copied
    copying = Copying(files, mirror, checks_all=checks_all)
    anchorage = len(publisher.earlier) + 1
    complete_to = await _copy_batches(
        copying, 0 if checks_all else mirror.complete_to(anchorage), publisher.head_sequence, on_batch
    )
    await copying.newest_lists(publisher)
    mirror.set_complete_to(complete_to, anchorage)
    keys = await _receipt_keys(files)
    if keys is not None:
        mirror.write(MIRROR.receipt_keys, keys)
    mirror.write(MIRROR.publisher, content)
    return MirrorReport(
        head_sequence=publisher.head_sequence,
        complete_to=complete_to,
        batches_copied=copied + copying.batches_copied,
        missing=(*missing, *copying.missing),
    )


async def _copy_earlier(
    files: PublishedFiles, folder: Path, earlier: EarlierAnchorage, *, checks_all: bool
) -> Copying:
    """
    Copy the batches of an anchorage that was left; nothing is added to it any more.

    Where it ends is the publisher's word: `anchor audit --anchorage` compares it with its chain.
    """
    number = earlier.number
    mirror = MirrorFolder(folder, earlier=number)
    copying = Copying(files.of_anchorage(number), mirror, checks_all=checks_all)
    complete_to = await _copy_batches(
        copying, 0 if checks_all else mirror.complete_to(number), earlier.head_sequence
    )
    mirror.set_complete_to(complete_to, number)
    return copying


async def _copy_batches(
    copying: Copying, complete_to: int, head: int, on_batch: OnBatch | None = None
) -> int:
    """Copy every batch up to the head; return up to where all is there."""
    is_complete = True
    for sequence in range(complete_to + 1, head + 1):
        is_complete = await copying.batch(sequence) and is_complete
        if is_complete:
            complete_to = sequence
        if on_batch is not None:
            on_batch(sequence, head)
    return complete_to


async def _receipt_keys(files: PublishedFiles) -> bytes | None:
    """Return the receipt keys document as it is published; None from a service that signs no receipts."""
    try:
        content = await files.receipt_keys()
    except NotFound:
        return None
    parse_receipt_keys(content)
    return content


def _require_same_publisher(mirror: MirrorFolder, publisher: PublisherDocument) -> None:
    content = mirror.read(MIRROR.publisher)
    if content is None:
        return
    kept = parse_publisher(content)
    left = {earlier.identity: earlier.number for earlier in publisher.earlier}.get(kept.identity)
    if left is not None and kept.base_url == publisher.base_url:
        # The publisher moved since: what is here is of an anchorage that was left, and the new one begins.
        mirror.leave(left)
        return
    if _identity(kept) != _identity(publisher):
        raise InvalidInput(
            f"{mirror.path} mirrors publisher {kept.publisher} at {kept.base_url}, this is {publisher.publisher} at "
            f"{publisher.base_url}: name another folder"
        )
    if kept.head_sequence > publisher.head_sequence:
        raise ServiceUnavailable(
            f"{mirror.path} reaches batch {kept.head_sequence}, the source only {publisher.head_sequence}: what is "
            "published there is older; nothing was changed"
        )


def _identity(document: PublisherDocument) -> tuple[object, ...]:
    return *document.identity, document.base_url
