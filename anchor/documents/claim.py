"""What the documents share: the claim of where a root is anchored, format names, addresses and hashes."""

from __future__ import annotations

import re
from dataclasses import dataclass

from anchor.core.strict_json import JsonValue
from anchor.errors import InvalidInput
from anchor.fields import Fields, decode_hex, encode_hex

_ADDRESS = re.compile("0x[0-9a-fA-F]{40}")


@dataclass(frozen=True, slots=True)
class AnchorClaim:
    """Where a document says its root is anchored: a hint for finding it, never trusted."""

    chain_id: int
    contract: str
    publisher: str
    sequence: int
    transaction: bytes
    block_number: int
    block_time_s: int


def claim_to_json(claim: AnchorClaim) -> JsonValue:
    """Return the JSON of a claim."""
    return {
        "chainId": claim.chain_id,
        "contract": claim.contract,
        "publisher": claim.publisher,
        "sequence": claim.sequence,
        "transaction": encode_hex(claim.transaction),
        "blockNumber": claim.block_number,
        "blockTime": claim.block_time_s,
    }


def read_claim(fields: Fields) -> AnchorClaim:
    """Read a claim strictly; InvalidInput for anything else."""
    claim = AnchorClaim(
        chain_id=fields.integer("chainId", minimum=1),
        contract=fields.decoded("contract", read_address),
        publisher=fields.decoded("publisher", read_address),
        sequence=fields.integer("sequence", minimum=1),
        transaction=fields.decoded("transaction", decode_hex32),
        block_number=fields.integer("blockNumber"),
        block_time_s=fields.integer("blockTime"),
    )
    fields.end()
    return claim


def read_address(text: str) -> str:
    """Return an Ethereum address as written, or raise InvalidInput; its checksum (EIP-55) is not checked here."""
    if not _ADDRESS.fullmatch(text):
        raise InvalidInput("expected an Ethereum address: 0x and 40 hex digits")
    return text


def require_format(fields: Fields, expected: str) -> None:
    """Raise InvalidInput unless the document says that it is of the expected format."""
    found = fields.text("format")
    if found != expected:
        raise InvalidInput(f"this is a {found[:60]!r} document, not {expected!r}")


def decode_hex32(text: str) -> bytes:
    """Return the 32 bytes of `0x` and 64 lower-case hex digits; InvalidInput for anything else."""
    return decode_hex(text, size=32)
