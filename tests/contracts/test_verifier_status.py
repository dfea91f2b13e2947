"""`checkStatus`: what a status list says at the head, and evidence that is refused."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from anchor.core.entries import Purpose
from status_lists.bitstring import get_entry
from tests.contracts.batches import (
    AnchoredList,
    Batch,
    clean_pair,
)
from tests.contracts.registry import HIGHEST_UINT64, NO_ACCOUNT, Registry, root
from tests.contracts.revoked_entry import BATCH, INDEX, LENGTH, anchored
from tests.contracts.verifier import Verifier, abi_error

pytestmark = pytest.mark.anvil

SEED = 9162
INDEXES_PER_LIST = 25


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
