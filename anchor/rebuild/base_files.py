"""What an old backup's service had published: one more place to read batches and lists from."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from dataclasses import replace

from anchor.core.entries import BatchHeader, list_url
from anchor.core.lifecycle import BatchState
from anchor.core.merkle import HASH_BYTES
from anchor.core.proof import BatchDescription
from anchor.documents import (
    AnchorClaim,
    BatchDocument,
    ListState,
    PublisherDocument,
    batch_to_json,
    publisher_to_json,
)
from anchor.errors import NotFound
from anchor.service.proofs import earlier_anchorage
from anchor.store.records import Anchorage, Batch
from anchor.store.sqlite.anchorages import anchorages, former_head
from anchor.store.sqlite.batches import read_batch
from anchor.store.sqlite.lists import list_states_at, list_version
from anchor.store.sqlite.tiles import read_nodes
from anchor.store.sqlite.writer import Session

_LEAVES_AT_ONCE = 32_768


class BaseFiles:
    """What the backup's service had published: one more place to read batches and lists from."""

    __slots__ = ("_base_url", "_place", "_session")

    def __init__(self, session: Session, base_url: str, place: Anchorage) -> None:
        self._session = session
        self._base_url = base_url
        self._place = place

    async def publisher(self) -> bytes:
        """Return who published where when the backup was made; its head is not asked for."""
        *before, last = anchorages(self._session)
        document = PublisherDocument(
            chain_id=last.chain_id,
            genesis_hash=last.genesis_hash,
            contract=last.contract,
            publisher=last.publishers[0],
            from_block=last.from_block,
            base_url=self._base_url,
            head_sequence=0,
            head_root=None,
            successors=last.publishers[1:],
            earlier=tuple(
                earlier_anchorage(place, former_head(self._session, place.number)) for place in before
            ),
        )
        return json.dumps(publisher_to_json(document)).encode()

    async def did_document(self, slug: str) -> bytes:
        """Raise NotFound: the backup's keys are read from its issuers."""
        raise NotFound(f"a backup holds no DID document of {slug}")

    async def list_jwt(self, number: int) -> bytes:
        """Raise NotFound: tokens are signed anew."""
        raise NotFound(f"a backup is not asked for list {number} as a token")

    async def receipt_keys(self) -> bytes:
        """Raise NotFound: the backup keeps them in its database."""
        raise NotFound("a backup publishes no receipt keys")

    async def batch(self, sequence: int) -> bytes:
        """Return the document of a batch that the backup knew as mined."""
        batch = self._batch(sequence)
        if not (batch.previous_root and batch.root and batch.credential_root and batch.transaction):
            raise NotFound(f"the backup has no batch {sequence}")
        states = list_states_at(self._session, batch.id, self._base_url)
        document = BatchDocument(
            description=BatchDescription(
                header=BatchHeader(
                    sequence=sequence, previous_root=batch.previous_root, created_s=batch.sealed_s or 0
                ),
                leaf_count=batch.leaf_count,
                credential_root=batch.credential_root,
                list_entries=tuple(state.entry for state in states),
            ),
            root=batch.root,
            lists=tuple(
                ListState(state.number, list_url(self._base_url, state.number), state.issuer, state.entry)
                for state in states
            ),
            claim=AnchorClaim(
                chain_id=self._place.chain_id,
                contract=self._place.contract,
                publisher=batch.publisher or self._place.publishers[0],
                sequence=sequence,
                transaction=batch.transaction,
                block_number=batch.block_number or 0,
                block_time_s=batch.block_time_s or 0,
            ),
            is_final=batch.state is BatchState.FINAL,
        )
        return json.dumps(batch_to_json(document)).encode()

    async def status_list(self, number: int, version: int | None) -> bytes:
        """Return a list as signed: the version named, or the newest for None."""
        found = list_version(self._session, number, version)
        if found is None:
            raise NotFound(f"the backup has no such version of list {number}")
        return found.document

    def of_anchorage(self, number: int) -> BaseFiles:
        """Return the files of an anchorage of the backup: none where it has no such anchorage."""
        places = {place.number: place for place in anchorages(self._session)}
        place = places.get(number, replace(self._place, number=number))
        return BaseFiles(self._session, self._base_url, place)

    async def leaves(self, sequence: int, *, max_bytes: int) -> AsyncGenerator[bytes]:
        """Yield the leaf hashes of a batch in pieces."""
        batch = self._batch(sequence)
        for start in range(0, min(batch.leaf_count, max_bytes // HASH_BYTES), _LEAVES_AT_ONCE):
            yield read_nodes(self._session, batch.id, 0, start, _LEAVES_AT_ONCE)

    def _batch(self, sequence: int) -> Batch:
        batch = read_batch(
            self._session,
            "coalesce(sequence, former_sequence) = ? and anchorage = ? and state in ('mined', 'final')",
            sequence,
            self._place.number,
        )
        if batch is None:
            raise NotFound(f"the backup has no batch {sequence} of anchorage {self._place.number}")
        return batch
