"""Batches made by `anchor.core`, with the proofs and the evidence that lead to their roots."""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256

from anchor.core.digest import Method
from anchor.core.entries import (
    CHUNK_BITS,
    CHUNK_BYTES,
    BatchHeader,
    CredentialEntry,
    Purpose,
    StatusEntry,
    StatusListEntry,
    StatusSummary,
    bits_root,
    bits_tree,
    chunk_leaf,
    identifier_hash,
    join_root,
)
from anchor.core.merkle import Tree, leaf_hash, root_from_inclusion
from anchor.core.proof import ChunkEvidence, CredentialProof, Inclusion, ListEvidence, list_path
from status_lists.bitstring import bytes_needed, set_entry

ISSUER_ID = identifier_hash("did:web:example.org")
OTHER_ISSUER_ID = identifier_hash("did:web:example.com")


def flipped(octets: bytes, bit: int = 0) -> bytes:
    """Return bytes with one bit changed; bit 0 is the left-most."""
    changed = bytearray(octets)
    changed[bit // 8] ^= 0x80 >> bit % 8
    return bytes(changed)


def credential(
    number: int, *, bound: tuple[int, int] | None = None, issuer_id: bytes = ISSUER_ID
) -> CredentialEntry:
    """Return the entry of one of many credentials."""
    digest = sha256(b"credential %d" % number).digest()
    return CredentialEntry(issuer_id, Method.RAW, digest, status=StatusEntry(*bound) if bound else None)


@dataclass(frozen=True, slots=True)
class AnchoredList:
    """A status list's entry and its bits."""

    entry: StatusListEntry
    bits: bytes

    @classmethod
    def of(
        cls,
        number: int,
        purpose: Purpose,
        bits: bytes,
        *,
        bits_per_entry: int = 1,
        issuer_id: bytes = ISSUER_ID,
    ) -> AnchoredList:
        """Describe a list of given bits."""
        entry = StatusListEntry(
            issuer_id=issuer_id,
            list_id=identifier_hash(f"https://example.org/status-lists/{number}"),
            purpose=purpose,
            bits_per_entry=bits_per_entry,
            length=len(bits) * 8 // bits_per_entry,
            version=1_700_000_000_000 + number,
            bits_root=bits_root(bits),
        )
        return cls(entry, bits)

    @classmethod
    def with_values(
        cls,
        number: int,
        purpose: Purpose,
        values: dict[int, int],
        *,
        bits_per_entry: int = 1,
        length: int = 2_048,
        issuer_id: bytes = ISSUER_ID,
    ) -> AnchoredList:
        """Describe a list whose entries are 0 but for those given, by index."""
        bits = bytearray(bytes_needed(length, bits_per_entry))
        for index, value in values.items():
            set_entry(bits, index, value, bits_per_entry)
        return cls.of(number, purpose, bytes(bits), bits_per_entry=bits_per_entry, issuer_id=issuer_id)


def clean_pair(
    number: int, revoked: tuple[int, ...] = (), suspended: tuple[int, ...] = ()
) -> list[AnchoredList]:
    """Return a pair of lists n, n + 1 that says nothing against anybody but those named."""
    return [
        AnchoredList.with_values(number, Purpose.REVOCATION, dict.fromkeys(revoked, 1)),
        AnchoredList.with_values(number + 1, Purpose.SUSPENSION, dict.fromkeys(suspended, 1)),
    ]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What leads from one status entry to a root, and the index that it is for."""

    listed: ListEvidence
    chunk: ChunkEvidence
    index: int

    @property
    def reached_bits_root(self) -> bytes:
        """The bits root to which the index's chunk leads; InvalidProof where the path does not fit."""
        entry = self.listed.entry
        bits = entry.bits_per_entry
        return root_from_inclusion(
            chunk_leaf(self.chunk.chunk),
            index=self.index * bits // CHUNK_BITS,
            tree_size=entry.length * bits // CHUNK_BITS,
            path=self.chunk.path,
        )

    @property
    def reached_list_tree_root(self) -> bytes:
        """The list tree root to which the list's entry leads; InvalidProof where the path does not fit."""
        listed = self.listed
        inclusion = Inclusion(listed.list_number, listed.summary.list_count, listed.path)
        return inclusion.root_of(leaf_hash(listed.entry.encode()))

    def with_entry(self, **changes: object) -> Evidence:
        """Return this evidence with another list entry."""
        return replace(self, listed=replace(self.listed, entry=replace(self.listed.entry, **changes)))  # type: ignore[arg-type]  # fields by name


@dataclass(frozen=True, slots=True)
class Batch:
    """The credentials and the lists that one root commits to."""

    credentials: tuple[CredentialEntry, ...] = ()
    lists: tuple[AnchoredList, ...] = ()
    sequence: int = 1

    @property
    def tree(self) -> Tree:
        """The credential tree."""
        header = BatchHeader(self.sequence, bytes(32), 1_700_000_000)
        tree = Tree()
        tree.extend([leaf_hash(header.encode())])
        tree.extend(leaf_hash(entry.encode()) for entry in self.credentials)
        return tree

    @property
    def summary(self) -> StatusSummary:
        """The summary of all lists."""
        return StatusSummary.of([listed.entry for listed in self.lists])

    @property
    def root(self) -> bytes:
        """The 32 bytes that go on chain."""
        return join_root(self.tree.root(), self.summary.status_root())

    @property
    def leaf_count(self) -> int:
        """The size of the credential tree."""
        return 1 + len(self.credentials)

    def proof(self, position: int) -> CredentialProof:
        """Return the proof of the credential at a position, 1 being the first."""
        tree = self.tree
        return CredentialProof(
            entry=self.credentials[position - 1],
            inclusion=Inclusion(position, tree.size, tuple(tree.inclusion_path(position))),
            status_root=self.summary.status_root(),
        )

    def evidence(self, list_number: int, index: int) -> Evidence:
        """Return the evidence for an index of a list."""
        anchored = self.lists[list_number]
        listed = ListEvidence(
            entry=anchored.entry,
            list_number=list_number,
            summary=self.summary,
            path=list_path([each.entry for each in self.lists], list_number),
            credential_root=self.tree.root(),
        )
        at = index * anchored.entry.bits_per_entry // CHUNK_BITS
        chunk = anchored.bits[at * CHUNK_BYTES : (at + 1) * CHUNK_BYTES]
        path = tuple(bits_tree(anchored.bits).inclusion_path(at))
        return Evidence(listed, ChunkEvidence(chunk, at, path), index)
