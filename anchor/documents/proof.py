"""The proof document: the file that a holder keeps (schema: anchor/schemas/proof-v1.json)."""

from __future__ import annotations

from dataclasses import dataclass

from anchor.core.digest import SALT_BYTES, Method
from anchor.core.entries import CredentialEntry, StatusEntry, identifier_hash
from anchor.core.merkle import MAX_PATH_HASHES
from anchor.core.proof import CredentialProof, Inclusion
from anchor.core.strict_json import JsonValue, parse_strict_json
from anchor.documents.claim import AnchorClaim, claim_to_json, read_claim, require_format
from anchor.errors import InvalidInput, InvalidProof
from anchor.fields import Fields
from status_lists.multibase import decode_base64url, encode_base64url, encode_digest

PROOF_FORMAT = "credential-anchor/proof/v1"

MAX_PROOF_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class ProofDocument:
    """A proof file: the proof, the issuer's identifier in words, the salt if there is one, and the claim."""

    proof: CredentialProof
    issuer: str
    salt: bytes | None
    claim: AnchorClaim


def proof_to_json(document: ProofDocument) -> dict[str, JsonValue]:
    """Return the JSON of a proof file."""
    proof, entry = document.proof, document.proof.entry
    body: dict[str, JsonValue] = {
        "format": PROOF_FORMAT,
        "issuer": document.issuer,
        "method": entry.method.label,
        "digest": encode_digest(entry.digest),
        "salted": entry.salted,
        "status": status_to_json(entry.status),
        "leafIndex": proof.inclusion.index,
        "treeSize": proof.inclusion.tree_size,
        "path": [encode_base64url(node) for node in proof.inclusion.path],
        "statusRoot": encode_base64url(proof.status_root),
        "root": encode_base64url(proof.root()),
        "anchor": claim_to_json(document.claim),
    }
    if document.salt is not None:
        body["salt"] = encode_base64url(document.salt)
    return body


def parse_proof(content: bytes) -> ProofDocument:
    """
    Read a proof file strictly.

    Raises InvalidProof for anything that is no well-formed proof, or one whose hashes do not lead to the root
    that it states. Whether that root is on chain is not asked here.
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
    require_format(fields, PROOF_FORMAT)
    issuer = fields.text("issuer")
    method = Method.from_label(fields.text("method"))
    digest = fields.digest("digest")
    salted = fields.boolean("salted")
    salt = fields.decoded("salt", decode_salt) if fields.has("salt") else None
    status = read_status(fields)
    entry = CredentialEntry(
        issuer_id=identifier_hash(issuer), method=method, digest=digest, salted=salted, status=status
    )
    inclusion = Inclusion(
        index=fields.integer("leafIndex", minimum=1),
        tree_size=fields.integer("treeSize", minimum=2),
        path=fields.hashes("path", max_items=MAX_PATH_HASHES),
    )
    proof = CredentialProof(entry=entry, inclusion=inclusion, status_root=fields.hash("statusRoot"))
    stated_root = fields.hash("root")
    claim = read_claim(fields.child("anchor"))
    fields.end()
    if proof.root() != stated_root:
        raise InvalidProof("the proof's hashes do not lead to the root that it states: fetch the proof again")
    if salt is not None and not salted:
        raise InvalidProof("the proof brings a salt for a digest that is not salted")
    return ProofDocument(proof=proof, issuer=issuer, salt=salt, claim=claim)


def status_to_json(status: StatusEntry | None) -> JsonValue:
    """Return the JSON of an entry's binding."""
    return None if status is None else {"list": status.list_number, "index": status.index}


def read_status(fields: Fields) -> StatusEntry | None:
    """Read an entry's binding from its member `status`, which is null where there is none."""
    if not fields.has("status"):
        fields.value("status")
        return None
    status = fields.child("status")
    entry = StatusEntry(list_number=status.integer("list"), index=status.integer("index"))
    status.end()
    return entry


def decode_salt(text: str) -> bytes:
    """Return the bytes of a salt; StatusListError for anything else."""
    return decode_base64url(text, length=SALT_BYTES)
