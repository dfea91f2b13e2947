"""The publisher document: who publishes where (schema: anchor/schemas/publisher-v1.json)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from anchor.core.strict_json import JsonValue, parse_strict_json
from anchor.documents.claim import decode_hex32, read_address, require_format
from anchor.errors import InvalidInput
from anchor.fields import Fields, encode_hex
from status_lists.multibase import encode_base64url

PUBLISHER_FORMAT = "credential-anchor/publisher/v1"


MAX_LINE = 65
MAX_EARLIER = 1_000


@dataclass(frozen=True, slots=True)
class EarlierAnchorage:
    """Where roots were anchored before; its batches stay published under its number, up to its last one, the head."""

    number: int
    chain_id: int
    genesis_hash: bytes
    contract: str
    publisher: str
    from_block: int
    head_sequence: int
    head_root: bytes | None

    @property
    def identity(self) -> tuple[int, bytes, str]:
        """What tells one anchorage from another: chain id, genesis hash, and the contract in lower case."""
        return self.chain_id, self.genesis_hash, self.contract.lower()


@dataclass(frozen=True, slots=True)
class PublisherDocument:
    """
    Who publishes where: what a trust set is made from.

    `publisher` is the account that the line of succession began with, `successors` those that succeeded it, in order;
    `earlier` are former anchorages, oldest first. Neither is written where there is none.
    """

    chain_id: int
    genesis_hash: bytes
    contract: str
    publisher: str
    from_block: int
    base_url: str
    head_sequence: int
    head_root: bytes | None
    successors: tuple[str, ...] = ()
    earlier: tuple[EarlierAnchorage, ...] = ()

    @property
    def identity(self) -> tuple[int, bytes, str]:
        """What tells one anchorage from another: chain id, genesis hash, and the contract in lower case."""
        return self.chain_id, self.genesis_hash, self.contract.lower()


def publisher_to_json(document: PublisherDocument) -> dict[str, JsonValue]:
    """Return the JSON of the publisher document."""
    history: dict[str, JsonValue] = {}
    if document.successors:
        history["successors"] = list(document.successors)
    if document.earlier:
        history["earlier"] = [_earlier_to_json(anchorage) for anchorage in document.earlier]
    return {
        "format": PUBLISHER_FORMAT,
        "chainId": document.chain_id,
        "genesisHash": encode_hex(document.genesis_hash),
        "contract": document.contract,
        "publisher": document.publisher,
        "fromBlock": document.from_block,
        "baseUrl": document.base_url,
        "head": _head_to_json(document),
        **history,
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
        successors=_read_successors(fields),
        earlier=tuple(
            _read_earlier(Fields(item, f"publisher.earlier[{position}]"))
            for position, item in enumerate(_items(fields, "earlier", MAX_EARLIER))
        ),
    )
    fields.end()
    return document


def _items(fields: Fields, name: str, max_items: int) -> Sequence[JsonValue]:
    """Read an array that is left out rather than empty."""
    if not fields.has(name):
        return ()
    items = fields.items(name, max_items=max_items)
    if not items:
        raise InvalidInput(f"{name!r} is empty: it is left out where there is none")
    return items


def _read_successors(fields: Fields) -> tuple[str, ...]:
    return tuple(
        Fields({"account": item}, "publisher.successors").decoded("account", read_address)
        for item in _items(fields, "successors", MAX_LINE)
    )


def _earlier_to_json(anchorage: EarlierAnchorage) -> JsonValue:
    return {
        "number": anchorage.number,
        "chainId": anchorage.chain_id,
        "genesisHash": encode_hex(anchorage.genesis_hash),
        "contract": anchorage.contract,
        "publisher": anchorage.publisher,
        "fromBlock": anchorage.from_block,
        "head": _head_to_json(anchorage),
    }


def _head_to_json(place: PublisherDocument | EarlierAnchorage) -> JsonValue:
    root = place.head_root
    return {"sequence": place.head_sequence, "root": encode_base64url(root)} if root else None


def _read_earlier(fields: Fields) -> EarlierAnchorage:
    head_sequence, head_root = _read_head(fields)
    anchorage = EarlierAnchorage(
        number=fields.integer("number", minimum=1),
        chain_id=fields.integer("chainId", minimum=1),
        genesis_hash=fields.decoded("genesisHash", decode_hex32),
        contract=fields.decoded("contract", read_address),
        publisher=fields.decoded("publisher", read_address),
        from_block=fields.integer("fromBlock"),
        head_sequence=head_sequence,
        head_root=head_root,
    )
    fields.end()
    return anchorage


def _read_head(fields: Fields) -> tuple[int, bytes | None]:
    if not fields.has("head"):
        fields.value("head")
        return 0, None
    head = fields.child("head")
    sequence, root = head.integer("sequence", minimum=1), head.hash("root")
    head.end()
    return sequence, root
