"""The transactions that this project sends, before they are signed, and the check of what a signer made of one."""

from __future__ import annotations

import rlp  # type: ignore[import-untyped]  # has no stubs
from eth_account import Account
from eth_keys.exceptions import BadSignature
from eth_utils.conversions import to_bytes
from eth_utils.crypto import keccak
from eth_utils.exceptions import ValidationError

from anchor.chain import registry
from anchor.chain.failures import SignerFailure
from anchor.chain.protocol import SignedTransaction, UnsignedTransaction

_TYPE = b"\x02"
_FIELDS = (
    "chain id",
    "nonce",
    "priority fee",
    "fee cap",
    "gas limit",
    "recipient",
    "value",
    "calldata",
    "access list",
)
"""EIP-1559: the fields that are signed, in their order; y parity, r and s follow."""

_MAX_OVERHEAD_BYTES = 512
_HALF_CURVE_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0


def anchor_transaction(
    *,
    chain_id: int,
    contract: str,
    sequence: int,
    root: bytes,
    leaf_count: int,
    nonce: int,
    gas_limit: int,
    max_fee_wei: int,
    priority_fee_wei: int,
) -> UnsignedTransaction:
    """Return the transaction that calls `anchor(sequence, root, leaf_count)`."""
    return UnsignedTransaction(
        chain_id=chain_id,
        to=contract,
        calldata=registry.anchor_call(sequence=sequence, root=root, leaf_count=leaf_count),
        nonce=nonce,
        gas_limit=gas_limit,
        max_fee_wei=max_fee_wei,
        priority_fee_wei=priority_fee_wei,
    )


def read_signed(raw: bytes, *, asked: UnsignedTransaction, sender: str) -> SignedTransaction:
    """
    Return what a signer answered, after comparing it with what was asked, field by field.

    Raises SignerFailure, naming the field, unless the bytes are the one encoding of this very transaction, signed by
    `sender` (a checksummed address) with a signature that nodes accept (EIP-2).
    """
    expected = _expected_fields(asked)
    items = _decoded(raw, max_bytes=len(asked.calldata) + _MAX_OVERHEAD_BYTES)
    for name, item, value in zip(_FIELDS, items, expected, strict=False):
        if item != value:
            raise SignerFailure(f"the signer signed another {name} than it was asked to sign")
    if not _is_signature(items[len(_FIELDS) :]):
        raise SignerFailure("the signer answered with a malformed signature")
    if _recovered(raw) != sender:
        raise SignerFailure(f"the signer signed with another key than that of {sender}")
    return SignedTransaction(
        raw=raw,
        hash=keccak(raw),
        nonce=asked.nonce,
        gas_limit=asked.gas_limit,
        max_fee_wei=asked.max_fee_wei,
        priority_fee_wei=asked.priority_fee_wei,
    )


def _expected_fields(asked: UnsignedTransaction) -> list[object]:
    numbers = (
        asked.chain_id,
        asked.nonce,
        asked.priority_fee_wei,
        asked.max_fee_wei,
        asked.gas_limit,
    )
    to = to_bytes(hexstr=asked.to) if asked.to else b""
    return [*map(_minimal, numbers), to, b"", asked.calldata, []]


def _minimal(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def _decoded(raw: bytes, *, max_bytes: int) -> list[object]:
    """Return the fields of a typed transaction with its signature, undecoded."""
    if raw[:1] != _TYPE or len(raw) > max_bytes:
        raise SignerFailure("the signer answered with no EIP-1559 transaction of this size")
    try:
        # Takes the shortest encoding only, and no byte behind it.
        items = rlp.decode(raw[1:])
    except (rlp.exceptions.RLPException, RecursionError) as exc:
        raise SignerFailure("the signer answered with bytes that are no transaction") from exc
    if not isinstance(items, list) or len(items) != len(_FIELDS) + 3:
        raise SignerFailure("the signer answered with bytes that are no signed transaction")
    return items


def _is_signature(values: list[object]) -> bool:
    """Whether y parity, r and s have the form that nodes accept: minimal, in range, s in the lower half."""
    parity, *points = values
    if parity not in (b"", b"\x01"):
        return False
    numbers = []
    for point in points:
        if not isinstance(point, bytes) or not 0 < len(point) <= 32 or point[0] == 0:
            return False
        numbers.append(int.from_bytes(point, "big"))
    return numbers[1] <= _HALF_CURVE_ORDER


def _recovered(raw: bytes) -> str | None:
    try:
        return str(Account.recover_transaction(raw))
    except (BadSignature, ValidationError, ValueError, TypeError) as exc:
        raise SignerFailure("the signer answered with a signature that nobody made") from exc
