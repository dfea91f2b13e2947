"""Documents made to pass for what they are not: by keys, proofs, contexts, status entries, sizes."""

from __future__ import annotations

import copy
import io
from typing import Any

import pytest

from anchor.api.vc_reading import MAX_BODY_BYTES
from anchor.store.records import Issuer, SignerKind
from anchor.vc.data_integrity import AUTHENTICATION, JCS, RDFC, sign_document
from anchor.vc.linked_data import LinkedData
from status_lists.datetimes import format_datetime
from status_lists.keys import ListKey
from tests.support.assembly import BASE_URL
from tests.support.clock import START_MS
from tests.support.vc_client import Caller, VcClient
from tests.support.vc_documents import (
    CONTEXT_V2,
    EXAMPLES_V2,
    HOLDER,
    ISSUER,
    OTHER,
    credential,
    presentation,
    presented,
    proof_options,
    signed,
)
from tests.support.vc_lists import entry_of

LINKED_DATA = LinkedData()
SECURITY = "https://w3id.org/security#"
STATUS = "https://www.w3.org/ns/credentials/status-list#"
PROOF_ERROR = f"{SECURITY}PROOF_VERIFICATION_ERROR"
METHOD_ERROR = f"{SECURITY}INVALID_VERIFICATION_METHOD"


async def verify(
    client: VcClient, issuer: Caller, document: Any, kind: str = "Credential", **options: Any
) -> tuple[int, list[str], dict[str, Any]]:
    """Verify a document; return the status, the kinds of problems, and the answer."""
    body = {f"verifiable{kind}": document, "options": options}
    status, answer = await client.post(f"/{kind.lower()}s/verify", issuer.bearer, body)
    return status, [item["type"] for item in answer.get("problemDetails", [])], answer


def by(key: ListKey = ISSUER, document: dict[str, Any] | None = None, **options: Any) -> dict[str, Any]:
    """Return a credential signed by a key."""
    return signed(document or credential(key.did_key), key, linked_data=LINKED_DATA, **options)


def time_of(offset_s: int) -> str:
    """Return a time near the service's own, as proofs write it."""
    return format_datetime(START_MS + offset_s * 1000)


async def test_hosted_key_is_for_assertions_alone(client: VcClient, issuer: Caller) -> None:
    """The DID document names it under assertionMethod: what it signs to log in counts for nothing."""
    added = await client.service.services.issuers.add(
        identifier=None, name="u", kind=SignerKind.DID_WEB, seed=None, hosted="utopia"
    )
    key = client.service.services.issuers.credential_key(added.issuer)
    options = {"verificationMethod": added.issuer.signer.verification_method}
    as_issuer = by(key, credential(added.issuer.identifier), **options)
    as_holder = presented(
        presentation(holder=added.issuer.identifier), key, linked_data=LINKED_DATA, **options
    )

    assert (await verify(client, issuer, as_issuer))[:2] == (200, [])
    assert (await verify(client, issuer, as_holder, "Presentation"))[:2] == (400, [METHOD_ERROR])


async def test_token_key_signs_no_credential(client: VcClient, issuer: Caller) -> None:
    """A key of P-256 is in the DID document, and its name in a proof of an Ed25519 suite is refused."""
    services = client.service.services
    added: Issuer = (
        await services.issuers.add(
            identifier=None, name="u", kind=SignerKind.DID_WEB, seed=None, hosted="utopia"
        )
    ).issuer
    rotated = await services.list_keys.rotate_token_key(added.number)
    assert rotated.issuer.signer.token_key is not None
    method = rotated.issuer.signer.token_key.verification_method
    key = services.issuers.credential_key(added)
    forged = by(key, credential(added.identifier), verificationMethod=method)

    assert (await verify(client, issuer, forged))[:2] == (400, [METHOD_ERROR])


@pytest.mark.parametrize(
    ("offset_s", "kinds"), [(-1, []), (299, []), (301, [PROOF_ERROR]), (10**9, [PROOF_ERROR])]
)
async def test_proof_from_the_future_is_refused_beyond_the_skew_of_clocks(
    client: VcClient, issuer: Caller, offset_s: int, kinds: list[str]
) -> None:
    """Five minutes are a clock that runs ahead; more is a proof made up in advance."""
    found = await verify(client, issuer, by(created=time_of(offset_s)))

    assert found[:2] == (400 if kinds else 200, kinds)


async def test_proofs_of_one_id_are_refused(client: VcClient, issuer: Caller) -> None:
    """A third proof that covers "the" one of that id could be shown with either."""
    first, second = by(id="urn:proof:1"), by(OTHER, credential(), id="urn:proof:1")
    both = {**first, "proof": [first["proof"], second["proof"]]}
    renamed = {**first, "proof": [first["proof"], by(OTHER, credential(), id="urn:proof:2")["proof"]]}

    assert (await verify(client, issuer, both))[:2] == (400, [PROOF_ERROR])
    assert (await verify(client, issuer, renamed))[:2] == (200, [])


async def test_context_put_behind_the_signed_ones_is_not_handed_back(
    client: VcClient, issuer: Caller
) -> None:
    """`eddsa-jcs-2022` lets contexts follow; what is returned as verified is what was signed."""
    document = by(cryptosuite=JCS)
    grown = {**document, "@context": [CONTEXT_V2, EXAMPLES_V2]}
    status, _, answer = await verify(client, issuer, grown)
    whole_status, _, whole = await verify(client, issuer, document)

    assert (status, answer["credential"]) == (200, document)
    assert (whole_status, whole["credential"]) == (200, document)


@pytest.mark.parametrize("suite", [RDFC, JCS])
@pytest.mark.parametrize(
    "injected",
    [
        {"credentialStatus": "https://elsewhere.example/status"},
        {"credentialStatus": None},
        {"issuer": "https://elsewhere.example/issuer"},
        {"@vocab": "https://elsewhere.example/#", "@protected": True, "proof": None},
        {"@base": "https://elsewhere.example/"},
        "https://elsewhere.example/context",
        {"@import": "https://elsewhere.example/context"},
        7,
        None,
        [CONTEXT_V2],
    ],
)
async def test_context_put_into_a_signed_credential_never_verifies_as_another(
    client: VcClient, issuer: Caller, suite: str, injected: Any
) -> None:
    """It is refused, or what is handed back says what was signed; nothing is fetched for it, and nothing fails."""
    document = by(cryptosuite=suite)
    first = await verify(client, issuer, {**document, "@context": [injected, *document["@context"]]})
    status, _, answer = await verify(
        client, issuer, {**document, "@context": [*document["@context"], injected]}
    )

    assert first[0] == 400
    assert status == 400 or statements(answer["credential"]) == statements(document)


def statements(document: dict[str, Any]) -> str:
    """Return what a document says, apart from its proof."""
    return LINKED_DATA.canonicalize({name: value for name, value in document.items() if name != "proof"})


async def test_status_entry_in_another_issuers_list_does_not_count(client: VcClient, issuer: Caller) -> None:
    """A credential cannot lean on the clean list of somebody else; issuing one there is refused, and nothing bound."""
    other = await client.add_issuer()
    await client.service.services.intake.allocate(other.new.issuer, 1, idempotency_key=None)
    entry = entry_of(f"{BASE_URL}/status-lists/0", index=7)
    strangers = await verify(client, issuer, by(ISSUER, credential(credentialStatus=entry)))
    before = await client.service.store.unmined_entries()
    status, answer = await client.post(
        "/credentials/issue",
        issuer.bearer,
        {"credential": credential(issuer.identifier, credentialStatus=entry)},
    )

    assert strangers[:2] == (400, [f"{STATUS}STATUS_VERIFICATION_ERROR"])
    assert (status, answer["type"].rpartition("/")[2]) == (404, "not-found")
    assert await client.service.store.unmined_entries() == before


async def test_lists_of_a_stand_in_count_for_its_issuer_and_no_other(
    client: VcClient, issuer: Caller
) -> None:
    """An issuer whose lists a key of this service signs: they are its own, though another DID signs them."""
    college = await client.add_issuer(SignerKind.SERVICE, ISSUER.did_key)
    (entry,) = await client.service.services.intake.allocate(college.new.issuer, 1, idempotency_key=None)
    url = f"{BASE_URL}/status-lists/{entry.list_number}"
    status_entry = entry_of(url, index=entry.index)

    own = await verify(client, issuer, by(ISSUER, credential(credentialStatus=status_entry)))
    others = await verify(client, issuer, by(OTHER, credential(OTHER.did_key, credentialStatus=status_entry)))

    assert own[:2] == (200, [])
    assert others[:2] == (400, [f"{STATUS}STATUS_VERIFICATION_ERROR"])


async def test_same_id_of_two_issuers_is_two_credentials(client: VcClient, issuer: Caller) -> None:
    """Whoever takes another's id revokes nothing but his own."""
    other = await client.add_issuer()
    issued = {}
    for caller in (issuer, other):
        _, answer = await client.post(
            "/credentials/issue", caller.bearer, {"credential": credential(caller.identifier)}
        )
        issued[caller.identifier] = answer["verifiableCredential"]
    update = {
        "credentialId": credential()["id"],
        "credentialStatus": [{"type": "BitstringStatusListCredential", "status": "revoked"}],
    }
    assert (await client.post("/credentials/status", other.bearer, update))[0] == 200

    assert (await verify(client, issuer, issued[issuer.identifier]))[0] == 200
    assert (await verify(client, issuer, issued[other.identifier]))[0] == 400


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"domain": "shop.example", "challenge": ["c"]}, PROOF_ERROR),
        ({"domain": "shop.example", "challenge": 7}, PROOF_ERROR),
        ({"domain": "shop.example", "challenge": None}, PROOF_ERROR),
        ({"domain": 7, "challenge": "c"}, PROOF_ERROR),
        ({"domain": ["shop.example", 7], "challenge": "c"}, PROOF_ERROR),
        ({"domain": ["shop.example", "evil.example"], "challenge": "c"}, f"{SECURITY}INVALID_DOMAIN_ERROR"),
        ({"domain": "shop.example"}, f"{SECURITY}INVALID_CHALLENGE_ERROR"),
        ({"challenge": "c"}, f"{SECURITY}INVALID_DOMAIN_ERROR"),
        ({"challenge": "C", "domain": "shop.example"}, f"{SECURITY}INVALID_CHALLENGE_ERROR"),
    ],
)
async def test_presentation_challenge_and_domain_are_exactly_those_asked_for(
    client: VcClient, issuer: Caller, changes: dict[str, Any], kind: str
) -> None:
    """Missing, in an array, of another type, one of several: a proof answers what was asked, and that alone."""
    shown = presented(presentation(), HOLDER, linked_data=LINKED_DATA, cryptosuite=JCS, **changes)
    status, kinds, answer = await verify(
        client, issuer, shown, "Presentation", challenge="c", domain="shop.example"
    )

    assert (status, kinds) == (400, [kind])
    assert "presentation" not in answer


async def test_presentation_with_a_second_proof_by_a_stranger_names_its_holder(
    client: VcClient, issuer: Caller
) -> None:
    """A stranger's proof beside the holder's adds nothing and takes nothing; alone it is not the holder's."""
    document = presentation(holder=HOLDER.did_key)
    proofs = [
        sign_document(document, proof_options(key, purpose=AUTHENTICATION), key=key, linked_data=LINKED_DATA)[
            "proof"
        ]
        for key in (HOLDER, OTHER)
    ]

    assert (await verify(client, issuer, {**document, "proof": proofs}, "Presentation"))[0] == 200
    assert (await verify(client, issuer, {**document, "proof": proofs[1]}, "Presentation"))[:2] == (
        400,
        [METHOD_ERROR],
    )


def nested(levels: int) -> Any:
    """Return objects within objects."""
    value: Any = "x"
    for _ in range(levels):
        value = {"id": "urn:x", "name": value}
    return value


@pytest.mark.parametrize(
    ("document", "status"),
    [
        (credential(credentialSubject=nested(70)), 400),
        (credential(credentialSubject=[{"id": f"urn:{n}"} for n in range(12_000)]), 400),
        (credential(credentialStatus=[entry_of(f"{BASE_URL}/status-lists/{n}") for n in range(500)]), 400),
    ],
)
async def test_document_beyond_the_bounds_is_refused_signed_or_not(
    client: VcClient, issuer: Caller, document: dict[str, Any], status: int
) -> None:
    """Deep, wide or long: an answer, and never a failure of the service."""
    proof = by()["proof"]
    to_verify = await verify(client, issuer, {**document, "proof": proof})
    to_issue, _ = await client.post(
        "/credentials/issue", issuer.bearer, {"credential": {**document, "issuer": issuer.identifier}}
    )

    assert (to_verify[0], to_issue) == (status, status)


@pytest.mark.parametrize("path", ["/credentials/issue", "/credentials/verify", "/presentations/verify"])
async def test_body_over_two_mebibytes_is_too_large(client: VcClient, issuer: Caller, path: str) -> None:
    """Said before it is read whole."""
    body = io.BytesIO(b'{"credential": "' + b"x" * MAX_BODY_BYTES + b'"}')
    headers = {**issuer.bearer, "Content-Type": "application/json"}
    async with client.http.post(path, headers=headers, data=body) as response:
        assert (response.status, (await response.json(content_type=None))["type"][-9:]) == (413, "too-large")


async def test_proof_members_under_other_names_are_refused(client: VcClient, issuer: Caller) -> None:
    """A term of the proof as a full IRI would be signed and go unread."""
    document = by()
    for name, value in {
        f"{SECURITY}domain": "shop.example",
        "expiration": "2001-01-01T00:00:00Z",
        "@id": "urn:x",
        "jws": "a..b",
    }.items():
        forged = copy.deepcopy(document)
        forged["proof"][name] = value
        assert (await verify(client, issuer, forged))[:2] == (400, [PROOF_ERROR])
