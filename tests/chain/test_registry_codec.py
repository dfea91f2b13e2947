"""The registry's calldata, return values and events against the contract interface."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from anchor.chain import registry
from anchor.chain.failures import BadAnswer
from anchor.chain.protocol import AnchoredEvent, AnchorRecord, Head

CONTRACT = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
PUBLISHER = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
SUCCESSOR = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
ROOT = bytes(range(32))
RECORD = AnchorRecord(sequence=3, timestamp_s=4, block_number=5, leaf_count=6)
RECORD_BYTES = encode(["uint64"] * 4, [3, 4, 5, 6])
LOG: dict[str, Any] = {
    "address": CONTRACT.lower(),
    "topics": [
        "0x" + keccak(text="Anchored(address,uint64,bytes32,uint64)").hex(),
        "0x" + encode(["address"], [PUBLISHER]).hex(),
        "0x" + encode(["uint64"], [3]).hex(),
        "0x" + ROOT.hex(),
    ],
    "data": "0x" + encode(["uint64"], [6]).hex(),
    "blockNumber": "0x5",
    "blockHash": "0x" + "11" * 32,
    "transactionHash": "0x" + "22" * 32,
    "logIndex": "0x0",
    "removed": False,
}


def test_code_hash_is_the_artifacts_own() -> None:
    """The code hash computed from the deployed code is the one that the compiler's run wrote down."""
    text = resources.files("anchor.chain.artifacts").joinpath("AnchorRegistry.json").read_text("utf-8")

    assert registry.code_hash().hex() == json.loads(text)["codeHash"].removeprefix("0x")
    assert registry.artifact().deployed_code in registry.artifact().creation_code


@pytest.mark.parametrize(
    ("calldata", "signature", "types", "arguments"),
    [
        (
            registry.anchor_call(sequence=7, root=ROOT, leaf_count=2**64 - 1),
            "anchor(uint64,bytes32,uint64)",
            ["uint64", "bytes32", "uint64"],
            [7, ROOT, 2**64 - 1],
        ),
        (
            registry.record_call(PUBLISHER.lower(), ROOT),
            "record(address,bytes32)",
            ["address", "bytes32"],
            [PUBLISHER, ROOT],
        ),
        (registry.head_call(PUBLISHER), "head(address)", ["address"], [PUBLISHER]),
        (registry.successor_call(PUBLISHER), "successor(address)", ["address"], [PUBLISHER]),
        (registry.predecessor_call(PUBLISHER), "predecessor(address)", ["address"], [PUBLISHER]),
    ],
)
def test_calls_encode_selector_and_arguments(
    calldata: bytes, signature: str, types: list[str], arguments: list[Any]
) -> None:
    """Calldata is the first four bytes of the signature's hash and the ABI encoding of the arguments."""
    assert calldata == keccak(text=signature)[:4] + encode(types, arguments)


def test_read_record_and_head_give_values() -> None:
    """A record is read as it is stored; all zero means none."""
    assert registry.read_record(RECORD_BYTES) == RECORD
    assert registry.read_record(bytes(128)) is None
    assert registry.read_head(ROOT + RECORD_BYTES) == Head(root=ROOT, record=RECORD)
    assert registry.read_head(bytes(160)) is None


def test_read_successor_gives_checksummed_address_or_none() -> None:
    """The zero address means that nobody succeeded."""
    assert registry.read_account(encode(["address"], [SUCCESSOR])) == SUCCESSOR
    assert registry.read_account(bytes(32)) is None


@pytest.mark.parametrize(
    "returned",
    [
        b"\x00",
        RECORD_BYTES[:-1],
        RECORD_BYTES + bytes(32),
        encode(["uint256"] * 4, [2**64, 4, 5, 6]),
        encode(["uint64"] * 4, [0, 4, 5, 6]),
        encode(["uint64"] * 4, [3, 4, 5, 0]),
        encode(["uint64"] * 4, [3, 0, 5, 6]),
        encode(["uint64"] * 4, [2**64 - 1, 4, 5, 6]),
    ],
)
def test_read_record_impossible_value_is_bad_answer(returned: bytes) -> None:
    """Bytes too few, too many, out of range, or a record that the contract cannot hold."""
    with pytest.raises(BadAnswer):
        registry.read_record(returned)


@pytest.mark.parametrize("returned", [bytes(32) + RECORD_BYTES, ROOT + bytes(128), b"", RECORD_BYTES])
def test_read_head_impossible_value_is_bad_answer(returned: bytes) -> None:
    """A root without a record, or the reverse, contradicts itself."""
    with pytest.raises(BadAnswer):
        registry.read_head(returned)


@pytest.mark.parametrize("returned", [b"", bytes(31), bytes([1]) + bytes(31), bytes(64)])
def test_read_successor_impossible_value_is_bad_answer(returned: bytes) -> None:
    """An address stands in 32 bytes, of which the first 12 are zero."""
    with pytest.raises(BadAnswer):
        registry.read_account(returned)


def test_read_anchored_gives_event() -> None:
    """A log of this contract and publisher becomes an event."""
    expected = AnchoredEvent(
        sequence=3,
        root=ROOT,
        leaf_count=6,
        block_number=5,
        block_hash=bytes([0x11] * 32),
        transaction_hash=bytes([0x22] * 32),
    )

    assert registry.read_anchored(LOG, contract=CONTRACT, publisher=PUBLISHER.lower()) == expected


@pytest.mark.parametrize(
    "change",
    [
        {"address": PUBLISHER},
        {"address": None},
        {"topics": LOG["topics"][:3]},
        {"topics": [*LOG["topics"], LOG["topics"][3]]},
        {"topics": [LOG["topics"][1], *LOG["topics"][1:]]},
        {"topics": [LOG["topics"][0], "0x" + encode(["address"], [SUCCESSOR]).hex(), *LOG["topics"][2:]]},
        {"topics": [*LOG["topics"][:2], "0x" + "ff" * 32, LOG["topics"][3]]},
        {"topics": None},
        {"data": "0x"},
        {"data": "0x" + "ff" * 32},
        {"removed": True},
        {"blockNumber": None},
        {"blockHash": None},
        {"transactionHash": "0x1234"},
    ],
)
def test_read_anchored_foreign_or_damaged_log_is_bad_answer(change: dict[str, Any]) -> None:
    """A log that was not asked for, was reorganised away, or is half pending, is no event."""
    with pytest.raises(BadAnswer):
        registry.read_anchored(LOG | change, contract=CONTRACT, publisher=PUBLISHER)
