"""Lists signed with `eddsa-jcs-2022`: the published vector byte for byte, and all kinds of tampering."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from status_lists.credential import PURPOSES, StatusList, list_document
from status_lists.errors import StatusListError, UnsupportedShape, VerificationFailed
from status_lists.keys import ListKey, verification_method_of
from status_lists.multibase import decode_base58btc, decode_multikey, encode_base58btc
from status_lists.signing_jcs import canonical_json, jcs_signed_bytes, sign_list_jcs, verify_list_jcs
from tests.status_lists.json_values import JSON
from tests.status_lists.linked_data import load_vectors

KEY = ListKey(bytes(range(32)))
URL = "https://lists.example/status-lists/0"
FROM_MS = 1_780_000_000_000

Change = Callable[[dict[str, Any]], object]


def _document(purpose: str = "message") -> dict[str, Any]:
    status_list = StatusList(url=URL, issuer=KEY.did_key, purpose=purpose)
    return list_document(
        status_list,
        status_list.empty_bits(),
        valid_from_ms=FROM_MS,
        valid_until_ms=FROM_MS + 1,
        ttl_ms=300_000,
    )


def _signed(document: dict[str, Any] | None = None) -> dict[str, Any]:
    return sign_list_jcs(
        document or _document(),
        key=KEY,
        verification_method=verification_method_of(KEY),
        created_ms=FROM_MS,
    )


def _options(proof: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in proof.items() if name != "proofValue"}


def test_jcs_signed_bytes_equal_the_specification_vector() -> None:
    """The W3C's vector: both canonical forms, both hashes, the signature and its text, byte for byte."""
    vectors = load_vectors()["di_eddsa"]
    vector = vectors["eddsa-jcs-2022"]
    options = _options(vector["signed"]["proof"])
    key = ListKey(decode_base58btc(vectors["keyPair"]["privateKeyMultibase"])[2:])
    message = jcs_signed_bytes(vectors["unsigned"], options)

    assert canonical_json(vectors["unsigned"]).decode() == vector["canonDoc"]
    assert canonical_json(options).decode() == vector["proofCanon"]
    assert message.hex() == vector["proofHash"] + vector["docHash"]
    assert key.sign(message).hex() == vector["sigHex"]
    assert encode_base58btc(key.sign(message)) == vector["sigB58"] == vector["signed"]["proof"]["proofValue"]


def test_verify_list_jcs_specification_vector_holds() -> None:
    """The whole signed document of the vector verifies, and does not with one letter changed."""
    vectors = load_vectors()["di_eddsa"]
    signed = vectors["eddsa-jcs-2022"]["signed"]
    public_key = decode_multikey(vectors["keyPair"]["publicKeyMultibase"])

    verify_list_jcs(signed, public_key=public_key)
    signed["name"] = "alumni Credential"
    with pytest.raises(VerificationFailed):
        verify_list_jcs(signed, public_key=public_key)


@pytest.mark.parametrize("purpose", PURPOSES)
def test_sign_list_jcs_any_list_verifies(purpose: str) -> None:
    """Every purpose, messages included; the document stays what it was and the proof is the same each time."""
    signed = _signed(_document(purpose))

    verify_list_jcs(signed, public_key=KEY.public_key)
    assert signed == _signed(_document(purpose))
    assert {name: value for name, value in signed.items() if name != "proof"} == _document(purpose)


def test_verify_list_jcs_further_members_are_covered() -> None:
    """Unlike the template, this suite signs members that no context defines; removing one breaks it."""
    signed = _signed({**_document(), "x": [None, 1.5, "é"]})

    verify_list_jcs(signed, public_key=KEY.public_key)
    del signed["x"]
    with pytest.raises(VerificationFailed):
        verify_list_jcs(signed, public_key=KEY.public_key)


def test_verify_list_jcs_document_with_more_contexts_than_its_proof_holds() -> None:
    """Section 3.3.2: a context added behind those that were signed takes nothing away."""
    signed = _signed()
    signed["@context"] = [*signed["@context"], "https://x.example/context"]
    verify_list_jcs(signed, public_key=KEY.public_key)

    signed["@context"].reverse()
    with pytest.raises(VerificationFailed):
        verify_list_jcs(signed, public_key=KEY.public_key)


def test_verify_list_jcs_proof_without_context_holds() -> None:
    """Other issuers leave the context out of the proof."""
    document = _document()
    options = {name: value for name, value in _options(_signed()["proof"]).items() if name != "@context"}
    value = encode_base58btc(KEY.sign(jcs_signed_bytes(document, options)))

    verify_list_jcs({**document, "proof": {**options, "proofValue": value}}, public_key=KEY.public_key)


def _in(*path: str, value: object) -> Change:
    def change(document: dict[str, Any]) -> None:
        holder = document
        for name in path[:-1]:
            holder = holder[name]
        holder[path[-1]] = value

    return change


TAMPERED: dict[str, Change] = {
    "another list": _in("id", value=URL + "1"),
    "another issuer": _in("issuer", value="did:web:other.example"),
    "same time, other text": _in("validFrom", value="2026-05-28T20:26:40Z"),
    "no end": lambda document: document.pop("validUntil"),
    "another size": _in("credentialSubject", "statusSize", value=2),
    "another meaning": _in("credentialSubject", "statusMessages", value=[]),
    "other bits": _in("credentialSubject", "encodedList", value="uH4sI"),
    "further member": _in("name", value="List"),
    "another time of signing": _in("proof", "created", value="2026-05-28T20:26:41.000Z"),
    "another key's name": _in("proof", "verificationMethod", value="did:web:other.example#key-1"),
    "no context in the proof": lambda document: document["proof"].pop("@context"),
    "another context": _in("@context", value=["https://www.w3.org/2018/credentials/v1"]),
    "signature cut short": _in("proof", "proofValue", value=encode_base58btc(bytes(63))),
    "signature in another base": _in("proof", "proofValue", value="u" + "A" * 86),
    "signature missing": lambda document: document["proof"].pop("proofValue"),
    "signature of zeros": _in("proof", "proofValue", value=encode_base58btc(bytes(64))),
}


@pytest.mark.parametrize("name", TAMPERED)
def test_verify_list_jcs_tampered_list_is_refused(name: str) -> None:
    """Each member is under the signature: change, add or remove one, and it no longer holds."""
    signed = copy.deepcopy(_signed())
    TAMPERED[name](signed)

    with pytest.raises(VerificationFailed) as raised:
        verify_list_jcs(signed, public_key=KEY.public_key)

    assert not isinstance(raised.value, UnsupportedShape)


UNSUPPORTED: dict[str, Change] = {
    "no proof": lambda document: document.pop("proof"),
    "two proofs": _in("proof", value=[{}, {}]),
    "another suite": _in("proof", "cryptosuite", value="eddsa-rdfc-2022"),
    "another proof": _in("proof", "type", value="Ed25519Signature2020"),
    "another proof purpose": _in("proof", "proofPurpose", value="authentication"),
    "expires": _in("proof", "expires", value="2020-01-01T00:00:00Z"),
    "previous proof": _in("proof", "previousProof", value="urn:uuid:1"),
    "no time of signing": lambda document: document["proof"].pop("created"),
    "no key": lambda document: document["proof"].pop("verificationMethod"),
    "number without canonical form": _in("x", value=2**60),
    "text without canonical form": _in("x", value="\ud800"),
}


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_verify_list_jcs_other_proof_is_refused_as_unsupported(name: str) -> None:
    """Members that mean more than is checked here are never passed over."""
    signed = copy.deepcopy(_signed())
    UNSUPPORTED[name](signed)

    with pytest.raises(UnsupportedShape):
        verify_list_jcs(signed, public_key=KEY.public_key)


def test_sign_list_jcs_signed_document_or_unsafe_method_is_refused() -> None:
    """No second signature over the first, and no key name that processors would change."""
    with pytest.raises(UnsupportedShape):
        _signed(_signed())
    with pytest.raises(UnsupportedShape):
        sign_list_jcs(_document(), key=KEY, verification_method="key 1", created_ms=FROM_MS)


@given(st.sampled_from(sorted(_signed())), st.sampled_from(sorted(_signed()["proof"])), JSON, JSON)
def test_verify_list_jcs_any_member_raises_only_typed_errors(
    name: str, proof_name: str, value: object, other: object
) -> None:
    """Whatever JSON stands in place of a member, no other exception than the package's own comes out."""
    signed = copy.deepcopy(_signed())
    signed["proof"][proof_name] = other
    signed[name] = value

    with pytest.raises(StatusListError):
        verify_list_jcs(signed, public_key=KEY.public_key)
