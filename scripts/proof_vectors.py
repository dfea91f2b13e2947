"""The vectors of proof documents: accepted ones, damaged ones with why, and one that only the chain refuses."""

from __future__ import annotations

import copy
import json
from hashlib import sha256

from anchor.core.digest import Method, credential_digest, derive_salt, salted_digest
from anchor.core.entries import BatchHeader, CredentialEntry, StatusEntry, StatusSummary, identifier_hash
from anchor.core.merkle import Tree, leaf_hash
from anchor.core.proof import CredentialProof, Inclusion
from anchor.core.strict_json import JsonValue
from anchor.documents import AnchorClaim, ProofDocument, proof_to_json

ISSUER = "https://university.example"
CREDENTIALS = (
    '{"issuer": "https://university.example", "name": "Diploma"}',
    '{"issuer": "https://university.example", "name": "Transcript", "credits": 180.0}',
)
REMOVED = object()
ZERO_HASH = "A" * 43

DAMAGED: tuple[tuple[str, tuple[str | int, ...], object, str], ...] = (
    ("another format", ("format",), "credential-anchor/proof/v2", "a reader of v1 does not know it"),
    ("no format", ("format",), REMOVED, "a member is missing"),
    ("unknown member", ("note",), "x", "readers would disagree on what it means"),
    ("unknown member in the claim", ("anchor", "note"), "x", "readers would disagree on what it means"),
    ("another issuer", ("issuer",), "https://other.example", "the entry has another issuer_id"),
    ("empty issuer", ("issuer",), "", "an issuer has a name"),
    ("another method", ("method",), "raw", "the entry has another method code"),
    ("unknown method", ("method",), "sha512", "there are four methods"),
    ("method in capitals", ("method",), "JCS", "a method has one spelling"),
    ("digest in capital hex", ("digest",), "AB" * 32, "a digest has one hex spelling"),
    ("another digest", ("digest",), "00" * 32, "the entry has another digest"),
    ("digest as a SHA-512 multihash", ("digest",), "uE0" + "A" * 86, "digests are SHA-256"),
    ("digest that claims to be salted", ("salted",), True, "the entry has another method code"),
    ("salted as a number", ("salted",), 0, "not a boolean"),
    ("salt for an unsalted digest", ("salt",), ZERO_HASH, "a salt means a salted digest"),
    ("salt null", ("salt",), None, "a salt that is not there is left out"),
    ("status left out", ("status",), REMOVED, "no binding is written as null"),
    ("status unbound", ("status",), None, "the entry binds another status entry"),
    ("another status index", ("status", "index"), 94_568, "the entry binds another status entry"),
    ("status list as text", ("status", "list"), "0", "not an integer"),
    ("unknown member in status", ("status", "purpose"), "revocation", "the list's entry says the purpose"),
    ("place of the batch header", ("leafIndex",), 0, "leaf 0 is the batch header"),
    ("another place", ("leafIndex",), 2, "the path leads elsewhere"),
    ("place outside the tree", ("leafIndex",), 3, "there is no such leaf"),
    ("negative place", ("leafIndex",), -1, "there is no such leaf"),
    ("place as a fraction", ("leafIndex",), 1.0, "integers are written without fraction"),
    ("place as true", ("leafIndex",), True, "not an integer"),
    ("tree of one leaf", ("treeSize",), 1, "the header is there as well"),
    ("tree that asks for a longer path", ("treeSize",), 5, "the path has another length"),
    ("tree beyond what JSON readers agree on", ("treeSize",), 2**53, "RFC 7493, section 2.2"),
    ("path cut", ("path", 1), REMOVED, "the path has another length"),
    ("path hash changed", ("path", 0), ZERO_HASH, "the path leads elsewhere"),
    ("path hash too short", ("path", 0), "A" * 42, "a hash has 32 bytes"),
    ("path hash in hex", ("path", 0), "00" * 32, "hashes are base64url"),
    ("path hash with padding", ("path", 0), ZERO_HASH + "=", "base64url has one spelling"),
    ("path hash with unused bits set", ("path", 0), "A" * 42 + "B", "base64url has one spelling"),
    ("path hash as number", ("path", 0), 0, "not a text"),
    ("path of 65 hashes", ("path",), [ZERO_HASH] * 65, "no tree is that deep"),
    ("path as an object", ("path",), {}, "not an array"),
    ("another status root", ("statusRoot",), ZERO_HASH, "the two halves give another root"),
    ("another root", ("root",), ZERO_HASH, "the hashes lead to another root"),
    ("no claim", ("anchor",), None, "not an object"),
    ("chain 0", ("anchor", "chainId"), 0, "chain ids begin with 1"),
    ("contract without 0x", ("anchor", "contract"), "c0" * 20, "an address begins with 0x"),
    ("publisher too short", ("anchor", "publisher"), "0x" + "b0" * 19, "an address has 20 bytes"),
    ("sequence 0", ("anchor", "sequence"), 0, "sequences begin with 1"),
    ("transaction in capitals", ("anchor", "transaction"), "0x" + "AA" * 32, "one spelling"),
)


def proofs() -> dict[str, object]:
    """Return the vectors; the batch has the header and two credentials, of which the second is salted."""
    header = BatchHeader(sequence=7, previous_root=sha256(b"previous").digest(), created_s=1_735_689_600)
    digests = [credential_digest(Method.JCS, text.encode()) for text in CREDENTIALS]
    salt = derive_salt(bytes(32), digests[1])
    entries = (
        CredentialEntry(
            identifier_hash(ISSUER), Method.JCS, digests[0], status=StatusEntry(list_number=0, index=94_567)
        ),
        CredentialEntry(identifier_hash(ISSUER), Method.JCS, salted_digest(salt, digests[1]), salted=True),
    )
    tree = Tree()
    tree.extend(leaf_hash(entry.encode()) for entry in (header, *entries))
    plain = _document(entries[0], _inclusion(tree, 1), salt=None)
    salted = _document(entries[1], _inclusion(tree, 2), salt=salt)
    # The right child of a tree of three leaves is also the last of five: the path has one hash in both.
    elsewhere = _document(entries[1], Inclusion(4, 5, _inclusion(tree, 2).path), salt=salt)
    return {
        "accepted": [
            {"name": "bound to a status entry", "credential": CREDENTIALS[0], "proof": _text(plain)},
            {"name": "salted, unbound", "credential": CREDENTIALS[1], "proof": _text(salted)},
        ],
        "leafCount": tree.size,
        "refusedByLeafCount": [{"name": "leaf 2 of 3 as leaf 4 of 5", "proof": _text(elsewhere)}],
        "refused": [
            {"name": name, "why": why, "proof": _text(_changed(plain, place, value))}
            for name, place, value, why in DAMAGED
        ]
        + _damaged_texts(_text(plain)),
    }


def _damaged_texts(text: str) -> list[dict[str, str]]:
    made = (
        (
            "member twice",
            text.replace('"leafIndex": 1', '"leafIndex": 2, "leafIndex": 1'),
            "readers would disagree",
        ),
        ("byte order mark", "\ufeff" + text, "strict JSON has none"),
        ("cut", text[:-1], "no JSON"),
        ("an array round it", f"[{text}]", "not an object"),
        ("nothing", "", "no JSON"),
    )
    return [{"name": name, "why": why, "proof": damaged} for name, damaged, why in made]


def _document(entry: CredentialEntry, inclusion: Inclusion, *, salt: bytes | None) -> dict[str, JsonValue]:
    claim = AnchorClaim(
        chain_id=1,
        contract="0x" + "c0" * 20,
        publisher="0x" + "b0" * 20,
        sequence=7,
        transaction=sha256(b"transaction").digest(),
        block_number=21_525_891,
        block_time_s=1_735_689_659,
    )
    proof = CredentialProof(entry=entry, inclusion=inclusion, status_root=StatusSummary.of([]).status_root())
    return proof_to_json(ProofDocument(proof=proof, issuer=ISSUER, salt=salt, claim=claim))


def _inclusion(tree: Tree, index: int) -> Inclusion:
    return Inclusion(index=index, tree_size=tree.size, path=tuple(tree.inclusion_path(index)))


def _changed(document: dict[str, JsonValue], place: tuple[str | int, ...], value: object) -> object:
    changed: object = copy.deepcopy(document)
    inner: object = changed
    for name in place[:-1]:
        inner = inner[name]  # type: ignore[index]  # JSON by its path
    if value is REMOVED:
        del inner[place[-1]]  # type: ignore[attr-defined]  # JSON by its path
    else:
        inner[place[-1]] = value  # type: ignore[index]  # JSON by its path
    return changed


def _text(document: object) -> str:
    return json.dumps(document)
