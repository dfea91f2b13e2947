"""The text `encodedList`: what goes in comes out, and nothing else does."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from status_lists.encoding import compression_level, decode_list, encode_list
from status_lists.errors import ListTooLarge, MalformedValue
from status_lists.multibase import decode_multibase_base64url, encode_multibase_base64url
from tests.status_lists.linked_data import load_vectors

MAX_BYTES = 16_384


def _text_of(packed: bytes) -> str:
    return encode_multibase_base64url(packed)


def test_decode_list_reads_the_specification_example() -> None:
    """The empty list of the W3C's appendix has 131,072 entries, all 0."""
    text = load_vectors()["bsl"]["spec_empty_131072"]

    assert decode_list(text, max_bytes=MAX_BYTES) == bytes(MAX_BYTES)


@given(st.binary(max_size=300), st.integers(1, 9))
def test_encode_list_any_bits_round_trip(bits: bytes, level: int) -> None:
    """Whatever is encoded decodes to itself within exactly its own size, and equal bits give equal text."""
    text = encode_list(bits, level=level)

    assert decode_list(text, max_bytes=len(bits)) == bits
    assert encode_list(bytearray(bits), level=level) == text


def test_encode_list_incompressible_bits_round_trip() -> None:
    """Bits that gzip makes longer still pass under a limit of their own size."""
    state, noise = 1, bytearray()
    for _ in range(200_000):
        state = state * 6364136223846793005 + 1442695040888963407 & 2**64 - 1
        noise.append(state >> 56)

    assert decode_list(encode_list(noise, level=1), max_bytes=len(noise)) == noise


def test_encode_list_header_names_no_time() -> None:
    """The gzip header's time stamp is 0, or equal lists would differ from second to second."""
    packed = decode_multibase_base64url(encode_list(bytes(MAX_BYTES), level=6))

    assert packed[:8] == bytes.fromhex("1f8b080000000000")


@pytest.mark.parametrize(("size_bytes", "level"), [(16_384, 9), (125_000, 9), (125_001, 6), (12_500_000, 6)])
def test_compression_level_falls_for_large_lists(size_bytes: int, level: int) -> None:
    """Thorough up to a million entries, fast beyond."""
    assert compression_level(size_bytes) == level


def _truncated() -> bytes:
    return gzip.compress(bytes(MAX_BYTES), mtime=0)[:-1]


def _without_trailer() -> bytes:
    return gzip.compress(bytes(MAX_BYTES), mtime=0)[:-8]


def _second_member() -> bytes:
    return gzip.compress(bytes(MAX_BYTES), mtime=0) + gzip.compress(b"\xff", mtime=0)


def _trailing_garbage() -> bytes:
    return gzip.compress(bytes(MAX_BYTES), mtime=0) + b"\x00"


def _wrong_checksum() -> bytes:
    packed = bytearray(gzip.compress(bytes(MAX_BYTES), mtime=0))
    packed[-5] ^= 1
    return bytes(packed)


def _zlib_not_gzip() -> bytes:
    return zlib.compress(bytes(MAX_BYTES))


@pytest.mark.parametrize(
    "make",
    [_truncated, _without_trailer, _second_member, _trailing_garbage, _wrong_checksum, _zlib_not_gzip, bytes],
)
def test_decode_list_damaged_gzip_is_malformed(make: Callable[[], bytes]) -> None:
    """
    Cut, doubled, followed by garbage, with a wrong check sum, in another container, empty: refused.

    Fault 46.
    """
    with pytest.raises(MalformedValue):
        decode_list(_text_of(make()), max_bytes=MAX_BYTES)


@pytest.mark.parametrize("prefix", ["", "z", "m", "U", "f", "uu"])
def test_decode_list_other_prefix_is_malformed(prefix: str) -> None:
    """Only multibase u is read; the older lists without a prefix are another format (fault 46)."""
    with pytest.raises(MalformedValue):
        decode_list(prefix + encode_list(bytes(MAX_BYTES), level=9)[1:], max_bytes=MAX_BYTES)


def test_decode_list_at_the_limit_passes_and_beyond_fails() -> None:
    """The limit is exact to the byte."""
    text = encode_list(bytes(1_000), level=9)

    assert len(decode_list(text, max_bytes=1_000)) == 1_000
    with pytest.raises(ListTooLarge):
        decode_list(text, max_bytes=999)


def test_decode_list_bomb_is_refused_in_flat_memory() -> None:
    """A gigabyte of zeros packed into a megabyte is given up at the limit (fault 46)."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    mebibyte = packer.compress(bytes(2**20)) + packer.flush(zlib.Z_FULL_FLUSH)
    bomb = gzip.compress(b"")[:10] + mebibyte * 1024 + b"\x03\x00" + bytes(8)
    assert 2**20 < len(bomb) < 2**21
    text = _text_of(bomb)
    tracemalloc.start()
    try:
        with pytest.raises(ListTooLarge):
            decode_list(text, max_bytes=2 * len(bomb))
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak_bytes < 16 * len(bomb)


def test_decode_list_endless_text_is_refused_unread() -> None:
    """Text longer than any list of that size can be is refused before it is decoded."""
    with pytest.raises(ListTooLarge, match="longer than any list"):
        decode_list("u" + "A" * 100_000, max_bytes=MAX_BYTES)


@given(st.binary(max_size=200), st.integers(0, 199), st.integers(1, 255))
def test_decode_list_any_changed_byte_is_refused_or_same(bits: bytes, position: int, change: int) -> None:
    """A changed byte never gives other bits: the check sum sees it, or it stood in an unused header field."""
    packed = bytearray(zlib.compress(bits, wbits=31))
    packed[position % len(packed)] ^= change
    try:
        decoded = decode_list(_text_of(bytes(packed)), max_bytes=10_000)
    except MalformedValue:
        return

    assert decoded == bits
