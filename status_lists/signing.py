"""Sign and verify a list with the Data Integrity suite `eddsa-rdfc-2022`, without processing JSON-LD.

The suite signs the canonical N-Quads of a document. A list has one fixed shape and no blank node, so its
canonical form is nothing but its statements, written out and sorted (RDF Dataset Canonicalization 1.0,
section 4.4.3); tests compare it with a JSON-LD processor. That holds only while every member is one this
module knows and every value one that N-Quads writes without an escape. Whatever else a document holds, it is
refused as an unsupported shape: a member that the template left out would otherwise be unsigned, and taken as
signed.

Source: W3C Data Integrity EdDSA Cryptosuites v1.0, section 3.2; W3C Verifiable Credential Data Integrity 1.0.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping

from status_lists.credential import CONTEXT_V2, CREDENTIAL_TYPE, LIST_CREDENTIAL_TYPE, LIST_TYPE, MESSAGE
from status_lists.datetimes import format_datetime, parse_datetime
from status_lists.errors import MalformedValue, SuiteUnfit, UnsupportedShape, VerificationFailed
from status_lists.iris import check_safe_iri
from status_lists.keys import ListKey, check_signature
from status_lists.multibase import decode_base58btc, encode_base58btc

CRYPTOSUITE = "eddsa-rdfc-2022"
SIGNATURE_BYTES = 64

_PROOF_TYPE = "DataIntegrityProof"
_PROOF_PURPOSE = "assertionMethod"
_MAX_SAFE_INTEGER = 2**53 - 1  # beyond, JSON-LD processors in JavaScript write another number

_LIST_MEMBERS = ("@context", "id", "type", "issuer", "validFrom", "credentialSubject")
_SUBJECT_MEMBERS = ("id", "type", "statusPurpose", "encodedList")
_PROOF_MEMBERS = ("type", "cryptosuite", "created", "verificationMethod", "proofPurpose")

_ENCODED_LIST = re.compile(r"u[A-Za-z0-9_-]+", re.ASCII)
_PURPOSE = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)

_RDF_TYPE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
_XSD = "http://www.w3.org/2001/XMLSchema#"
_VC = "https://www.w3.org/2018/credentials#"
_STATUS = "https://www.w3.org/ns/credentials/status#"
_SECURITY = "https://w3id.org/security#"
_CREATED = "http://purl.org/dc/terms/created"


def sign_list(
    document: Mapping[str, object], *, key: ListKey, verification_method: str, created_ms: int
) -> dict[str, object]:
    """Sign a document made by `list_document`; the result is the same document with its `proof`.

    `verification_method` is the URL under which the issuer names the key, `verification_method_of(key)` for a
    did:key. Guarantees that `verify_list` accepts the result under the key's public key, and equal results
    for equal arguments. Raises SuiteUnfit for a list of messages, whose terms the context does not define,
    and UnsupportedShape for any other document, an already signed one included.
    """
    subject = document.get("credentialSubject")
    if isinstance(subject, Mapping) and subject.get("statusPurpose") == MESSAGE:
        raise SuiteUnfit(
            f"a list of messages cannot be signed with {CRYPTOSUITE}: the context defines neither statusSize "
            "nor statusMessages; secure it as vc+jwt or with eddsa-jcs-2022"
        )
    proof: dict[str, object] = {
        "type": _PROOF_TYPE,
        "cryptosuite": CRYPTOSUITE,
        "created": format_datetime(created_ms),
        "verificationMethod": verification_method,
        "proofPurpose": _PROOF_PURPOSE,
    }
    signature = key.sign(_signed_bytes(document, proof))
    return {**document, "proof": {**proof, "proofValue": encode_base58btc(signature)}}


def verify_list(document: Mapping[str, object], *, public_key: bytes) -> None:
    """Verify the signature of a list under a key that the caller trusts for its issuer.

    Returns only if the proof is a sound `eddsa-rdfc-2022` signature by this key over every member of the
    document. The key decides, not the name the proof gives it. Raises UnsupportedShape for a document that is
    not of the one shape (it may be genuine), VerificationFailed for anything else that is wrong.
    """
    proof = document.get("proof")
    if not isinstance(proof, Mapping):
        raise UnsupportedShape("the list has no proof, or not exactly one")
    unsigned = {name: value for name, value in document.items() if name != "proof"}
    options = {name: value for name, value in proof.items() if name != "proofValue"}
    message = _signed_bytes(unsigned, options)
    try:
        value = proof.get("proofValue")
        signature = decode_base58btc(value if isinstance(value, str) else "", length=SIGNATURE_BYTES)
    except MalformedValue as exc:
        raise VerificationFailed("the list's proofValue is no signature in base58btc") from exc
    check_signature(signature, message, public_key=public_key)


def canonical_list(document: Mapping[str, object]) -> str:
    """Write the canonical N-Quads of an unsigned list, as RDFC-1.0 would.

    Raises UnsupportedShape where the document is not of the one shape that this template stands for.
    """
    try:
        return _canonical_list(document)
    except MalformedValue as exc:
        raise UnsupportedShape(f"the list is not of the supported shape: {exc}") from exc


def canonical_proof_options(options: Mapping[str, object]) -> str:
    """Write the canonical N-Quads of a proof without its value, as RDFC-1.0 would.

    Raises UnsupportedShape for another suite, another purpose and any further member, such as `expires` or
    `domain`.
    """
    try:
        return _canonical_proof_options(options)
    except MalformedValue as exc:
        raise UnsupportedShape(f"the list's proof is not of the supported shape: {exc}") from exc


def _signed_bytes(document: Mapping[str, object], options: Mapping[str, object]) -> bytes:
    """Give the 64 bytes that are signed (section 3.2.4): hash of the options, then hash of the document."""
    return b"".join(
        hashlib.sha256(text.encode("ascii")).digest()
        for text in (canonical_proof_options(options), canonical_list(document))
    )


def _canonical_list(document: Mapping[str, object]) -> str:
    _check_members(document, _LIST_MEMBERS, optional=("validUntil",))
    subject = document["credentialSubject"]
    if not isinstance(subject, Mapping):
        raise MalformedValue("credentialSubject is not an object")
    _check_members(subject, _SUBJECT_MEMBERS, optional=("ttl",))
    _check_equal(document["@context"], [CONTEXT_V2], "@context")
    _check_equal(document["type"], [CREDENTIAL_TYPE, LIST_CREDENTIAL_TYPE], "type")
    _check_equal(subject["type"], LIST_TYPE, "credentialSubject.type")

    list_iri = _iri(document["id"], "id")
    subject_iri = _iri(subject["id"], "credentialSubject.id")
    lines = {
        f"{list_iri} <{_RDF_TYPE}> <{_VC}{CREDENTIAL_TYPE}> .\n",
        f"{list_iri} <{_RDF_TYPE}> <{_STATUS}{LIST_CREDENTIAL_TYPE}> .\n",
        f"{list_iri} <{_VC}issuer> {_iri(document['issuer'], 'issuer')} .\n",
        f"{list_iri} <{_VC}credentialSubject> {subject_iri} .\n",
        f"{list_iri} <{_VC}validFrom> {_date_time(document['validFrom'])} .\n",
        f"{subject_iri} <{_RDF_TYPE}> <{_STATUS}{LIST_TYPE}> .\n",
        f"{subject_iri} <{_STATUS}statusPurpose> {_purpose(subject['statusPurpose'])} .\n",
        f"{subject_iri} <{_STATUS}encodedList> {_encoded_list(subject['encodedList'])} .\n",
    }
    if "validUntil" in document:
        lines.add(f"{list_iri} <{_VC}validUntil> {_date_time(document['validUntil'])} .\n")
    if "ttl" in subject:
        lines.add(f"{subject_iri} <{_STATUS}ttl> {_integer(subject['ttl'])} .\n")
    return "".join(sorted(lines))


def _canonical_proof_options(options: Mapping[str, object]) -> str:
    _check_members(options, _PROOF_MEMBERS)
    _check_equal(options["type"], _PROOF_TYPE, "proof.type")
    _check_equal(options["cryptosuite"], CRYPTOSUITE, "proof.cryptosuite")
    _check_equal(options["proofPurpose"], _PROOF_PURPOSE, "proof.proofPurpose")
    method = _iri(options["verificationMethod"], "proof.verificationMethod")
    return (
        f"_:c14n0 <{_CREATED}> {_date_time(options['created'])} .\n"
        f"_:c14n0 <{_RDF_TYPE}> <{_SECURITY}{_PROOF_TYPE}> .\n"
        f'_:c14n0 <{_SECURITY}cryptosuite> "{CRYPTOSUITE}"^^<{_SECURITY}cryptosuiteString> .\n'
        f"_:c14n0 <{_SECURITY}proofPurpose> <{_SECURITY}{_PROOF_PURPOSE}> .\n"
        f"_:c14n0 <{_SECURITY}verificationMethod> {method} .\n"
    )


def _check_members(
    value: Mapping[str, object], required: Collection[str], *, optional: Collection[str] = ()
) -> None:
    missing = [name for name in required if name not in value]
    unknown = [name for name in value if name not in required and name not in optional]
    if missing:
        raise MalformedValue(f"{missing[0]} is missing")
    if unknown:
        raise MalformedValue(f"{unknown[0][:64]!r} is not a member of that shape")


def _check_equal(value: object, expected: object, name: str) -> None:
    if value != expected:
        raise MalformedValue(f"{name} is not {expected}")


def _iri(value: object, name: str) -> str:
    return f"<{check_safe_iri(value, name)}>"


def _date_time(value: object) -> str:
    parse_datetime(value)
    return f'"{value}"^^<{_XSD}dateTime>'


def _purpose(value: object) -> str:
    if not isinstance(value, str) or _PURPOSE.fullmatch(value) is None:
        raise MalformedValue("statusPurpose is not one plain word")
    return f'"{value}"'


def _encoded_list(value: object) -> str:
    if not isinstance(value, str) or _ENCODED_LIST.fullmatch(value) is None:
        raise MalformedValue("encodedList is not multibase base64url")
    return f'"{value}"^^<{_SECURITY}multibase>'


def _integer(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MAX_SAFE_INTEGER:
        raise MalformedValue("ttl is not a whole number of milliseconds")
    return f'"{value}"^^<{_XSD}integer>'
