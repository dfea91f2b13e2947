"""Signatures: the template against a JSON-LD processor, the published vectors, all kinds of tampering."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from status_lists.bitstring import set_entry
from status_lists.credential import PURPOSES, StatusList, list_document
from status_lists.errors import StatusListError, SuiteUnfit, UnsupportedShape, VerificationFailed
from status_lists.keys import ListKey, check_signature, key_from_did_key, verification_method_of
from status_lists.multibase import decode_base58btc, decode_multikey, encode_base58btc
from status_lists.signing import canonical_list, canonical_proof_options, sign_list, verify_list
from tests.status_lists.json_values import JSON
from tests.status_lists.linked_data import CONTEXT_V2, canonical_quads, data_to_sign, load_vectors

SAMPLES = Path(__file__).parents[3] / "shared" / "samples"
KEY = ListKey(bytes(range(32)))
URL = "https://lists.example/status-lists/0"
FROM_MS = 1_780_000_000_000

Change = Callable[[dict[str, Any]], object]

HOSTS = st.from_regex(r"[a-z][a-z0-9-]{0,10}(\.[a-z]{2,5}){1,2}(:[1-9][0-9]{0,3})?", fullmatch=True)
PATHS = st.from_regex(r"(/[A-Za-z0-9._~!$'()*+,;=:@%-]{0,12}){0,4}", fullmatch=True)
URLS = st.builds("https://{}{}".format, HOSTS, PATHS)
ISSUERS = (
    URLS
    | st.builds(
        "did:web:{}".format,
        st.from_regex(r"[a-z]{1,9}\.[a-z]{2,4}(:[A-Za-z0-9._%-]{1,9}){0,2}", fullmatch=True),
    )
    | st.binary(min_size=32, max_size=32).map(lambda seed: ListKey(seed).did_key)
)
TIMES = st.integers(0, 250_000_000_000_000)
UNSAFE_TEXTS = st.text(max_size=12) | st.sampled_from(
    [
        '"',
        "\\",
        "\n",
        "é",
        "\u2028",
        "> .\n<x> <y> <z",
        "@id",
        "_:b0",
        "a:b",
        "",
        "https://x.example/ ",
        "did:web:é",
    ]
)


def _document(issuer: str = "did:web:college.example") -> dict[str, Any]:
    status_list = StatusList(url=URL, issuer=issuer, purpose="revocation")
    bits = status_list.empty_bits()
    set_entry(bits, 94_567, 1)
    return list_document(
        status_list, bits, valid_from_ms=FROM_MS, valid_until_ms=FROM_MS + 86_400_000, ttl_ms=300_000
    )


def _signed() -> dict[str, Any]:
    return sign_list(
        _document(KEY.did_key), key=KEY, verification_method=verification_method_of(KEY), created_ms=FROM_MS
    )


def _options(proof: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in proof.items() if name != "proofValue"}


@settings(deadline=None)
@given(
    URLS,
    ISSUERS,
    st.sampled_from([purpose for purpose in PURPOSES if purpose != "message"]),
    TIMES,
    st.integers(1, 10**9),
    st.integers(1, 2**53 - 1),
    st.integers(0, 131_071),
)
def test_canonical_list_equals_the_json_ld_processor(
    url: str, issuer: str, purpose: str, valid_from_ms: int, lasts_ms: int, ttl_ms: int, index: int
) -> None:
    """For every list of these purposes, the template writes what PyLD's canonicalisation writes, byte for byte."""
    status_list = StatusList(url=url, issuer=issuer, purpose=purpose)
    bits = status_list.empty_bits()
    set_entry(bits, index, 1)
    document = list_document(
        status_list, bits, valid_from_ms=valid_from_ms, valid_until_ms=valid_from_ms + lasts_ms, ttl_ms=ttl_ms
    )

    assert canonical_list(document) == canonical_quads(document)


@settings(deadline=None)
@given(ISSUERS, TIMES)
def test_canonical_proof_options_equal_the_json_ld_processor(issuer: str, created_ms: int) -> None:
    """For every proof we can make, likewise."""
    signed = sign_list(_document(), key=KEY, verification_method=f"{issuer}#key-1", created_ms=created_ms)
    options = _options(signed["proof"])  # type: ignore[arg-type]  # a nested object

    assert canonical_proof_options(options) == canonical_quads({**options, "@context": [CONTEXT_V2]})


MEMBERS: dict[str, Callable[[dict[str, Any], Any], None]] = {
    "id": lambda document, value: document.__setitem__("id", value),
    "issuer": lambda document, value: document.__setitem__("issuer", value),
    "validFrom": lambda document, value: document.__setitem__("validFrom", value),
    "subject id": lambda document, value: document["credentialSubject"].__setitem__("id", value),
    "purpose": lambda document, value: document["credentialSubject"].__setitem__("statusPurpose", value),
    "encodedList": lambda document, value: document["credentialSubject"].__setitem__("encodedList", value),
    "ttl": lambda document, value: document["credentialSubject"].__setitem__("ttl", value),
}


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(sorted(MEMBERS)), UNSAFE_TEXTS | URLS | st.integers() | st.booleans() | st.none())
def test_canonical_list_any_value_is_refused_or_equal(member: str, value: object) -> None:
    """Whatever stands in a member, quotes, line ends, other alphabets: refused, or written as PyLD does."""
    document = _document()
    MEMBERS[member](document, value)
    try:
        quads = canonical_list(document)
    except UnsupportedShape:
        return

    assert quads == canonical_quads(document)


def test_canonical_list_same_address_for_list_and_subject_is_equal() -> None:
    """Statements that coincide are written once, as in a set."""
    document = _document()
    document["credentialSubject"]["id"] = document["id"]

    assert canonical_list(document) == canonical_quads(document)


def test_canonical_list_optional_members_left_out_is_equal() -> None:
    """Lists of others may name no end and no ttl."""
    document = _document()
    del document["validUntil"], document["credentialSubject"]["ttl"]

    assert canonical_list(document) == canonical_quads(document)


@pytest.mark.parametrize(
    "issuer", [KEY.did_key, "did:web:college.example:registrar", "https://college.example/issuers/1"]
)
def test_sign_list_signs_what_the_json_ld_processor_hashes(issuer: str) -> None:
    """The signature holds over the hashes made without the template, so any verifier's check succeeds."""
    signed = sign_list(_document(issuer), key=KEY, verification_method=f"{issuer}#key-1", created_ms=FROM_MS)
    proof = signed.pop("proof")
    message = data_to_sign(signed, _options(proof))  # type: ignore[arg-type]  # a nested object

    signature = decode_base58btc(proof["proofValue"], length=64)  # type: ignore[index]  # a nested object
    check_signature(signature, message, public_key=KEY.public_key)
    assert signed == _document(issuer)


def test_sign_list_twice_gives_the_same_document() -> None:
    """Ed25519 is deterministic: a list signed again after a crash is the one signed before."""
    assert _signed() == _signed()
    verify_list(_signed(), public_key=KEY.public_key)
    verify_list(_signed(), public_key=key_from_did_key(_signed()["issuer"]))


def test_sign_list_list_of_messages_is_refused_by_name() -> None:
    """Its terms are in no context, so they would go unsigned; the error says which other ways there are."""
    status_list = StatusList(url=URL, issuer=KEY.did_key, purpose="message")
    document = list_document(
        status_list, status_list.empty_bits(), valid_from_ms=FROM_MS, valid_until_ms=FROM_MS + 1, ttl_ms=1
    )
    with pytest.raises(SuiteUnfit, match="vc\\+jwt or with eddsa-jcs-2022"):
        sign_list(document, key=KEY, verification_method=verification_method_of(KEY), created_ms=FROM_MS)


def test_sign_list_signed_document_is_refused() -> None:
    """A second signature would cover the first, which no verifier checks that way."""
    with pytest.raises(UnsupportedShape):
        sign_list(_signed(), key=KEY, verification_method=verification_method_of(KEY), created_ms=FROM_MS)


@pytest.mark.parametrize("method", ["", "key-1", "did:web:é#key", 'did:web:a"#key', "did:web:a b"])
def test_sign_list_unsafe_verification_method_is_refused(method: str) -> None:
    """The name of the key is signed too, so it must be one that every processor leaves alone."""
    with pytest.raises(UnsupportedShape):
        sign_list(_document(), key=KEY, verification_method=method, created_ms=FROM_MS)


def _in(*path: str, value: object) -> Change:
    def change(document: dict[str, Any]) -> None:
        holder = document
        for name in path[:-1]:
            holder = holder[name]
        holder[path[-1]] = value

    return change


def _flipped_signature(position: int) -> Change:
    def change(document: dict[str, Any]) -> None:
        signature = bytearray(decode_base58btc(document["proof"]["proofValue"]))
        signature[position] ^= 1
        document["proof"]["proofValue"] = encode_base58btc(bytes(signature))

    return change


TAMPERED: dict[str, Change] = {
    "another list": _in("id", value=URL + "1"),
    "another issuer": _in("issuer", value="did:web:other.example"),
    "earlier": _in("validFrom", value="2020-01-01T00:00:00.000Z"),
    "same time, other text": _in("validFrom", value="2026-05-28T20:26:40Z"),
    "longer valid": _in("validUntil", value="2036-01-01T00:00:00.000Z"),
    "no end": lambda document: document.pop("validUntil"),
    "another subject": _in("credentialSubject", "id", value=URL + "#other"),
    "another purpose": _in("credentialSubject", "statusPurpose", value="suspension"),
    "other bits": _in(
        "credentialSubject",
        "encodedList",
        value="uH4sIAAAAAAAAA-3BMQEAAADCoPVPbQwfoAAAAAAAAAAAAAAAAAAAAIC3AYbSVKsAQAAA",
    ),
    "another ttl": _in("credentialSubject", "ttl", value=300_001),
    "no ttl": lambda document: document["credentialSubject"].pop("ttl"),
    "another time of signing": _in("proof", "created", value="2026-05-28T20:26:41.000Z"),
    "another key's name": _in("proof", "verificationMethod", value="did:web:other.example#key-1"),
    "first byte of the signature": _flipped_signature(0),
    "last byte of the signature": _flipped_signature(63),
    "signature cut short": _in("proof", "proofValue", value=encode_base58btc(bytes(63))),
    "signature in another base": _in("proof", "proofValue", value="u" + "A" * 86),
    "signature missing": lambda document: document["proof"].pop("proofValue"),
    "signature is a number": _in("proof", "proofValue", value=1),
}


@pytest.mark.parametrize("name", TAMPERED)
def test_verify_list_tampered_list_is_refused(name: str) -> None:
    """Each member is under the signature: change or remove it, and it no longer holds."""
    signed = copy.deepcopy(_signed())
    TAMPERED[name](signed)

    with pytest.raises(VerificationFailed) as raised:
        verify_list(signed, public_key=KEY.public_key)

    assert raised.value.code == "STATUS_VERIFICATION_ERROR"
    assert not isinstance(raised.value, UnsupportedShape)


UNSUPPORTED: dict[str, Change] = {
    "no proof": lambda document: document.pop("proof"),
    "two proofs": _in("proof", value=[{}, {}]),
    "proof is text": _in("proof", value="z1"),
    "further member": _in("name", value="List"),
    "further member of no meaning": _in("x", value=None),
    "further member in the subject": _in("credentialSubject", "statusReference", value="https://x.example/"),
    "further member in the proof": _in("proof", "expires", value="2036-01-01T00:00:00Z"),
    "context in the proof": _in("proof", "@context", value=[CONTEXT_V2]),
    "further context": _in("@context", value=[CONTEXT_V2, "https://x.example/context"]),
    "context as text": _in("@context", value=CONTEXT_V2),
    "context inside": _in("credentialSubject", "@context", value={"ttl": "https://x.example/"}),
    "further type": _in("type", value=["VerifiableCredential", "BitstringStatusListCredential", "Other"]),
    "types the other way round": _in("type", value=["BitstringStatusListCredential", "VerifiableCredential"]),
    "issuer as object": _in("issuer", value={"id": KEY.did_key}),
    "subject in an array": _in("credentialSubject", value=[{}]),
    "several purposes": _in("credentialSubject", "statusPurpose", value=["revocation"]),
    "no id": lambda document: document.pop("id"),
    "no validFrom": lambda document: document.pop("validFrom"),
    "blank subject": lambda document: document["credentialSubject"].pop("id"),
    "ttl is true": _in("credentialSubject", "ttl", value=True),
    "ttl is a float": _in("credentialSubject", "ttl", value=300_000.0),
    "ttl beyond JavaScript": _in("credentialSubject", "ttl", value=2**53),
    "another suite": _in("proof", "cryptosuite", value="eddsa-jcs-2022"),
    "another proof": _in("proof", "type", value="Ed25519Signature2020"),
    "another proof purpose": _in("proof", "proofPurpose", value="authentication"),
    "statement in the id": _in("id", value="https://x.example/> <https://x.example/p> <https://x.example/o"),
    "statement in a date": _in("validFrom", value='2026-05-28T20:26:40.000Z" .\n'),
}


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_verify_list_other_shape_is_refused_as_unsupported(name: str) -> None:
    """What the template does not know would be unsigned and taken as signed, so nothing of it passes."""
    signed = copy.deepcopy(_signed())
    UNSUPPORTED[name](signed)

    with pytest.raises(UnsupportedShape):
        verify_list(signed, public_key=KEY.public_key)


@pytest.mark.parametrize("public_key", [ListKey(bytes(32)).public_key, b"", bytes(31), bytes(33)])
def test_verify_list_other_key_is_refused(public_key: bytes) -> None:
    """The caller's key decides, whatever the proof calls its own."""
    with pytest.raises(VerificationFailed):
        verify_list(_signed(), public_key=public_key)


@given(st.sampled_from(sorted(_signed())), st.sampled_from(sorted(_signed()["proof"])), JSON, JSON)
def test_verify_list_any_member_raises_only_typed_errors(
    name: str, proof_name: str, value: object, other: object
) -> None:
    """Whatever JSON stands in place of a member, no other exception than the package's own comes out."""
    signed = copy.deepcopy(_signed())
    signed["proof"][proof_name] = other
    signed[name] = value

    with pytest.raises(StatusListError):
        verify_list(signed, public_key=KEY.public_key)


def test_canonical_proof_options_hash_equals_the_specification_vector() -> None:
    """The W3C's test vector for the proof configuration: text and hash, byte for byte."""
    vector = load_vectors()["di_eddsa"]["eddsa-rdfc-2022"]
    quads = canonical_proof_options(_options(vector["signed"]["proof"]))

    assert quads == vector["proofCanon"] + "\n"
    assert hashlib.sha256(quads.encode()).hexdigest() == vector["proofHash"]


def test_verify_list_specification_example_holds() -> None:
    """The signed list of the W3C's appendix, without its second context, of which it uses nothing."""
    example = load_vectors()["bsl"]["rec_signed_examples"][3]
    public_key = decode_multikey(
        example["proof"]["verificationMethod"].removeprefix("did:key:").split("#")[0]
    )
    with pytest.raises(UnsupportedShape):
        verify_list(example, public_key=public_key)

    example["@context"] = [CONTEXT_V2]

    verify_list(example, public_key=public_key)
    example["credentialSubject"]["statusPurpose"] = "suspension"
    with pytest.raises(VerificationFailed):
        verify_list(example, public_key=public_key)


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the folder of real credentials is not here")
def test_verify_list_real_list_holds() -> None:
    """A list published and signed by others, its only proof taken out of its array."""
    document = json.loads((SAMPLES / "1edtech__vc--ob30--bit-string-list--testlist.json").read_text("utf-8"))
    document["proof"] = document["proof"][0]
    public_key = decode_multikey(document["proof"]["verificationMethod"].split("#")[1])

    verify_list(document, public_key=public_key)
