"""Text encodings of bytes: one spelling for each value, and typed errors for all others."""

from __future__ import annotations

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from status_lists.errors import MalformedValue
from status_lists.multibase import (
    decode_base58btc,
    decode_base64url,
    decode_digest,
    decode_multibase_base64url,
    decode_multikey,
    encode_base58btc,
    encode_base64url,
    encode_digest,
    encode_multibase_base64url,
    encode_multikey,
)
from tests.status_lists.linked_data import load_vectors

EMPTY_SHA256_HEX = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
EMPTY_SHA256_TEXT = "uEiDjsMRCmPwcFJr79MiZb7kkJ65B5GSbk0yklZkbeFK4VQ"


@given(st.binary(max_size=80))
def test_base64url_any_bytes_round_trip(data: bytes) -> None:
    """Whatever is encoded decodes to itself, and agrees with the standard library's padded form."""
    text = encode_base64url(data)

    assert decode_base64url(text) == data
    assert decode_base64url(text, length=len(data)) == data
    assert base64.urlsafe_b64encode(data).decode().rstrip("=") == text


@given(st.text(max_size=12) | st.text(alphabet="AQgw-_=+/ \n", max_size=6))
def test_base64url_any_text_is_refused_or_canonical(text: str) -> None:
    """A decoder either refuses with its own error, or the text is the one spelling of its bytes."""
    try:
        data = decode_base64url(text)
    except MalformedValue:
        return

    assert encode_base64url(data) == text


@pytest.mark.parametrize(
    "text",
    ["AA==", "AB", "AAB", "A", "AAAAA", "A A", "AA\n", "+A", "/A", "ÀÀ", "A\x00", "AA "],
)
def test_base64url_other_spelling_is_refused(text: str) -> None:
    """Padding, unused bits, cut text, white space and the other alphabet all fail."""
    with pytest.raises(MalformedValue):
        decode_base64url(text)


def test_base64url_wrong_length_is_refused() -> None:
    """Where the length is known, text of another length fails before it is decoded."""
    with pytest.raises(MalformedValue, match="32 bytes has 43 characters, not 44"):
        decode_base64url("A" * 44, length=32)


def test_digest_of_nothing_has_known_text() -> None:
    """The SHA-256 of no bytes, written by hand: multibase u, multihash 0x12 0x20."""
    digest = hashlib.sha256(b"").digest()

    assert encode_digest(digest) == EMPTY_SHA256_TEXT
    assert decode_digest(EMPTY_SHA256_TEXT) == digest
    assert decode_digest(EMPTY_SHA256_HEX) == digest


@given(st.binary(min_size=32, max_size=32))
def test_digest_any_round_trip(digest: bytes) -> None:
    """Both accepted spellings of any digest lead back to it; leading zero bytes are kept."""
    assert decode_digest(encode_digest(digest)) == digest
    assert decode_digest(digest.hex()) == digest


def test_digest_sixteen_spellings_only_one_accepted() -> None:
    """The last character carries two bits that mean nothing: a lenient decoder reads the digest from each."""
    digest = hashlib.sha256(b"").digest()
    last_characters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    accepted = []
    for character in last_characters:
        try:
            if decode_digest(EMPTY_SHA256_TEXT[:-1] + character) == digest:
                accepted.append(character)
        except MalformedValue:
            continue

    assert accepted == [EMPTY_SHA256_TEXT[-1]]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "u",
        EMPTY_SHA256_HEX.upper(),
        "0x" + EMPTY_SHA256_HEX,
        EMPTY_SHA256_HEX[:-1],
        EMPTY_SHA256_HEX + "\n",
        "f1220" + EMPTY_SHA256_HEX,
        EMPTY_SHA256_TEXT + "=",
        EMPTY_SHA256_TEXT + "\n",
        "m" + EMPTY_SHA256_TEXT[1:],
        "u" + base64.urlsafe_b64encode(b"\x13\x20" + bytes(32)).decode().rstrip("="),
        "u" + base64.urlsafe_b64encode(b"\x12\x1f" + bytes(32)).decode().rstrip("="),
        "u" + base64.urlsafe_b64encode(bytes(34)).decode().rstrip("="),
        "u" * 1_000_000,
        "\uff10" * 64,
    ],
)
def test_digest_other_text_is_refused(text: str) -> None:
    """Other cases, prefixes, hash functions, lengths and alphabets fail with the package's error."""
    with pytest.raises(MalformedValue):
        decode_digest(text)


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_encode_digest_other_size_is_refused(size: int) -> None:
    """Only 32 bytes are a SHA-256 digest."""
    with pytest.raises(MalformedValue):
        encode_digest(bytes(size))


@given(st.binary(max_size=64))
def test_multibase_base64url_any_bytes_round_trip(data: bytes) -> None:
    """The fast form for lists has the prefix u and decodes to itself."""
    text = encode_multibase_base64url(data)

    assert text[0] == "u"
    assert decode_multibase_base64url(text) == data


@pytest.mark.parametrize("text", ["", "z11", "mAAAA", "UAAAA", " uAAAA", "uAA=="])
def test_multibase_base64url_other_prefix_is_refused(text: str) -> None:
    """Only the multibase prefix u is read."""
    with pytest.raises(MalformedValue):
        decode_multibase_base64url(text)


@given(st.binary(max_size=80))
def test_base58btc_any_bytes_round_trip(data: bytes) -> None:
    """Whatever is encoded decodes to itself, leading zero bytes included."""
    assert decode_base58btc(encode_base58btc(data)) == data


def test_base58btc_leading_zero_bytes_are_kept() -> None:
    """Each leading zero byte is one leading 1: a signature that begins with zero keeps its 64 bytes."""
    assert encode_base58btc(b"\x00\x00\x01") == "z112"
    assert decode_base58btc("z112", length=3) == b"\x00\x00\x01"


@pytest.mark.parametrize(
    "text", ["", "1", "z0", "zO", "zl", "zI", "z11 ", " z11", "z1\n", "zé", "z" + "1" * 300]
)
def test_base58btc_other_text_is_refused(text: str) -> None:
    """Characters outside the alphabet, white space, a missing prefix and endless text fail."""
    with pytest.raises(MalformedValue):
        decode_base58btc(text)


def test_base58btc_wrong_length_is_refused() -> None:
    """Where the length is known, another number of bytes fails."""
    with pytest.raises(MalformedValue, match="holds 2 bytes, not 64"):
        decode_base58btc(encode_base58btc(b"ab"), length=64)


def test_multikey_of_the_specification_round_trips() -> None:
    """The key of the W3C's test vectors is read and written as they write it."""
    text = load_vectors()["di_eddsa"]["keyPair"]["publicKeyMultibase"]

    assert encode_multikey(decode_multikey(text)) == text


@pytest.mark.parametrize("prefix", [b"\xed\x00", b"\x80\x24", b"\x00\x00", b"\xec\x01"])
def test_multikey_other_kind_is_refused(prefix: bytes) -> None:
    """A key of another kind is no Ed25519 key, even where it has as many bytes."""
    with pytest.raises(MalformedValue):
        decode_multikey(encode_base58btc(prefix + bytes(32)))


@pytest.mark.parametrize("size", [31, 33])
def test_multikey_other_size_is_refused(size: int) -> None:
    """An Ed25519 key has 32 bytes."""
    with pytest.raises(MalformedValue):
        encode_multikey(bytes(size))
    with pytest.raises(MalformedValue):
        decode_multikey(encode_base58btc(b"\xed\x01" + bytes(size)))
