"""The readers of JSON-RPC answers take what the specification allows and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from anchor.chain import answers
from anchor.chain.failures import BadAnswer
from anchor.chain.protocol import Block, Receipt
from anchor.core.expectation import Pace, expect_mined
from anchor.core.spending import DAY_S
from status_lists.datetimes import format_datetime

HASH = "0x" + "ab" * 32
OTHER_HASH = "0x" + "cd" * 32
BLOCK = {"number": "0x10", "hash": HASH, "timestamp": "0x65", "baseFeePerGas": "0x7"}
RECEIPT = {
    "transactionHash": HASH,
    "blockNumber": "0x10",
    "blockHash": OTHER_HASH,
    "status": "0x1",
    "gasUsed": "0x5208",
    "effectiveGasPrice": "0x3b9aca07",
}


@pytest.mark.parametrize(
    ("value", "expected"), [("0x0", 0), ("0xFf", 255), ("0x00", 0), ("0x7fffffffffffffff", 2**63 - 1)]
)
def test_quantity_in_range_is_read(value: str, expected: int) -> None:
    """Hexadecimal quantities are read; leading zeros, which some endpoints send, do no harm."""
    assert answers.quantity(value, name="a number") == expected


@pytest.mark.parametrize(
    "value",
    [
        None,
        1,
        1.0,
        True,
        "",
        "0x",
        "1",
        "-0x1",
        "0x-1",
        "0x1 ",
        " 0x1",
        "0x1\n",
        "0xg",
        "0x1_0",
        [],
        {},
        "0x8000000000000000",
        "0x" + "f" * 65,
    ],
)
def test_quantity_of_other_type_or_range_is_bad_answer(value: Any) -> None:
    """A null, a number, a sloppy spelling or an overflow is never data."""
    with pytest.raises(BadAnswer):
        answers.quantity(value, name="a number")


@pytest.mark.parametrize(
    "value", [None, 1, "", "0", "ab", "0xa", "0xzz", "0x ab", "0xab\n", b"\xab", ["0xab"]]
)
def test_data_of_other_type_is_bad_answer(value: Any) -> None:
    """Only whole hexadecimal bytes behind 0x are data."""
    with pytest.raises(BadAnswer):
        answers.data(value, name="data")


def test_data_of_wrong_size_is_bad_answer() -> None:
    """A hash has 32 bytes, no more and no fewer."""
    assert answers.data(HASH, name="a hash", size_bytes=32) == bytes.fromhex("ab" * 32)
    for wrong in (HASH[:-2], HASH + "00", "0x"):
        with pytest.raises(BadAnswer):
            answers.data(wrong, name="a hash", size_bytes=32)


def test_block_whole_header_is_read() -> None:
    """A header becomes a Block; null becomes None."""
    expected = Block(number=16, hash=bytes.fromhex("ab" * 32), timestamp_s=101, base_fee_wei=7)

    assert answers.block(BLOCK | {"miner": "0x00"}) == expected
    assert answers.block(None) is None


@pytest.mark.parametrize("member", ["number", "hash", "timestamp"])
@pytest.mark.parametrize("value", [None, 7, "x"])
def test_block_damaged_member_is_bad_answer(member: str, value: Any) -> None:
    """A pending block (null number or hash) and nonsense alike are refused."""
    with pytest.raises(BadAnswer):
        answers.block(BLOCK | {member: value})


def test_block_time_beyond_the_calendar_is_bad_answer() -> None:
    """Fault 32: estimates are worked out from block times, and an answer to a submission tells them as dates."""
    latest, before = (answers.block(BLOCK | {"timestamp": hex(time)}) for time in (answers.MAX_TIME_S, 0))
    assert latest is not None
    assert before is not None
    lag_s = latest.timestamp_s - before.timestamp_s
    pace = Pace(block_time_s=lag_s, finality_lag_s=lag_s)
    assert format_datetime(expect_mined(pace, now_s=latest.timestamp_s, waits_s=DAY_S).final_s * 1000)

    with pytest.raises(BadAnswer, match="a block time out of range"):
        answers.block(BLOCK | {"timestamp": hex(answers.MAX_TIME_S + 1)})


def test_block_before_eip_1559_has_base_fee_zero() -> None:
    """Old blocks, the genesis of Sepolia among them, have no base fee at all; a null one is refused."""
    old = {name: value for name, value in BLOCK.items() if name != "baseFeePerGas"}
    found = answers.block(old)

    assert found is not None
    assert found.base_fee_wei == 0
    with pytest.raises(BadAnswer):
        answers.block(BLOCK | {"baseFeePerGas": None})


@pytest.mark.parametrize(("status", "succeeded"), [("0x1", True), ("0x0", False)])
def test_receipt_of_the_transaction_is_read(status: str, succeeded: bool) -> None:  # noqa: FBT001  # a parameter
    """A receipt says where and whether the transaction succeeded; null becomes None."""
    asked_for = bytes.fromhex("ab" * 32)
    expected = Receipt(
        transaction_hash=asked_for,
        block_number=16,
        block_hash=bytes.fromhex("cd" * 32),
        succeeded=succeeded,
        gas_used=21_000,
        gas_price_wei=1_000_000_007,
    )

    assert answers.receipt(RECEIPT | {"status": status}, transaction_hash=asked_for) == expected
    assert expected.cost_wei == 21_000_000_147_000
    assert answers.receipt(None, transaction_hash=asked_for) is None


def test_receipt_of_a_rollup_costs_its_data_too() -> None:
    """What an OP rollup pays to the chain below stands beside the gas."""
    found = answers.receipt(RECEIPT | {"l1Fee": "0x64"}, transaction_hash=bytes.fromhex("ab" * 32))

    assert found is not None
    assert (found.l1_fee_wei, found.cost_wei) == (100, 21_000_000_147_100)


@pytest.mark.parametrize(
    "change",
    [
        {"transactionHash": OTHER_HASH},
        {"transactionHash": None},
        {"blockHash": None},
        {"blockNumber": None},
        {"status": None},
        {"status": "0x2"},
        {"status": True},
        {"gasUsed": "0x"},
        {"effectiveGasPrice": None},
        {"effectiveGasPrice": "0x8000000000000000"},
        {"l1Fee": None},
        {"l1Fee": 1},
    ],
)
def test_receipt_foreign_or_damaged_is_bad_answer(change: dict[str, Any]) -> None:
    """Fault 32: the receipt of another transaction, or half a one, is refused."""
    with pytest.raises(BadAnswer):
        answers.receipt(RECEIPT | change, transaction_hash=bytes.fromhex("ab" * 32))


@pytest.mark.parametrize("value", ["", "0x", 1, [], True])
def test_receipt_and_block_of_other_type_are_bad_answers(value: Any) -> None:
    """Neither is anything but an object or null."""
    with pytest.raises(BadAnswer):
        answers.receipt(value, transaction_hash=bytes(32))
    with pytest.raises(BadAnswer):
        answers.block(value)
