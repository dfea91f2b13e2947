"""The rules of the data model, case by case: those that W3C's suite tries, and what lies beside them."""

from __future__ import annotations

from typing import Any

import pytest

from anchor.vc.data_model import credential_faults, identifier, is_url, presentation_faults
from tests.support.vc_documents import CONTEXT_V1, CONTEXT_V2, EXAMPLES_V2, credential, presentation

SHA256 = "uEiAjCHMnK5-ayOIZLWo_TBoKYVvSAprlkYEjRlm19Cj0uw"
ENTRY = {
    "type": "BitstringStatusListEntry",
    "statusPurpose": "revocation",
    "statusListIndex": "5",
    "statusListCredential": "https://example.org/status-lists/1",
}


def _without(name: str) -> dict[str, Any]:
    document = credential()
    del document[name]
    return document


def _with(**members: Any) -> dict[str, Any]:
    return credential() | members


def _version_1(**members: Any) -> dict[str, Any]:
    document = _without("validFrom") | {"@context": [CONTEXT_V1], "issuanceDate": "2010-01-01T00:00:00Z"}
    return document | members


GOOD: dict[str, dict[str, Any]] = {
    "minimal": credential(id=None, validFrom=None),
    "more contexts": _with(**{"@context": [CONTEXT_V2, EXAMPLES_V2, {"t": "urn:t"}]}),
    "id a DID": _with(id="did:example:1"),
    "id a URN": _with(id="urn:uuid:58172aac-d8ba-11ed-83dd-0b3aef56cc33"),
    "type as one text": _with(type="VerifiableCredential"),
    "types in any order": _with(type=["https://example.org/T", "VerifiableCredential"]),
    "issuer as object": _with(issuer={"id": "did:example:i", "name": "University"}),
    "subject with only an id": _with(credentialSubject={"id": "did:example:s"}),
    "several subjects": _with(credentialSubject=[{"id": "did:example:s"}, {"name": "n"}]),
    "times with milliseconds": _with(validFrom="2010-01-01T00:00:00.123Z"),
    "times with an offset": _with(
        validFrom="2010-01-01T00:00:00-05:00", validUntil="2030-01-01T00:00:00+14:00"
    ),
    "time without an offset": _with(validFrom="2010-01-01T00:00:00"),
    "start and end the same": _with(validFrom="2010-01-01T01:00:00+01:00", validUntil="2010-01-01T00:00:00Z"),
    "name in a language": _with(name={"@value": "Dog", "@language": "en", "@direction": "ltr"}),
    "name in several languages": _with(name=[{"@value": "Dog", "@language": "en"}, {"@value": "Chien"}, "x"]),
    "issuer's name in a language": _with(issuer={"id": "did:example:i", "name": {"@value": "U"}}),
    "status without id": _with(credentialStatus={"type": "https://example.org/T"}),
    "status entry": _with(credentialStatus=[ENTRY, ENTRY | {"statusPurpose": "suspension"}]),
    "schema": _with(credentialSchema={"id": "https://example.org/s.json", "type": "JsonSchema"}),
    "several schemas": _with(
        credentialSchema=[{"id": "urn:s", "type": "JsonSchema"}, {"id": "urn:t", "type": ["A", "B"]}]
    ),
    "refresh service": _with(refreshService=[{"type": "T"}, {"id": "urn:r", "type": "T"}]),
    "terms of use": _with(termsOfUse={"id": "urn:t", "type": "IssuerPolicy"}),
    "evidence": _with(evidence=[{"type": ["Evidence"]}]),
    "related resource": _with(relatedResource=[{"id": "https://example.org/r", "digestMultibase": SHA256}]),
    "related resource by SRI": _with(
        relatedResource={
            "id": "urn:r",
            "digestSRI": "sha256-" + "A" * 43 + "=",
            "mediaType": "application/json",
        }
    ),
    "version 1": _version_1(),
    "version 1 with end": _version_1(expirationDate="2030-01-01T00:00:00Z"),
}


@pytest.mark.parametrize("case", GOOD)
def test_credential_faults_of_a_good_credential_are_none(case: str) -> None:
    """What the rules allow is found without fault."""
    assert credential_faults(GOOD[case]) == ()


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "nothing": ({}, "@context"),
    "another document": ({"type": ["NonconformingDocument"]}, "@context"),
    "no context": (_without("@context"), "@context"),
    "context as one text": (_with(**{"@context": CONTEXT_V2}), "@context"),
    "no contexts": (_with(**{"@context": []}), "@context"),
    "base context missing": (_with(**{"@context": [EXAMPLES_V2]}), "@context"),
    "base context second": (_with(**{"@context": [EXAMPLES_V2, CONTEXT_V2]}), "@context"),
    "context is no URL": (_with(**{"@context": [CONTEXT_V2, "https ://no-url/v1"]}), "@context"),
    "context is a number": (_with(**{"@context": [CONTEXT_V2, 123192875]}), "@context"),
    "context is null": (_with(**{"@context": [CONTEXT_V2, None]}), "@context"),
    "id null": (_with(id=None), "id"),
    "id no URL": (_with(id="not-a-url"), "id"),
    "several ids": (_with(id=["did:example:1", "did:example:2"]), "id"),
    "id with a space": (_with(id="https://example.org/a b"), "id"),
    "no type": (_without("type"), "type"),
    "type without the required one": (_with(type=["https://example.org/T"]), "VerifiableCredential"),
    "type a number": (_with(type=["VerifiableCredential", 2]), "type"),
    "types empty": (_with(type=[]), "type"),
    "no issuer": (_without("issuer"), "issuer"),
    "issuer no URL": (_with(issuer="not-a-url"), "issuer"),
    "issuer object without id": (_with(issuer={"name": "U"}), "issuer"),
    "issuer id null": (_with(issuer={"id": None}), "issuer"),
    "issuer id no URL": (_with(issuer={"id": "not-a-url"}), "issuer"),
    "several issuers": (_with(issuer=["did:example:1", "did:example:2"]), "issuer"),
    "no subject": (_without("credentialSubject"), "credentialSubject"),
    "subject empty": (_with(credentialSubject={}), "credentialSubject"),
    "subject null": (_with(credentialSubject=None), "credentialSubject"),
    "subject as text": (_with(credentialSubject="did:example:s"), "credentialSubject"),
    "no subjects": (_with(credentialSubject=[]), "credentialSubject"),
    "one subject of two empty": (_with(credentialSubject=[{"id": "did:example:s"}, {}]), "credentialSubject"),
    "several subject ids": (
        _with(credentialSubject={"id": ["did:example:1", "did:example:2"]}),
        "credentialSubject.id",
    ),
    "subject id no URL": (_with(credentialSubject={"id": "s"}), "credentialSubject.id"),
    "start no time": (_with(validFrom="yesterday"), "validFrom"),
    "start a date only": (_with(validFrom="2010-01-01"), "validFrom"),
    "start no day of the calendar": (_with(validFrom="2010-02-30T00:00:00Z"), "validFrom"),
    "start a number": (_with(validFrom=1262304000), "validFrom"),
    "end no time": (_with(validUntil="2010-99-01T00:00:00Z"), "validUntil"),
    "end before start": (
        _with(validFrom="2011-01-01T00:00:00Z", validUntil="2010-01-01T00:00:00Z"),
        "validUntil",
    ),
    "name a number": (_with(name=5), "name"),
    "name with another member": (_with(name={"@value": "n", "@language": "en", "url": "urn:x"}), "name"),
    "name without value": (_with(name={"@language": "en"}), "name"),
    "name with a wrong direction": (_with(name={"@value": "n", "@direction": "up"}), "name"),
    "description an object": (_with(description={"text": "d"}), "description"),
    "issuer's name with another member": (
        _with(issuer={"id": "urn:i", "name": {"@value": "n", "x": 1}}),
        "issuer.name",
    ),
    "issuer's description a number": (_with(issuer={"id": "urn:i", "description": 1}), "issuer.description"),
    "status without type": (_with(credentialStatus={"id": "urn:s"}), "credentialStatus.type"),
    "status type a number": (_with(credentialStatus={"type": 2}), "credentialStatus.type"),
    "status id no URL": (_with(credentialStatus={"id": "s", "type": "T"}), "credentialStatus.id"),
    "several status ids": (
        _with(credentialStatus={"id": ["urn:1", "urn:2"], "type": "T"}),
        "credentialStatus.id",
    ),
    "status as text": (_with(credentialStatus="revoked"), "credentialStatus"),
    "status null": (_with(credentialStatus=None), "credentialStatus"),
    "status entry without index": (_with(credentialStatus={"type": ENTRY["type"]}), "credentialStatus"),
    "status entry with a bad index": (
        _with(credentialStatus=ENTRY | {"statusListIndex": "0x0c"}),
        "credentialStatus",
    ),
    "status entry with a true index": (
        _with(credentialStatus=ENTRY | {"statusListIndex": True}),
        "credentialStatus",
    ),
    "status entry with purposes": (_with(credentialStatus=ENTRY | {"statusPurpose": []}), "credentialStatus"),
    "schema without type": (_with(credentialSchema={"id": "urn:s"}), "credentialSchema.type"),
    "schema without id": (_with(credentialSchema={"type": "JsonSchema"}), "credentialSchema.id"),
    "schema id a number": (_with(credentialSchema={"id": 5, "type": "JsonSchema"}), "credentialSchema.id"),
    "refresh service without type": (_with(refreshService={"id": "urn:r"}), "refreshService.type"),
    "terms of use without type": (_with(termsOfUse=[{"type": "T"}, {"id": "urn:t"}]), "termsOfUse.type"),
    "evidence without type": (_with(evidence={"id": "urn:e"}), "evidence.type"),
    "evidence as text": (_with(evidence=["seen"]), "evidence"),
    "render method without type": (_with(renderMethod={"id": "urn:m"}), "renderMethod.type"),
    "confidence method without type": (_with(confidenceMethod={}), "confidenceMethod.type"),
    "related resources as texts": (_with(relatedResource=["urn:r"]), "relatedResource"),
    "related resource without id": (_with(relatedResource={"digestMultibase": SHA256}), "relatedResource.id"),
    "related resource twice": (
        _with(relatedResource=[{"id": "urn:r", "digestMultibase": SHA256}] * 2),
        "relatedResource",
    ),
    "related resource without digest": (_with(relatedResource={"id": "urn:r"}), "digest"),
    "related resource digest no multihash": (
        _with(relatedResource={"id": "urn:r", "digestMultibase": "uZTQ0MjM1NiAgcmVwb3J0"}),
        "digestMultibase",
    ),
    "related resource digest in no base": (
        _with(relatedResource={"id": "urn:r", "digestMultibase": "f1220" + "00" * 32}),
        "digestMultibase",
    ),
    "related resource digest no SRI": (
        _with(relatedResource={"id": "urn:r", "digestSRI": "md5-AAAA"}),
        "digestSRI",
    ),
    "related resource media type a number": (
        _with(relatedResource={"id": "urn:r", "digestMultibase": SHA256, "mediaType": 1}),
        "mediaType",
    ),
    "too many subjects": (_with(credentialSubject=[{"id": "urn:s"}] * 201), "credentialSubject"),
    "version 1 without issuance date": (_version_1() | {"issuanceDate": None}, "issuanceDate"),
    "version 1 end no time": (_version_1(expirationDate="never"), "expirationDate"),
}


@pytest.mark.parametrize("case", BAD)
def test_credential_faults_name_the_member(case: str) -> None:
    """Each broken rule is found, and the fault names where."""
    document, named = BAD[case]

    faults = credential_faults(document)

    assert any(named in fault for fault in faults), faults


def test_credential_faults_are_all_found_at_once() -> None:
    """Whoever mends a credential learns of everything in one go."""
    faults = credential_faults(_with(id="x", validFrom="y", credentialSubject={}, evidence={}))

    assert len(faults) == 4


GOOD_PRESENTATIONS: dict[str, dict[str, Any]] = {
    "empty": presentation(),
    "with an id": presentation(id="urn:p"),
    "with a holder": presentation(holder="did:example:h"),
    "with a holder as object": presentation(holder={"id": "did:example:h"}),
    "with credentials": presentation(credential(), credential(id="urn:2")),
    "with an enveloped one": presentation(
        {"@context": CONTEXT_V2, "type": "EnvelopedVerifiableCredential", "id": "data:application/vc+jwt,eyJ"}
    ),
    "with another type": presentation(type=["VerifiablePresentation", "https://example.org/T"]),
}


@pytest.mark.parametrize("case", GOOD_PRESENTATIONS)
def test_presentation_faults_of_a_good_presentation_are_none(case: str) -> None:
    """What the rules allow is found without fault."""
    assert presentation_faults(GOOD_PRESENTATIONS[case]) == ()


BAD_PRESENTATIONS: dict[str, tuple[dict[str, Any], str]] = {
    "no context": (presentation() | {"@context": None}, "@context"),
    "base context missing": (presentation() | {"@context": [EXAMPLES_V2]}, "@context"),
    "no type": (presentation() | {"type": None}, "type"),
    "another type": (presentation(type=["https://example.org/T"]), "VerifiablePresentation"),
    "id no URL": (presentation(id="p"), "id"),
    "holder without id": (presentation(holder={"name": "h"}), "holder"),
    "holder no URL": (presentation(holder="me"), "holder"),
    "credential as text": (presentation(verifiableCredential=["urn:c"]), "verifiableCredential"),
    "credential a number": (presentation(verifiableCredential=5), "verifiableCredential"),
    "credential without type": (presentation({"id": "urn:c"}), "verifiableCredential"),
    "credential of another type": (presentation({"type": ["T"]}), "verifiableCredential"),
    "enveloped one without data": (
        presentation({"type": "EnvelopedVerifiableCredential", "id": "https://example.org/c"}),
        "verifiableCredential",
    ),
    "no credentials": (presentation(verifiableCredential=[]), "verifiableCredential"),
    "terms of use without type": (presentation(termsOfUse={}), "termsOfUse"),
}


@pytest.mark.parametrize("case", BAD_PRESENTATIONS)
def test_presentation_faults_name_the_member(case: str) -> None:
    """Each broken rule is found, and the fault names where."""
    document, named = BAD_PRESENTATIONS[case]

    assert any(named in fault for fault in presentation_faults(document))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("did:example:1", "did:example:1"),
        ({"id": "urn:x"}, "urn:x"),
        ("x", None),
        ({"id": 5}, None),
        (None, None),
    ],
)
def test_identifier_is_a_url_or_nothing(value: Any, expected: str | None) -> None:
    """Issuers and holders are named by one URL, alone or as the id of an object."""
    assert identifier(value) == expected


@pytest.mark.parametrize(
    "value", ["a", "/a", "https:", "1a:b", "https://a b", "urn:<x>", "urn:\n", "", 5, None]
)
def test_is_url_refuses_what_is_none(value: Any) -> None:
    """Relative, empty, spaced and quoted texts are no URLs."""
    assert not is_url(value)
