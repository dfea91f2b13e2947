"""Cuts evidence of single status entries from the lists that the newest mined batch commits to."""

from __future__ import annotations

import asyncio

from anchor.documents import BatchDocument, EvidenceDocument, cut_evidence
from anchor.errors import FatalError, NotFound
from anchor.service.proofs import Publications
from anchor.store.protocol import Store
from status_lists.errors import StatusListError
from status_lists.published import parse_list_document


class EvidenceMaker:
    """Makes evidence when it is asked for; nothing of it is stored."""

    def __init__(self, *, store: Store, publications: Publications) -> None:
        self._store = store
        self._publications = publications

    async def newest(self, list_number: int, index: int) -> EvidenceDocument:
        """
        Return the evidence of an entry as of the newest mined batch; NotFound where that knows no such list.

        Guarantees that it leads to the batch's root: it is checked before it is given away.
        """
        head = await self._store.newest_mined()
        if head is None or head.sequence is None:
            raise NotFound("nothing is anchored yet: there is no evidence to give")
        batch = await self._publications.batch(head.sequence)
        if list_number >= len(batch.lists) or index >= batch.lists[list_number].entry.length:
            raise NotFound(f"batch {head.sequence} commits to no index {index} of list {list_number}")
        version = batch.lists[list_number].entry.version
        published = await self._store.list_version(list_number, version)
        if published is None:
            raise FatalError(
                f"version {version} of list {list_number} is anchored and missing: restore a backup"
            )
        return await asyncio.to_thread(_cut, batch, list_number, published.document, index)


def _cut(batch: BatchDocument, list_number: int, document: bytes, index: int) -> EvidenceDocument:
    entry = batch.lists[list_number].entry
    try:
        bits = parse_list_document(document, max_bits_bytes=entry.length * entry.bits_per_entry // 8).bits
    except StatusListError as exc:
        raise FatalError(f"a published version of list {list_number} cannot be read: {exc}") from exc
    evidence = cut_evidence(batch, list_number, bits, index)
    if evidence.root() != batch.root:
        raise FatalError(f"evidence of list {list_number} leads to another root: the database is damaged")
    return evidence
