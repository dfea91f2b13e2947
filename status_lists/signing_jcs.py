"""Sign and verify a list with the Data Integrity suite `eddsa-jcs-2022`, on request.

The suite signs the RFC 8785 form of the document, so every member is covered, whatever the JSON-LD contexts
know: the way for lists of messages that are to carry their proof inside. Verifiers that deployed
`eddsa-rdfc-2022` alone refuse it.

Source: W3C Data Integrity EdDSA Cryptosuites v1.0, section 3.3; W3C Verifiable Credential Data Integrity 1.0.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import rfc8785

from status_lists.datetimes import format_datetime, parse_datetime
from status_lists.errors import MalformedValue, UnsupportedShape, VerificationFailed
from status_lists.iris import check_safe_iri
from status_lists.keys import ListKey, check_signature
from status_lists.multibase import decode_base58btc, encode_base58btc
from status_lists.signing_keys import SIGNATURE_BYTES

CRYPTOSUITE = "eddsa-jcs-2022"

_CONTEXT = "@context"
_PROOF_TYPE = "DataIntegrityProof"
_PROOF_PURPOSE = "assertionMethod"
_PROOF_MEMBERS = (
    _CONTEXT,
    "type",
    "cryptosuite",
    "created",
    "verificationMethod",
    "proofPurpose",
    "proofValue",
)


def sign_list_jcs(
    document: Mapping[str, object], *, key: ListKey, verification_method: str, created_ms: int
) -> dict[str, object]:
    """Sign a document made by `list_document`; the result is the same document with its `proof`.

    `verification_method` is the URL under which the issuer names the key. Guarantees that `verify_list_jcs`
    accepts the result under the key's public key, and equal results for equal arguments. Raises
    UnsupportedShape for a document that is already signed or that RFC 8785 cannot write.
    """
    if "proof" in document:
        raise UnsupportedShape("the list has a proof already; sign the unsigned document")
    context = {_CONTEXT: document[_CONTEXT]} if _CONTEXT in document else {}
    proof: dict[str, object] = {
        "type": _PROOF_TYPE,
        "cryptosuite": CRYPTOSUITE,
        "created": format_datetime(created_ms),
        "verificationMethod": _checked_method(verification_method),
        "proofPurpose": _PROOF_PURPOSE,
        **context,
    }
    signature = key.sign(jcs_signed_bytes(document, proof))
    return {**document, "proof": {**proof, "proofValue": encode_base58btc(signature)}}


def verify_list_jcs(document: Mapping[str, object], *, public_key: bytes) -> None:
    """Verify the signature of a list under an Ed25519 key that the caller trusts for its issuer.

    Returns only if the proof is a sound `eddsa-jcs-2022` signature by this key over every member of the
    document. The key decides, not the name the proof gives it. Raises UnsupportedShape for another suite and
    for proofs with members of further meaning (`expires`, `domain`, `previousProof`), VerificationFailed for
    anything else that is wrong.
    """
    proof = document.get("proof")
    if not isinstance(proof, Mapping):
        raise UnsupportedShape("the list has no proof, or not exactly one")
    _check_proof(proof)
    unsigned = {name: value for name, value in document.items() if name != "proof"}
    if _CONTEXT in proof:  # section 3.3.2 step 4
        unsigned[_CONTEXT] = _proof_context(proof[_CONTEXT], document.get(_CONTEXT))
    options = {name: value for name, value in proof.items() if name != "proofValue"}
    message = jcs_signed_bytes(unsigned, options)
    try:
        value = proof.get("proofValue")
        signature = decode_base58btc(value if isinstance(value, str) else "", length=SIGNATURE_BYTES)
    except MalformedValue as exc:
        raise VerificationFailed("the list's proofValue is no signature in base58btc") from exc
    check_signature(signature, message, public_key=public_key)


def jcs_signed_bytes(document: Mapping[str, object], options: Mapping[str, object]) -> bytes:
    """Give the 64 bytes that are signed (section 3.3.4): hash of the options, then hash of the document.

    Raises UnsupportedShape for a value that RFC 8785 cannot write without changing it.
    """
    return b"".join(hashlib.sha256(canonical_json(part)).digest() for part in (options, document))


def canonical_json(value: Mapping[str, object]) -> bytes:
    """Write the RFC 8785 form of a JSON object; raises UnsupportedShape where it has none."""
    try:
        return rfc8785.dumps(value)  # type: ignore[arg-type]  # what is no JSON value raises
    except (rfc8785.CanonicalizationError, UnicodeError, RecursionError) as exc:
        raise UnsupportedShape("the list holds a value that has no canonical JSON form") from exc


def _check_proof(proof: Mapping[str, object]) -> None:
    unknown = [name for name in proof if name not in _PROOF_MEMBERS]
    if unknown:
        raise UnsupportedShape(f"the proof's member {unknown[0][:64]!r} is not supported")
    if (proof.get("type"), proof.get("cryptosuite")) != (_PROOF_TYPE, CRYPTOSUITE):
        raise UnsupportedShape(f"the list's proof is not of the suite {CRYPTOSUITE}")
    if proof.get("proofPurpose") != _PROOF_PURPOSE:
        raise UnsupportedShape(f"the list's proof is not for {_PROOF_PURPOSE}")
    _checked_method(proof.get("verificationMethod"))
    try:
        parse_datetime(proof.get("created"))
    except MalformedValue as exc:
        raise UnsupportedShape("the proof does not say when it was created") from exc


def _checked_method(method: object) -> str:
    try:
        return check_safe_iri(method, "verificationMethod")
    except MalformedValue as exc:
        raise UnsupportedShape(str(exc)) from exc


def _proof_context(signed: object, document: object) -> object:
    """Give the contexts that were signed, if the document's own begin with them."""
    contexts = [value if isinstance(value, list) else [value] for value in (signed, document)]
    if contexts[1][: len(contexts[0])] != contexts[0]:
        raise VerificationFailed("the document's contexts do not begin with those of its proof")
    return signed
