"""
Data Integrity proofs with the suites `eddsa-rdfc-2022` and `eddsa-jcs-2022`: made, and checked one by one or in chains.

Source: W3C Verifiable Credential Data Integrity 1.0, sections 4.2 to 4.5; W3C Data Integrity EdDSA Cryptosuites v1.0,
sections 3.2 and 3.3.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from anchor.core.strict_json import JsonValue, canonical_json
from anchor.vc.data_model import is_url
from anchor.vc.linked_data import DataLoss, LinkedData
from anchor.vc.problems import Kind, Rejected
from anchor.vc.times import read_time
from status_lists.errors import StatusListError
from status_lists.keys import ListKey, check_signature
from status_lists.multibase import decode_base58btc, encode_base58btc

Document = Mapping[str, JsonValue]

RDFC = "eddsa-rdfc-2022"
JCS = "eddsa-jcs-2022"
SUITES = (RDFC, JCS)

ASSERTION = "assertionMethod"
AUTHENTICATION = "authentication"

MAX_PROOFS = 5
"""Proofs of one document: each costs a canonicalisation."""

CLOCK_SKEW_MS = 5 * 60 * 1000
"""How far the clock of whoever made a proof may run ahead of ours."""

PROOF_TYPE = "DataIntegrityProof"
SIGNATURE_BYTES = 64

_CONTEXT = "@context"
# Nothing else: a term of the proof under another name (an IRI, an alias) is signed as well, but would go unread.
_MEMBERS = frozenset(
    {
        _CONTEXT,
        "id",
        "type",
        "cryptosuite",
        "created",
        "expires",
        "verificationMethod",
        "proofPurpose",
        "proofValue",
        "domain",
        "challenge",
        "nonce",
        "previousProof",
    }
)


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """A public key, who controls it, and the one purpose that its controller gives it; None for any."""

    controller: str
    public_key: bytes
    purpose: str | None = None


KeyResolver = Callable[[str], VerificationKey]
"""Gives the key of a verification method's URL; raises Rejected where it knows none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a verifier demands of proofs: their purpose, and domain and challenge where it set any."""

    purpose: str
    now_ms: int
    domain: str | None = None
    challenge: str | None = None


def sign_document(
    document: Document, options: Document, *, key: ListKey, linked_data: LinkedData
) -> dict[str, JsonValue]:
    """
    Return the document with a proof made of these options, which name suite, purpose, method and time.

    Guarantees that `check_proofs` accepts the result under the key's public key. Requires an unsigned document. Raises
    DataLoss for one that JSON-LD would not keep whole, whatever the suite.
    """
    configuration = {"type": PROOF_TYPE, **options}
    if options["cryptosuite"] == JCS:
        linked_data.canonicalize(document)
        configuration[_CONTEXT] = document[_CONTEXT]
    signature = key.sign(signed_bytes(document, configuration, linked_data=linked_data))
    return {**document, "proof": {**configuration, "proofValue": encode_base58btc(signature)}}


def signed_bytes(document: Document, configuration: Document, *, linked_data: LinkedData) -> bytes:
    """Return the 64 bytes that are signed: the hash of the proof's configuration, then that of the document."""
    if configuration["cryptosuite"] == JCS:
        parts = [canonical_json(dict(part)) for part in (configuration, document)]
    else:
        configuration = {**configuration, _CONTEXT: document.get(_CONTEXT)}
        parts = [linked_data.canonicalize(part).encode("utf-8") for part in (configuration, document)]
    return b"".join(hashlib.sha256(part).digest() for part in parts)


def check_proofs(
    document: Document, *, expected: Expected, keys: KeyResolver, linked_data: LinkedData
) -> Sequence[str]:
    """
    Check every proof of a document and return the controllers of the keys that made them, in the proofs' order.

    Raises Rejected for the first proof that does not hold, is of another suite, or names one that is missing before it
    (section 4.5): of a set all must hold.
    """
    proofs = _proofs(document.get("proof"))
    _check_ids(proofs)
    unsecured = {name: value for name, value in document.items() if name != "proof"}
    controllers = []
    for proof in proofs:
        earlier = _previous(proof, proofs)
        covered = {**unsecured, "proof": earlier} if earlier else unsecured
        controllers.append(
            _check_proof(covered, proof, expected=expected, keys=keys, linked_data=linked_data)
        )
    return controllers


def covered_document(document: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """
    Return the document with those of its contexts that all its proofs cover.

    A proof of `eddsa-jcs-2022` lets contexts follow that were not signed (section 3.3.2, step 4), which anyone may have
    added. Requires a document that `check_proofs` accepts.
    """
    value = document.get("proof")
    counts = [
        len(signed) if isinstance(signed := proof[_CONTEXT], list) else 1
        for proof in (value if isinstance(value, list) else [value])
        if isinstance(proof, dict) and proof.get("cryptosuite") == JCS and _CONTEXT in proof
    ]
    present = document.get(_CONTEXT)
    if not counts or not isinstance(present, list):
        return dict(document)
    return {**document, _CONTEXT: present[: min(counts)]}


def _proofs(value: JsonValue) -> list[dict[str, JsonValue]]:
    items = value if isinstance(value, list) else [value]
    proofs = [item for item in items if isinstance(item, dict)]
    if not proofs or len(proofs) != len(items):
        raise Rejected(Kind.PROOF, "the document has no proof, or one that is no object")
    if len(proofs) > MAX_PROOFS:
        raise Rejected(Kind.PROOF, f"the document has more than {MAX_PROOFS} proofs")
    return proofs


def _check_ids(proofs: Sequence[Document]) -> None:
    ids = [str(proof["id"]) for proof in proofs if "id" in proof]
    if len(set(ids)) != len(ids):
        raise Rejected(
            Kind.PROOF, "two proofs have one id: which of them a third one covers would be anyone's guess"
        )


def _previous(proof: Document, proofs: Sequence[dict[str, JsonValue]]) -> list[JsonValue]:
    named = proof.get("previousProof", [])
    earlier: list[JsonValue] = []
    for name in named if isinstance(named, list) else [named]:
        found = [other for other in proofs if other is not proof and other.get("id") == name]
        if not isinstance(name, str) or not found:
            raise Rejected(Kind.PROOF, "previousProof names no other proof of the document")
        earlier += found
    return earlier


def _check_proof(
    document: Document, proof: Document, *, expected: Expected, keys: KeyResolver, linked_data: LinkedData
) -> str:
    _check_members(proof)
    _check_times(proof, expected.now_ms)
    _check_expected(proof, expected)
    method = proof.get("verificationMethod")
    if not isinstance(method, str):
        raise Rejected(Kind.PROOF, "proof.verificationMethod is missing or no text")
    key = keys(method)
    if key.purpose not in (None, expected.purpose):
        raise Rejected(
            Kind.VERIFICATION_METHOD, f"the key is for {key.purpose} alone, not {expected.purpose}"
        )
    configuration = {name: value for name, value in proof.items() if name != "proofValue"}
    document = _with_proof_context(document, configuration)
    try:
        message = signed_bytes(document, configuration, linked_data=linked_data)
    except DataLoss as exc:
        raise Rejected(Kind.DATA_LOSS, str(exc)) from exc
    try:
        check_signature(_signature(proof), message, public_key=key.public_key)
    except StatusListError as exc:
        raise Rejected(Kind.CRYPTOGRAPHIC, "the signature is not by this key over this document") from exc
    return key.controller


def _check_members(proof: Document) -> None:
    unknown = proof.keys() - _MEMBERS
    if unknown:
        raise Rejected(Kind.PROOF, f"proof: the member {min(unknown)[:60]!r} is not known here")
    if proof.get("type") != PROOF_TYPE or proof.get("cryptosuite") not in SUITES:
        raise Rejected(Kind.PROOF, f"the proof is no {PROOF_TYPE} of one of the suites {', '.join(SUITES)}")
    if "id" in proof and not is_url(proof["id"]):
        raise Rejected(Kind.PROOF, "proof.id is no URL")
    if not isinstance(proof.get("nonce", ""), str):
        raise Rejected(Kind.PROOF, "proof.nonce is no text")


def _check_times(proof: Document, now_ms: int) -> None:
    try:
        times = {name: read_time(proof[name]) for name in ("created", "expires") if name in proof}
    except StatusListError as exc:
        raise Rejected(Kind.PROOF, f"proof: {exc}") from exc
    if now_ms > times.get("expires", now_ms):
        raise Rejected(Kind.PROOF, "the proof has expired")
    if times.get("created", now_ms) > now_ms + CLOCK_SKEW_MS:
        raise Rejected(Kind.PROOF, "the proof was made in the future: check both clocks")


def _check_expected(proof: Document, expected: Expected) -> None:
    if proof.get("proofPurpose") != expected.purpose:
        raise Rejected(Kind.PROOF, f"proof.proofPurpose is not {expected.purpose}")
    domain = proof.get("domain", [])
    domains = domain if isinstance(domain, list) else [domain]
    if not all(isinstance(item, str) for item in domains):
        raise Rejected(Kind.PROOF, "proof.domain is neither a text nor several")
    if expected.domain is not None and domains != [expected.domain]:
        raise Rejected(Kind.DOMAIN, "the proof is not for the domain that was asked for, and that one alone")
    challenge = proof.get("challenge")
    if "challenge" in proof and not isinstance(challenge, str):
        raise Rejected(Kind.PROOF, "proof.challenge is no text")
    if expected.challenge is not None and challenge != expected.challenge:
        raise Rejected(Kind.CHALLENGE, "the proof does not answer the challenge that was set")


def _with_proof_context(document: Document, configuration: Document) -> Document:
    """Return the document under the contexts that were signed, if its own begin with them (section 3.3.2, step 4)."""
    if configuration["cryptosuite"] != JCS or _CONTEXT not in configuration:
        return document
    signed, present = (
        value if isinstance(value, list) else [value]
        for value in (configuration[_CONTEXT], document.get(_CONTEXT))
    )
    if present[: len(signed)] != signed:
        raise Rejected(Kind.PROOF, "the document's contexts do not begin with those of its proof")
    return {**document, _CONTEXT: configuration[_CONTEXT]}


def _signature(proof: Document) -> bytes:
    value = proof.get("proofValue")
    try:
        return decode_base58btc(value if isinstance(value, str) else "", length=SIGNATURE_BYTES)
    except StatusListError as exc:
        raise Rejected(Kind.PROOF, "proof.proofValue is no signature of 64 bytes in base58btc") from exc
