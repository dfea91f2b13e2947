"""Proofs and evidence as values: what leads from a digest, or a chunk of a bitstring, to a root on chain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from anchor.core.entries import (
    CHUNK_BYTES,
    BatchHeader,
    CredentialEntry,
    StatusListEntry,
    StatusSummary,
    chunk_count,
    chunk_leaf,
    join_root,
)
from anchor.core.merkle import Tree, leaf_hash, root_from_inclusion
from anchor.errors import InvalidProof


@dataclass(frozen=True, slots=True)
class Inclusion:
    """Where a leaf stands in a tree and the hashes that lead from it to the tree's root."""

    index: int
    tree_size: int
    path: tuple[bytes, ...]

    def root_of(self, leaf: bytes) -> bytes:
        """Return the root this leads to, or raise InvalidProof where the path does not fit index and size."""
        return root_from_inclusion(leaf, index=self.index, tree_size=self.tree_size, path=self.path)


@dataclass(frozen=True, slots=True)
class CredentialProof:
    """Leads from a credential entry to a root: its place in the credential tree, and the other half of the root."""

    entry: CredentialEntry
    inclusion: Inclusion
    status_root: bytes

    def root(self) -> bytes:
        """
        Return the root that this proof leads to.

        The tree size it states is the prover's: the caller must compare it with the leaf count on chain. Raises
        InvalidProof where the path does not fit, or the entry claims the batch header's place.
        """
        if self.inclusion.index == 0:
            raise InvalidProof("leaf 0 is the batch header: no credential stands there")
        credential_root = self.inclusion.root_of(leaf_hash(self.entry.encode()))
        return join_root(credential_root, self.status_root)


@dataclass(frozen=True, slots=True)
class ListEvidence:
    """Leads from the state of one list to a root; the list tree's size is authenticated by the summary."""

    entry: StatusListEntry
    list_number: int
    summary: StatusSummary
    path: tuple[bytes, ...]
    credential_root: bytes

    def root(self) -> bytes:
        """Return the root that this leads to; raise InvalidProof where the list is not in the summary's tree."""
        inclusion = Inclusion(index=self.list_number, tree_size=self.summary.list_count, path=self.path)
        if inclusion.root_of(leaf_hash(self.entry.encode())) != self.summary.list_tree_root:
            raise InvalidProof(f"list {self.list_number} does not stand in the list tree as claimed")
        return join_root(self.credential_root, self.summary.status_root())


@dataclass(frozen=True, slots=True)
class ChunkEvidence:
    """Leads from 64 bytes of a bitstring to the list's bits root; the list's entry tells the number of chunks."""

    chunk: bytes
    chunk_index: int
    path: tuple[bytes, ...]

    def check(self, entry: StatusListEntry) -> None:
        """Raise InvalidProof unless the chunk stands at its place in the list of that entry."""
        if len(self.chunk) != CHUNK_BYTES:
            # A fixed layout pads and cuts: other lengths would share the leaf hash of a chunk of 64.
            raise InvalidProof(f"a chunk has {CHUNK_BYTES} bytes, not {len(self.chunk)}")
        size = chunk_count(entry.length, entry.bits_per_entry)
        inclusion = Inclusion(index=self.chunk_index, tree_size=size, path=self.path)
        if inclusion.root_of(chunk_leaf(self.chunk)) != entry.bits_root:
            raise InvalidProof(f"chunk {self.chunk_index} does not stand in the list's bits as claimed")


@dataclass(frozen=True, slots=True)
class BatchDescription:
    """The published facts of a batch that suffice, with its leaf hashes, to compute its root again."""

    header: BatchHeader
    leaf_count: int
    credential_root: bytes
    list_entries: tuple[StatusListEntry, ...]

    def root(self) -> bytes:
        """Return the root of the batch, from the credential root and all list entries."""
        return join_root(self.credential_root, StatusSummary.of(self.list_entries).status_root())


def list_path(entries: Sequence[StatusListEntry], list_number: int) -> tuple[bytes, ...]:
    """Return the path of a list in the list tree over all entries (0 ≤ list_number < len(entries))."""
    tree = Tree()
    tree.extend(leaf_hash(entry.encode()) for entry in entries)
    return tuple(tree.inclusion_path(list_number))
