"""Succession: appointing, accepting, and what both accounts can do and show afterwards."""

from __future__ import annotations

import pytest

from tests.contracts.registry import (
    HIGHEST_UINT64,
    NO_ACCOUNT,
    NO_RECORD,
    NO_ROOT,
    Registry,
    head_slot,
    record_slot,
    root,
)

pytestmark = pytest.mark.anvil


@pytest.mark.parametrize("anchors", [0, 1], ids=["before the first anchor", "after it"])
def test_appoint_shows_and_emits_the_appointment(
    registry: Registry, accounts: list[str], anchors: int
) -> None:
    """An appointment is visible and logged, and changes nothing else."""
    publisher, appointed, *_ = accounts
    for sequence in range(1, anchors + 1):
        registry.anchor(publisher, sequence, root(sequence))
    head = registry.head(publisher)

    receipt = registry.send(publisher, "appointSuccessor", appointed)

    arguments = {"publisher": publisher, "successor": appointed}
    assert registry.events(receipt) == [("SuccessorAppointed", arguments)]
    assert registry.view("appointedSuccessor", publisher) == appointed
    assert registry.view("successor", publisher) == NO_ACCOUNT
    assert registry.view("predecessor", appointed) == NO_ACCOUNT
    assert registry.view("lastRoot", publisher) == NO_ROOT
    assert registry.head(publisher) == head
    registry.anchor(publisher, anchors + 1, root(anchors + 1))


def test_appoint_another_replaces_the_appointment(registry: Registry, accounts: list[str]) -> None:
    """Only the account appointed last can accept."""
    publisher, first, second, *_ = accounts
    registry.anchor(publisher, 1, root(1))
    registry.send(publisher, "appointSuccessor", first)
    registry.send(publisher, "appointSuccessor", second)

    data = registry.refusal(first, "acceptSuccession", publisher)

    assert registry.view("appointedSuccessor", publisher) == second
    assert data == registry.error("NotAppointed", publisher, first)
    registry.send(second, "acceptSuccession", publisher)


def test_appoint_zero_withdraws_the_appointment(registry: Registry, accounts: list[str]) -> None:
    """After a withdrawal, logged with the zero address, nobody can accept."""
    publisher, appointed, *_ = accounts
    registry.anchor(publisher, 1, root(1))
    registry.send(publisher, "appointSuccessor", appointed)

    receipt = registry.send(publisher, "appointSuccessor", NO_ACCOUNT)

    arguments = {"publisher": publisher, "successor": NO_ACCOUNT}
    assert registry.events(receipt) == [("SuccessorAppointed", arguments)]
    assert registry.view("appointedSuccessor", publisher) == NO_ACCOUNT
    data = registry.refusal(appointed, "acceptSuccession", publisher)
    assert data == registry.error("NotAppointed", publisher, appointed)


def test_accept_hands_over_head_and_sequence(registry: Registry, accounts: list[str]) -> None:
    """The successor gets the head with the time and block of its anchor; all old records stay readable."""
    publisher, successor, *_ = accounts
    records = {root(n): registry.anchor(publisher, n, root(n), 10 + n) for n in (1, 2, 3)}
    registry.rpc("evm_increaseTime", [86_400])

    receipt = registry.hand_over(publisher, successor)

    arguments = {"publisher": publisher, "successor": successor, "root": root(3), "sequence": 3}
    assert registry.events(receipt) == [("PublisherSucceeded", arguments)]
    assert registry.head(successor) == (root(3), records[root(3)])
    assert registry.record(successor, root(3)) == records[root(3)]
    assert registry.record(successor, root(1)) == NO_RECORD
    for anchored, record in records.items():
        assert registry.record(publisher, anchored) == record


def test_accept_views_tell_the_succession(registry: Registry, accounts: list[str]) -> None:
    """Succession can be followed both ways; the old publisher has no head, but its last root is told."""
    publisher, successor, *_ = accounts
    registry.anchor(publisher, 1, root(1))
    last = registry.anchor(publisher, 2, root(2))
    registry.hand_over(publisher, successor)
    registry.anchor(successor, 3, root(3))

    assert registry.view("successor", publisher) == successor
    assert registry.view("predecessor", successor) == publisher
    assert registry.view("appointedSuccessor", publisher) == NO_ACCOUNT
    assert registry.view("lastRoot", publisher) == root(2)
    assert registry.record(publisher, root(2)) == registry.record(successor, root(2)) == last
    assert registry.head(publisher) == (NO_ROOT, NO_RECORD)
    assert registry.record(publisher, NO_ROOT) == NO_RECORD
    assert registry.view("successor", successor) == NO_ACCOUNT
    assert registry.view("predecessor", publisher) == NO_ACCOUNT
    assert registry.view("lastRoot", successor) == NO_ROOT


def test_successor_goes_on_with_the_next_sequence(registry: Registry, accounts: list[str]) -> None:
    """The successor's first anchor bears the number after the publisher's last."""
    publisher, successor, *_ = accounts
    registry.anchor(publisher, 1, root(1))
    registry.anchor(publisher, 2, root(2))
    registry.hand_over(publisher, successor)

    data = registry.refusal(successor, "anchor", 1, root(3), 7)
    expected = registry.anchor(successor, 3, root(3))

    assert data == registry.error("WrongSequence", 1, 3)
    assert registry.head(successor) == (root(3), expected)


@pytest.mark.parametrize("sequence", [0, 1, 2, 3, HIGHEST_UINT64 - 1, HIGHEST_UINT64])
def test_succeeded_publisher_cannot_anchor(registry: Registry, accounts: list[str], sequence: int) -> None:
    """No sequence gets past the sentinel, and the error names the successor."""
    publisher, successor, *_ = accounts
    registry.anchor(publisher, 1, root(1))
    registry.hand_over(publisher, successor)

    data = registry.refusal(publisher, "anchor", sequence, root(2), 7)

    assert data == registry.error("AlreadySucceeded", publisher, successor)


def test_succeeded_publisher_is_marked_with_the_highest_sequence(
    registry: Registry, accounts: list[str]
) -> None:
    """What stands in the head's place has a sequence with no next one; a lower one could be gone past."""
    publisher, successor, *_ = accounts
    registry.anchor(publisher, 1, root(1))
    registry.hand_over(publisher, successor)

    assert registry.stored(head_slot(publisher)) == NO_ROOT
    assert registry.stored(record_slot(publisher, NO_ROOT)) == HIGHEST_UINT64.to_bytes(32)


def test_successor_root_taken_over_is_refused_but_not_older_ones(
    registry: Registry, accounts: list[str]
) -> None:
    """Roots are unique per publisher: the copied head counts as the successor's own, older roots do not."""
    publisher, successor, *_ = accounts
    old = registry.anchor(publisher, 1, root(1))
    registry.anchor(publisher, 2, root(2))
    registry.hand_over(publisher, successor)

    data = registry.refusal(successor, "anchor", 3, root(2), 7)
    again = registry.anchor(successor, 3, root(1))

    assert data == registry.error("RootAlreadyAnchored", root(2), 2)
    assert registry.record(successor, root(1)) == again
    assert registry.record(publisher, root(1)) == old


def test_succession_in_a_line_keeps_sequence_and_records(registry: Registry, accounts: list[str]) -> None:
    """Three in a row; the middle one never anchored, and appointed before it took over itself."""
    first, middle, last, *_ = accounts
    record = registry.anchor(first, 1, root(1))
    registry.send(first, "appointSuccessor", middle)
    registry.send(middle, "appointSuccessor", last)
    registry.send(middle, "acceptSuccession", first)
    assert registry.view("appointedSuccessor", middle) == last

    registry.send(last, "acceptSuccession", middle)
    newest = registry.anchor(last, 2, root(2))

    assert [registry.view("successor", account) for account in (first, middle, last)] == [
        middle,
        last,
        NO_ACCOUNT,
    ]
    assert [registry.view("predecessor", account) for account in (first, middle, last)] == [
        NO_ACCOUNT,
        first,
        middle,
    ]
    assert [registry.record(account, root(1)) for account in (first, middle, last)] == [record] * 3
    assert [registry.view("lastRoot", account) for account in (first, middle)] == [root(1), root(1)]
    assert registry.head(last) == (root(2), newest)
    for account, successor in ((first, middle), (middle, last)):
        data = registry.refusal(account, "anchor", 2, root(3), 7)
        assert data == registry.error("AlreadySucceeded", account, successor)


def test_appointment_by_a_stranger_changes_nothing(registry: Registry, accounts: list[str]) -> None:
    """To be appointed needs no consent, and so has no effect until accepted."""
    account, stranger, *_ = accounts
    registry.send(stranger, "appointSuccessor", account)

    registry.anchor(account, 1, root(1))
    expected = registry.anchor(account, 2, root(2))

    assert registry.head(account) == (root(2), expected)
    assert registry.view("appointedSuccessor", account) == NO_ACCOUNT


@pytest.mark.parametrize(
    ("order", "statuses", "handed_over"),
    [(["anchor", "accept"], [1, 1], root(2)), (["accept", "anchor"], [1, 0], root(1))],
    ids=["anchor first", "acceptance first"],
)
def test_accept_and_anchor_in_one_block_keep_one_line(
    registry: Registry, accounts: list[str], order: list[str], statuses: list[int], handed_over: bytes
) -> None:
    """Whichever comes first in a block, one account ends with the head and the other cannot anchor."""
    publisher, successor, *_ = accounts
    registry.anchor(publisher, 1, root(1))
    registry.send(publisher, "appointSuccessor", successor)
    calls = {
        "anchor": (publisher, registry.call("anchor", 2, root(2), 7)),
        "accept": (successor, registry.call("acceptSuccession", publisher)),
    }
    with registry.one_block():
        sent = [
            call.transact({"from": registry.web3.to_checksum_address(sender), "gas": 200_000})
            for sender, call in (calls[name] for name in order)
        ]

    receipts = [registry.web3.eth.get_transaction_receipt(transaction) for transaction in sent]

    assert receipts[0]["blockNumber"] == receipts[1]["blockNumber"]
    assert [receipt["transactionIndex"] for receipt in receipts] == [0, 1]
    assert [receipt["status"] for receipt in receipts] == statuses
    assert registry.head(successor)[0] == registry.view("lastRoot", publisher) == handed_over
