"""Makes proofs and batch documents when they are asked for, from what is stored."""

from __future__ import annotations

from anchor.core.digest import SALTED, Method
from anchor.core.entries import BatchHeader, CredentialEntry, identifier_hash, list_url
from anchor.core.lifecycle import BatchState
from anchor.core.proof import BatchDescription, CredentialProof, Inclusion
from anchor.documents import (
    AnchorClaim,
    BatchDocument,
    EarlierAnchorage,
    ListState,
    ProofDocument,
    PublisherDocument,
)
from anchor.errors import FatalError, NotFound
from anchor.store.protocol import Store
from anchor.store.records import Anchorage, Batch, DigestPlace, Issuer


class NotMinedYet(NotFound):
    """The digest is accepted, but no block holds its batch: the proof comes later."""


class Publications:
    """Everything that is told about mined batches."""

    def __init__(self, *, store: Store, base_url: str) -> None:
        self._store = store
        self._base_url = base_url

    async def proof(self, issuer: Issuer, place: DigestPlace) -> ProofDocument:
        """
        Return the proof of a digest.

        Guarantees that it leads to the batch's root: each proof is checked before it is given away. Raises NotMinedYet
        before the batch is mined.
        """
        batch, accepted = place.batch, place.accepted
        if not batch.state.is_mined or batch.status_root is None:
            raise NotMinedYet(f"this digest is {batch.state.value}: its proof exists once its batch is mined")
        path = await self._store.inclusion_path(batch.id, accepted.leaf_index, batch.leaf_count)
        entry = CredentialEntry(
            issuer_id=identifier_hash(issuer.identifier),
            method=Method(accepted.method_code & ~SALTED),
            digest=accepted.digest,
            salted=bool(accepted.method_code & SALTED),
            status=accepted.status,
        )
        proof = CredentialProof(
            entry=entry,
            inclusion=Inclusion(index=accepted.leaf_index, tree_size=batch.leaf_count, path=tuple(path)),
            status_root=batch.status_root,
        )
        if proof.root() != batch.root:
            raise FatalError(
                f"a proof of batch {batch.sequence} leads to another root: the database is damaged"
            )
        return ProofDocument(proof=proof, issuer=issuer.identifier, salt=None, claim=await self.claim(batch))

    async def batch(self, sequence: int, *, anchorage: int | None = None) -> BatchDocument:
        """Return a published batch, of the last anchorage unless another is named; NotFound before it is mined."""
        batch = await self.mined_batch(sequence, anchorage=anchorage)
        if (
            batch.previous_root is None
            or batch.sealed_s is None
            or batch.root is None
            or batch.credential_root is None
        ):
            raise AssertionError("a mined batch is sealed")
        states = await self._store.list_states_at(batch.id)
        document = BatchDocument(
            description=BatchDescription(
                header=BatchHeader(
                    sequence=sequence, previous_root=batch.previous_root, created_s=batch.sealed_s
                ),
                leaf_count=batch.leaf_count,
                credential_root=batch.credential_root,
                list_entries=tuple(state.entry for state in states),
            ),
            root=batch.root,
            lists=tuple(
                ListState(
                    number=state.number,
                    url=list_url(self._base_url, state.number),
                    issuer=state.issuer,
                    entry=state.entry,
                )
                for state in states
            ),
            claim=await self.claim(batch),
            is_final=batch.state is BatchState.FINAL,
        )
        if document.description.root() != batch.root:
            raise FatalError(f"batch {sequence} no longer gives its root: the database is damaged")
        return document

    async def mined_batch(self, sequence: int, *, anchorage: int | None = None) -> Batch:
        """Return the stored batch of a sequence; NotFound before it is mined."""
        last = (await self._store.anchorages())[-1].number
        if anchorage in (None, last):
            batch = await self._store.batch_by_sequence(sequence)
        else:
            batch = await self._store.former_batch(anchorage, sequence)
        if batch is None or not batch.state.is_mined:
            raise NotFound(f"no batch of sequence {sequence} is mined")
        return batch

    async def leaves(self, batch: Batch, *, start: int, count: int) -> bytes:
        """Return leaf hashes of a batch, 32 bytes each."""
        return await self._store.nodes(batch.id, 0, start, count)

    async def publisher(self) -> PublisherDocument:
        """Return who publishes where, with the newest mined root as the head."""
        head = await self._store.newest_mined()
        *earlier, last = await self._store.anchorages()
        return PublisherDocument(
            chain_id=last.chain_id,
            genesis_hash=last.genesis_hash,
            contract=last.contract,
            publisher=last.publishers[0],
            from_block=last.from_block,
            base_url=self._base_url,
            head_sequence=head.sequence or 0 if head else 0,
            head_root=head.root if head else None,
            successors=last.publishers[1:],
            earlier=tuple(
                [earlier_anchorage(place, await self._store.former_head(place.number)) for place in earlier]
            ),
        )

    async def claim(self, batch: Batch) -> AnchorClaim:
        """Return where a mined batch is anchored, and under which account of its line its record stands."""
        if (
            batch.sequence is None
            or batch.transaction is None
            or batch.block_number is None
            or batch.block_time_s is None
            or batch.publisher is None
        ):
            raise AssertionError("a mined batch knows its block and its publisher")
        anchorages = {anchorage.number: anchorage for anchorage in await self._store.anchorages()}
        anchorage = anchorages[batch.anchorage or 0]
        return AnchorClaim(
            chain_id=anchorage.chain_id,
            contract=anchorage.contract,
            publisher=batch.publisher,
            sequence=batch.sequence,
            transaction=batch.transaction,
            block_number=batch.block_number,
            block_time_s=batch.block_time_s,
        )


def earlier_anchorage(place: Anchorage, head: tuple[int, bytes] | None) -> EarlierAnchorage:
    """Return how a publisher document names an anchorage that was left, and the batch that it ended with."""
    return EarlierAnchorage(
        number=place.number,
        chain_id=place.chain_id,
        genesis_hash=place.genesis_hash,
        contract=place.contract,
        publisher=place.publishers[0],
        from_block=place.from_block,
        head_sequence=head[0] if head else 0,
        head_root=head[1] if head else None,
    )
