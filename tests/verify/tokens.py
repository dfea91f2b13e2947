"""JWTs and SD-JWTs as issuers write them, unsigned: verification reads them, and checks no signature in them."""

from __future__ import annotations

import json
from hashlib import sha256

from status_lists.multibase import encode_base64url

HEADER = encode_base64url(b'{"alg":"EdDSA"}')
SIGNATURE = encode_base64url(b"signature")


def encoded(value: object) -> str:
    """Return JSON as base64url."""
    return encode_base64url(json.dumps(value).encode())


def token(payload: object) -> bytes:
    """Return a compact JWT."""
    return f"{HEADER}.{encoded(payload)}.{SIGNATURE}".encode()


def disclosure(*parts: object) -> str:
    """Return a disclosure: salt, name, value of a member, or salt, value of an array's element."""
    return encoded(["salt", *parts])


def digest_of(text: str) -> str:
    """Return the digest by which a payload refers to a disclosure."""
    return encode_base64url(sha256(text.encode()).digest())


def sd_jwt(payload: object, *disclosures: str, key_binding: bytes = b"") -> bytes:
    """Return an SD-JWT with these disclosures."""
    return b"~".join([token(payload), *(text.encode() for text in disclosures), key_binding])
