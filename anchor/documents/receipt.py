"""The receipt document: what a holder has until the proof is there (schema: anchor/schemas/receipt-v1.json)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from anchor.core.digest import Method
from anchor.core.entries import CredentialEntry, identifier_hash
from anchor.core.merkle import MAX_PATH_HASHES, leaf_hash
from anchor.core.promise import Promise, PromisedEntry, SignedPromise, request_tree
from anchor.core.strict_json import JsonValue, parse_strict_json
from anchor.documents.claim import decode_hex32, read_address, require_format
from anchor.documents.proof import decode_salt, read_status, status_to_json
from anchor.errors import InvalidInput, InvalidProof
from anchor.fields import Fields, encode_hex
from status_lists.multibase import (
    decode_base64url,
    decode_multikey,
    encode_base64url,
    encode_digest,
    encode_multikey,
)

RECEIPT_FORMAT = "credential-anchor/receipt/v1"

MAX_RECEIPT_BYTES = 64 * 1024

_SIGNATURE_BYTES = 64


@dataclass(frozen=True, slots=True)
class ReceiptDocument:
    """A receipt of one digest, complete in itself: its entry, its place in a request, the promise, the salt if any."""

    signed: SignedPromise
    promised: PromisedEntry
    salt: bytes | None


def receipts_of(signed: SignedPromise, entries: Sequence[CredentialEntry]) -> tuple[ReceiptDocument, ...]:
    """
    Return the receipt of each entry of a request, in its order, from the one promise that was given for all.

    Raises InvalidProof where the promise is about another number of entries, or about others.
    """
    promise = signed.promise
    if len(entries) != promise.entry_count:
        raise InvalidProof(f"the promise is about {promise.entry_count} entries, not about {len(entries)}")
    tree = request_tree(b"".join(leaf_hash(entry.encode()) for entry in entries))
    receipts = tuple(
        ReceiptDocument(
            signed=signed,
            promised=PromisedEntry(entry=entry, index=index, path=tuple(tree.inclusion_path(index))),
            salt=None,
        )
        for index, entry in enumerate(entries)
    )
    for receipt in receipts:
        receipt.promised.check(promise)
    return receipts


def receipt_to_json(document: ReceiptDocument) -> dict[str, JsonValue]:
    """Return the JSON of a receipt file."""
    promised, entry = document.promised, document.promised.entry
    body: dict[str, JsonValue] = {
        "format": RECEIPT_FORMAT,
        "method": entry.method.label,
        "digest": encode_digest(entry.digest),
        "salted": entry.salted,
        "status": status_to_json(entry.status),
        "index": promised.index,
        "path": [encode_base64url(node) for node in promised.path],
        "promise": promise_to_json(document.signed),
    }
    if document.salt is not None:
        body["salt"] = encode_base64url(document.salt)
    return body


def promise_to_json(signed: SignedPromise) -> dict[str, JsonValue]:
    """Return the JSON of a signed promise, as receipts and answers to submissions hold it."""
    promise = signed.promise
    return {
        "chainId": promise.chain_id,
        "genesisHash": encode_hex(promise.genesis_hash),
        "contract": promise.contract,
        "publisher": promise.publisher,
        "baseUrl": promise.base_url,
        "issuer": promise.issuer,
        "entryCount": promise.entry_count,
        "root": encode_base64url(promise.root),
        "acceptedTime": promise.accepted_s,
        "anchoredByTime": promise.anchored_by_s,
        "key": encode_multikey(signed.public_key),
        "signature": encode_base64url(signed.signature),
    }


def parse_receipt(content: bytes) -> ReceiptDocument:
    """
    Read a receipt file strictly.

    Raises InvalidProof for anything that is no well-formed receipt, or one whose entry does not lead to the root that
    is promised. Whether the signature is good, and by whom, is not asked here.
    """
    if len(content) > MAX_RECEIPT_BYTES:
        raise InvalidProof(f"a receipt has at most {MAX_RECEIPT_BYTES} bytes, this file {len(content)}")
    try:
        return _read_receipt(Fields(parse_strict_json(content), "receipt"))
    except InvalidProof:
        raise
    except InvalidInput as exc:
        raise InvalidProof(str(exc)) from exc


def read_promise(fields: Fields) -> SignedPromise:
    """Read a signed promise strictly; InvalidInput for anything else."""
    promise = Promise(
        chain_id=fields.integer("chainId", minimum=1),
        genesis_hash=fields.decoded("genesisHash", decode_hex32),
        contract=fields.decoded("contract", read_address),
        publisher=fields.decoded("publisher", read_address),
        base_url=fields.text("baseUrl"),
        issuer=fields.text("issuer"),
        entry_count=fields.integer("entryCount", minimum=1),
        root=fields.hash("root"),
        accepted_s=fields.integer("acceptedTime"),
        anchored_by_s=fields.integer("anchoredByTime"),
    )
    signed = SignedPromise(
        promise=promise,
        public_key=fields.decoded("key", decode_multikey),
        signature=fields.decoded("signature", lambda text: decode_base64url(text, length=_SIGNATURE_BYTES)),
    )
    fields.end()
    return signed


def _read_receipt(fields: Fields) -> ReceiptDocument:
    require_format(fields, RECEIPT_FORMAT)
    signed = read_promise(fields.child("promise"))
    entry = CredentialEntry(
        issuer_id=identifier_hash(signed.promise.issuer),
        method=Method.from_label(fields.text("method")),
        digest=fields.digest("digest"),
        salted=fields.boolean("salted"),
        status=read_status(fields),
    )
    promised = PromisedEntry(
        entry=entry,
        index=fields.integer("index"),
        path=fields.hashes("path", max_items=MAX_PATH_HASHES),
    )
    salt = fields.decoded("salt", decode_salt) if fields.has("salt") else None
    fields.end()
    if salt is not None and not entry.salted:
        raise InvalidProof("the receipt brings a salt for a digest that is not salted")
    promised.check(signed.promise)
    return ReceiptDocument(signed=signed, promised=promised, salt=salt)
