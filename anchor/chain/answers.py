"""Strict readers of JSON-RPC answers: each returns a checked value or raises BadAnswer, and never guesses."""

from __future__ import annotations

import re
from typing import Any

from anchor.chain.failures import BadAnswer
from anchor.chain.protocol import Block, Receipt

MAX_QUANTITY = 2**63 - 1
"""Block numbers, nonces and gas; everything in use is far below, and it fits an SQLite integer."""

MAX_TIME_S = 2**35
"""Times of blocks, up to the year 3058: a few of them added up are still a time that the calendar has."""

MAX_WEI = 2**128 - 1

_QUANTITY = re.compile(r"0x[0-9a-fA-F]{1,64}")
_DATA = re.compile(r"0x(?:[0-9a-fA-F]{2})*")


def quantity(value: Any, *, name: str, maximum: int = MAX_QUANTITY) -> int:
    """Return a JSON-RPC quantity of 0 to `maximum`."""
    if not isinstance(value, str) or not _QUANTITY.fullmatch(value):
        raise BadAnswer(f"{name} that is no quantity ({type(value).__name__})")
    number = int(value, 16)
    if number > maximum:
        raise BadAnswer(f"{name} out of range")
    return number


def data(value: Any, *, name: str, size_bytes: int | None = None) -> bytes:
    """Return JSON-RPC data, of exactly `size_bytes` where that is given."""
    if not isinstance(value, str) or not _DATA.fullmatch(value):
        raise BadAnswer(f"{name} that is no hex data ({type(value).__name__})")
    octets = bytes.fromhex(value[2:])
    if size_bytes is not None and len(octets) != size_bytes:
        raise BadAnswer(f"{name} of {len(octets)} bytes instead of {size_bytes}")
    return octets


def members(value: Any, *, name: str) -> dict[str, Any]:
    """Return a JSON object."""
    if not isinstance(value, dict):
        raise BadAnswer(f"{name} that is no object ({type(value).__name__})")
    return value


def sequence(value: Any, *, name: str) -> list[Any]:
    """Return a JSON array."""
    if not isinstance(value, list):
        raise BadAnswer(f"{name} that is no array ({type(value).__name__})")
    return value


def block(value: Any) -> Block | None:
    """Return a block header; None for null. The base fee of a block before EIP-1559 is 0."""
    if value is None:
        return None
    header = members(value, name="a block")
    return Block(
        number=quantity(header.get("number"), name="a block number"),
        hash=data(header.get("hash"), name="a block hash", size_bytes=32),
        timestamp_s=quantity(header.get("timestamp"), name="a block time", maximum=MAX_TIME_S),
        base_fee_wei=quantity(header.get("baseFeePerGas", "0x0"), name="a base fee", maximum=MAX_WEI),
    )


def receipt(value: Any, *, transaction_hash: bytes) -> Receipt | None:
    """Return the receipt of exactly this transaction; None for null."""
    if value is None:
        return None
    fields = members(value, name="a receipt")
    if data(fields.get("transactionHash"), name="a transaction hash", size_bytes=32) != transaction_hash:
        raise BadAnswer("the receipt of another transaction")
    return Receipt(
        transaction_hash=transaction_hash,
        block_number=quantity(fields.get("blockNumber"), name="a block number"),
        block_hash=data(fields.get("blockHash"), name="a block hash", size_bytes=32),
        succeeded=quantity(fields.get("status"), name="a status", maximum=1) == 1,
        gas_used=quantity(fields.get("gasUsed"), name="gas used"),
        gas_price_wei=quantity(fields.get("effectiveGasPrice"), name="a gas price"),
        l1_fee_wei=quantity(fields.get("l1Fee", "0x0"), name="a fee of the chain below"),
    )
