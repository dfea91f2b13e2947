"""Credentials and presentations for tests, and strangers who sign them: did:keys that the service knows nothing of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from anchor.vc.data_integrity import ASSERTION, AUTHENTICATION, RDFC, sign_document
from anchor.vc.linked_data import LinkedData
from status_lists.keys import ListKey, verification_method_of

CONTEXT_V1 = "https://www.w3.org/2018/credentials/v1"
CONTEXT_V2 = "https://www.w3.org/ns/credentials/v2"
EXAMPLES_V2 = "https://www.w3.org/ns/credentials/examples/v2"
OPEN_BADGES = "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"
DATA_INTEGRITY = "https://w3id.org/security/data-integrity/v2"

ISSUER = ListKey(bytes(range(1, 33)))
HOLDER = ListKey(bytes(range(2, 34)))
OTHER = ListKey(bytes(range(3, 35)))
CREATED = "2010-01-01T00:00:00Z"


def credential(issuer: str = ISSUER.did_key, **members: Any) -> dict[str, Any]:
    """Return an unsigned credential; a member given as None is left out."""
    document = {
        "@context": [CONTEXT_V2],
        "id": "urn:uuid:58172aac-d8ba-11ed-83dd-0b3aef56cc33",
        "type": ["VerifiableCredential"],
        "issuer": issuer,
        "validFrom": "2010-01-01T00:00:00Z",
        "credentialSubject": {"id": "did:example:subject", "name": "Ada"},
    }
    return {name: value for name, value in {**document, **members}.items() if value is not None}


def open_badge(issuer: str = ISSUER.did_key, **members: Any) -> dict[str, Any]:
    """Return an unsigned Open Badge."""
    return credential(
        issuer,
        **{
            "@context": [CONTEXT_V2, OPEN_BADGES],
            "type": ["VerifiableCredential", "OpenBadgeCredential"],
            "name": "Bachelor of Science",
            "credentialSubject": {
                "type": ["AchievementSubject"],
                "achievement": {
                    "id": "urn:uuid:bd6d9316-f7ae-4073-a1e5-2f7f5bd22922",
                    "type": ["Achievement"],
                    "achievementType": "Diploma",
                    "name": "Bachelor of Science",
                    "description": "Four years",
                    "criteria": {"narrative": "Passed, with **distinction**"},
                },
            },
            **members,
        },
    )


def presentation(*credentials: Mapping[str, Any], **members: Any) -> dict[str, Any]:
    """Return an unsigned presentation."""
    document = {
        "@context": [CONTEXT_V2],
        "type": ["VerifiablePresentation"],
        "verifiableCredential": list(credentials) or None,
    }
    return {name: value for name, value in {**document, **members}.items() if value is not None}


def proof_options(
    key: ListKey, *, cryptosuite: str = RDFC, purpose: str = ASSERTION, **members: Any
) -> dict[str, Any]:
    """Return the options of a proof by a key."""
    return {
        "cryptosuite": cryptosuite,
        "created": CREATED,
        "verificationMethod": verification_method_of(key),
        "proofPurpose": purpose,
        **members,
    }


def signed(
    document: Mapping[str, Any], key: ListKey, *, linked_data: LinkedData, **options: Any
) -> dict[str, Any]:
    """Return a document signed by a key for assertion, or as the options say."""
    return sign_document(document, proof_options(key, **options), key=key, linked_data=linked_data)


def presented(
    document: Mapping[str, Any], key: ListKey, *, linked_data: LinkedData, **options: Any
) -> dict[str, Any]:
    """Return a presentation signed by its holder for authentication."""
    return signed(document, key, linked_data=linked_data, **{"purpose": AUTHENTICATION, **options})
