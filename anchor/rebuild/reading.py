"""Reads published files from several places: the first that fits the chain counts, and nothing that does not."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TypeVar

from anchor.core.merkle import HASH_BYTES, Tree, leaf_hash
from anchor.documents import BatchDocument, ListState, ReceiptKeysDocument, parse_batch, parse_receipt_keys
from anchor.errors import InvalidInput, InvalidProof, NotFound, ServiceUnavailable
from anchor.verify.audit_chain import AuditedAnchor
from anchor.verify.audit_files import against_chain
from anchor.verify.sources import PublishedFiles
from anchor.verify.status_evidence import matching_list, require_anchored
from status_lists import PublishedList, StatusListError, parse_json_object, verify_list
from status_lists.multibase import decode_multikey
from status_lists.signing_jcs import verify_list_jcs

T = TypeVar("T")

_DID_KEY = "did:key:"


@dataclass(frozen=True, slots=True)
class LoadedBatch:
    """A published batch that gives the anchored root, with its whole tree."""

    document: BatchDocument
    tree: Tree


@dataclass(frozen=True, slots=True)
class SignedVersion:
    """A published version of a list whose signature verifies under the key that it names."""

    published: PublishedList
    version: int
    verification_method: str
    public_key: bytes
    content: bytes = field(repr=False)


class Sources:
    """Places where published files are had from, asked in the order given."""

    __slots__ = ("_places",)

    def __init__(self, places: Sequence[PublishedFiles]) -> None:
        self._places = places

    async def batch_document(self, anchor: AuditedAnchor) -> BatchDocument:
        """Return the document of an anchored batch; NotFound with the reasons where no place has one that fits."""
        return await self._first(lambda place: _document(place, anchor))

    async def unanchored_batch(self, sequence: int, previous_root: bytes | None) -> BatchDocument | None:
        """Return a batch document that no chain is asked about, after the root named; None where no place has one."""

        async def fetch(place: PublishedFiles) -> BatchDocument:
            document = parse_batch(await place.batch(sequence))
            header = document.description.header
            if header.sequence != sequence or previous_root not in (None, header.previous_root):
                raise InvalidProof(f"the document is not that of the batch after batch {sequence - 1}")
            return document

        try:
            return await self._first(fetch)
        except NotFound:
            return None

    async def receipt_keys(self) -> Sequence[ReceiptKeysDocument]:
        """Return every receipt keys document that a place has."""
        found = []
        for place in self._places:
            try:
                found.append(parse_receipt_keys(await place.receipt_keys()))
            except (NotFound, InvalidInput, ServiceUnavailable):
                continue
        return found

    async def batch(self, anchor: AuditedAnchor) -> LoadedBatch:
        """Return an anchored batch with its leaves; NotFound with the reasons where no place has one that fits."""
        return await self._first(lambda place: _batch(place, anchor))

    async def version(self, state: ListState) -> SignedVersion:
        """Return a list as a batch anchored it; NotFound with the reasons where no place has it."""

        async def fetch(place: PublishedFiles) -> SignedVersion:
            content = await place.status_list(state.number, state.entry.version)
            return _signed(content, require_anchored(content, state, issuer_names=(state.issuer,)))

        return await self._first(fetch)

    async def newest(self, state: ListState) -> SignedVersion | None:
        """Return the newest version of a list that any place has; None where none has one that can be read."""
        found: list[SignedVersion] = []
        for place in self._places:
            try:
                content = await place.status_list(state.number, None)
                found.append(_signed(content, matching_list(content, state, issuer_names=(state.issuer,))))
            except (NotFound, InvalidProof, ServiceUnavailable):
                continue
        return max(found, key=lambda item: item.version, default=None)

    async def has_list(self, number: int) -> bool:
        """Whether any place has a list of this number, whatever it is."""
        for place in self._places:
            try:
                await place.status_list(number, None)
            except (NotFound, ServiceUnavailable):
                continue
            return True
        return False

    async def did_document(self, slug: str) -> bytes | None:
        """Return a DID document that was hosted; None where no place has it."""
        try:
            return await self._first(lambda place: place.did_document(slug))
        except NotFound:
            return None

    async def _first(self, fetch: Callable[[PublishedFiles], Awaitable[T]]) -> T:
        reasons: dict[str, None] = {}
        for place in self._places:
            try:
                return await fetch(place)
            except (NotFound, InvalidProof, ServiceUnavailable) as exc:
                reasons[str(exc)] = None
        raise NotFound("; ".join(reasons))


async def _document(place: PublishedFiles, anchor: AuditedAnchor) -> BatchDocument:
    document = parse_batch(await place.batch(anchor.event.sequence))
    differing = [found.message for found in against_chain(document, anchor)]
    if document.claim.transaction != anchor.event.transaction_hash:
        differing.append("the published batch names another transaction than the chain")
    if differing:
        raise InvalidProof("; ".join(differing))
    return document


async def _batch(place: PublishedFiles, anchor: AuditedAnchor) -> LoadedBatch:
    document = await _document(place, anchor)
    description = document.description
    size_bytes = description.leaf_count * HASH_BYTES
    leaves = bytearray()
    async with aclosing(place.leaves(anchor.event.sequence, max_bytes=size_bytes)) as pieces:
        async for piece in pieces:
            leaves += piece
    if len(leaves) != size_bytes:
        raise InvalidProof(
            f"the batch has {description.leaf_count} leaves on chain, but {len(leaves)} bytes of them are published"
        )
    if bytes(leaves[:HASH_BYTES]) != leaf_hash(description.header.encode()):
        raise InvalidProof("leaf 0 is not the batch's header")
    tree = Tree()
    tree.extend(bytes(leaves))
    if tree.root() != description.credential_root:
        raise InvalidProof("the leaves do not give the batch's credential root")
    return LoadedBatch(document=document, tree=tree)


def _signed(content: bytes, published: PublishedList) -> SignedVersion:
    """Return a version after verifying it under the key that its signature names, a key of the issuer that it names."""
    try:
        listed = parse_json_object(content)
        proof = listed.get("proof")
        method = str(proof.get("verificationMethod")) if isinstance(proof, dict) else ""
        did, _, multikey = method.rpartition("#")
        key = decode_multikey(multikey)
        is_jcs = isinstance(proof, dict) and proof.get("cryptosuite") == "eddsa-jcs-2022"
        (verify_list_jcs if is_jcs else verify_list)(listed, public_key=key)
    except StatusListError as exc:
        raise InvalidProof(f"the list is not signed as it must be: {exc}") from exc
    if did != published.issuer or (did.startswith(_DID_KEY) and did != _DID_KEY + multikey):
        raise InvalidProof(
            f"the list of {published.issuer[:100]} is signed by {method[:100]}, which is no key of it"
        )
    if published.valid_from_ms is None or published.valid_until_ms is None:
        raise InvalidProof("the list does not say from when until when it holds")
    return SignedVersion(
        published=published,
        version=published.valid_from_ms,
        verification_method=method,
        public_key=key,
        content=content,
    )
