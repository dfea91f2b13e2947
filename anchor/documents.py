"""Proof, batch and publisher documents: values to JSON and back, strictly (schemas in anchor/schemas)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from anchor.core.digest import SALT_BYTES, Method
from anchor.core.entries import (
    BITS_PER_ENTRY,
    BatchHeader,
    CredentialEntry,
    Purpose,
    StatusEntry,
    StatusListEntry,
    StatusSummary,
    identifier_hash,
)
from anchor.core.merkle import MAX_PATH_HASHES
from anchor.core.proof import BatchDescription, CredentialProof, Inclusion
from anchor.core.strict_json import JsonValue, parse_strict_json
from anchor.errors import InvalidInput, InvalidProof
from anchor.fields import MAX_INTEGER, Fields, decode_hash, decode_hex, encode_hex
from status_lists.errors import StatusListError
from status_lists.multibase import decode_base64url, encode_base64url, encode_digest

PROOF_FORMAT = "credential-anchor/proof/v1"
BATCH_FORMAT = "credential-anchor/batch/v1"
PUBLISHER_FORMAT = "credential-anchor/publisher/v1"

MAX_PROOF_BYTES = 64 * 1024
MAX_LISTS = 1_000_000

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


@dataclass(frozen=True, slots=True)
class ProofDocument:
    """A proof file: the proof, the issuer's identifier in words, the salt where there is one, and the claim."""

    proof: CredentialProof
    issuer: str
    salt: bytes | None
    claim: AnchorClaim


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


def proof_to_json(document: ProofDocument) -> dict[str, JsonValue]:
    """Return the JSON of a proof file."""
    proof, entry = document.proof, document.proof.entry
    body: dict[str, JsonValue] = {
        "format": PROOF_FORMAT,
        "issuer": document.issuer,
        "method": entry.method.label,
        "digest": encode_digest(entry.digest),
        "salted": entry.salted,
        "status": _status_to_json(entry.status),
        "leafIndex": proof.inclusion.index,
        "treeSize": proof.inclusion.tree_size,
        "path": [encode_base64url(node) for node in proof.inclusion.path],
        "statusRoot": encode_base64url(proof.status_root),
        "root": encode_base64url(proof.root()),
        "anchor": _claim_to_json(document.claim),
    }
    if document.salt is not None:
        body["salt"] = encode_base64url(document.salt)
    return body


def parse_proof(content: bytes) -> ProofDocument:
    """
    Read a proof file strictly.

    Raises InvalidProof for anything that is no well-formed proof, or one whose hashes do not lead to the root that it
    states. Whether that root is on chain is not asked here.
    """
    if len(content) > MAX_PROOF_BYTES:
        raise InvalidProof(f"a proof has at most {MAX_PROOF_BYTES} bytes, this file {len(content)}")
    try:
        return _read_proof(Fields(parse_strict_json(content), "proof"))
    except InvalidProof:
        raise
    except InvalidInput as exc:
        raise InvalidProof(str(exc)) from exc


def _read_proof(fields: Fields) -> ProofDocument:
    _require_format(fields, PROOF_FORMAT)
    issuer = fields.text("issuer")
    method = Method.from_label(fields.text("method"))
    digest = fields.digest("digest")
    salted = fields.boolean("salted")
    salt = fields.decoded("salt", _decode_salt) if fields.has("salt") else None
    status = _read_status(fields)
    entry = CredentialEntry(
        issuer_id=identifier_hash(issuer), method=method, digest=digest, salted=salted, status=status
    )
    inclusion = Inclusion(
        index=fields.integer("leafIndex", minimum=1),
        tree_size=fields.integer("treeSize", minimum=2),
        path=_read_hashes(fields, "path", max_items=MAX_PATH_HASHES),
    )
    proof = CredentialProof(entry=entry, inclusion=inclusion, status_root=fields.hash("statusRoot"))
    stated_root = fields.hash("root")
    claim = _read_claim(fields.child("anchor"))
    fields.end()
    if proof.root() != stated_root:
        raise InvalidProof("the proof's hashes do not lead to the root that it states: fetch the proof again")
    if salt is not None and not salted:
        raise InvalidProof("the proof brings a salt for a digest that is not salted")
    return ProofDocument(proof=proof, issuer=issuer, salt=salt, claim=claim)


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
        "anchor": _claim_to_json(document.claim),
    }


def parse_batch(content: bytes) -> BatchDocument:
    """
    Read a batch document strictly.

    Guarantees that the list entries give the stated summary, and that all of it gives the stated root; InvalidProof
    otherwise. Whether that root is on chain is not asked here.
    """
    try:
        return _read_batch(Fields(parse_strict_json(content), "batch"))
    except InvalidProof:
        raise
    except InvalidInput as exc:
        raise InvalidProof(str(exc)) from exc


def _read_batch(fields: Fields) -> BatchDocument:
    _require_format(fields, BATCH_FORMAT)
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
    claim = _read_claim(fields.child("anchor"))
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
    _require_format(fields, PUBLISHER_FORMAT)
    head = fields.child("head") if fields.has("head") else None
    if head is None:
        fields.value("head")
    document = PublisherDocument(
        chain_id=fields.integer("chainId", minimum=1),
        genesis_hash=fields.decoded("genesisHash", _decode_hex32),
        contract=fields.decoded("contract", read_address),
        publisher=fields.decoded("publisher", read_address),
        from_block=fields.integer("fromBlock"),
        base_url=fields.text("baseUrl"),
        head_sequence=head.integer("sequence", minimum=1) if head else 0,
        head_root=head.hash("root") if head else None,
    )
    fields.end()
    return document


def read_address(text: str) -> str:
    """Return an Ethereum address as written, or raise InvalidInput; the chain adapter checks its checksum."""
    if not _ADDRESS.fullmatch(text):
        raise InvalidInput("expected an Ethereum address: 0x and 40 hex digits")
    return text


def _require_format(fields: Fields, expected: str) -> None:
    found = fields.text("format")
    if found != expected:
        raise InvalidInput(f"this is a {found[:60]!r} document, not {expected!r}")


def _status_to_json(status: StatusEntry | None) -> JsonValue:
    return None if status is None else {"list": status.list_number, "index": status.index}


def _read_status(fields: Fields) -> StatusEntry | None:
    if not fields.has("status"):
        fields.value("status")
        return None
    status = fields.child("status")
    entry = StatusEntry(list_number=status.integer("list"), index=status.integer("index"))
    status.end()
    return entry


def _claim_to_json(claim: AnchorClaim) -> JsonValue:
    return {
        "chainId": claim.chain_id,
        "contract": claim.contract,
        "publisher": claim.publisher,
        "sequence": claim.sequence,
        "transaction": encode_hex(claim.transaction),
        "blockNumber": claim.block_number,
        "blockTime": claim.block_time_s,
    }


def _read_claim(fields: Fields) -> AnchorClaim:
    claim = AnchorClaim(
        chain_id=fields.integer("chainId", minimum=1),
        contract=fields.decoded("contract", read_address),
        publisher=fields.decoded("publisher", read_address),
        sequence=fields.integer("sequence", minimum=1),
        transaction=fields.decoded("transaction", _decode_hex32),
        block_number=fields.integer("blockNumber"),
        block_time_s=fields.integer("blockTime"),
    )
    fields.end()
    return claim


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


def _read_hashes(fields: Fields, name: str, *, max_items: int) -> tuple[bytes, ...]:
    hashes = []
    for position, item in enumerate(fields.items(name, max_items=max_items)):
        if not isinstance(item, str):
            raise InvalidProof(f"{name}[{position}] is no text")
        try:
            hashes.append(decode_hash(item))
        except StatusListError as exc:
            raise InvalidProof(f"{name}[{position}]: {exc}") from exc
    return tuple(hashes)


def _decode_salt(text: str) -> bytes:
    return decode_base64url(text, length=SALT_BYTES)


def _decode_hex32(text: str) -> bytes:
    return decode_hex(text, size=32)
