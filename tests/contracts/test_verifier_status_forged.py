"""`checkStatus` refuses forged evidence: other chunks, other lists, other trees."""

from __future__ import annotations

from dataclasses import replace

import pytest

from anchor.core.entries import Purpose, bits_root, chunk_leaf, join_root
from anchor.core.merkle import node_hash
from anchor.core.proof import ChunkEvidence
from tests.contracts.batches import (
    OTHER_ISSUER_ID,
    AnchoredList,
    Batch,
    clean_pair,
    flipped,
)
from tests.contracts.registry import HIGHEST_UINT64, Registry
from tests.contracts.revoked_entry import BATCH, INDEX, LENGTH, LISTS, anchored
from tests.contracts.verifier import Verifier, abi_error

pytestmark = pytest.mark.anvil


def test_status_by_chunk_of_another_index_is_refused(
    verifier: Verifier, registry: Registry, accounts: list[str]
) -> None:
    """Which chunk is read follows from the index: a clean chunk of the same list proves nothing for another."""
    anchored(registry, accounts[0])
    elsewhere = replace(BATCH.evidence(0, 0), index=INDEX)

    data = verifier.status_refusal(accounts[0], elsewhere)

    assert data == abi_error("WrongBitsRoot", elsewhere.reached_bits_root, LISTS[0].entry.bits_root)


def test_status_with_any_bit_of_chunk_or_path_flipped_is_refused(
    verifier: Verifier, registry: Registry, accounts: list[str]
) -> None:
    """A revocation bit cannot be cleared, nor any other bit changed, nor a hash of the path."""
    evidence = anchored(registry, accounts[0])
    chunk, path = evidence.chunk.chunk, evidence.chunk.path
    forgeries = [replace(evidence.chunk, chunk=flipped(chunk, bit)) for bit in (0, INDEX % 512, 511)]
    forgeries += [
        replace(evidence.chunk, path=(*path[:at], flipped(sibling, 7), *path[at + 1 :]))
        for at, sibling in enumerate(path)
    ]

    for forged in forgeries:
        other = replace(evidence, chunk=forged)
        data = verifier.status_refusal(accounts[0], other)
        assert data == abi_error("WrongBitsRoot", other.reached_bits_root, LISTS[0].entry.bits_root)


def test_status_with_longer_or_shorter_paths_is_refused(
    verifier: Verifier, registry: Registry, accounts: list[str]
) -> None:
    """Both paths have exactly the length of their place."""
    evidence = anchored(registry, accounts[0])
    bits_path, list_path = evidence.chunk.path, evidence.listed.path

    for forged in ((), bits_path[1:], (*bits_path, bytes(32))):
        other = replace(evidence, chunk=replace(evidence.chunk, path=forged))
        data = verifier.status_refusal(accounts[0], other)
        assert data == abi_error("WrongPathLength", INDEX // 512, 4, 2, len(forged))
    for forged in ((), list_path[1:], (*list_path, bytes(32))):
        other = replace(evidence, listed=replace(evidence.listed, path=forged))
        data = verifier.status_refusal(accounts[0], other)
        assert data == abi_error("WrongPathLength", 0, len(LISTS), 3, len(forged))


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer_id": OTHER_ISSUER_ID},
        {"list_id": OTHER_ISSUER_ID},
        {"purpose": Purpose.SUSPENSION},
        {"version": LISTS[0].entry.version + 1},
    ],
    ids=["issuer", "list", "purpose", "version"],
)
def test_status_with_another_list_field_is_refused(
    verifier: Verifier, registry: Registry, accounts: list[str], changes: dict[str, object]
) -> None:
    """Issuer, URL, purpose and version are those that are anchored."""
    evidence = anchored(registry, accounts[0]).with_entry(**changes)

    data = verifier.status_refusal(accounts[0], evidence)

    expected = evidence.listed.summary.list_tree_root
    assert data == abi_error("WrongListTreeRoot", evidence.reached_list_tree_root, expected)


def test_status_with_another_size_of_the_same_bits_is_refused(
    verifier: Verifier, registry: Registry, accounts: list[str]
) -> None:
    """Reading the same chunks as fewer, wider entries would give each index another bit."""
    evidence = anchored(registry, accounts[0]).with_entry(length=LENGTH // 2, bits_per_entry=2)
    narrow = BATCH.evidence(0, 900 * 2)
    other = replace(evidence, index=900, chunk=narrow.chunk)

    data = verifier.status_refusal(accounts[0], other)

    expected = other.listed.summary.list_tree_root
    assert data == abi_error("WrongListTreeRoot", other.reached_list_tree_root, expected)


def test_status_of_list_with_other_bits_is_refused(
    verifier: Verifier, registry: Registry, accounts: list[str]
) -> None:
    """A list of clean bits that are proven in themselves is not the list that is anchored."""
    anchored(registry, accounts[0])
    clean = Batch(lists=tuple(clean_pair(0))).evidence(0, INDEX)
    listed = replace(BATCH.evidence(0, INDEX).listed, entry=clean.listed.entry)
    other = replace(clean, listed=listed)

    data = verifier.status_refusal(accounts[0], other)

    expected = listed.summary.list_tree_root
    assert data == abi_error("WrongListTreeRoot", other.reached_list_tree_root, expected)


@pytest.mark.parametrize("number", [len(LISTS), len(LISTS) + 2, HIGHEST_UINT64])
def test_status_of_list_that_does_not_exist_is_refused(
    verifier: Verifier, registry: Registry, accounts: list[str], number: int
) -> None:
    """A list's number is below the number of lists in the summary."""
    evidence = anchored(registry, accounts[0])
    other = replace(evidence, listed=replace(evidence.listed, list_number=number))

    data = verifier.status_refusal(accounts[0], other)

    assert data == abi_error("OutsideTree", number, len(LISTS))


def test_status_with_another_number_of_lists_is_refused(
    verifier: Verifier, registry: Registry, accounts: list[str]
) -> None:
    """The size of the list tree is anchored: the last list of 3 cannot pass for list 4 of 5."""
    batch = Batch(lists=LISTS[:3])
    registry.anchor(accounts[0], 1, batch.root, 1)
    evidence = batch.evidence(2, 0)
    summary = replace(evidence.listed.summary, list_count=5)
    other = replace(evidence, listed=replace(evidence.listed, list_number=4, summary=summary))

    data = verifier.status_refusal(accounts[0], other)

    assert other.reached_list_tree_root == summary.list_tree_root
    reached = join_root(evidence.listed.credential_root, summary.status_root())
    assert data == abi_error("NotAnchored", accounts[0], reached)


def test_status_with_another_credential_root_is_refused(
    verifier: Verifier, registry: Registry, accounts: list[str]
) -> None:
    """The other half of the root counts as well."""
    evidence = anchored(registry, accounts[0])
    listed = replace(evidence.listed, credential_root=flipped(evidence.listed.credential_root))

    data = verifier.status_refusal(accounts[0], replace(evidence, listed=listed))

    assert data == abi_error("NotAnchored", accounts[0], listed.root())


def test_status_by_inner_node_as_chunk_is_refused(
    verifier: Verifier, registry: Registry, accounts: list[str]
) -> None:
    """Two child hashes are 64 bytes like a chunk: prefix and kind keep them apart, even with a publisher's help."""
    bits = bytes(range(128))
    whole = AnchoredList.of(0, Purpose.REVOCATION, bits)
    leaves = [chunk_leaf(bits[:64]), chunk_leaf(bits[64:])]
    entry = replace(whole.entry, length=512)
    batch = Batch(lists=(AnchoredList(entry, bits),))
    registry.anchor(accounts[0], 1, batch.root, 1)
    evidence = replace(batch.evidence(0, 5), chunk=ChunkEvidence(b"".join(leaves), 0, ()))

    data = verifier.status_refusal(accounts[0], evidence)

    assert node_hash(*leaves) == bits_root(bits) == entry.bits_root
    assert data == abi_error("WrongBitsRoot", chunk_leaf(b"".join(leaves)), entry.bits_root)


def test_status_of_publisher_without_lists_is_refused(
    verifier: Verifier, registry: Registry, accounts: list[str]
) -> None:
    """The empty list tree holds nothing, not even under the hash of nothing."""
    empty = Batch(sequence=1)
    registry.anchor(accounts[0], 1, empty.root, 1)
    evidence = BATCH.evidence(0, INDEX)
    listed = replace(evidence.listed, summary=empty.summary, credential_root=empty.tree.root(), path=())

    data = verifier.status_refusal(accounts[0], replace(evidence, listed=listed))

    assert data == abi_error("OutsideTree", 0, 0)
