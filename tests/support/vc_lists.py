"""Status lists that somebody else publishes, and the credentials that name them."""

from __future__ import annotations

from typing import Any

from status_lists.bitstring import set_entry
from status_lists.credential import StatusList, list_document
from status_lists.json_text import write_json_object
from status_lists.keys import ListKey, verification_method_of
from status_lists.signing import sign_list
from tests.support.clock import START_MS
from tests.support.vc_documents import ISSUER, credential

INDEX = 94_567
DAY_MS = 86_400_000


def unsigned_list(
    url: str,
    *set_indexes: int,
    key: ListKey = ISSUER,
    purpose: str = "revocation",
    from_ms: int = START_MS - 1000,
) -> dict[str, Any]:
    """Return a list of 131,072 entries with these set, in force for a day."""
    listed = StatusList(url=url, issuer=key.did_key, purpose=purpose)
    bits = listed.empty_bits()
    for index in set_indexes:
        set_entry(bits, index, 1)
    return list_document(listed, bits, valid_from_ms=from_ms, valid_until_ms=from_ms + DAY_MS, ttl_ms=300_000)


def signed_list(
    url: str, *set_indexes: int, key: ListKey = ISSUER, sign: Any = sign_list, **arguments: Any
) -> dict[str, Any]:
    """Return the list as its issuer signs it."""
    document = unsigned_list(url, *set_indexes, key=key, **arguments)
    signed: dict[str, Any] = sign(
        document, key=key, verification_method=verification_method_of(key), created_ms=START_MS - 1000
    )
    return signed


def list_body(url: str, *set_indexes: int, **arguments: Any) -> bytes:
    """Return the list as it is served."""
    return write_json_object(signed_list(url, *set_indexes, **arguments))


def entry_of(url: str, purpose: str = "revocation", index: int = INDEX) -> dict[str, str]:
    """Return the status entry that names a list."""
    return {
        "type": "BitstringStatusListEntry",
        "statusPurpose": purpose,
        "statusListIndex": str(index),
        "statusListCredential": url,
    }


def listed_credential(*urls: str, purpose: str = "revocation") -> dict[str, Any]:
    """Return an unsigned credential with an entry in each of these lists."""
    entries = [entry_of(url, purpose) for url in urls]
    return credential(credentialStatus=entries[0] if len(entries) == 1 else entries)
