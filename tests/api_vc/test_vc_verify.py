"""POST /credentials/verify and /presentations/verify: what holds, what does not, and how that is said."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from anchor.store.records import SignerKind
from anchor.vc.linked_data import LinkedData
from status_lists.keys import verification_method_of
from tests.support.assembly import BASE_URL
from tests.support.vc_client import Caller, VcClient
from tests.support.vc_documents import HOLDER, ISSUER, OTHER, credential, presentation, presented, signed

LINKED_DATA = LinkedData()
DATA_MODEL = "https://www.w3.org/TR/vc-data-model#"
SECURITY = "https://w3id.org/security#"
STATUS = "https://www.w3.org/ns/credentials/status-list#"
OURS = "https://credential-anchor.org/problems/"


def _signed(**members: Any) -> dict[str, Any]:
    return signed(credential(**members), ISSUER, linked_data=LINKED_DATA)


async def _verify(
    client: VcClient, issuer: Caller, document: Any, **options: Any
) -> tuple[int, dict[str, Any]]:
    body = {"verifiableCredential": document} | ({"options": options} if options else {})
    return await client.post("/credentials/verify", issuer.bearer, body)


async def _verify_vp(
    client: VcClient, issuer: Caller, document: Any, **options: Any
) -> tuple[int, dict[str, Any]]:
    body = {"verifiablePresentation": document} | ({"options": options} if options else {})
    return await client.post("/presentations/verify", issuer.bearer, body)


def _kinds(body: dict[str, Any]) -> list[str]:
    return [problem["type"] for problem in body["problemDetails"]]


async def _issued(client: VcClient, issuer: Caller, **members: Any) -> dict[str, Any]:
    status, body = await client.post(
        "/credentials/issue", issuer.bearer, {"credential": credential(issuer.identifier, **members)}
    )
    assert status == 201, body
    document: dict[str, Any] = body["verifiableCredential"]
    return document


async def test_verify_strangers_credential_holds(client: VcClient, issuer: Caller) -> None:
    """A credential by any did:key verifies, and is handed back with what was checked."""
    document = _signed()

    status, body = await _verify(client, issuer, document)

    assert status == 200
    assert body == {
        "verified": True,
        "checks": ["proof", "credentialStatus"],
        "problemDetails": [],
        "errors": [],
        "warnings": [],
        "credential": document,
    }


def _changed(document: dict[str, Any]) -> None:
    document["credentialSubject"]["name"] = "Bob"


def _by_another(document: dict[str, Any]) -> None:
    document["issuer"] = OTHER.did_key


def _without_proof(document: dict[str, Any]) -> None:
    del document["proof"]


def _with_undefined_term(document: dict[str, Any]) -> None:
    document["credentialSubject"]["undefined"] = 1


def _with_unknown_context(document: dict[str, Any]) -> None:
    document["@context"].append("https://example.org/unknown")


def _without_issuer(document: dict[str, Any]) -> None:
    del document["issuer"]


def _with_unknown_method(document: dict[str, Any]) -> None:
    document["proof"]["verificationMethod"] = "did:web:example.org#key-1"


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (_changed, f"{DATA_MODEL}CRYPTOGRAPHIC_SECURITY_ERROR"),
        (_by_another, f"{DATA_MODEL}CRYPTOGRAPHIC_SECURITY_ERROR"),
        (_without_proof, f"{SECURITY}PROOF_VERIFICATION_ERROR"),
        (_with_undefined_term, f"{SECURITY}DATA_LOSS_DETECTION_ERROR"),
        (_with_unknown_context, f"{DATA_MODEL}PARSING_ERROR"),
        (_without_issuer, f"{DATA_MODEL}MALFORMED_VALUE_ERROR"),
        (_with_unknown_method, f"{SECURITY}INVALID_VERIFICATION_METHOD"),
    ],
)
async def test_verify_bad_credential_is_400_with_its_problem(
    client: VcClient, issuer: Caller, change: Callable[[dict[str, Any]], None], kind: str
) -> None:
    """What does not hold is a 400 whose problem has the URL that the specifications give it; it is not handed back."""
    document = copy.deepcopy(_signed())
    change(document)

    status, body = await _verify(client, issuer, document)

    assert (status, body["verified"], _kinds(body)) == (400, False, [kind])
    assert body["errors"] == body["problemDetails"]
    assert "credential" not in body


async def test_verify_expired_credential_is_a_range_error(client: VcClient, issuer: Caller) -> None:
    """The dates count, with the service's clock."""
    status, body = await _verify(client, issuer, _signed(validUntil="2011-01-01T00:00:00Z"))

    assert (status, _kinds(body)) == (400, [f"{DATA_MODEL}RANGE_ERROR"])


async def test_verify_own_credential_follows_its_status(client: VcClient, issuer: Caller) -> None:
    """Good when issued, suspended, reinstated, revoked: each as soon as the change is answered."""
    document = await _issued(client, issuer)
    results = [await _verify(client, issuer, document)]
    for word in ("suspended", "unsuspended", "revoked"):
        update = {
            "credentialId": document["id"],
            "credentialStatus": [{"type": "BitstringStatusListCredential", "status": word}],
        }
        assert (await client.post("/credentials/status", issuer.bearer, update))[0] == 200
        results.append(await _verify(client, issuer, document))

    assert [status for status, _ in results] == [200, 400, 200, 400]
    assert _kinds(results[1][1]) == [f"{OURS}suspended"]
    assert _kinds(results[3][1]) == [f"{OURS}revoked"]


async def test_verify_proof_check_alone_leaves_status_out_and_says_so(
    client: VcClient, issuer: Caller
) -> None:
    """`checks: ["proof"]` is what W3C's suites send: a status that cannot be known does not matter then."""
    document = _signed(credentialStatus={"id": "did:example:s", "type": "https://example.org/#Other"})

    status, body = await _verify(client, issuer, document, checks=["proof"])
    full_status, full = await _verify(client, issuer, document)

    assert (status, body["checks"]) == (200, ["proof"])
    assert (full_status, _kinds(full)) == (400, [f"{STATUS}MALFORMED_VALUE_ERROR"])


def _entry(url: str, index: str = "1", purpose: str = "revocation") -> dict[str, str]:
    return {
        "type": "BitstringStatusListEntry",
        "statusPurpose": purpose,
        "statusListIndex": index,
        "statusListCredential": url,
    }


@pytest.mark.parametrize(
    ("entry", "kind"),
    [
        (_entry("https://lists.example.org/1"), f"{STATUS}STATUS_RETRIEVAL_ERROR"),
        (_entry(f"{BASE_URL}/status-lists/99"), f"{STATUS}STATUS_RETRIEVAL_ERROR"),
        (_entry(f"{BASE_URL}/status-lists/0", index="999999"), f"{STATUS}RANGE_ERROR"),
        (_entry(f"{BASE_URL}/status-lists/0", purpose="suspension"), f"{STATUS}STATUS_VERIFICATION_ERROR"),
    ],
)
async def test_verify_status_that_cannot_be_read_is_a_problem(
    client: VcClient, issuer: Caller, entry: dict[str, str], kind: str
) -> None:
    """A list that is not to be had, or does not fit the entry, is never silence."""
    await _issued(client, await client.add_issuer(seed=ISSUER.seed))

    status, body = await _verify(client, issuer, _signed(credentialStatus=entry))

    assert (status, _kinds(body)) == (400, [kind])


async def test_verify_did_web_issuers_retired_key_still_counts(client: VcClient, issuer: Caller) -> None:
    """A credential keeps verifying after its issuer's key was replaced."""
    university = await client.add_issuer(SignerKind.DID_WEB, "did:web:university.example")
    document = await _issued(client, university)
    await client.service.services.list_keys.rotate(university.new.issuer.number)

    status, body = await _verify(client, issuer, document)

    assert (status, body["problemDetails"]) == (200, [])


async def test_verify_strangers_did_web_is_not_looked_up(client: VcClient, issuer: Caller) -> None:
    """Fetching a DID document would tell its host whose credential is looked at."""
    document = signed(
        credential("did:web:elsewhere.example"),
        ISSUER,
        linked_data=LINKED_DATA,
        verificationMethod="did:web:elsewhere.example#key",
    )

    status, body = await _verify(client, issuer, document)

    assert (status, _kinds(body)) == (400, [f"{SECURITY}INVALID_VERIFICATION_METHOD"])


@pytest.mark.parametrize("options", [{"checks": ["everything"]}, {"checks": "proof"}, {"unknown": 1}])
async def test_verify_unsupported_option_is_refused(
    client: VcClient, issuer: Caller, options: dict[str, Any]
) -> None:
    """What is asked for and not understood is refused, not passed over."""
    status, body = await _verify(client, issuer, _signed(), **options)

    assert (status, body["type"].endswith("invalid-input")) == (400, True)


@pytest.mark.parametrize(
    "body", [{}, {"verifiableCredential": "eyJ.eyJ.sig"}, {"verifiableCredential": [1]}, []]
)
async def test_verify_malformed_body_is_refused(client: VcClient, issuer: Caller, body: Any) -> None:
    """A body of another shape, an enveloped credential among them, is a 400."""
    status, _ = await client.post("/credentials/verify", issuer.bearer, body)

    assert status == 400


@pytest.mark.parametrize("path", ["/credentials/verify", "/presentations/verify"])
async def test_verify_without_api_key_is_unauthorized(client: VcClient, path: str) -> None:
    """Checking costs time, so it is done for issuers of this service."""
    status, _ = await client.post(path, {}, {"verifiableCredential": _signed()})

    assert status == 401


async def test_verify_presentation_with_its_credential_holds(client: VcClient, issuer: Caller) -> None:
    """A holder's presentation of a credential of this service verifies, for its challenge and domain."""
    document = await _issued(client, issuer)
    shown = presented(
        presentation(document, holder=HOLDER.did_key),
        HOLDER,
        linked_data=LINKED_DATA,
        challenge="c-1",
        domain="shop.example",
    )

    status, body = await _verify_vp(client, issuer, shown, challenge="c-1", domain="shop.example")
    replayed, replayed_body = await _verify_vp(client, issuer, shown, challenge="c-2")
    elsewhere, elsewhere_body = await _verify_vp(client, issuer, shown, domain="other.example")

    assert (status, body["verified"], body["presentation"]) == (200, True, shown)
    assert (replayed, _kinds(replayed_body)) == (400, [f"{SECURITY}INVALID_CHALLENGE_ERROR"])
    assert (elsewhere, _kinds(elsewhere_body)) == (400, [f"{SECURITY}INVALID_DOMAIN_ERROR"])


async def test_verify_presentation_of_revoked_credential_does_not_hold(
    client: VcClient, issuer: Caller
) -> None:
    """The status of what is presented counts."""
    document = await _issued(client, issuer)
    shown = presented(presentation(document), HOLDER, linked_data=LINKED_DATA)
    update = {
        "credentialId": document["id"],
        "credentialStatus": [{"type": "BitstringStatusListCredential", "status": "revoked"}],
    }
    assert (await client.post("/credentials/status", issuer.bearer, update))[0] == 200

    status, body = await _verify_vp(client, issuer, shown)

    assert (status, _kinds(body)) == (400, [f"{OURS}revoked"])


async def test_verify_presentation_for_assertion_is_refused_unless_expected(
    client: VcClient, issuer: Caller
) -> None:
    """A holder authenticates; another purpose counts only where the verifier asks for it."""
    shown = signed(presentation(), HOLDER, linked_data=LINKED_DATA)

    status, _ = await _verify_vp(client, issuer, shown)
    expected, _ = await _verify_vp(client, issuer, shown, expectedProofPurpose="assertionMethod")

    assert (status, expected) == (400, 200)


async def test_verify_method_of_holder_is_its_did_key(client: VcClient, issuer: Caller) -> None:
    """The holder that a presentation names must be who signed it."""
    shown = presented(presentation(holder=OTHER.did_key), HOLDER, linked_data=LINKED_DATA)

    status, body = await _verify_vp(client, issuer, shown)

    assert (status, _kinds(body)) == (400, [f"{SECURITY}INVALID_VERIFICATION_METHOD"])
    assert shown["proof"]["verificationMethod"] == verification_method_of(HOLDER)
