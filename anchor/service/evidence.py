"""Cuts evidence of single status entries from the lists that the newest mined batch commits to."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass

from anchor.core.entries import bits_tree
from anchor.core.merkle import Tree
from anchor.documents import EvidenceDocument, ListState, cut_evidence
from anchor.errors import FatalError, NotFound
from anchor.service.proofs import Publications
from anchor.store.protocol import Store
from status_lists.errors import StatusListError
from status_lists.published import parse_list_document

MAX_KEPT_LISTS = 8
"""Lists that were read lately stay at hand: one of a hundred million entries takes 25 MB with its tree."""

MAX_AT_ONCE = 1
"""Lists that are expanded at a time, since each takes memory and a thread."""


@dataclass(frozen=True, slots=True)
class _Expanded:
    """A version of a list as bits, with the tree over their chunks."""

    bits: bytes
    tree: Tree


class EvidenceMaker:
    """Makes evidence when it is asked for; nothing is stored, but lists asked for lately are kept expanded."""

    def __init__(self, *, store: Store, publications: Publications) -> None:
        self._store = store
        self._publications = publications
        self._kept: OrderedDict[tuple[int, int], _Expanded] = OrderedDict()
        self._expanding = asyncio.Semaphore(MAX_AT_ONCE)

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
        expanded = await self._expanded(batch.lists[list_number])
        evidence = cut_evidence(batch, list_number, expanded.bits, index, tree=expanded.tree)
        if evidence.root() != batch.root:
            raise FatalError(f"evidence of list {list_number} leads to another root: the database is damaged")
        return evidence

    async def _expanded(self, state: ListState) -> _Expanded:
        key = (state.number, state.entry.version)
        async with self._expanding:
            if key not in self._kept:
                published = await self._store.list_version(*key)
                if published is None:
                    raise FatalError(
                        f"version {key[1]} of list {key[0]} is anchored and missing: restore a backup"
                    )
                self._kept[key] = await asyncio.to_thread(_expand, state, published.document)
            self._kept.move_to_end(key)
            if len(self._kept) > MAX_KEPT_LISTS:
                self._kept.popitem(last=False)
            return self._kept[key]


def _expand(state: ListState, document: bytes) -> _Expanded:
    entry = state.entry
    try:
        bits = parse_list_document(document, max_bits_bytes=entry.length * entry.bits_per_entry // 8).bits
    except StatusListError as exc:
        raise FatalError(f"a published version of list {state.number} cannot be read: {exc}") from exc
    return _Expanded(bits=bits, tree=bits_tree(bits))
