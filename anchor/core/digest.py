"""What is hashed: SHA-256 of a credential, by one of four methods (docs/protocol.md, Digest)."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from enum import IntEnum

from anchor.core.strict_json import canonical_json, parse_strict_json
from anchor.errors import InvalidInput

DIGEST_BYTES = 32
SALT_BYTES = 32

SALTED = 0x80
"""Added to a method's code in an entry whose digest is salted."""

_SALT_DOMAIN = b"credential-anchor salt v1\x00"
_SURROUNDING_SPACE = b" \t\r\n"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# `{"name":`, alone or as the first element of an array. Possessive: an unclosed string costs one pass.
_FIRST_MEMBER = re.compile(rb'(?:\[\s*+)?\{\s*+"(?:[^"\\]|\\.)*+"\s*+:', re.DOTALL)
_LONG_PREFIX_CHARS = 64
"""A text that is JSON for so long is meant as JSON; a note in brackets that opens a letter is shorter."""
_COMPACT_JWT = re.compile(rb"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")


class Method(IntEnum):
    """How a digest is taken; the values are the codes in entries."""

    JCS = 1
    JWT = 2
    SD_JWT = 3
    RAW = 4

    @property
    def label(self) -> str:
        """The method's name in documents, on the command line and in the API."""
        return self.name.lower().replace("_", "-")

    @classmethod
    def from_label(cls, label: str) -> Method:
        """Return the method of a name, or raise InvalidInput naming the four there are."""
        for method in cls:
            if method.label == label:
                return method
        known = ", ".join(method.label for method in cls)
        raise InvalidInput(f"unknown method {label[:40]!r}: use one of {known}")


METHOD_CODES = tuple(method | salted for salted in (0, SALTED) for method in Method)
"""Every method byte that an entry can have: each method plain, then each salted."""


def credential_digest(method: Method, content: bytes) -> bytes:
    """
    Return the SHA-256 [32] of a credential's bytes as the method takes them.

    Raises NotStrictJson (`jcs`) or InvalidInput (`jwt`, `sd-jwt`) where the content is not of the method's form.
    """
    match method:
        case Method.JCS:
            hashed = canonical_json(parse_strict_json(content))
        case Method.JWT:
            hashed = compact_jwt(content)
        case Method.SD_JWT:
            hashed = issuer_signed_jwt(content)
        case Method.RAW:
            hashed = content
    return hashlib.sha256(hashed).digest()


def compact_jwt(content: bytes) -> bytes:
    """Return a compact JWT without the space around it; raise InvalidInput unless it is three base64url parts."""
    token = content.strip(_SURROUNDING_SPACE)
    if not _COMPACT_JWT.fullmatch(token):
        raise InvalidInput("not a compact JWT: expected three base64url parts joined by two dots")
    return token


def issuer_signed_jwt(content: bytes) -> bytes:
    """
    Return the part of an SD-JWT before its first `~` (RFC 9901, section 4).

    Raises InvalidInput where there is none, or it is not exactly three base64url parts: space before the `~`
    would give two texts one digest.
    """
    token, separator, _disclosures = content.strip(_SURROUNDING_SPACE).partition(b"~")
    if not separator or not _COMPACT_JWT.fullmatch(token):
        raise InvalidInput("not an SD-JWT: expected three base64url parts joined by two dots, then a `~`")
    return token


def salted_digest(salt: bytes, digest: bytes) -> bytes:
    """Return the digest that hides a guessable one behind a 32-byte salt (docs/protocol.md, Digest)."""
    if len(salt) != SALT_BYTES or len(digest) != DIGEST_BYTES:
        raise InvalidInput("a salt and a digest have 32 bytes each")
    return hashlib.sha256(_SALT_DOMAIN + salt + digest).digest()


def derive_salt(secret: bytes, digest: bytes) -> bytes:
    """Return HMAC-SHA-256 of a digest under the issuer's secret: the same at every retry, so that the leaf is too."""
    return hmac.digest(secret, digest, "sha256")


def detect_method(content: bytes, *, named_json: bool) -> Method:
    """
    Return the method that fits a file: `jwt` and `sd-jwt` by their form, `jcs` for JSON, else `raw`.

    A file named as JSON (`named_json`), and one that begins as JSON, is always `jcs`, so that a damaged one is refused
    rather than hashed as bytes (docs/protocol.md, Digest).
    """
    token = content.strip(_SURROUNDING_SPACE)
    if _COMPACT_JWT.fullmatch(token):
        return Method.JWT
    if b"~" in token and _COMPACT_JWT.fullmatch(token.partition(b"~")[0]):
        return Method.SD_JWT
    if named_json:
        return Method.JCS
    return Method.JCS if _is_meant_as_json(token) else Method.RAW


def _is_meant_as_json(text: bytes) -> bool:
    """Whether a text is JSON but for a fault: it begins with a member, parses leniently, or goes well for long."""
    text = text.removeprefix(_BYTE_ORDER_MARK).lstrip(_SURROUNDING_SPACE)
    if _FIRST_MEMBER.match(text):
        return True
    if text[:1] not in (b"{", b"["):
        return False
    try:
        json.loads(text.decode("utf-8", "replace"), parse_int=float)
    except json.JSONDecodeError as exc:
        return exc.pos >= _LONG_PREFIX_CHARS
    except RecursionError:
        return True
    return True
