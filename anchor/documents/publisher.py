"""The publisher document: who publishes where (schema: anchor/schemas/publisher-v1.json)."""

from __future__ import annotations

from dataclasses import dataclass

from anchor.core.strict_json import JsonValue, parse_strict_json
from anchor.documents.claim import decode_hex32, read_address, require_format
from anchor.fields import Fields, encode_hex
from status_lists.multibase import encode_base64url

PUBLISHER_FORMAT = "credential-anchor/publisher/v1"


@dataclass(frozen=True, slots=True)
class PublisherDocument:
    """Who publishes where: what a trust set is made from."""

    chain_id: int
    genesis_hash: bytes
    contract: str
    publisher: str
    from_block: int
    base_url: str
    head_sequence: int
    head_root: bytes | None


def publisher_to_json(document: PublisherDocument) -> dict[str, JsonValue]:
    """Return the JSON of the publisher document."""
    head = document.head_root
    return {
        "format": PUBLISHER_FORMAT,
        "chainId": document.chain_id,
        "genesisHash": encode_hex(document.genesis_hash),
        "contract": document.contract,
        "publisher": document.publisher,
        "fromBlock": document.from_block,
        "baseUrl": document.base_url,
        "head": {"sequence": document.head_sequence, "root": encode_base64url(head)} if head else None,
    }


def parse_publisher(content: bytes) -> PublisherDocument:
    """Read a publisher document strictly; InvalidInput for anything else."""
    fields = Fields(parse_strict_json(content), "publisher")
    require_format(fields, PUBLISHER_FORMAT)
    head_sequence, head_root = _read_head(fields)
    document = PublisherDocument(
        chain_id=fields.integer("chainId", minimum=1),
        genesis_hash=fields.decoded("genesisHash", decode_hex32),
        contract=fields.decoded("contract", read_address),
        publisher=fields.decoded("publisher", read_address),
        from_block=fields.integer("fromBlock"),
        base_url=fields.text("baseUrl"),
        head_sequence=head_sequence,
        head_root=head_root,
    )
    fields.end()
    return document


def _read_head(fields: Fields) -> tuple[int, bytes | None]:
    if not fields.has("head"):
        fields.value("head")
        return 0, None
    head = fields.child("head")
    sequence, root = head.integer("sequence", minimum=1), head.hash("root")
    head.end()
    return sequence, root
