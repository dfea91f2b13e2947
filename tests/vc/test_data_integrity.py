"""Data Integrity proofs: the specification's vectors byte for byte, others' credentials, sets and chains, tampering."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from anchor.vc.data_integrity import (
    ASSERTION,
    AUTHENTICATION,
    JCS,
    MAX_PROOFS,
    RDFC,
    Expected,
    VerificationKey,
    check_proofs,
    sign_document,
    signed_bytes,
)
from anchor.vc.did_key import did_key_method
from anchor.vc.linked_data import DataLoss, LinkedData
from anchor.vc.problems import Kind, Rejected
from status_lists.keys import ListKey, verification_method_of
from status_lists.multibase import decode_base58btc, decode_multikey, encode_base58btc
from tests.support.vc_documents import (
    EXAMPLES_V2,
    HOLDER,
    ISSUER,
    OTHER,
    credential,
    open_badge,
    proof_options,
    signed,
)

LINKED_DATA = LinkedData()
NOW_MS = 1_900_000_000_000
EXPECTED = Expected(purpose=ASSERTION, now_ms=NOW_MS)
SAMPLES = Path(__file__).parents[3] / "shared" / "samples"
VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "status_lists.json").read_text("utf-8"))[
    "di_eddsa"
]
SECRET_KEY_PREFIX = b"\x80\x26"

Change = Callable[[dict[str, Any]], object]


def _check(document: dict[str, Any], expected: Expected = EXPECTED) -> list[str]:
    return list(check_proofs(document, expected=expected, keys=did_key_method, linked_data=LINKED_DATA))


def _refusal(document: dict[str, Any], expected: Expected = EXPECTED) -> Kind:
    with pytest.raises(Rejected) as refused:
        _check(document, expected)
    return refused.value.problem.kind


def _signed(document: dict[str, Any] | None = None, key: ListKey = ISSUER, **options: Any) -> dict[str, Any]:
    return signed(document or open_badge(), key, linked_data=LINKED_DATA, **options)


def _vector_key() -> ListKey:
    secret = decode_base58btc(VECTORS["keyPair"]["privateKeyMultibase"])
    assert secret.startswith(SECRET_KEY_PREFIX)
    return ListKey(secret.removeprefix(SECRET_KEY_PREFIX))


def test_canonical_document_is_the_vectors_byte_for_byte() -> None:
    """The N-Quads of document and proof are those that the specification prints."""
    vector = VECTORS[RDFC]
    options = {name: value for name, value in vector["signed"]["proof"].items() if name != "proofValue"}
    configuration = {**options, "@context": VECTORS["unsigned"]["@context"]}

    # The specification prints both without their last line feed.
    assert LINKED_DATA.canonicalize(VECTORS["unsigned"]).removesuffix("\n") == vector[
        "canonDoc"
    ].removesuffix("\n")
    assert LINKED_DATA.canonicalize(configuration).removesuffix("\n") == vector["proofCanon"].removesuffix(
        "\n"
    )


@pytest.mark.parametrize("suite", [RDFC, JCS])
def test_signed_bytes_are_the_hashes_of_the_vectors(suite: str) -> None:
    """What is signed is the specification's proof hash, then its document hash."""
    vector = VECTORS[suite]
    options = {name: value for name, value in vector["signed"]["proof"].items() if name != "proofValue"}

    found = signed_bytes(VECTORS["unsigned"], options, linked_data=LINKED_DATA)

    assert found.hex() == vector["proofHash"] + vector["docHash"]


@pytest.mark.parametrize("suite", [RDFC, JCS])
def test_sign_document_with_the_vectors_key_gives_the_vector(suite: str) -> None:
    """Signing the specification's document with its key and options gives its signed document."""
    expected = VECTORS[suite]["signed"]
    ignored = ("type", "proofValue", "@context")
    options = {name: value for name, value in expected["proof"].items() if name not in ignored}

    assert sign_document(VECTORS["unsigned"], options, key=_vector_key(), linked_data=LINKED_DATA) == expected


@pytest.mark.parametrize("suite", [RDFC, JCS])
def test_check_proofs_accepts_the_vector(suite: str) -> None:
    """The specification's signed documents hold, under the did:key that they name."""
    assert _check(VECTORS[suite]["signed"]) == [f"did:key:{VECTORS['keyPair']['publicKeyMultibase']}"]


SIGNED_SAMPLES = [
    "1edtech__clr--clr20--simple.json",
    "1edtech__vc--ob30--endorsement-valid.json",
    "1edtech__vc--ob30--bit-string-list--credential-status-revoked.json",
    "1edtech__vc--ob30--bit-string-list--testlist.json",
    "dcc__v2--dataIntegrityProof--didKey--oidf-noStatus-notExpired-complexIssuer.json",
    "dcc__v2--dataIntegrityProof--didKey--twoOIDF-revoked-notExpired-badSchema.json",
    "dcc__v2--dataIntegrityProof--didweb--legacy-revokedStatus-noExpiry.json",
]


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the folder of third-party samples is not there")
@pytest.mark.parametrize("name", SIGNED_SAMPLES)
def test_check_proofs_accepts_what_others_signed(name: str) -> None:
    """Badges and transcripts by 1EdTech and DCC hold: so contexts and canonical form are those that they used."""
    document = json.loads((SAMPLES / name).read_text("utf-8"))

    def key_in_fragment(method: str) -> VerificationKey:
        return VerificationKey("", decode_multikey(method.partition("#")[2]))

    assert check_proofs(document, expected=EXPECTED, keys=key_in_fragment, linked_data=LINKED_DATA)


@pytest.mark.parametrize("suite", [RDFC, JCS])
def test_check_proofs_accepts_what_was_signed_here(suite: str) -> None:
    """A signed badge holds under its issuer's key, and says whose it is."""
    assert _check(_signed(cryptosuite=suite)) == [ISSUER.did_key]


def _set(*path: Any, value: Any) -> Change:
    def change(document: dict[str, Any]) -> None:
        target: Any = document
        for step in path[:-1]:
            target = target[step]
        target[path[-1]] = value

    return change


def _without(*path: str) -> Change:
    def change(document: dict[str, Any]) -> None:
        target: Any = document
        for step in path[:-1]:
            target = target[step]
        del target[path[-1]]

    return change


TAMPERED: dict[str, Change] = {
    "name": _set("name", value="Master of Science"),
    "id": _set("id", value="urn:uuid:00000000-0000-0000-0000-000000000000"),
    "issuer": _set("issuer", value=OTHER.did_key),
    "start": _set("validFrom", value="2009-01-01T00:00:00Z"),
    "text deep inside": _set("credentialSubject", "achievement", "criteria", "narrative", value="x"),
    "type removed": _set("type", value=["VerifiableCredential"]),
    "member removed": _without("name"),
    "member added": _set("description", value="added"),
    "created": _set("proof", "created", value="2011-01-01T00:00:00Z"),
    "created removed": _without("proof", "created"),
    "nonce added": _set("proof", "nonce", value="n"),
    "key of another": _set("proof", "verificationMethod", value=verification_method_of(OTHER)),
    "signature of nothing": _set("proof", "proofValue", value=encode_base58btc(bytes(64))),
}


@pytest.mark.parametrize("suite", [RDFC, JCS])
@pytest.mark.parametrize("case", TAMPERED)
def test_check_proofs_refuses_whatever_was_changed(case: str, suite: str) -> None:
    """Every member of document and proof is covered by the signature."""
    document = copy.deepcopy(_signed(cryptosuite=suite))
    TAMPERED[case](document)

    assert _refusal(document) is Kind.CRYPTOGRAPHIC


MALFORMED: dict[str, tuple[Change, Kind]] = {
    "no proof": (_without("proof"), Kind.PROOF),
    "proof null": (_set("proof", value=None), Kind.PROOF),
    "no proofs": (_set("proof", value=[]), Kind.PROOF),
    "proof as text": (_set("proof", value="signed"), Kind.PROOF),
    "no type": (_without("proof", "type"), Kind.PROOF),
    "another type": (_set("proof", "type", value="Ed25519Signature2020"), Kind.PROOF),
    "type as array": (_set("proof", "type", value=["DataIntegrityProof"]), Kind.PROOF),
    "no suite": (_without("proof", "cryptosuite"), Kind.PROOF),
    "another suite": (_set("proof", "cryptosuite", value="ecdsa-rdfc-2019"), Kind.PROOF),
    "suite as list": (_set("proof", "cryptosuite", value=[RDFC]), Kind.PROOF),
    "no method": (_without("proof", "verificationMethod"), Kind.PROOF),
    "method as object": (_set("proof", "verificationMethod", value={"id": "urn:x"}), Kind.PROOF),
    "method unknown": (
        _set("proof", "verificationMethod", value="did:key:invalid"),
        Kind.VERIFICATION_METHOD,
    ),
    "method of another DID": (
        _set("proof", "verificationMethod", value=f"{ISSUER.did_key}#{OTHER.multikey}"),
        Kind.VERIFICATION_METHOD,
    ),
    "no purpose": (_without("proof", "proofPurpose"), Kind.PROOF),
    "another purpose": (_set("proof", "proofPurpose", value="keyAgreement"), Kind.PROOF),
    "no value": (_without("proof", "proofValue"), Kind.PROOF),
    "value null": (_set("proof", "proofValue", value=None), Kind.PROOF),
    "value without its base": (_set("proof", "proofValue", value="3d7QnJK9rH5H8ARTViDA8oyg"), Kind.PROOF),
    "value too long": (_set("proof", "proofValue", value=encode_base58btc(bytes(96))), Kind.PROOF),
    "created is no time": (_set("proof", "created", value="invalidDate"), Kind.PROOF),
    "expires is no time": (_set("proof", "expires", value="soon"), Kind.PROOF),
    "id is no URL": (_set("proof", "id", value="first"), Kind.PROOF),
    "nonce is no text": (_set("proof", "nonce", value=5), Kind.PROOF),
    "domain is no text": (_set("proof", "domain", value=5), Kind.PROOF),
    "challenge is no text": (_set("proof", "challenge", value=["c"]), Kind.PROOF),
    "unknown member": (_set("proof", "https://w3id.org/security#expiration", value="x"), Kind.PROOF),
    "previous proof missing": (_set("proof", "previousProof", value="urn:none"), Kind.PROOF),
    "previous proof itself": (
        lambda document: document["proof"].update(id="urn:proof:1", previousProof="urn:proof:1"),
        Kind.PROOF,
    ),
    "previous proof no text": (_set("proof", "previousProof", value=[5]), Kind.PROOF),
    "undefined term": (_set("undefinedTerm", value="kept?"), Kind.DATA_LOSS),
    "undefined type": (_set("type", value=["VerifiableCredential", "Mystery"]), Kind.DATA_LOSS),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_check_proofs_refuses_malformed_proofs(case: str) -> None:
    """Each fault of a proof is a rejection of its kind, never another exception."""
    change, kind = MALFORMED[case]
    document = copy.deepcopy(_signed())
    change(document)

    assert _refusal(document) is kind


def test_check_proofs_refuses_too_many_proofs() -> None:
    """Each costs a canonicalisation, so their number is bounded."""
    document = _signed()

    assert _refusal({**document, "proof": [document["proof"]] * (MAX_PROOFS + 1)}) is Kind.PROOF


@pytest.mark.parametrize(
    ("expires", "holds"),
    [("2030-03-17T17:46:41Z", True), ("2030-03-17T17:46:39Z", False), ("2030-03-17T17:46:39", False)],
)
def test_check_proofs_expiry_counts(expires: str, *, holds: bool) -> None:
    """A proof holds until it expires; a time without offset is UTC."""
    document = _signed(expires=expires)

    if holds:
        assert _check(document)
    else:
        assert _refusal(document) is Kind.PROOF


def test_check_proofs_created_without_offset_is_utc() -> None:
    """The specification has such times read as UTC."""
    assert _check(_signed(created="2010-01-01T00:00:00"))


@pytest.mark.parametrize(
    ("signed_for", "demanded", "kind"),
    [
        ({"domain": "a.example"}, {"domain": "a.example"}, None),
        ({"domain": "a.example"}, {}, None),
        ({"domain": "a.example"}, {"domain": "b.example"}, Kind.DOMAIN),
        ({}, {"domain": "a.example"}, Kind.DOMAIN),
        ({"domain": ["a.example", "b.example"]}, {"domain": "a.example"}, Kind.DOMAIN),
        ({"challenge": "c"}, {"challenge": "c"}, None),
        ({"challenge": "c"}, {"challenge": "d"}, Kind.CHALLENGE),
        ({}, {"challenge": "c"}, Kind.CHALLENGE),
    ],
)
def test_check_proofs_domain_and_challenge_must_be_those_demanded(
    signed_for: dict[str, Any], demanded: dict[str, Any], kind: Kind | None
) -> None:
    """A proof made for another domain, or for another challenge, is a replay."""
    document = _signed(**signed_for)
    expected = Expected(purpose=ASSERTION, now_ms=NOW_MS, **demanded)

    if kind is None:
        assert _check(document, expected)
    else:
        assert _refusal(document, expected) is kind


def test_check_proofs_purpose_must_be_the_one_expected() -> None:
    """What was signed to log in is not an assertion, and the other way round."""
    assert _refusal(_signed(purpose=AUTHENTICATION)) is Kind.PROOF
    assert _refusal(_signed(), Expected(purpose=AUTHENTICATION, now_ms=NOW_MS)) is Kind.PROOF


def _with_proofs(*proofs: dict[str, Any]) -> dict[str, Any]:
    return {**open_badge(), "proof": list(proofs)}


def test_check_proofs_of_a_set_all_must_hold() -> None:
    """Two signers beside each other: both hold, and one broken breaks all."""
    first, second = _signed()["proof"], _signed(key=OTHER, cryptosuite=JCS)["proof"]

    assert _check(_with_proofs(first, second)) == [ISSUER.did_key, OTHER.did_key]
    broken = {**second, "proofValue": first["proofValue"]}
    assert _refusal(_with_proofs(first, broken)) is Kind.CRYPTOGRAPHIC


@pytest.mark.parametrize("suite", [RDFC, JCS])
def test_check_proofs_of_a_chain_later_covers_earlier(suite: str) -> None:
    """A notary signs over the issuer's proof: without that very proof, the notary's does not hold."""
    first = _signed(id="urn:proof:1", cryptosuite=suite)["proof"]
    options = proof_options(OTHER, cryptosuite=suite, previousProof="urn:proof:1")
    covered = _with_proofs(first)
    configuration = {"type": "DataIntegrityProof", **options}
    signature = OTHER.sign(signed_bytes(covered, configuration, linked_data=LINKED_DATA))
    second = {**configuration, "proofValue": encode_base58btc(signature)}

    assert _check(_with_proofs(first, second)) == [ISSUER.did_key, OTHER.did_key]
    assert _refusal(_with_proofs(second)) is Kind.PROOF
    again = _signed(id="urn:proof:1", cryptosuite=suite, created="2012-01-01T00:00:00Z")["proof"]
    assert _refusal(_with_proofs(again, second)) is Kind.CRYPTOGRAPHIC


def test_check_proofs_of_a_chain_by_another_implementation_holds() -> None:
    """A chain that W3C's suite for Data Integrity gives as good: values of its `previousProofArrayOk`."""
    first = "did:key:z6MktgKTsu1QhX6QPbyqG6geXdw6FQCZBPq7uQpieWbiQiG7"
    second = "did:key:z6MkhWqdDBPojHA7cprTGTt5yHv5yUi1B8cnXn8ReLumkw6E"
    terms = {
        "AlumniCredential": "https://www.example.org/AlumniCredential",
        "alumniOf": "https://www.example.org/alumniOf",
    }
    document = VECTORS["unsigned"] | {
        "@context": [VECTORS["unsigned"]["@context"][0], terms],
        "description": "A minimum viable example of a VC 2.0 Alumni Credential.",
        "proof": [
            _alumni_proof(
                first,
                "2023-02-26T22:06:38Z",
                "z3MPPHM5VFhWw2teqGvjXDzsrqPcJoruJryZKCfhjpfpMjqgJq2D3whcG23BKnonAyT8c45VK4SfiQfkShFWPGmsi",
                id="urn:uuid:26329423-bec9-4b2e-88cb-a7c7d9dc4544",
            ),
            _alumni_proof(
                second,
                "2023-02-26T22:16:38Z",
                "z4eFuUYchGeBhRgAqupyQko8GB7JDF6Ws5Sfnrqx799ERJgDLxoJC2NyjEmfTqcpRukbdEGZX7wnhkya9sQzNF7rp",
                previousProof=["urn:uuid:26329423-bec9-4b2e-88cb-a7c7d9dc4544"],
            ),
        ],
    }

    assert _check(document) == [first, second]


def _alumni_proof(did: str, created: str, value: str, **members: Any) -> dict[str, Any]:
    return {
        "type": "DataIntegrityProof",
        "cryptosuite": RDFC,
        "created": created,
        "verificationMethod": f"{did}#{did.removeprefix('did:key:')}",
        "proofPurpose": ASSERTION,
        "proofValue": value,
        **members,
    }


def test_check_proofs_jcs_contexts_may_only_grow() -> None:
    """The proof keeps the contexts that were signed; the document's own must begin with them."""
    document = _signed(cryptosuite=JCS)
    grown = {**document, "@context": [*document["@context"], EXAMPLES_V2]}
    changed = {**document, "@context": [document["@context"][0], EXAMPLES_V2]}

    assert _check(grown) == [ISSUER.did_key]
    assert _refusal(changed) is Kind.PROOF


@pytest.mark.parametrize("suite", [RDFC, JCS])
def test_sign_document_refuses_undefined_terms_in_either_suite(suite: str) -> None:
    """Even where the suite would cover it, a term that no context defines means nothing to readers."""
    with pytest.raises(DataLoss, match="gpa"):
        _signed(credential(credentialSubject={"id": "urn:s", "gpa": 4}), cryptosuite=suite)


def test_sign_document_is_deterministic_and_leaves_its_argument_alone() -> None:
    """Equal arguments give equal documents."""
    document = open_badge()
    before = copy.deepcopy(document)

    assert _signed(document) == _signed(document)
    assert document == before


@pytest.mark.parametrize(
    "method",
    [
        "",
        "#",
        HOLDER.did_key,
        f"{HOLDER.did_key}#",
        f"{HOLDER.did_key}#key-1",
        "did:web:example.org#key-1",
        "did:key:zDnaerDaTF5BXEavCrfRZEk316dpbLsfPDZ3WJ5hRTPFU2169#zDnaerDaTF5BXEavCrfRZEk316dpbLsfPDZ3WJ5hRTPFU2169",
        f"{HOLDER.did_key}#{HOLDER.multikey}#{HOLDER.multikey}",
    ],
)
def test_did_key_method_refuses_other_spellings(method: str) -> None:
    """One spelling names the key of a did:key; P-256 keys and other methods are not for these suites."""
    with pytest.raises(Rejected):
        did_key_method(method)
