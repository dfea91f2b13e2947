"""What is said to the AnchorRegistry contract and how its words are read: calldata, return values, events."""

from __future__ import annotations

from functools import cache
from typing import Any

from eth_abi.exceptions import DecodingError
from eth_utils.address import (
    is_address,
    is_checksum_address,
    is_checksum_formatted_address,
    to_checksum_address,
)
from eth_utils.conversions import to_bytes
from eth_utils.crypto import keccak
from web3 import Web3

from anchor.chain import answers
from anchor.chain.contract_code import Artifact, read_artifact, registry_code
from anchor.chain.failures import BadAnswer
from anchor.chain.protocol import AnchoredEvent, AnchorRecord, Head
from anchor.errors import InvalidInput

_RECORD_TYPE = "(uint64,uint64,uint64,uint64)"
_ZERO_ROOT = bytes(32)
_ZERO_ADDRESS = "0x" + "00" * 20

ANCHORED_TOPIC = keccak(text="Anchored(address,uint64,bytes32,uint64)")
"""Topic 0 of the `Anchored` event; topics 1 to 3 are publisher, sequence and root."""


def parse_account(text: str) -> str:
    """Return the checksummed form of an account's address; InvalidInput for another text, or a mistyped one."""
    if not is_address(text):
        raise InvalidInput(f"{text[:60]!r} is no address: 0x and 40 hex digits are needed")
    if is_checksum_formatted_address(text) and not is_checksum_address(text):
        raise InvalidInput(f"{text} has a wrong checksum (EIP-55): a character was mistyped")
    return to_checksum_address(text)


def artifact() -> Artifact:
    """Return the compiled contract that this package ships."""
    return read_artifact("AnchorRegistry")


def code_hash() -> bytes:
    """Return the code hash by which services and verifiers recognise the contract."""
    return registry_code().code_hash


@cache
def _contract() -> Any:
    return Web3().eth.contract(abi=artifact().abi)


def anchor_call(*, sequence: int, root: bytes, leaf_count: int) -> bytes:
    """Return the calldata of `anchor(sequence, root, leafCount)`."""
    return _call("anchor", sequence, root, leaf_count)


def record_call(publisher: str, root: bytes) -> bytes:
    """Return the calldata of `record(publisher, root)`."""
    return _call("record", to_checksum_address(publisher), root)


def head_call(publisher: str) -> bytes:
    """Return the calldata of `head(publisher)`."""
    return _call("head", to_checksum_address(publisher))


def successor_call(publisher: str) -> bytes:
    """Return the calldata of `successor(publisher)`."""
    return _call("successor", to_checksum_address(publisher))


def predecessor_call(publisher: str) -> bytes:
    """Return the calldata of `predecessor(publisher)`."""
    return _call("predecessor", to_checksum_address(publisher))


def appointed_successor_call(publisher: str) -> bytes:
    """Return the calldata of `appointedSuccessor(publisher)`."""
    return _call("appointedSuccessor", to_checksum_address(publisher))


def appoint_call(account: str | None) -> bytes:
    """Return the calldata of `appointSuccessor(account)`; None withdraws the appointment."""
    return _call("appointSuccessor", to_checksum_address(account or _ZERO_ADDRESS))


def accept_call(publisher: str) -> bytes:
    """Return the calldata of `acceptSuccession(publisher)`."""
    return _call("acceptSuccession", to_checksum_address(publisher))


def anchored_topics(publisher: str) -> list[str]:
    """Return the log filter for every `Anchored` event of a publisher."""
    return ["0x" + ANCHORED_TOPIC.hex(), "0x" + bytes(12).hex() + to_checksum_address(publisher)[2:].lower()]


def read_record(returned: bytes) -> AnchorRecord | None:
    """Return the record that `record` returned; None where there is none. Raises BadAnswer."""
    (fields,) = _decoded([_RECORD_TYPE], returned)
    return _record(fields)


def read_head(returned: bytes) -> Head | None:
    """Return the head that `head` returned; None where there is none. Raises BadAnswer."""
    root, fields = _decoded(["bytes32", _RECORD_TYPE], returned)
    record = _record(fields)
    if (root == _ZERO_ROOT) != (record is None):
        raise BadAnswer("a head without its record")
    return None if record is None else Head(root=root, record=record)


def read_account(returned: bytes) -> str | None:
    """Return the checksummed address that a view of the line of succession returned; None for zero. BadAnswer."""
    (address,) = _decoded(["address"], returned)
    return None if address == _ZERO_ADDRESS else to_checksum_address(address)


def read_anchored(log: Any, *, contract: str, publisher: str) -> AnchoredEvent:
    """Return the `Anchored` event of a log; BadAnswer unless it is this contract's and this publisher's."""
    fields = answers.members(log, name="a log")
    if answers.data(fields.get("address"), name="an address", size_bytes=20) != to_bytes(hexstr=contract):
        raise BadAnswer("a log of another contract")
    topics = [
        answers.data(topic, name="a topic", size_bytes=32)
        for topic in answers.sequence(fields.get("topics"), name="topics")
    ]
    wanted = [to_bytes(hexstr=topic) for topic in anchored_topics(publisher)]
    if len(topics) != 4 or topics[:2] != wanted or fields.get("removed", False) is not False:
        raise BadAnswer("a log that was not asked for")
    (leaf_count,) = _decoded(["uint64"], answers.data(fields.get("data"), name="log data"))
    (sequence,) = _decoded(["uint64"], topics[2])
    return AnchoredEvent(
        sequence=sequence,
        root=topics[3],
        leaf_count=leaf_count,
        block_number=answers.quantity(fields.get("blockNumber"), name="a block number"),
        block_hash=answers.data(fields.get("blockHash"), name="a block hash", size_bytes=32),
        transaction_hash=answers.data(
            fields.get("transactionHash"), name="a transaction hash", size_bytes=32
        ),
    )


def _call(function: str, *arguments: object) -> bytes:
    return to_bytes(hexstr=_contract().encode_abi(function, args=list(arguments)))


def _decoded(types: list[str], octets: bytes) -> tuple[Any, ...]:
    """Decode ABI data that must be exactly what encoding gives: no byte more, no dirty padding."""
    codec = Web3().codec
    try:
        values = codec.decode(types, octets)
    except DecodingError as exc:
        raise BadAnswer(f"{len(octets)} bytes that are no {', '.join(types)}") from exc
    if codec.encode(types, values) != octets:
        raise BadAnswer(f"an unusual encoding of {', '.join(types)}")
    return values


def _record(fields: tuple[int, int, int, int]) -> AnchorRecord | None:
    sequence, timestamp_s, block_number, leaf_count = fields
    if fields == (0, 0, 0, 0):
        return None
    if not (sequence and timestamp_s and leaf_count) or max(fields) > answers.MAX_QUANTITY:
        raise BadAnswer("a record that the contract cannot hold")
    return AnchorRecord(
        sequence=sequence, timestamp_s=timestamp_s, block_number=block_number, leaf_count=leaf_count
    )
