"""`checkStatusAsOf`: what a status list said, and for which time."""

from __future__ import annotations

import pytest

from anchor.core.entries import Purpose
from tests.contracts.batches import AnchoredList, Batch, Evidence
from tests.contracts.registry import NO_ACCOUNT, NO_ROOT, Record, Registry, root
from tests.contracts.verifier import Verifier, abi_error

pytestmark = pytest.mark.anvil

INDEX = 700
HOUR_S = 3_600


def batch(sequence: int, value: int) -> Batch:
    """Return a batch whose only list says `value` at the index."""
    listed = AnchoredList.with_values(0, Purpose.SUSPENSION, {INDEX: value}, bits_per_entry=4)
    return Batch(lists=(listed,), sequence=sequence)


BATCHES = tuple(batch(sequence, value) for sequence, value in ((1, 0), (2, 9), (3, 3)))
FIRST, SECOND, THIRD = (each.root for each in BATCHES)
EVIDENCE: tuple[Evidence, ...] = tuple(each.evidence(0, INDEX) for each in BATCHES)
VERSION = BATCHES[0].lists[0].entry.version


@pytest.fixture
def records(registry: Registry, accounts: list[str]) -> list[Record]:
    """Anchor all batches, an hour apart."""
    anchored = []
    for each in BATCHES:
        anchored.append(registry.anchor(accounts[0], each.sequence, each.root, 1))
        registry.rpc("evm_increaseTime", [HOUR_S])
        registry.rpc("evm_mine", [])
    return anchored


def test_status_as_of_superseded_root_holds_until_the_next(
    verifier: Verifier, accounts: list[str], records: list[Record]
) -> None:
    """Each root speaks from its own time to that of its successor, which is shown beside it."""
    answers = [
        verifier.status_as_of(accounts[0], FIRST, SECOND, EVIDENCE[0]),
        verifier.status_as_of(accounts[0], SECOND, THIRD, EVIDENCE[1]),
    ]

    times = [record.timestamp_s for record in records]
    assert times[1] - times[0] >= HOUR_S
    assert answers == [[0, VERSION, times[0], times[1], False], [9, VERSION, times[1], times[2], False]]


def test_status_as_of_head_holds_until_this_block(
    verifier: Verifier, registry: Registry, accounts: list[str], records: list[Record]
) -> None:
    """Of the head's time nothing later can be said than the block in which it was asked."""
    block = registry.web3.eth.get_block("latest")

    answer = verifier.status_as_of(accounts[0], THIRD, NO_ROOT, EVIDENCE[2])

    since = records[2].timestamp_s
    assert answer == [3, VERSION, since, block["timestamp"], True]
    assert block["timestamp"] >= since + HOUR_S


def test_status_as_of_root_superseded_in_its_own_block_holds_at_no_time(
    verifier: Verifier, registry: Registry, accounts: list[str]
) -> None:
    """Two roots of one block have one time: the first one's span is empty."""
    with registry.one_block():
        for each in BATCHES[:2]:
            registry.call("anchor", each.sequence, each.root, 1).transact(
                {"from": registry.web3.to_checksum_address(accounts[0]), "gas": 200_000}
            )

    _, _, since, until, _ = verifier.status_as_of(accounts[0], FIRST, SECOND, EVIDENCE[0])

    assert since == until == registry.record(accounts[0], FIRST).timestamp_s


@pytest.mark.usefixtures("records")
def test_status_as_of_superseded_root_without_the_next_is_refused(
    verifier: Verifier, accounts: list[str]
) -> None:
    """Who does not show the next root claims that there is none."""
    data = verifier.status_as_of_refusal(accounts[0], FIRST, NO_ROOT, EVIDENCE[0])

    assert data == abi_error("Superseded", FIRST, THIRD)


@pytest.mark.usefixtures("records")
def test_status_as_of_with_another_next_root_is_refused(
    verifier: Verifier, registry: Registry, accounts: list[str]
) -> None:
    """Skipping the root that revoked would stretch the time before it: only the very next sequence counts."""
    registry.anchor(accounts[1], 1, FIRST)
    registry.anchor(accounts[1], 2, root(2))

    for now, following in (
        (FIRST, THIRD),
        (SECOND, FIRST),
        (FIRST, FIRST),
        (FIRST, root(2)),
        (THIRD, root(9)),
    ):
        evidence = EVIDENCE[(FIRST, SECOND, THIRD).index(now)]
        data = verifier.status_as_of_refusal(accounts[0], now, following, evidence)
        assert data == abi_error("NotNextRoot", now, following)


@pytest.mark.usefixtures("records")
def test_status_as_of_root_never_anchored_is_refused(verifier: Verifier, accounts: list[str]) -> None:
    """The root must be the publisher's, whatever the evidence leads to."""
    for publisher, asked in ((accounts[1], FIRST), (accounts[0], root(1)), (accounts[0], NO_ROOT)):
        for following in (NO_ROOT, SECOND):
            data = verifier.status_as_of_refusal(publisher, asked, following, EVIDENCE[0])
            assert data == abi_error("NotAnchored", publisher, asked)


@pytest.mark.usefixtures("records")
def test_status_as_of_by_evidence_of_another_root_is_refused(verifier: Verifier, accounts: list[str]) -> None:
    """Evidence for one root of the publisher's says nothing about another."""
    refusals = [
        verifier.status_as_of_refusal(accounts[0], SECOND, THIRD, EVIDENCE[0]),
        verifier.status_as_of_refusal(accounts[0], THIRD, NO_ROOT, EVIDENCE[0]),
    ]

    assert refusals == [abi_error("WrongRoot", FIRST, SECOND), abi_error("WrongRoot", FIRST, THIRD)]


def test_status_as_of_across_a_succession_is_read_under_the_successor(
    verifier: Verifier, registry: Registry, accounts: list[str], records: list[Record]
) -> None:
    """The root handed over has its next one under the successor; the old publisher's last has no end."""
    publisher, successor, *_ = accounts
    registry.hand_over(publisher, successor)
    fourth = batch(4, 0)
    following = registry.anchor(successor, 4, fourth.root, 1)

    before = verifier.status_as_of(publisher, SECOND, THIRD, EVIDENCE[1])
    across = verifier.status_as_of(successor, THIRD, fourth.root, EVIDENCE[2])
    refusals = [
        verifier.status_as_of_refusal(publisher, THIRD, NO_ROOT, EVIDENCE[2]),
        verifier.status_as_of_refusal(publisher, THIRD, fourth.root, EVIDENCE[2]),
    ]

    times = [record.timestamp_s for record in records]
    assert before == [9, VERSION, times[1], times[2], False]
    assert across == [3, VERSION, times[2], following.timestamp_s, False]
    assert refusals == [
        abi_error("NoHead", publisher, successor),
        abi_error("NotNextRoot", THIRD, fourth.root),
    ]
    assert successor != NO_ACCOUNT
