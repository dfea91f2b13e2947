"""`isInForce`: a credential and the status bound into its entry, in one question."""

from __future__ import annotations

from dataclasses import replace

import pytest

from anchor.core.entries import Purpose
from tests.contracts.batches import AnchoredList, Batch, clean_pair
from tests.contracts.bound import (
    INDEX,
    LIST,
    NEIGHBOUR,
    Question,
    anchored,
    answer,
    issued,
    refusal,
)
from tests.contracts.registry import Registry
from tests.contracts.verifier import Verifier, abi_error

pytestmark = pytest.mark.anvil


@pytest.mark.parametrize(
    ("revoked", "suspended", "in_force"),
    [
        ((), (), True),
        ((NEIGHBOUR, 0), (INDEX - 1,), True),
        ((INDEX,), (), False),
        ((), (INDEX,), False),
        ((INDEX,), (INDEX,), False),
    ],
    ids=["clean", "neighbours", "revoked", "suspended", "both"],
)
def test_in_force_is_neither_revoked_nor_suspended(
    verifier: Verifier,
    registry: Registry,
    accounts: list[str],
    revoked: tuple[int, ...],
    suspended: tuple[int, ...],
    in_force: bool,  # noqa: FBT001  (a parameter of the test)
) -> None:
    """Each list of the pair can end it, at the credential's own index alone."""
    batch = issued(*clean_pair(LIST, revoked=revoked, suspended=suspended))
    record = anchored(registry, accounts[0], batch)

    told = answer(verifier, Question.of(accounts[0], batch, batch))

    assert told == [in_force, record.timestamp_s, record.timestamp_s]


def test_in_force_follows_the_head(verifier: Verifier, registry: Registry, accounts: list[str]) -> None:
    """Issued in one batch, suspended in the next, lifted in a third: each head says it anew."""
    told = []
    batches = [issued()]
    records = [anchored(registry, accounts[0], batches[0])]
    for sequence, suspended in ((2, (INDEX,)), (3, ())):
        lists = (*clean_pair(0), *clean_pair(LIST, suspended=suspended))
        batches.append(Batch(lists=lists, sequence=sequence))
        records.append(anchored(registry, accounts[0], batches[-1]))
        told.append(answer(verifier, Question.of(accounts[0], batches[0], batches[-1])))

    times = [record.timestamp_s for record in records]
    assert told == [[False, times[0], times[1]], [True, times[0], times[2]]]


@pytest.mark.parametrize("value", [1, 2, 128, 255])
def test_in_force_with_any_value_but_zero_is_not(
    verifier: Verifier, registry: Registry, accounts: list[str], value: int
) -> None:
    """In lists of more bits an entry, every value other than 0 counts."""
    clean = AnchoredList.with_values(LIST, Purpose.REVOCATION, {}, bits_per_entry=8)
    marked = AnchoredList.with_values(LIST + 1, Purpose.SUSPENSION, {INDEX: value}, bits_per_entry=8)
    batch = issued(clean, marked)
    anchored(registry, accounts[0], batch)

    assert answer(verifier, Question.of(accounts[0], batch, batch))[0] is False


def test_in_force_after_succession_reads_the_successors_head(
    verifier: Verifier, registry: Registry, accounts: list[str]
) -> None:
    """Anchored by the first of a line, in force by the head of the last: two successions and a revocation later."""
    first, second, third, *_ = accounts
    batch = issued()
    last = Batch(lists=(*clean_pair(0), *clean_pair(LIST)), sequence=2)
    issue, handed_over = anchored(registry, first, batch), anchored(registry, first, last)
    registry.hand_over(first, second)
    registry.hand_over(second, third)
    before = answer(verifier, replace(Question.of(third, batch, last), anchored_by=first))
    later = Batch(lists=(*clean_pair(0), *clean_pair(LIST, revoked=(INDEX,))), sequence=3)
    head = anchored(registry, third, later)

    after = answer(verifier, replace(Question.of(third, batch, later), anchored_by=first))

    assert before == [True, issue.timestamp_s, handed_over.timestamp_s]
    assert after == [False, issue.timestamp_s, head.timestamp_s]
    nobodys = refusal(verifier, Question.of(third, batch, later))
    assert nobodys == abi_error("NotAnchored", third, batch.root)
