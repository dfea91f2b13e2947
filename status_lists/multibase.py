"""Every text encoding of bytes in this project, in one place, each with exactly one spelling for each value.

Decoders are strict: ASCII only, no padding, no white space, unused bits zero, so that text re-encodes to
itself. A lenient base64url decoder reads 16 spellings of one digest; a cache, a database key or a signature
over text would then see 16 different things. Why two libraries and the standard library share the work:
docs/decisions/0002.
"""

from __future__ import annotations

import base64
import binascii
import re

import base58
import multibase

from status_lists.errors import MalformedValue

DIGEST_BYTES = 32
ED25519_KEY_BYTES = 32
P256_KEY_BYTES = 33
P256_MULTIKEY_PREFIX = "zDn"
"""How every Multikey of P-256 begins, and no Multikey of Ed25519."""

_SHA2_256_MULTIHASH = b"\x12\x20"  # multihash code of sha2-256, then the length 32
_ED25519_MULTICODEC = b"\xed\x01"  # varint of 0xed, ed25519-pub
_P256_MULTICODEC = b"\x80\x24"  # varint of 0x1200, p256-pub

_DIGEST_TEXT_CHARS = 47  # "u" and the base64url of 34 bytes
_BASE58_MAX_CHARS = 256  # base58 takes quadratic time; the longest value here, a signature, has 88 characters

_BASE64URL = re.compile(r"[A-Za-z0-9_-]*", re.ASCII)
_HEX_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)


def encode_base64url(data: bytes) -> str:
    """Encode bytes as base64url without padding (RFC 4648 section 5).

    Guarantees text that `decode_base64url` turns back into the same bytes.
    """
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decode_base64url(text: str, *, length: int | None = None) -> bytes:
    """Decode base64url without padding (RFC 4648 section 5), strictly.

    `length` is the number of bytes that must come out, where it is known. Guarantees that encoding the result
    gives `text` again. Raises MalformedValue for anything else, padding and unused bits that are not zero
    included.
    """
    if length is not None and len(text) != _base64url_chars(length):
        raise MalformedValue(
            f"base64url of {length} bytes has {_base64url_chars(length)} characters, not {len(text)}"
        )
    if _BASE64URL.fullmatch(text) is None:
        raise MalformedValue(
            "base64url holds a character outside A-Z a-z 0-9 - _; remove padding and white space"
        )
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error as exc:
        raise MalformedValue(
            f"base64url of {len(text)} characters is cut short; no bytes have that length"
        ) from exc
    if encode_base64url(data) != text:
        raise MalformedValue(
            "base64url is not in its one canonical spelling; the unused bits at its end must be zero"
        )
    return data


def encode_digest(sha256_digest: bytes) -> str:
    """Write a SHA-256 digest as W3C `digestMultibase`: multibase `u` of its sha2-256 multihash.

    Requires 32 bytes, else raises MalformedValue. Guarantees the one spelling that `decode_digest` also
    reads. Source: W3C Verifiable Credential Data Integrity 1.0, sections 2.6 and 2.5 (Multihash).
    """
    if len(sha256_digest) != DIGEST_BYTES:
        raise MalformedValue(f"a sha-256 digest has {DIGEST_BYTES} bytes, not {len(sha256_digest)}")
    encoded: bytes = multibase.encode("base64url", _SHA2_256_MULTIHASH + sha256_digest)
    return encoded.decode("ascii")


def decode_digest(text: str) -> bytes:
    """Read a SHA-256 digest from `digestMultibase` or from 64 lower-case hexadecimal digits.

    Guarantees 32 bytes, and one accepted spelling in each of the two forms. Raises MalformedValue for
    anything else, another hash function included.
    """
    if _HEX_DIGEST.fullmatch(text) is not None:
        return bytes.fromhex(text)
    if len(text) != _DIGEST_TEXT_CHARS or not text.startswith("u") or _BASE64URL.fullmatch(text) is None:
        raise MalformedValue(
            "a digest is written as 64 lower-case hexadecimal digits, or as digestMultibase: "
            f"'u' and {_DIGEST_TEXT_CHARS - 1} base64url characters without padding"
        )
    try:
        multihash: bytes = multibase.decode(text)
    except multibase.MultibaseError as exc:
        raise MalformedValue("a digest is not valid multibase base64url") from exc
    if (
        not multihash.startswith(_SHA2_256_MULTIHASH)
        or len(multihash) != len(_SHA2_256_MULTIHASH) + DIGEST_BYTES
    ):
        raise MalformedValue("a digest is not a sha2-256 multihash; take the digest with SHA-256")
    digest = multihash[len(_SHA2_256_MULTIHASH) :]
    if encode_digest(digest) != text:
        raise MalformedValue(
            "a digest is not in its one canonical spelling; the unused bits at its end must be zero"
        )
    return digest


def encode_multibase_base64url(data: bytes) -> str:
    """Write bytes as multibase `u`, base64url without padding, at the speed of the standard library.

    Fit for bitstrings of many megabytes, for which py-multibase takes many seconds.
    """
    return "u" + encode_base64url(data)


def decode_multibase_base64url(text: str) -> bytes:
    """Read multibase `u`, strictly; fit for many megabytes.

    Guarantees that encoding the result gives `text` again. Raises MalformedValue for any other multibase
    prefix.
    """
    if not text.startswith("u"):
        raise MalformedValue(
            f"multibase text begins with {text[:1]!r}; only 'u' (base64url, no padding) is allowed"
        )
    return decode_base64url(text[1:])


def encode_base58btc(data: bytes) -> str:
    """Write bytes as multibase `z`, base58btc; leading zero bytes are kept."""
    return "z" + base58.b58encode(data).decode("ascii")


def decode_base58btc(text: str, *, length: int | None = None) -> bytes:
    """Read multibase `z`, base58btc, strictly.

    `length` is the number of bytes that must come out, where it is known. Text of more than 256 characters is
    refused unread, since base58 takes quadratic time. Guarantees that encoding the result gives `text` again.
    Raises MalformedValue.
    """
    if not text.startswith("z"):
        raise MalformedValue(f"multibase text begins with {text[:1]!r}; only 'z' (base58btc) is allowed here")
    if len(text) > _BASE58_MAX_CHARS:
        raise MalformedValue(f"base58btc text of {len(text)} characters is longer than {_BASE58_MAX_CHARS}")
    try:
        data = base58.b58decode(text[1:])
    except ValueError as exc:
        raise MalformedValue("base58btc text holds a character outside its alphabet") from exc
    if encode_base58btc(data) != text:
        raise MalformedValue("base58btc text is not in its one canonical spelling; remove white space")
    if length is not None and len(data) != length:
        raise MalformedValue(f"base58btc text holds {len(data)} bytes, not {length}")
    return data


def encode_multikey(ed25519_public_key: bytes) -> str:
    """Write an Ed25519 public key as a W3C Multikey (`z6Mk…`).

    Requires 32 bytes, else raises MalformedValue. Source: W3C Controlled Identifiers 1.0, section 2.2.2
    (Multikey).
    """
    if len(ed25519_public_key) != ED25519_KEY_BYTES:
        raise MalformedValue(
            f"an Ed25519 public key has {ED25519_KEY_BYTES} bytes, not {len(ed25519_public_key)}"
        )
    return encode_base58btc(_ED25519_MULTICODEC + ed25519_public_key)


def decode_multikey(text: str) -> bytes:
    """Read an Ed25519 public key from a W3C Multikey; the result has 32 bytes.

    Guarantees that encoding the result gives `text` again. Raises MalformedValue, also for keys of other
    kinds.
    """
    data = decode_base58btc(text, length=len(_ED25519_MULTICODEC) + ED25519_KEY_BYTES)
    if not data.startswith(_ED25519_MULTICODEC):
        raise MalformedValue("a Multikey holds no Ed25519 public key; those begin with 'z6Mk'")
    return data[len(_ED25519_MULTICODEC) :]


def encode_p256_multikey(compressed_point: bytes) -> str:
    """Write a P-256 public key as a W3C Multikey (`zDn…`).

    Requires the 33 bytes of a compressed point, else raises MalformedValue; whether they lie on the curve is
    checked elsewhere. Source: W3C Controlled Identifiers 1.0, section 2.2.2 (Multikey).
    """
    if len(compressed_point) != P256_KEY_BYTES:
        raise MalformedValue(
            f"a compressed point of P-256 has {P256_KEY_BYTES} bytes, not {len(compressed_point)}"
        )
    return encode_base58btc(_P256_MULTICODEC + compressed_point)


def decode_p256_multikey(text: str) -> bytes:
    """Read a P-256 public key from a W3C Multikey; the result has 33 bytes.

    Guarantees that encoding the result gives `text` again. Raises MalformedValue, also for keys of other
    kinds.
    """
    data = decode_base58btc(text, length=len(_P256_MULTICODEC) + P256_KEY_BYTES)
    if not data.startswith(_P256_MULTICODEC):
        raise MalformedValue("a Multikey holds no P-256 public key; those begin with 'zDn'")
    return data[len(_P256_MULTICODEC) :]


def _base64url_chars(length: int) -> int:
    return (length * 4 + 2) // 3
