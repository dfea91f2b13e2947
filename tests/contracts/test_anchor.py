"""`anchor` and the views of records and heads."""

from __future__ import annotations

import pytest
from web3 import Web3

from tests.contracts.registry import HIGHEST_UINT64, NO_RECORD, NO_ROOT, Record, Registry, record_slot, root

pytestmark = pytest.mark.anvil


def test_anchor_first_stores_record_and_head(registry: Registry, accounts: list[str]) -> None:
    """A publisher's first anchor has sequence 1 and makes its root the head."""
    expected = registry.anchor(accounts[0], 1, root(1), 5)

    assert registry.record(accounts[0], root(1)) == expected
    assert registry.head(accounts[0]) == (root(1), expected)


def test_anchor_next_moves_head_and_keeps_earlier_record(registry: Registry, accounts: list[str]) -> None:
    """Each anchor takes the next sequence; records of earlier roots stay as they were."""
    first = registry.anchor(accounts[0], 1, root(1), 5)
    registry.rpc("evm_increaseTime", [3600])
    second = registry.anchor(accounts[0], 2, root(2), 6)

    assert second.timestamp_s >= first.timestamp_s + 3600
    assert registry.record(accounts[0], root(1)) == first
    assert registry.head(accounts[0]) == (root(2), second)


@pytest.mark.parametrize("leaf_count", [1, 2**32, HIGHEST_UINT64])
def test_anchor_any_leaf_count_is_kept_exactly(
    registry: Registry, accounts: list[str], leaf_count: int
) -> None:
    """The leaf count fills its 64 bits without touching its neighbours in the slot."""
    expected = registry.anchor(accounts[0], 1, root(1), leaf_count)

    assert registry.record(accounts[0], root(1)) == expected


def test_anchor_record_fills_one_storage_slot(registry: Registry, accounts: list[str]) -> None:
    """The four numbers of a record lie in one 32-byte slot, the sequence in the lowest bytes."""
    expected = registry.anchor(accounts[0], 1, root(1), HIGHEST_UINT64 - 1)

    slot = registry.stored(record_slot(accounts[0], root(1)))

    assert slot == b"".join(number.to_bytes(8) for number in reversed(expected))


def test_anchor_emits_anchored(registry: Registry, accounts: list[str]) -> None:
    """One log: publisher, sequence and root indexed, the leaf count as data."""
    receipt = registry.send(accounts[0], "anchor", 1, root(1), 5)

    (log,) = receipt["logs"]
    arguments = {"publisher": accounts[0], "sequence": 1, "root": root(1), "leafCount": 5}
    assert registry.events(receipt) == [("Anchored", arguments)]
    assert [bytes(topic) for topic in log["topics"]] == [
        bytes(Web3.keccak(text="Anchored(address,uint64,bytes32,uint64)")),
        bytes(12) + bytes.fromhex(accounts[0][2:]),
        (1).to_bytes(32),
        root(1),
    ]
    assert bytes(log["data"]) == (5).to_bytes(32)


def test_anchor_by_two_publishers_are_independent(registry: Registry, accounts: list[str]) -> None:
    """One publisher's roots and sequences neither block nor change another's."""
    registry.anchor(accounts[0], 1, root(1))
    mine = registry.anchor(accounts[0], 2, root(2))
    theirs = registry.anchor(accounts[1], 1, root(2), 9)

    assert registry.record(accounts[0], root(2)) == mine
    assert registry.record(accounts[1], root(2)) == theirs
    assert registry.record(accounts[1], root(1)) == NO_RECORD


@pytest.mark.parametrize("anchors", [0, 1, 3])
@pytest.mark.parametrize("offset", [-2, -1, 1, 2, HIGHEST_UINT64])
def test_anchor_wrong_sequence_is_refused(
    registry: Registry, accounts: list[str], anchors: int, offset: int
) -> None:
    """Any sequence but the next one is refused, and the error names the next one."""
    for sequence in range(1, anchors + 1):
        registry.anchor(accounts[0], sequence, root(sequence))
    following = anchors + 1
    expected = min(max(following + offset, 0), HIGHEST_UINT64)

    data = registry.refusal(accounts[0], "anchor", expected, root(99), 1)

    assert data == registry.error("WrongSequence", expected, following)


def test_anchor_same_transaction_twice_in_a_block_anchors_once(
    registry: Registry, accounts: list[str]
) -> None:
    """Two copies of one call that are mined together leave one record and one log."""
    call = registry.call("anchor", 1, root(1), 5)
    with registry.one_block():
        sender = registry.web3.to_checksum_address(accounts[0])
        sent = [call.transact({"from": sender, "gas": 200_000}) for _ in range(2)]

    receipts = [registry.web3.eth.get_transaction_receipt(transaction) for transaction in sent]

    assert receipts[0]["blockNumber"] == receipts[1]["blockNumber"]
    assert [receipt["status"] for receipt in receipts] == [1, 0]
    assert registry.head(accounts[0])[1].sequence == 1


@pytest.mark.parametrize("repeated", [1, 2, 3], ids=["first", "middle", "head"])
def test_anchor_root_again_is_refused(registry: Registry, accounts: list[str], repeated: int) -> None:
    """A publisher anchors a root once; the error names the sequence under which it did."""
    for sequence in (1, 2, 3):
        registry.anchor(accounts[0], sequence, root(sequence))

    data = registry.refusal(accounts[0], "anchor", 4, root(repeated), 7)

    assert data == registry.error("RootAlreadyAnchored", root(repeated), repeated)


def test_anchor_zero_root_is_refused(registry: Registry, accounts: list[str]) -> None:
    """The zero root stands for "no root", at a publisher's start and later; it is checked before all else."""
    at_start = registry.refusal(accounts[0], "anchor", 1, NO_ROOT, 7)
    registry.anchor(accounts[0], 1, root(1))
    later = registry.refusal(accounts[0], "anchor", 2, NO_ROOT, 0)

    assert at_start == later == registry.error("ZeroRoot")


def test_anchor_zero_leaf_count_is_refused(registry: Registry, accounts: list[str]) -> None:
    """A leaf count of 0 is refused, whatever the sequence."""
    right_sequence = registry.refusal(accounts[0], "anchor", 1, root(1), 0)
    wrong_sequence = registry.refusal(accounts[0], "anchor", 2, root(1), 0)

    assert right_sequence == wrong_sequence == registry.error("ZeroLeafCount")


def test_anchor_wrong_sequence_outranks_root_already_anchored(
    registry: Registry, accounts: list[str]
) -> None:
    """A transaction sent twice reports its sequence, which is what tells a sender that it came second."""
    registry.anchor(accounts[0], 1, root(1))

    data = registry.refusal(accounts[0], "anchor", 1, root(1), 7)

    assert data == registry.error("WrongSequence", 1, 2)


def test_anchor_after_highest_sequence_is_refused_without_wrapping(
    registry: Registry, accounts: list[str]
) -> None:
    """The sequence cannot return to 0 or 1: after the highest number every anchor panics (0x11)."""
    registry.anchor(accounts[0], 1, root(1), 7)
    before_last = b"".join(number.to_bytes(8) for number in (7, 1, 1, HIGHEST_UINT64 - 1))
    slot = record_slot(accounts[0], root(1))
    registry.rpc("anvil_setStorageAt", [registry.contract.address, hex(slot), "0x" + before_last.hex()])
    last = registry.anchor(accounts[0], HIGHEST_UINT64, root(2))
    panic = bytes(Web3.keccak(text="Panic(uint256)")[:4]) + (0x11).to_bytes(32)

    for sequence in (0, 1, HIGHEST_UINT64):
        assert registry.refusal(accounts[0], "anchor", sequence, root(3), 7) == panic
    assert registry.head(accounts[0]) == (root(2), last)


def anchor_call_data(sequence: int, root: bytes, leaf_count: int) -> bytes:
    """Encode a call of `anchor` by hand, so that it can break the ABI's rules."""
    selector = bytes(Web3.keccak(text="anchor(uint64,bytes32,uint64)")[:4])
    return selector + sequence.to_bytes(32) + root + leaf_count.to_bytes(32)


@pytest.mark.parametrize(
    ("data", "value_wei"),
    [
        (anchor_call_data(2**64 + 1, root(1), 7), 0),
        (anchor_call_data(1, root(1), 2**64 + 7), 0),
        (anchor_call_data(1, root(1), 7)[:-1], 0),
        (anchor_call_data(1, root(1), 7)[:4], 0),
        (anchor_call_data(1, root(1), 7), 1),
        (b"\xde\xad\xbe\xef", 0),
        (b"", 0),
        (b"", 1),
    ],
    ids=["wide sequence", "wide leaf count", "cut", "selector", "ether", "unknown", "empty", "plain ether"],
)
def test_registry_malformed_transaction_is_refused(
    registry: Registry, accounts: list[str], data: bytes, value_wei: int
) -> None:
    """Numbers over 64 bits are never cut to size, ether is never taken, and there is no fallback."""
    transaction = registry.web3.eth.send_transaction(
        {
            "from": registry.web3.to_checksum_address(accounts[0]),
            "to": registry.contract.address,
            "data": Web3.to_hex(data),
            "value": Web3.to_wei(value_wei, "wei"),
            "gas": 200_000,
        }
    )

    assert registry.web3.eth.wait_for_transaction_receipt(transaction)["status"] == 0
    assert registry.head(accounts[0]) == (NO_ROOT, NO_RECORD)
    assert registry.web3.eth.get_balance(registry.contract.address) == 0


def test_anchor_call_data_well_formed_is_accepted(registry: Registry, accounts: list[str]) -> None:
    """The hand-made call data of the malformed cases is right where it is not broken on purpose."""
    transaction = registry.web3.eth.send_transaction(
        {
            "from": registry.web3.to_checksum_address(accounts[0]),
            "to": registry.contract.address,
            "data": Web3.to_hex(anchor_call_data(1, root(1), 7)),
            "gas": 200_000,
        }
    )

    assert registry.web3.eth.wait_for_transaction_receipt(transaction)["status"] == 1


def test_views_of_unknown_publisher_are_zero(registry: Registry, accounts: list[str]) -> None:
    """Nothing is known of an account that never anchored, and nobody reverts for asking."""
    assert registry.head(accounts[0]) == (NO_ROOT, NO_RECORD)
    assert registry.record(accounts[0], root(1)) == Record(0, 0, 0, 0)
    assert registry.record(accounts[0], NO_ROOT) == Record(0, 0, 0, 0)
