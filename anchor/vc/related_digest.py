"""
Whether bytes are those that a `relatedResource` commits to.

Sources: Verifiable Credentials Data Model 2.0, section 5.3; W3C Subresource Integrity, section 3.3 (`digestSRI`);
Controlled Identifiers v1.0, section 2.4 (multihash).
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping

from anchor.core.strict_json import JsonValue
from status_lists.errors import MalformedValue
from status_lists.multibase import decode_base58btc, decode_multibase_base64url

_SRI = re.compile(r"(?P<hash>sha256|sha384|sha512)-(?P<digest>[A-Za-z0-9+/]{40,90}={0,2})", re.ASCII)
_MULTIHASHES = {
    0x12: "sha256",
    0x13: "sha512",
    0x20: "sha384",
    0x14: "sha3_512",
    0x15: "sha3_384",
    0x16: "sha3_256",
    0x17: "sha3_224",
}
"""SHA-2 and SHA-3 by their multihash codes."""

_MULTIBASE_MAX_CHARS = 100


def is_digest_sri(value: JsonValue) -> bool:
    """Whether a value is one digest or several as Subresource Integrity writes them."""
    parts = value.split() if isinstance(value, str) else []
    return bool(parts) and all(_SRI.fullmatch(part) for part in parts)


def is_digest_multibase(value: JsonValue) -> bool:
    """Whether a value is the multihash of a SHA-2 or SHA-3 digest in one of the two usual bases."""
    return _multihash(value) is not None


def is_committed(resource: Mapping[str, JsonValue], content: bytes) -> bool:
    """Whether content is what all the digests of a related resource say; it must have one."""
    given = [name for name in ("digestSRI", "digestMultibase") if name in resource]
    checks = {"digestSRI": _holds_sri, "digestMultibase": _holds_multibase}
    return bool(given) and all(checks[name](resource[name], content) for name in given)


def _holds_sri(value: JsonValue, content: bytes) -> bool:
    """Compare with the digests of the strongest hash that is named: any of them will do (section 3.3.4 there)."""
    if not isinstance(value, str) or not is_digest_sri(value):
        return False
    digests = [part.partition("-")[::2] for part in value.split()]
    strongest = max(name for name, _ in digests)
    expected = base64.b64encode(hashlib.new(strongest, content).digest()).decode("ascii")
    return any(digest.rstrip("=") == expected.rstrip("=") for name, digest in digests if name == strongest)


def _holds_multibase(value: JsonValue, content: bytes) -> bool:
    multihash = _multihash(value)
    return (
        multihash is not None and hashlib.new(_MULTIHASHES[multihash[0]], content).digest() == multihash[2:]
    )


def _multihash(value: JsonValue) -> bytes | None:
    if not isinstance(value, str) or len(value) > _MULTIBASE_MAX_CHARS:
        return None
    try:
        multihash = decode_base58btc(value) if value.startswith("z") else decode_multibase_base64url(value)
    except MalformedValue:
        return None
    if len(multihash) <= 2 or multihash[0] not in _MULTIHASHES:
        return None
    size = hashlib.new(_MULTIHASHES[multihash[0]]).digest_size
    return multihash if multihash[1] == size == len(multihash) - 2 else None
