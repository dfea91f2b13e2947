"""POST /credentials/issue: what is signed, what is anchored, what is refused."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from anchor.core.strict_json import canonical_json
from anchor.store.records import SignerKind
from anchor.vc.data_integrity import ASSERTION, JCS, RDFC, Expected, check_proofs
from anchor.vc.did_key import did_key_method
from anchor.vc.linked_data import LinkedData
from tests.support.assembly import BASE_URL
from tests.support.vc_client import Caller, VcClient
from tests.support.vc_documents import CONTEXT_V1, CONTEXT_V2, DATA_INTEGRITY, credential, open_badge

STATUS_CONTEXT = "https://www.w3.org/ns/credentials/status/v1"
EXPECTED = Expected(purpose=ASSERTION, now_ms=2_000_000_000_000)


async def _issue(
    client: VcClient, issuer: Caller, document: Any, **options: Any
) -> tuple[int, dict[str, Any]]:
    body = {"credential": document} | ({"options": options} if options else {})
    return await client.post("/credentials/issue", issuer.bearer, body)


async def _issued(client: VcClient, issuer: Caller, document: Any, **options: Any) -> dict[str, Any]:
    status, body = await _issue(client, issuer, document, **options)
    assert status == 201, body
    signed: dict[str, Any] = body["verifiableCredential"]
    return signed


def _digest(signed: dict[str, Any]) -> bytes:
    return hashlib.sha256(canonical_json(signed)).digest()


@pytest.mark.parametrize("suite", [RDFC, JCS])
async def test_issue_credential_is_signed_by_the_issuers_key(
    client: VcClient, issuer: Caller, suite: str
) -> None:
    """The proof is of the suite asked for, by the issuer's did:key, over all that came and the status added."""
    document = open_badge(issuer.identifier)

    signed = await _issued(client, issuer, document, cryptosuite=suite)

    assert signed["proof"]["cryptosuite"] == suite
    controllers = check_proofs(signed, expected=EXPECTED, keys=did_key_method, linked_data=LinkedData())
    assert controllers == [issuer.identifier]
    rest = {name: value for name, value in signed.items() if name not in ("proof", "credentialStatus")}
    assert rest == document


async def test_issue_adds_status_pair_and_anchors_digest_bound_to_it(
    client: VcClient, issuer: Caller
) -> None:
    """Revocation and suspension share list pair and index; the digest of the whole credential is bound to them."""
    signed = await _issued(client, issuer, credential(issuer.identifier))

    revocation, suspension = signed["credentialStatus"]
    assert (revocation["statusPurpose"], suspension["statusPurpose"]) == ("revocation", "suspension")
    assert revocation["statusListCredential"] == f"{BASE_URL}/status-lists/0"
    assert suspension["statusListCredential"] == f"{BASE_URL}/status-lists/1"
    assert revocation["statusListIndex"] == suspension["statusListIndex"]
    (place,) = await client.service.services.intake.find(issuer.new.issuer, _digest(signed), None)
    assert place.accepted.status is not None
    assert place.accepted.status.list_number == 0
    assert str(place.accepted.status.index) == revocation["statusListIndex"]


async def test_issue_list_named_in_credential_is_served_when_answered(
    client: VcClient, issuer: Caller
) -> None:
    """Whoever gets the credential can fetch its list at once."""
    await _issued(client, issuer, credential(issuer.identifier))

    status, listed = await client.get("/status-lists/0", {})

    assert (status, listed["issuer"]) == (200, issuer.identifier)


@pytest.mark.parametrize(
    "wanted", [False, True, {"type": "BitstringStatusList", "statusPurpose": "revocation"}]
)
async def test_issue_adds_status_unless_told_not_to(client: VcClient, issuer: Caller, wanted: Any) -> None:
    """`options.credentialStatus: false` leaves it out, and the digest is then bound to nothing."""
    signed = await _issued(client, issuer, credential(issuer.identifier), credentialStatus=wanted)

    assert ("credentialStatus" in signed) == (wanted is not False)
    (place,) = await client.service.services.intake.find(issuer.new.issuer, _digest(signed), None)
    assert (place.accepted.status is not None) == (wanted is not False)


async def test_issue_own_status_entry_is_kept_and_bound(client: VcClient, issuer: Caller) -> None:
    """A credential that brings an entry allocated before keeps it, and its digest is bound to that entry."""
    status, allocated = await client.post("/v1/status-entries", issuer.bearer, {"count": 1})
    assert status == 200
    entry = allocated["entries"][0]

    signed = await _issued(
        client, issuer, credential(issuer.identifier, credentialStatus=entry["credentialStatus"])
    )

    assert signed["credentialStatus"] == entry["credentialStatus"]
    (place,) = await client.service.services.intake.find(issuer.new.issuer, _digest(signed), None)
    assert place.accepted.status is not None
    assert (place.accepted.status.list_number, place.accepted.status.index) == (entry["list"], entry["index"])


async def test_issue_foreign_status_is_kept_and_not_bound(client: VcClient, issuer: Caller) -> None:
    """A status mechanism of somebody else's stays as it is, beside no entry of ours."""
    foreign = {"id": "did:example:status", "type": "https://example.org/#OtherStatus"}

    signed = await _issued(client, issuer, credential(issuer.identifier, credentialStatus=foreign))

    assert signed["credentialStatus"] == foreign
    (place,) = await client.service.services.intake.find(issuer.new.issuer, _digest(signed), None)
    assert place.accepted.status is None


async def test_issue_same_id_twice_gives_each_an_entry_of_its_own(client: VcClient, issuer: Caller) -> None:
    """Issuing again under one id is no conflict: two credentials, two entries."""
    first = await _issued(client, issuer, credential(issuer.identifier))
    second = await _issued(client, issuer, credential(issuer.identifier, name="Corrected"))

    indexes = {one["credentialStatus"][0]["statusListIndex"] for one in (first, second)}
    assert len(indexes) == 2


async def test_issue_version_1_credential_gets_the_contexts_it_needs(
    client: VcClient, issuer: Caller
) -> None:
    """Version 1 of the data model knows neither this proof nor this status: their contexts are added."""
    document = credential(
        issuer.identifier,
        **{"@context": [CONTEXT_V1], "validFrom": None, "issuanceDate": "2010-01-01T00:00:00Z"},
    ) | {"credentialSubject": {"id": "did:example:subject"}}

    signed = await _issued(client, issuer, document)

    assert signed["@context"] == [CONTEXT_V1, DATA_INTEGRITY, STATUS_CONTEXT]
    assert check_proofs(signed, expected=EXPECTED, keys=did_key_method, linked_data=LinkedData())


async def test_issue_credential_id_option_names_a_nameless_credential(
    client: VcClient, issuer: Caller
) -> None:
    """`options.credentialId` becomes the id; another than the credential's own is refused."""
    nameless = credential(issuer.identifier, id=None)

    signed = await _issued(client, issuer, nameless, credentialId="urn:example:1")
    status, _ = await _issue(client, issuer, nameless | {"id": "urn:example:2"}, credentialId="urn:example:1")

    assert (signed["id"], status) == ("urn:example:1", 400)


async def test_issue_did_web_issuer_signs_with_its_named_key(client: VcClient) -> None:
    """An issuer that is a did:web is signed for by the key that its DID document names, and verifies here."""
    issuer = await client.add_issuer(SignerKind.DID_WEB, "did:web:university.example")

    signed = await _issued(client, issuer, credential("did:web:university.example"))
    status, verified = await client.post(
        "/credentials/verify", issuer.bearer, {"verifiableCredential": signed}
    )

    assert signed["proof"]["verificationMethod"] == issuer.new.issuer.signer.verification_method
    assert (status, verified["problemDetails"]) == (200, [])


async def test_issue_issuer_without_own_key_is_refused(client: VcClient) -> None:
    """Where a stand-in signs the lists, it must not sign credentials in the issuer's name."""
    issuer = await client.add_issuer(SignerKind.SERVICE, "https://university.example")

    status, problem = await _issue(client, issuer, credential("https://university.example"))

    assert (status, "holds no key" in problem["detail"]) == (400, True)


async def test_issue_without_api_key_is_unauthorized(client: VcClient) -> None:
    """Nobody signs in another's name."""
    status, _ = await client.post("/credentials/issue", {}, {"credential": credential()})

    assert status == 401


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "issuer is somebody else": ({"issuer": "did:example:other"}, "issuer"),
    "undefined term": ({"favouriteColour": "blue"}, "favouriteColour"),
    "undefined term deep inside": ({"credentialSubject": {"id": "did:example:s", "gpa": 4}}, "gpa"),
    "undefined type": ({"type": ["VerifiableCredential", "Mystery"]}, "Mystery"),
    "unknown context": ({"@context": [CONTEXT_V2, "https://example.org/unknown"]}, "unknown"),
    "redefined protected term": (
        {"@context": [CONTEXT_V2, {"VerifiableCredential": "https://example.org/#Other"}]},
        "protected",
    ),
    "proof already there": ({"proof": {"type": "DataIntegrityProof"}}, "proof"),
    "time without offset": ({"validFrom": "2010-01-01T00:00:00"}, "validFrom"),
    "ends before it begins": ({"validUntil": "2009-01-01T00:00:00Z"}, "validUntil"),
    "status under another name": (
        {"https://www.w3.org/2018/credentials#credentialStatus": {"id": "urn:x"}},
        "credentialStatus",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_issue_bad_credential_is_refused_and_nothing_handed_out(
    client: VcClient, issuer: Caller, case: str
) -> None:
    """Each is a 400 that names what is wrong, before any status entry or digest exists."""
    members, named = REFUSED[case]

    status, problem = await _issue(client, issuer, credential(issuer.identifier) | members)

    assert (status, named in problem["detail"]) == (400, True), problem
    assert await client.service.store.list_version(0, None) is None
    assert await client.service.store.unmined_entries() == 0


@pytest.mark.parametrize(
    "options",
    [
        {"cryptosuite": "ecdsa-rdfc-2019"},
        {"type": "Ed25519Signature2020"},
        {"proofPurpose": "authentication"},
        {"credentialId": "no url"},
        {"credentialStatus": {"type": "StatusList2021"}},
        {"mandatoryPointers": []},
    ],
)
async def test_issue_unsupported_option_is_refused(
    client: VcClient, issuer: Caller, options: dict[str, Any]
) -> None:
    """What cannot be done is said, not passed over."""
    status, _ = await _issue(client, issuer, credential(issuer.identifier), **options)

    assert status == 400


@pytest.mark.parametrize("body", [[], "text", {}, {"credential": []}, {"credential": {}, "extra": 1}])
async def test_issue_malformed_body_is_refused(client: VcClient, issuer: Caller, body: Any) -> None:
    """A body of another shape is a 400."""
    status, _ = await client.post("/credentials/issue", issuer.bearer, body)

    assert status == 400
