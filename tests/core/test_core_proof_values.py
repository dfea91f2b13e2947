"""Proofs and evidence: what leads to a root, and every attempt to stand somewhere else in it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchor.chain.protocol import AnchorRecord
from anchor.core.digest import Method
from anchor.core.entries import (
    BatchHeader,
    CredentialEntry,
    Purpose,
    StatusEntry,
    StatusListEntry,
    StatusSummary,
    bits_tree,
    chunk_leaf,
    identifier_hash,
    join_root,
)
from anchor.core.merkle import Tree, leaf_hash
from anchor.core.proof import (
    BatchDescription,
    ChunkEvidence,
    CredentialProof,
    Inclusion,
    ListEvidence,
    list_path,
)
from anchor.core.verdict import Verdict
from anchor.documents import AnchorClaim, ProofDocument
from anchor.errors import InvalidProof
from anchor.verify.chain_view import Anchor
from anchor.verify.issuance import check_place
from anchor.verify.trust import Anchorage
from tests.support import reference_tree as reference

ISSUER = identifier_hash("https://university.example")
HEADER = BatchHeader(sequence=1, previous_root=bytes(32), created_s=1_735_689_600)
STATUS_ROOT = StatusSummary.of([]).status_root()


def credential(number: int) -> CredentialEntry:
    """Return some credential's entry."""
    return CredentialEntry(ISSUER, Method.RAW, identifier_hash(str(number)), status=StatusEntry(0, number))


def tree_of(*leaves: bytes) -> Tree:
    """Return a tree of leaf hashes."""
    tree = Tree()
    tree.extend(leaves)
    return tree


def status_list(number: int, bits: bytes) -> StatusListEntry:
    """Return a list's entry."""
    return StatusListEntry(
        issuer_id=ISSUER,
        list_id=identifier_hash(f"https://anchor.example/status-lists/{number}"),
        purpose=Purpose.REVOCATION,
        bits_per_entry=1,
        length=len(bits) * 8,
        version=1_735_689_540_000 + number,
        bits_root=bits_tree(bits).root(),
    )


def flipped(value: bytes, bit: int) -> bytes:
    """Return the value with one bit turned over."""
    turned = bytearray(value)
    turned[bit // 8 % len(turned)] ^= 0x80 >> bit % 8
    return bytes(turned)


def root_or_none(proof: CredentialProof) -> bytes | None:
    """Return where a proof leads, or None where it is refused."""
    try:
        return proof.root()
    except InvalidProof:
        return None


@given(st.integers(1, 20), st.data())
def test_credential_proof_of_every_credential_leads_to_the_batch_root(
    count: int, data: st.DataObject
) -> None:
    """Wherever an entry stands, its proof gives the root; with anything changed it gives another or none."""
    entries = [credential(number) for number in range(count)]
    tree = tree_of(leaf_hash(HEADER.encode()), *(leaf_hash(entry.encode()) for entry in entries))
    batch = BatchDescription(
        header=HEADER, leaf_count=tree.size, credential_root=tree.root(), list_entries=()
    )
    index = data.draw(st.integers(1, count))
    bit = data.draw(st.integers(0, 255))
    entry = entries[index - 1]
    path = tuple(tree.inclusion_path(index))
    proof = CredentialProof(entry, Inclusion(index, tree.size, path), STATUS_ROOT)

    assert proof.root() == batch.root() == join_root(tree.root(), STATUS_ROOT)
    for changed in (
        replace(proof, status_root=flipped(STATUS_ROOT, bit)),
        replace(proof, entry=replace(entry, digest=flipped(entry.digest, bit))),
        replace(proof, entry=replace(entry, issuer_id=flipped(ISSUER, bit))),
        replace(proof, entry=replace(entry, method=Method.SD_JWT)),
        replace(proof, entry=replace(entry, salted=True)),
        replace(proof, entry=replace(entry, status=None)),
        replace(proof, inclusion=Inclusion(index ^ (1 << bit % 6), tree.size, path)),
        replace(proof, inclusion=Inclusion(index, tree.size, (*path[:-1], flipped(path[-1], bit)))),
    ):
        assert root_or_none(changed) != batch.root()


def test_credential_proof_for_leaf_0_is_refused() -> None:
    """The header's place is no credential's, not even in a tree that was built with a credential there."""
    tree = tree_of(leaf_hash(credential(0).encode()), leaf_hash(credential(1).encode()))
    proof = CredentialProof(credential(0), Inclusion(0, 2, tuple(tree.inclusion_path(0))), STATUS_ROOT)

    assert proof.inclusion.root_of(leaf_hash(proof.entry.encode())) == tree.root()
    with pytest.raises(InvalidProof, match="leaf 0 is the batch header"):
        proof.root()


def test_credential_proof_that_runs_on_into_the_joined_root_is_refused() -> None:
    """Joining the halves is a step of its own: a path that includes it leads to no root on chain."""
    tree = tree_of(leaf_hash(HEADER.encode()), leaf_hash(credential(0).encode()))
    path = tuple(tree.inclusion_path(1))
    root = join_root(tree.root(), STATUS_ROOT)
    longer = CredentialProof(credential(0), Inclusion(1, 4, (*path, STATUS_ROOT)), STATUS_ROOT)

    assert longer.inclusion.root_of(leaf_hash(credential(0).encode())) == root
    assert longer.root() != root


def test_credential_proof_with_a_second_size_is_refused_by_the_leaf_count_alone() -> None:
    """
    The right child of a root is leaf 2 of 3 and also leaf 4 of 5.

    Both proofs lead to the root on chain. Only the leaf count there tells which of them is true.
    """
    entry = credential(1)
    tree = tree_of(*(leaf_hash(item.encode()) for item in (HEADER, credential(0), entry)))
    path = tuple(tree.inclusion_path(2))
    honest = CredentialProof(entry, Inclusion(2, 3, path), STATUS_ROOT)
    second = CredentialProof(entry, Inclusion(4, 5, path), STATUS_ROOT)
    anchor = anchor_of(honest.root(), leaf_count=tree.size)

    assert honest.root() == second.root()
    assert check_place(document_of(honest), anchor).reason is None
    refused = check_place(document_of(second), anchor).reason
    assert refused is not None
    assert (refused.verdict, refused.code) == (Verdict.UNKNOWN, "proof_invalid")


def anchor_of(root: bytes, *, leaf_count: int) -> Anchor:
    """Return the anchor of a root."""
    anchorage = Anchorage(
        chain_id=1, genesis_hash=bytes(32), contract="0x" + "c0" * 20, publisher="0x" + "b0" * 20
    )
    record = AnchorRecord(sequence=1, timestamp_s=1_735_689_659, block_number=1, leaf_count=leaf_count)
    return Anchor(anchorage=anchorage, publisher=anchorage.publisher, root=root, record=record, is_final=True)


def document_of(proof: CredentialProof) -> ProofDocument:
    """Return the document of a proof."""
    claim = AnchorClaim(1, "0x" + "c0" * 20, "0x" + "b0" * 20, 1, bytes(32), 1, 1_735_689_659)
    return ProofDocument(proof=proof, issuer="https://university.example", salt=None, claim=claim)


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8])
def test_list_evidence_of_every_list_leads_to_the_root(count: int) -> None:
    """Each list's entry leads through the list tree and the summary to the root."""
    lists = [status_list(number, bytes(64)) for number in range(count)]
    summary = StatusSummary.of(lists)
    root = join_root(bytes(32), summary.status_root())

    for number, entry in enumerate(lists):
        evidence = ListEvidence(entry, number, summary, list_path(lists, number), bytes(32))
        assert evidence.root() == root
        with pytest.raises(InvalidProof):
            replace(evidence, entry=replace(entry, version=entry.version + 1)).root()
        with pytest.raises(InvalidProof):
            replace(evidence, list_number=(number + 1) % count if count > 1 else 1).root()


def test_list_evidence_with_a_second_size_leads_to_another_root() -> None:
    """List 2 of 3 claimed as list 4 of 5: the summary holds the number of lists, so the root is another one."""
    lists = [status_list(number, bytes(64)) for number in range(3)]
    summary = StatusSummary.of(lists)
    honest = ListEvidence(lists[2], 2, summary, list_path(lists, 2), bytes(32))
    second = replace(honest, list_number=4, summary=replace(summary, list_count=5))

    assert second.root() != honest.root()
    with pytest.raises(InvalidProof, match="outside a tree of 3"):
        replace(honest, list_number=4).root()


def test_list_evidence_among_no_lists_is_refused() -> None:
    """An empty list tree holds no list."""
    summary = StatusSummary.of([])

    with pytest.raises(InvalidProof, match="outside a tree of 0"):
        ListEvidence(status_list(0, bytes(64)), 0, summary, (), bytes(32)).root()


@pytest.mark.parametrize("chunks", [1, 2, 3, 256])
def test_chunk_evidence_of_every_chunk_is_accepted_and_no_other(chunks: int) -> None:
    """Each chunk at its place; the same bytes elsewhere, other bytes there, or a bit turned over are refused."""
    bits = b"".join(number.to_bytes(64, "big") for number in range(chunks))
    entry = status_list(0, bits)
    tree = bits_tree(bits)

    for number in {0, 1 % chunks, chunks // 2, chunks - 1}:
        evidence = ChunkEvidence(bits[number * 64 :][:64], number, tuple(tree.inclusion_path(number)))
        evidence.check(entry)
        others = [
            replace(evidence, chunk=flipped(evidence.chunk, 511)),
            replace(evidence, chunk_index=number + chunks),
            replace(evidence, chunk_index=-1),
            replace(evidence, path=(*evidence.path, bytes(32))),
        ]
        others += [replace(evidence, chunk_index=(number + 1) % chunks)] if chunks > 1 else []
        for other in others:
            with pytest.raises(InvalidProof):
                other.check(entry)


@pytest.mark.parametrize("size", [0, 1, 63, 65, 128])
def test_chunk_evidence_of_another_length_is_refused(size: int) -> None:
    """A fixed layout fills up and cuts: all these have the leaf hash of 64 zero bytes."""
    entry = status_list(0, bytes(64))
    assert chunk_leaf(bytes(size)) == chunk_leaf(bytes(64))

    with pytest.raises(InvalidProof, match=f"64 bytes, not {size}"):
        ChunkEvidence(bytes(size), 0, ()).check(entry)


def test_chunk_evidence_with_a_second_size_is_refused() -> None:
    """Chunk 2 of 3 claimed as chunk 4 of 5: the list's length, which the root commits to, decides."""
    bits = bytes(range(192))
    entry = status_list(0, bits)
    path = tuple(bits_tree(bits).inclusion_path(2))
    evidence = ChunkEvidence(bits[128:], 4, path)

    evidence.check(replace(entry, length=5 * 512))
    with pytest.raises(InvalidProof, match="outside a tree of 3"):
        evidence.check(entry)


def test_list_path_of_every_list_is_that_of_the_definition() -> None:
    """Paths in list-number order."""
    lists = [status_list(number, bytes(64)) for number in range(7)]
    leaves = [reference.leaf(entry.encode()) for entry in lists]

    assert [list(list_path(lists, number)) for number in range(7)] == [
        reference.path(number, leaves) for number in range(7)
    ]
