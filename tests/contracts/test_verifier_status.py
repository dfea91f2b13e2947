"""`checkStatus`: what a status list says at the head, and evidence that is refused."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from anchor.core.entries import Purpose, bits_root, chunk_leaf, join_root
from anchor.core.merkle import node_hash
from anchor.core.proof import ChunkEvidence
from status_lists.bitstring import get_entry
from tests.contracts.batches import (
    OTHER_ISSUER_ID,
    AnchoredList,
    Batch,
    Evidence,
    clean_pair,
    credential,
    flipped,
)
from tests.contracts.registry import HIGHEST_UINT64, NO_ACCOUNT, Registry, root
from tests.contracts.verifier import Verifier, abi_error

pytestmark = pytest.mark.anvil

SEED = 9162
INDEXES_PER_LIST = 25
LENGTH = 2_048
INDEX = 1_500
"""In the last but one of the four chunks of a list of 2,048 one-bit entries."""

LISTS = (*clean_pair(0, revoked=(INDEX,)), *clean_pair(2), *clean_pair(4))
BATCH = Batch((credential(1), credential(2)), LISTS)


def anchored(registry: Registry, publisher: str, batch: Batch = BATCH) -> Evidence:
    """Anchor a batch and return the evidence for one place of its first list."""
    registry.anchor(publisher, batch.sequence, batch.root, batch.leaf_count)
    return batch.evidence(0, INDEX)


def test_status_of_random_lists_is_what_python_reads(
    verifier: Verifier, registry: Registry, accounts: list[str]
) -> None:
    """Lists of all four entry sizes, of many lengths: every value agrees with `status_lists`, and the head's time."""
    chance = random.Random(SEED)
    sizes = [(1, 1), (1, 256), (2, 5), (4, 3), (8, 1), (8, 33), (2, 64)]
    lists = tuple(
        AnchoredList.of(number, Purpose.MESSAGE, chance.randbytes(64 * chunks), bits_per_entry=bits_per_entry)
        for number, (bits_per_entry, chunks) in enumerate(sizes)
    )
    batch = Batch(lists=lists)
    record = registry.anchor(accounts[0], 1, batch.root, 1)

    for number, (entry, bits) in enumerate((listed.entry, listed.bits) for listed in lists):
        indexes = {0, entry.length - 1, *(chance.randrange(entry.length) for _ in range(INDEXES_PER_LIST))}
        for index in indexes:
            answer = verifier.status(accounts[0], batch.evidence(number, index))
            value = get_entry(bits, index, entry.bits_per_entry)
            assert answer == [value, entry.version, record.timestamp_s]


def test_status_first_index_is_the_left_most_bit(
    verifier: Verifier, registry: Registry, accounts: list[str]
) -> None:
    """Index 0 is 0x80 of the first byte, not 0x01."""
    lists = (AnchoredList.of(0, Purpose.REVOCATION, b"\x80" + bytes(63)),)
    batch = Batch(lists=lists)
    registry.anchor(accounts[0], 1, batch.root, 1)

    values = [verifier.status(accounts[0], batch.evidence(0, index))[0] for index in (0, 1, 7, 8)]

    assert values == [1, 0, 0, 0]


def test_status_of_every_list_number_agrees(
    verifier: Verifier, registry: Registry, accounts: list[str]
) -> None:
    """List n is found at position n of list trees of any shape, and at no other position."""
    for sequence in range(1, 7):
        lists = tuple(AnchoredList.with_values(number, Purpose.REFRESH, {3: 1}) for number in range(sequence))
        batch = Batch(lists=lists, sequence=sequence)
        registry.anchor(accounts[0], sequence, batch.root, 1)
        for number in range(sequence):
            evidence = batch.evidence(number, 3)
            assert verifier.status(accounts[0], evidence)[:2] == [1, lists[number].entry.version]
            for claimed in set(range(sequence + 2)) - {number}:
                listed = replace(evidence.listed, list_number=claimed)
                verifier.status_refusal(accounts[0], replace(evidence, listed=listed))


def test_status_by_superseded_root_is_refused(
    verifier: Verifier, registry: Registry, accounts: list[str]
) -> None:
    """Evidence from before a revocation leads to a root of the publisher's, but not to its head."""
    before = Batch(lists=tuple(clean_pair(0)))
    evidence = anchored(registry, accounts[0], before)
    assert verifier.status(accounts[0], evidence)[0] == 0
    after = Batch(lists=tuple(clean_pair(0, revoked=(INDEX,))), sequence=2)
    registry.anchor(accounts[0], 2, after.root, 1)

    data = verifier.status_refusal(accounts[0], evidence)

    assert data == abi_error("Superseded", before.root, after.root)
    assert verifier.status(accounts[0], after.evidence(0, INDEX))[0] == 1


def test_status_by_another_publishers_root_is_refused(
    verifier: Verifier, registry: Registry, accounts: list[str]
) -> None:
    """The root must be anchored by the publisher that is asked about."""
    evidence = anchored(registry, accounts[0])
    registry.anchor(accounts[1], 1, root(1))

    data = verifier.status_refusal(accounts[1], evidence)

    assert data == abi_error("NotAnchored", accounts[1], BATCH.root)


def test_status_of_publisher_without_head_is_refused(
    verifier: Verifier, registry: Registry, accounts: list[str]
) -> None:
    """Neither a stranger nor a succeeded publisher has a status now; of the latter the successor is named."""
    publisher, successor, stranger, *_ = accounts
    evidence = anchored(registry, publisher)
    registry.hand_over(publisher, successor)

    assert verifier.status_refusal(stranger, evidence) == abi_error("NoHead", stranger, NO_ACCOUNT)
    assert verifier.status_refusal(publisher, evidence) == abi_error("NoHead", publisher, successor)
    assert verifier.status(successor, evidence)[0] == 1


def test_current_publisher_is_the_end_of_the_line(
    verifier: Verifier, registry: Registry, accounts: list[str]
) -> None:
    """Following a line of two successions from any of its accounts leads to the same one; strangers to themselves."""
    first, second, third, stranger, *_ = accounts
    registry.anchor(first, 1, root(1))
    registry.hand_over(first, second)
    registry.hand_over(second, third)

    followed = [verifier.answer("currentPublisher", account) for account in (first, second, third, stranger)]

    assert followed == [third, third, third, stranger]


@pytest.mark.parametrize(
    ("length", "bits_per_entry"),
    [
        (LENGTH, 0),
        (LENGTH, 3),
        (LENGTH, 16),
        (LENGTH, 255),
        (0, 1),
        (LENGTH + 1, 1),
        (511, 1),
        (255, 2),
        (127, 4),
        (63, 8),
        (HIGHEST_UINT64, 8),
    ],
)
def test_status_of_list_of_impossible_size_is_refused(
    verifier: Verifier, registry: Registry, accounts: list[str], length: int, bits_per_entry: int
) -> None:
    """Bits per entry are 1, 2, 4 or 8, and chunks a whole number other than 0; no overflow makes them so."""
    evidence = anchored(registry, accounts[0]).with_entry(length=length, bits_per_entry=bits_per_entry)

    data = verifier.status_refusal(accounts[0], evidence)

    assert data == abi_error("InvalidListSize", length, bits_per_entry)


@pytest.mark.parametrize("index", [LENGTH, LENGTH + INDEX, 2**32 + INDEX, HIGHEST_UINT64])
def test_status_beyond_the_list_is_refused(
    verifier: Verifier, registry: Registry, accounts: list[str], index: int
) -> None:
    """An index is below the list's length, and no overflow brings it back to a chunk that exists."""
    evidence = replace(anchored(registry, accounts[0]), index=index)

    data = verifier.status_refusal(accounts[0], evidence)

    assert data == abi_error("IndexOutsideList", index, LENGTH)


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
