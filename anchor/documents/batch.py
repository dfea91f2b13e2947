"""The batch document: what is published of a batch from `mined` on (schema: anchor/schemas/batch-v1.json)."""

from __future__ import annotations

from dataclasses import dataclass

from anchor.core.entries import (
    BITS_PER_ENTRY,
    BatchHeader,
    Purpose,
    StatusListEntry,
    StatusSummary,
    identifier_hash,
)
from anchor.core.proof import BatchDescription
from anchor.core.strict_json import JsonValue, parse_strict_json
from anchor.documents.claim import AnchorClaim, claim_to_json, read_claim, require_format
from anchor.errors import InvalidInput, InvalidProof
from anchor.fields import MAX_INTEGER, Fields
from status_lists.multibase import encode_base64url

BATCH_FORMAT = "credential-anchor/batch/v1"

MAX_LISTS = 1_000_000


@dataclass(frozen=True, slots=True)
class ListState:
    """One status list as a batch document describes it: in words, and as the entry that was hashed."""

    number: int
    url: str
    issuer: str
    entry: StatusListEntry


@dataclass(frozen=True, slots=True)
class BatchDocument:
    """A published batch: its description, the lists in words, and where it was mined."""

    description: BatchDescription
    root: bytes
    lists: tuple[ListState, ...]
    claim: AnchorClaim
    is_final: bool


def batch_to_json(document: BatchDocument) -> dict[str, JsonValue]:
    """Return the JSON of a published batch."""
    description = document.description
    header = description.header
    summary = StatusSummary.of(description.list_entries)
    return {
        "format": BATCH_FORMAT,
        "state": "final" if document.is_final else "mined",
        "sequence": header.sequence,
        "root": encode_base64url(document.root),
        "leafCount": description.leaf_count,
        "header": {
            "sequence": header.sequence,
            "previousRoot": encode_base64url(header.previous_root),
            "created": header.created_s,
        },
        "credentialRoot": encode_base64url(description.credential_root),
        "statusSummary": {
            "listCount": summary.list_count,
            "listTreeRoot": encode_base64url(summary.list_tree_root),
        },
        "lists": [_list_to_json(state) for state in document.lists],
        "anchor": claim_to_json(document.claim),
    }


def parse_batch(content: bytes) -> BatchDocument:
    """
    Read a batch document strictly.

    Guarantees that the list entries give the stated summary, and that all of it gives the stated root;
    InvalidProof otherwise. Whether that root is on chain is not asked here.
    """
    try:
        return _read_batch(Fields(parse_strict_json(content), "batch"))
    except InvalidProof:
        raise
    except InvalidInput as exc:
        raise InvalidProof(str(exc)) from exc


def _read_batch(fields: Fields) -> BatchDocument:
    require_format(fields, BATCH_FORMAT)
    state = fields.text("state")
    sequence = fields.integer("sequence", minimum=1)
    root = fields.hash("root")
    leaf_count = fields.integer("leafCount", minimum=1)
    header = _read_header(fields.child("header"))
    credential_root = fields.hash("credentialRoot")
    summary_fields = fields.child("statusSummary")
    summary = StatusSummary(
        list_count=summary_fields.integer("listCount"), list_tree_root=summary_fields.hash("listTreeRoot")
    )
    summary_fields.end()
    states = tuple(
        _read_list(Fields(item, f"batch.lists[{number}]"), number)
        for number, item in enumerate(fields.items("lists", max_items=MAX_LISTS))
    )
    claim = read_claim(fields.child("anchor"))
    fields.end()
    entries = tuple(item.entry for item in states)
    description = BatchDescription(
        header=header, leaf_count=leaf_count, credential_root=credential_root, list_entries=entries
    )
    if state not in ("mined", "final") or not sequence == header.sequence == claim.sequence:
        raise InvalidProof("the batch document contradicts itself in state or sequence")
    if StatusSummary.of(entries) != summary or description.root() != root:
        raise InvalidProof("the batch document's parts do not give the root that it states")
    return BatchDocument(
        description=description, root=root, lists=states, claim=claim, is_final=state == "final"
    )


def _read_header(fields: Fields) -> BatchHeader:
    header = BatchHeader(
        sequence=fields.integer("sequence", minimum=1),
        previous_root=fields.hash("previousRoot"),
        created_s=fields.integer("created"),
    )
    fields.end()
    return header


def _list_to_json(state: ListState) -> JsonValue:
    entry = state.entry
    return {
        "number": state.number,
        "url": state.url,
        "issuer": state.issuer,
        "purpose": entry.purpose.label,
        "bitsPerEntry": entry.bits_per_entry,
        "length": entry.length,
        "version": entry.version,
        "bitsRoot": encode_base64url(entry.bits_root),
    }


def _read_list(fields: Fields, position: int) -> ListState:
    number = fields.integer("number")
    if number != position:
        raise InvalidProof(f"list {number} stands at position {position}")
    url, issuer = fields.text("url"), fields.text("issuer")
    bits = fields.integer("bitsPerEntry", minimum=1, maximum=8)
    if bits not in BITS_PER_ENTRY:
        raise InvalidProof(f"a status list has 1, 2, 4 or 8 bits an entry, not {bits}")
    entry = StatusListEntry(
        issuer_id=identifier_hash(issuer),
        list_id=identifier_hash(url),
        purpose=Purpose.from_label(fields.text("purpose")),
        bits_per_entry=bits,
        length=fields.integer("length", minimum=1),
        version=fields.integer("version", maximum=MAX_INTEGER),
        bits_root=fields.hash("bitsRoot"),
    )
    fields.end()
    return ListState(number=number, url=url, issuer=issuer, entry=entry)
