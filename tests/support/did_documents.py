"""The keys that a DID document names, as a stranger reads them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from status_lists.public_keys import IssuerKey, public_key_from_multikey


def keys_of(document: Mapping[str, Any]) -> list[IssuerKey]:
    """Return every key that is there for assertions, in the document's order."""
    return [
        IssuerKey(
            issuer=method["controller"],
            verification_method=method["id"],
            public_key=public_key_from_multikey(method["publicKeyMultibase"]),
        )
        for method in document["verificationMethod"]
        if method["id"] in document["assertionMethod"]
    ]
