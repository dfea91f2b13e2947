"""What a credential and a presentation say by themselves: whose word it is, whether in force, who shows it."""

from __future__ import annotations

from typing import Any

import pytest

from anchor.vc.data_integrity import ASSERTION, AUTHENTICATION, JCS, Expected
from anchor.vc.did_key import did_key_method
from anchor.vc.linked_data import LinkedData
from anchor.vc.problems import Kind, Problem
from anchor.vc.verification import check_credential, check_presentation
from tests.support.vc_documents import (
    CONTEXT_V1,
    DATA_INTEGRITY,
    HOLDER,
    ISSUER,
    OTHER,
    credential,
    presentation,
    presented,
    signed,
)

LINKED_DATA = LinkedData()
NOW = "2023-11-14T22:13:20Z"
NOW_MS = 1_700_000_000_000


def _credential(**members: Any) -> dict[str, Any]:
    return signed(credential(**members), ISSUER, linked_data=LINKED_DATA)


def _check(document: dict[str, Any]) -> tuple[Problem, ...]:
    expected = Expected(purpose=ASSERTION, now_ms=NOW_MS)
    return check_credential(document, expected=expected, keys=did_key_method, linked_data=LINKED_DATA)


def _check_vp(document: dict[str, Any]) -> list[Kind]:
    expected = Expected(purpose=AUTHENTICATION, now_ms=NOW_MS)
    problems = check_presentation(document, expected=expected, keys=did_key_method, linked_data=LINKED_DATA)
    return [problem.kind for problem in problems]


def _presented(*credentials: dict[str, Any], key: Any = HOLDER, **members: Any) -> dict[str, Any]:
    return presented(presentation(*credentials, **members), key, linked_data=LINKED_DATA)


def test_check_credential_of_its_issuer_in_force_has_no_problem() -> None:
    """Rules, proof, issuer and dates: all hold."""
    assert _check(_credential()) == ()


def test_check_credential_by_a_key_of_somebody_else_is_refused() -> None:
    """A sound signature by another key does not make it the issuer's word."""
    document = signed(credential(ISSUER.did_key), OTHER, linked_data=LINKED_DATA)

    assert [problem.kind for problem in _check(document)] == [Kind.VERIFICATION_METHOD]


def test_check_credential_one_proof_of_a_set_must_be_the_issuers() -> None:
    """A witness may sign beside the issuer, not instead."""
    document = credential(ISSUER.did_key)
    own = signed(document, ISSUER, linked_data=LINKED_DATA)["proof"]
    witness = signed(document, OTHER, linked_data=LINKED_DATA, cryptosuite=JCS)["proof"]

    assert _check({**document, "proof": [witness, own]}) == ()
    assert [problem.kind for problem in _check({**document, "proof": [witness]})] == [
        Kind.VERIFICATION_METHOD
    ]


@pytest.mark.parametrize(
    ("members", "problem_count"),
    [
        ({"validFrom": NOW}, 0),
        ({"validFrom": "2023-11-14T22:13:21Z"}, 1),
        ({"validUntil": NOW}, 0),
        ({"validUntil": "2023-11-14T22:13:19Z"}, 1),
        ({"validUntil": "2023-11-14T22:13:19"}, 1),
        ({"validFrom": None}, 0),
    ],
)
def test_check_credential_dates_count_both_ends_included(members: dict[str, Any], problem_count: int) -> None:
    """Valid from the first to the last moment named."""
    problems = _check(_credential(**members))

    assert [problem.kind for problem in problems] == [Kind.OUT_OF_RANGE] * problem_count


@pytest.mark.parametrize(
    ("members", "expired"),
    [
        ({}, False),
        ({"expirationDate": "2020-01-01T00:00:00Z"}, True),
        ({"issuanceDate": "2030-01-01T00:00:00Z"}, True),
    ],
)
def test_check_credential_of_version_1_follows_its_own_dates(
    members: dict[str, Any], *, expired: bool
) -> None:
    """Credentials of the older model are checked by its names."""
    document = credential(validFrom=None, credentialSubject={"id": "did:example:s"}) | {
        "@context": [CONTEXT_V1, DATA_INTEGRITY],
        "issuanceDate": "2010-01-01T00:00:00Z",
        **members,
    }

    problems = _check(signed(document, ISSUER, linked_data=LINKED_DATA))

    assert [problem.kind for problem in problems] == [Kind.OUT_OF_RANGE] * expired


def test_check_credential_tells_of_dates_beside_a_broken_signature() -> None:
    """Both are worth knowing."""
    document = _credential(validUntil="2020-01-01T00:00:00Z") | {"name": "changed"}

    assert [problem.kind for problem in _check(document)] == [Kind.CRYPTOGRAPHIC, Kind.OUT_OF_RANGE]


def test_check_presentation_of_anothers_credential_has_no_problem() -> None:
    """A holder shows what an issuer gave, named as holder or not."""
    assert _check_vp(_presented(_credential())) == []
    assert _check_vp(_presented(_credential(), holder={"id": HOLDER.did_key})) == []
    assert _check_vp(_presented()) == []


def test_check_presentation_holder_must_have_made_it() -> None:
    """Naming somebody else as holder is refused."""
    assert _check_vp(_presented(_credential(), holder=OTHER.did_key)) == [Kind.VERIFICATION_METHOD]


def test_check_presentation_own_credential_needs_its_maker_as_holder() -> None:
    """What the maker says of itself counts as such only where it is named as the holder (section 4.13.4)."""
    own = signed(credential(HOLDER.did_key), HOLDER, linked_data=LINKED_DATA)

    assert _check_vp(_presented(own)) == [Kind.PROOF]
    assert _check_vp(_presented(own, holder=HOLDER.did_key)) == []


def test_check_presentation_says_which_credential_does_not_hold() -> None:
    """Of several credentials, the bad one is named by its place."""
    changed = _credential(id="urn:2") | {"name": "changed"}
    document = _presented(_credential(), changed)

    expected = Expected(purpose=AUTHENTICATION, now_ms=NOW_MS)
    (problem,) = check_presentation(document, expected=expected, keys=did_key_method, linked_data=LINKED_DATA)

    assert problem.kind is Kind.CRYPTOGRAPHIC
    assert problem.detail.startswith("verifiableCredential[1]:")


def test_check_presentation_credential_without_proof_is_refused() -> None:
    """Being in a signed presentation does not sign a credential."""
    assert _check_vp(_presented(credential())) == [Kind.PROOF]


def test_check_presentation_without_proof_is_refused() -> None:
    """Unsigned, anybody could have put it together."""
    assert _check_vp(presentation(_credential())) == [Kind.PROOF]


def test_check_presentation_credential_taken_out_is_noticed() -> None:
    """The proof covers which credentials are shown."""
    document = _presented(_credential(), _credential(id="urn:2"))
    document["verifiableCredential"].pop()

    assert _check_vp(document) == [Kind.CRYPTOGRAPHIC]


def test_check_presentation_enveloped_credential_is_refused_by_name() -> None:
    """What is not supported is said, not passed over."""
    enveloped = {
        "@context": "https://www.w3.org/ns/credentials/v2",
        "id": "data:application/vc+jwt,eyJhbGciOiJFZERTQSJ9.e30.c2ln",
        "type": "EnvelopedVerifiableCredential",
    }

    assert _check_vp(_presented(enveloped)) == [Kind.PROOF]


def test_check_presentation_challenge_is_not_demanded_of_the_credentials_in_it() -> None:
    """The verifier's challenge is for the holder; the issuer signed long before."""
    document = presented(
        presentation(_credential()), HOLDER, linked_data=LINKED_DATA, challenge="c", domain="a.example"
    )
    expected = Expected(purpose=AUTHENTICATION, now_ms=NOW_MS, challenge="c", domain="a.example")

    assert check_presentation(document, expected=expected, keys=did_key_method, linked_data=LINKED_DATA) == ()
