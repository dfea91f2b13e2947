"""`did:web` documents for issuers whose list keys are held here.

Source: did:web Method Specification, section 3 (https://w3c-ccg.github.io/did-method-web/); W3C DID Core v1.0;
W3C Controlled Identifiers v1.0, section 2.2.2 (Multikey).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from status_lists.errors import MalformedValue
from status_lists.public_keys import IssuerKey

MEDIA_TYPE = "application/did+json"

_CONTEXTS = ("https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1")
_FOLDER = "dids"
_SLUG = re.compile(r"[a-z0-9-]{1,60}", re.ASCII)
_HOST = re.compile(r"[a-z0-9.-]+", re.ASCII)
_SEGMENT = re.compile(r"[A-Za-z0-9._-]+", re.ASCII)


def hosted_did(base_url: str, slug: str) -> str:
    """Name the DID whose document is `{base_url}/dids/{slug}/did.json`: `did:web:HOST[%3APORT][:PATH…]:dids:{slug}`.

    Raises MalformedValue for a slug that is not 1 to 60 of a-z, 0-9 and `-`, and for a base URL that no
    did:web can express: one with an IPv6 address, or with other than plain characters in its path.
    """
    if not _SLUG.fullmatch(slug):
        raise MalformedValue(f"{slug[:64]!r} is not 1 to 60 of the characters a-z, 0-9 and -")
    return f"{_folder_of(base_url)}:{slug}"


def is_hosted_did(did: str, base_url: str) -> bool:
    """Say whether the document of a DID would lie where `hosted_did` puts those of this base URL."""
    try:
        return did.startswith(f"{_folder_of(base_url)}:")
    except MalformedValue:
        return False


def hosted_slug(did: str, base_url: str) -> str | None:
    """Return the slug of a DID that `hosted_did` names for this base URL; None for any other DID."""
    if not is_hosted_did(did, base_url):
        return None
    slug = did.rpartition(":")[2]
    return slug if _SLUG.fullmatch(slug) and hosted_did(base_url, slug) == did else None


def did_document(did: str, keys: Iterable[IssuerKey]) -> dict[str, object]:
    """Write a DID document that names keys, the present one first, each for assertions.

    Keys that were replaced stay named, or what they signed would not verify any more. Raises MalformedValue
    for a key of another DID.
    """
    methods: list[dict[str, object]] = []
    for key in keys:
        if key.issuer != did or not key.verification_method.startswith(f"{did}#"):
            raise MalformedValue(f"{key.verification_method[:200]!r} is no key of {did}")
        methods.append(
            {
                "id": key.verification_method,
                "type": "Multikey",
                "controller": did,
                "publicKeyMultibase": key.public_key.multikey,
            }
        )
    return {
        "@context": list(_CONTEXTS),
        "id": did,
        "verificationMethod": methods,
        "assertionMethod": [method["id"] for method in methods],
    }


def _folder_of(base_url: str) -> str:
    url = urlsplit(base_url)
    host = (url.hostname or "").lower()
    segments = [segment for segment in url.path.split("/") if segment]
    if not _HOST.fullmatch(host) or not all(_SEGMENT.fullmatch(segment) for segment in segments):
        raise MalformedValue(
            f"{base_url[:200]!r} cannot be part of a did:web: it needs a host name and a plain path"
        )
    port = "" if url.port is None else f"%3A{url.port}"
    return ":".join(["did", "web", f"{host}{port}", *segments, _FOLDER])
