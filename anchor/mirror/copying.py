"""Copies batches and lists from a source of published files into a mirror, and notes what cannot be had."""

from __future__ import annotations

from dataclasses import dataclass

from anchor.core.entries import list_url
from anchor.core.merkle import HASH_BYTES, leaf_hash
from anchor.documents import BatchDocument, ListState, PublisherDocument, parse_batch
from anchor.errors import InvalidProof, NotFound, ServiceUnavailable
from anchor.mirror.folder import KeptLeaves, MirrorFolder
from anchor.verify.audit_files import credential_root
from anchor.verify.layout import MAX_DOCUMENT_BYTES, MIRROR
from anchor.verify.sources import PublishedFiles
from anchor.verify.status_evidence import matching_list, require_anchored
from status_lists import PublishedList, parse_json_object, parse_list_document
from status_lists.did_web import hosted_slug
from status_lists.errors import StatusListError

MAX_FAILURES_IN_A_ROW = 3
"""A file that cannot be had is named and passed over; a source that gives none is not asked for all of them."""


MAX_MISSING = 1000
"""A source that lacks more is no copy of anything: it may name batches without end that nobody ever anchored."""

MAX_UNANCHORED_LISTS = 1000
"""New lists are anchored within minutes: more of them at once come from a source that makes them up to fill a disk."""


@dataclass(frozen=True, slots=True)
class Missing:
    """A published file that could not be had, or was not what it must be; `what` is its name in the mirror."""

    what: str
    message: str


class Copying:
    """One run: what was copied, what was missing, and which list versions were seen to be there."""

    def __init__(self, files: PublishedFiles, mirror: MirrorFolder, *, checks_all: bool) -> None:
        self._files = files
        self._mirror = mirror
        self._checks_all = checks_all
        self._versions: set[tuple[int, int]] = set()
        self._failures = 0
        self.batches_copied = 0
        self.missing: list[Missing] = []

    async def batch(self, sequence: int) -> bool:
        """Copy a batch with the list versions that it commits to; return whether all is here, and final."""
        document = self._kept_document(sequence)
        if document is None or not document.is_final or not await self._has_leaves(document):
            document = await self._copy_batch(sequence)
            if document is None:
                return False
        lists = [await self._version(state) for state in document.lists]
        return document.is_final and all(lists)

    async def newest_lists(self, publisher: PublisherDocument) -> None:
        """Copy every list as it is now, anchored or not, and the DID documents that sign them and are hosted there."""
        document = self._kept_document(publisher.head_sequence)
        slugs = set()
        for state in document.lists if document else ():
            name = MIRROR.status_list(state.number, None)
            try:
                content = await self._files.status_list(state.number, None)
                published = _newest(content, state)
            except (NotFound, InvalidProof, ServiceUnavailable) as exc:
                self._miss(name, exc)
                continue
            self._keep(name, content)
            slugs.add(hosted_slug(published.issuer, publisher.base_url))
        await self._unanchored_lists(len(document.lists) if document else 0, publisher)
        for slug in sorted(slug for slug in slugs if slug):
            await self._did_document(slug)

    def _kept_document(self, sequence: int) -> BatchDocument | None:
        content = self._mirror.read(self._mirror.batch_name(sequence)) if sequence else None
        try:
            return None if content is None else parse_batch(content)
        except InvalidProof:
            return None

    async def _has_leaves(self, document: BatchDocument) -> bool:
        description = document.description
        sequence = description.header.sequence
        if self._mirror.size(self._mirror.leaves_name(sequence)) != description.leaf_count * HASH_BYTES:
            return False
        if not self._checks_all:
            return True
        try:
            kept = self._mirror.published
            header_leaf = leaf_hash(description.header.encode())
            root = await credential_root(kept, sequence, description.leaf_count, header_leaf)
        except InvalidProof:
            return False
        return root == description.credential_root

    async def _copy_batch(self, sequence: int) -> BatchDocument | None:
        try:
            content = await self._files.batch(sequence)
            document = _batch(content, sequence)
            before = self._kept_document(sequence)
            if before is None or before.root != document.root or not await self._has_leaves(before):
                await self._copy_leaves(document)
        except (NotFound, InvalidProof, ServiceUnavailable) as exc:
            self._miss(self._mirror.batch_name(sequence), exc)
            return None
        # After its leaves: a document stands for a batch that is whole.
        self._keep(self._mirror.batch_name(sequence), content)
        self.batches_copied += 1
        return document

    async def _copy_leaves(self, document: BatchDocument) -> None:
        description = document.description
        sequence = description.header.sequence
        with self._mirror.writing(self._mirror.leaves_name(sequence)) as file:
            kept = KeptLeaves(self._files, file)
            header_leaf = leaf_hash(description.header.encode())
            root = await credential_root(kept, sequence, description.leaf_count, header_leaf)
            # Within the block: leaves that differ never take their name.
            if root != description.credential_root:
                raise InvalidProof("its leaves do not give its credential root")

    async def _version(self, state: ListState) -> bool:
        key = (state.number, state.entry.version)
        if key in self._versions:
            return True
        name = MIRROR.status_list(*key)
        kept = self._mirror.read(name) if self._checks_all or self._mirror.has(name) else None
        try:
            if kept is None or not self._is_anchored(kept, state):
                content = await self._files.status_list(*key)
                require_anchored(content, state, issuer_names=(state.issuer,))
                self._keep(name, content)
        except (NotFound, InvalidProof, ServiceUnavailable) as exc:
            self._miss(name, exc)
            return False
        self._versions.add(key)
        return True

    def _is_anchored(self, content: bytes, state: ListState) -> bool:
        try:
            require_anchored(content, state, issuer_names=(state.issuer,))
        except InvalidProof:
            return False
        return True

    async def _unanchored_lists(self, first: int, publisher: PublisherDocument) -> None:
        """Copy lists that no batch commits to yet: their numbers are taken, whatever becomes of them."""
        for number in range(first, first + MAX_UNANCHORED_LISTS):
            name = MIRROR.status_list(number, None)
            try:
                content = await self._files.status_list(number, None)
                _require_url(content, list_url(publisher.base_url, number))
            except NotFound:
                return
            except (InvalidProof, StatusListError, ServiceUnavailable) as exc:
                self._miss(name, exc)
                return
            self._keep(name, content)
        raise ServiceUnavailable(
            f"the source names over {MAX_UNANCHORED_LISTS} lists that no batch commits to: use another source"
        )

    async def _did_document(self, slug: str) -> None:
        name = MIRROR.did_document.format(slug=slug)
        try:
            content = await self._files.did_document(slug)
            parse_json_object(content)
        except (NotFound, StatusListError, ServiceUnavailable) as exc:
            self._miss(name, exc)
            return
        self._keep(name, content)

    def _keep(self, name: str, content: bytes) -> None:
        self._mirror.write(name, content)
        self._failures = 0

    def _miss(self, name: str, error: Exception) -> None:
        self.missing.append(Missing(name, str(error)))
        if len(self.missing) >= MAX_MISSING:
            raise ServiceUnavailable(
                f"the source lacks {MAX_MISSING} files that it should have, {name} at last: use another source"
            ) from error
        if isinstance(error, ServiceUnavailable):
            self._failures += 1
            if self._failures >= MAX_FAILURES_IN_A_ROW:
                raise error


def _batch(content: bytes, sequence: int) -> BatchDocument:
    document = parse_batch(content)
    if document.description.header.sequence != sequence:
        raise InvalidProof(f"the document is that of batch {document.description.header.sequence}")
    return document


def _newest(content: bytes, state: ListState) -> PublishedList:
    published = matching_list(content, state, issuer_names=(state.issuer,))
    if (published.valid_from_ms or 0) < state.entry.version:
        raise InvalidProof(f"it is older than version {state.entry.version}, which is anchored")
    return published


def _require_url(content: bytes, url: str) -> None:
    if parse_list_document(content, max_bits_bytes=MAX_DOCUMENT_BYTES).url != url:
        raise InvalidProof(f"it is another list than {url}")
