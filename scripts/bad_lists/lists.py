"""Lists that break a MUST of the data model, do not expand as they must, or are too short."""

from __future__ import annotations

import base64
import zlib

from bad_lists.model import (
    LENGTH,
    MALFORMED,
    MESSAGES,
    TOO_SHORT,
    Case,
    Change,
    good_entry,
    listed,
    with_bits,
    with_members,
    with_subject,
    without,
    without_in_subject,
)

_NONE_SET = bytes(LENGTH // 8)
_GZIP = 31  # zlib's wbits


def form_cases() -> list[Case]:
    """Give lists whose members break a MUST of the data model."""
    return [
        listed("list without context", "VC Data Model 2.0 requires @context", MALFORMED, without("@context")),
        listed(
            "list with the context of version 1",
            "the first context must be that of version 2",
            MALFORMED,
            with_members(**{"@context": ["https://www.w3.org/2018/credentials/v1"]}),
        ),
        listed("list without type", "the type says that it is a list", MALFORMED, without("type")),
        listed(
            "list of another type",
            "a credential of any other type is no list, whatever its subject holds",
            MALFORMED,
            with_members(type=["VerifiableCredential"]),
        ),
        listed(
            "list of the old type",
            "StatusList2021 is another specification",
            MALFORMED,
            with_members(type=["VerifiableCredential", "StatusList2021Credential"]),
        ),
        listed("list with a relative id", "an id is a URL", MALFORMED, with_members(id="/status-lists/0")),
        listed(
            "list valid from a time without offset",
            "such a time names no instant",
            MALFORMED,
            with_members(validFrom="2026-06-01T11:59:00"),
        ),
        listed(
            "list valid until a number",
            "a dateTimeStamp is text",
            MALFORMED,
            with_members(validUntil=1780401600),
        ),
        listed("list without subject", "the subject is the list", MALFORMED, without("credentialSubject")),
        listed(
            "subject of another type",
            "credentialSubject.type must be BitstringStatusList",
            MALFORMED,
            with_subject(type="StatusList2021"),
        ),
        listed(
            "list without purpose",
            "statusPurpose is required",
            MALFORMED,
            without_in_subject("statusPurpose"),
        ),
        listed("list of no purposes", "one or more strings", MALFORMED, with_subject(statusPurpose=[])),
        listed(
            "list whose purpose is a number", "purposes are strings", MALFORMED, with_subject(statusPurpose=1)
        ),
        listed("list whose ttl is text", "ttl is a number", MALFORMED, with_subject(ttl="300000")),
        listed(
            "list whose ttl is negative", "a time to live is none before 0", MALFORMED, with_subject(ttl=-1)
        ),
        listed(
            "list whose entries have 0 bits", "statusSize is positive", MALFORMED, with_subject(statusSize=0)
        ),
    ]


def bits_cases() -> list[Case]:
    """Give lists whose bitstring does not expand as it must, or is too short."""
    all_well = _packed(_NONE_SET)
    second = bytearray(_NONE_SET)
    second[0] = 0x04
    damaged = bytearray(all_well)
    damaged[-6] ^= 1
    # One set bit makes the compressed list no multiple of three bytes, so that base64 has bits to spare.
    uneven = base64.urlsafe_b64encode(_packed(bytes(second))).rstrip(b"=").decode("ascii")
    text = base64.urlsafe_b64encode(all_well).rstrip(b"=").decode("ascii")
    return [
        listed("no bits", "encodedList is required", MALFORMED, without_in_subject("encodedList")),
        listed(
            "bits without multibase prefix", "the u is missing", MALFORMED, with_subject(encodedList=text)
        ),
        listed(
            "bits with the prefix of base58",
            "z is not base64url",
            MALFORMED,
            with_subject(encodedList="z" + text),
        ),
        listed("padded bits", "multibase u has no padding", MALFORMED, with_subject(encodedList=f"u{text}=")),
        listed(
            "white space in the bits",
            "lenient decoders skip it",
            MALFORMED,
            with_subject(encodedList=f"u{text[:40]}\n{text[40:]}"),
        ),
        listed(
            "unused bits set",
            "the last character holds bits that belong to no byte: a second text for the same bits",
            MALFORMED,
            with_subject(encodedList=f"u{uneven[:-1]}{_with_unused_bit(uneven[-1])}"),
        ),
        listed(
            "bits in the other alphabet of base64",
            "base64url has - and _ where base64 has + and /",
            MALFORMED,
            with_subject(encodedList="u" + text.replace("-", "+").replace("_", "/")),
        ),
        listed("truncated bits", "the stream has no end", MALFORMED, _bytes_as_list(all_well[:-9])),
        listed("wrong check sum", "the bits are damaged", MALFORMED, _bytes_as_list(bytes(damaged))),
        listed(
            "second gzip member",
            "a reader that joins members sees other bits than one that stops after the first",
            MALFORMED,
            _bytes_as_list(all_well + _packed(bytes(second))),
        ),
        listed("bytes after the stream", "nothing may follow", MALFORMED, _bytes_as_list(all_well + b"\0")),
        listed(
            "zlib, not gzip", "that is the IETF's list", MALFORMED, _bytes_as_list(zlib.compress(_NONE_SET))
        ),
        listed("bits not compressed", "gzip is required", MALFORMED, _bytes_as_list(_NONE_SET[:64])),
        listed(
            "gzip bomb",
            "32 MiB of zeros in 32 KiB: refuse it within the bound of max_list_bytes, without expanding it",
            MALFORMED,
            with_bits(bytes(2**25)),
        ),
        listed("100,000 entries", "fewer than 131,072", TOO_SHORT, with_bits(bytes(12_500))),
        listed("one byte too short", "131,064 entries", TOO_SHORT, with_bits(_NONE_SET[:-1])),
        listed("empty bits", "no entries at all", TOO_SHORT, with_bits(b"")),
        Case(
            name="65,536 entries of two bits",
            why="16 KiB are enough for one-bit entries only",
            expect=TOO_SHORT,
            entry=good_entry(5, statusSize=2, statusMessage=MESSAGES),
        ),
    ]


def _bytes_as_list(packed: bytes) -> Change:
    return with_subject(encodedList="u" + base64.urlsafe_b64encode(packed).rstrip(b"=").decode("ascii"))


def _packed(bits: bytes) -> bytes:
    return zlib.compress(bits, 9, wbits=_GZIP)


def _with_unused_bit(last: str) -> str:
    """Give the character that decodes as the last one does, but for an unused bit."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return alphabet[alphabet.index(last) | 1]
