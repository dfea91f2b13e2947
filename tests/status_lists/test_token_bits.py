"""The bit order and compression of token lists: published vectors, the other order, hostile streams."""

from __future__ import annotations

import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from status_lists.bitstring import BITS_PER_ENTRY, get_entry, set_entry
from status_lists.errors import ListTooLarge, MalformedValue, OutOfRange
from status_lists.multibase import decode_base64url, encode_base64url
from status_lists.token_bits import (
    compress_token_bits,
    expand_token_bits,
    get_token_entry,
    swap_bit_order,
)
from tests.status_lists.linked_data import load_vectors

ENTRIES = 2**20
SIZES = st.sampled_from(BITS_PER_ENTRY)


def _published(bits_per_entry: int) -> tuple[bytes, str]:
    """Give the W3C bits with the statuses of a published vector set, and the vector's text."""
    vector = load_vectors()["ietf"][f"{bits_per_entry}bit_2^20"]
    bits = bytearray(ENTRIES * bits_per_entry // 8)
    for index, status in vector["statuses"].items():
        set_entry(bits, int(index), status, bits_per_entry)
    return bytes(bits), vector["lst"]


@pytest.mark.parametrize("bits_per_entry", BITS_PER_ENTRY)
def test_published_vector_reads_to_its_statuses(bits_per_entry: int) -> None:
    """The draft's lists of 2^20 entries: every status it names, and every other one 0."""
    bits, text = _published(bits_per_entry)
    expanded = expand_token_bits(decode_base64url(text), max_bytes=len(bits))

    assert expanded == swap_bit_order(bits, bits_per_entry)
    for index, status in load_vectors()["ietf"][f"{bits_per_entry}bit_2^20"]["statuses"].items():
        assert get_token_entry(expanded, int(index), bits_per_entry) == status


@pytest.mark.skipif(
    zlib.ZLIB_RUNTIME_VERSION.count(".") > 2 or "ng" in zlib.ZLIB_RUNTIME_VERSION,
    reason="zlib-ng and patched zlibs compress the same bits to other bytes",
)
@pytest.mark.parametrize("bits_per_entry", BITS_PER_ENTRY)
def test_published_vector_is_compressed_byte_for_byte(bits_per_entry: int) -> None:
    """With the common zlib the compressed bytes, too, are those the draft prints."""
    bits, text = _published(bits_per_entry)

    assert encode_base64url(compress_token_bits(swap_bit_order(bits, bits_per_entry))) == text


def test_small_published_examples_read_and_write() -> None:
    """Section 4.1's two examples: 16 entries of one bit, 12 of two bits."""
    small = load_vectors()["ietf"]["small"]
    for text, bits, statuses, bits_per_entry in (
        (small["1bit_b9a3"], "b9a3", [1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1], 1),
        (small["2bit_c944f9"], "c944f9", [1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3], 2),
    ):
        expanded = expand_token_bits(decode_base64url(text), max_bytes=3)
        assert expanded.hex() == bits
        assert [
            get_token_entry(expanded, index, bits_per_entry) for index in range(len(statuses))
        ] == statuses


@given(st.binary(min_size=1, max_size=64), SIZES)
def test_swap_bit_order_keeps_every_entry(bits: bytes, bits_per_entry: int) -> None:
    """The other order holds the same entries at the same indexes, and swapping twice changes nothing."""
    swapped = swap_bit_order(bits, bits_per_entry)

    count = len(bits) * 8 // bits_per_entry
    assert [get_token_entry(swapped, index, bits_per_entry) for index in range(count)] == [
        get_entry(bits, index, bits_per_entry) for index in range(count)
    ]
    assert swap_bit_order(swapped, bits_per_entry) == bits


def test_swap_bit_order_is_not_that_of_w3c_lists() -> None:
    """Index 0 is 0x80 there and 0x01 here; only bytes are one entry in both."""
    assert swap_bit_order(b"\x80", 1) == b"\x01"
    assert swap_bit_order(b"\x40", 2) == b"\x01"
    assert swap_bit_order(b"\x1f", 4) == b"\xf1"
    assert swap_bit_order(b"\x1f", 8) == b"\x1f"


@pytest.mark.parametrize("bits_per_entry", [0, 3, 16, -1])
def test_other_entry_size_is_malformed(bits_per_entry: int) -> None:
    """Entries have 1, 2, 4 or 8 bits."""
    with pytest.raises(MalformedValue):
        swap_bit_order(b"\x00", bits_per_entry)
    with pytest.raises(MalformedValue):
        get_token_entry(b"\x00", 0, bits_per_entry)


@given(st.binary(max_size=8), SIZES, st.integers())
def test_get_token_entry_outside_is_refused(bits: bytes, bits_per_entry: int, index: int) -> None:
    """A negative index never wraps round to the end."""
    if 0 <= index < len(bits) * 8 // bits_per_entry:
        assert get_token_entry(bits, index, bits_per_entry) < 2**bits_per_entry
        return
    with pytest.raises(OutOfRange):
        get_token_entry(bits, index, bits_per_entry)


@given(st.binary(min_size=1, max_size=2_000), st.integers(1, 9))
def test_compressed_bits_expand_to_themselves(bits: bytes, level: int) -> None:
    """Whatever the bits and the level."""
    assert expand_token_bits(compress_token_bits(bits, level=level), max_bytes=len(bits)) == bits


GOOD = zlib.compress(bytes(100), 9)


@pytest.mark.parametrize(
    "packed",
    [
        b"",
        b"\x78",
        GOOD[:-1],
        GOOD + b"\x00",
        GOOD + GOOD,
        GOOD[:-1] + bytes([GOOD[-1] ^ 1]),
        zlib.compress(b""),
        zlib.compressobj(wbits=31).flush(),
        zlib.compressobj(wbits=-15).flush(),
        b"\x78\xbb" + bytes(20),
    ],
)
def test_expand_token_bits_other_stream_is_malformed(packed: bytes) -> None:
    """Nothing, cut short, bytes behind it, a second stream, a wrong check sum, gzip, raw, a dictionary."""
    with pytest.raises(MalformedValue):
        expand_token_bits(packed, max_bytes=100)


def test_expand_token_bits_bomb_is_refused_in_flat_memory() -> None:
    """64 MiB of zeros in 64 KiB: only what is allowed is ever held."""
    bomb = zlib.compress(bytes(2**26), 9)
    tracemalloc.start()
    with pytest.raises(ListTooLarge):
        expand_token_bits(bomb, max_bytes=2**17)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 2**20
    with pytest.raises(ListTooLarge):
        expand_token_bits(bytes(5_000), max_bytes=100)
