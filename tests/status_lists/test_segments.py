"""Lists compressed in segments: ordinary gzip, the right bits, and only what changed is done again."""

from __future__ import annotations

import gzip
import random
import shutil
import struct
import subprocess
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from status_lists.bitstring import bytes_needed, get_entry, set_entry
from status_lists.encoding import compression_level, decode_list, encode_list
from status_lists.errors import MalformedValue, OutOfRange
from status_lists.multibase import decode_multibase_base64url
from status_lists.segments import CHUNK_BYTES, SegmentedBits, segment_size
from status_lists.token_bits import compress_token_bits, expand_token_bits, get_token_entry, swap_bit_order
from status_lists.token_segments import adler32_combine

MIN_ENTRIES = 131_072


def _bits(size_bytes: int, *, share: float = 0.01, seed: int = 2026) -> bytearray:
    """Make a bitstring of which about this share of bits is set."""
    chance = random.Random(seed)
    bits = bytearray(size_bytes)
    for _ in range(int(size_bytes * 8 * share)):
        bits[chance.randrange(size_bytes)] |= 1 << chance.randrange(8)
    return bits


def _check_member(packed: bytes, bits: bytes | bytearray) -> None:
    """Check that this is one complete gzip member of exactly these bits, for zlib and for the gzip module."""
    unpacker = zlib.decompressobj(wbits=31)
    assert unpacker.decompress(packed) + unpacker.flush() == bits
    assert unpacker.eof
    assert unpacker.unused_data == b""
    assert gzip.decompress(packed) == bits
    assert struct.unpack("<II", packed[-8:]) == (zlib.crc32(bits), len(bits))


@st.composite
def _lists(draw: st.DrawFn) -> tuple[int, int, int, int]:
    """Draw a length, an entry size, a segment size and a level, so that there are one to many segments."""
    bits_per_entry = draw(st.sampled_from([1, 2, 4, 8]))
    size_bytes = draw(st.integers(1, 700))
    segment_bytes = draw(st.sampled_from([64, 128, 192, 512, 1024]))
    return size_bytes * 8 // bits_per_entry, bits_per_entry, segment_bytes, draw(st.integers(1, 9))


@settings(max_examples=150)
@given(_lists(), st.data())
def test_segmented_bits_any_changes_give_one_member_of_the_bits(
    shape: tuple[int, int, int, int], data: st.DataObject
) -> None:
    """After any changes, asked for in between or not, the text decodes strictly to the bits of a plain list."""
    length, bits_per_entry, segment_bytes, level = shape
    kept = SegmentedBits(length, bits_per_entry, segment_bytes=segment_bytes, level=level)
    plain = bytearray(bytes_needed(length, bits_per_entry))
    written: set[int] = set()
    changes = st.tuples(st.integers(0, length - 1), st.integers(0, 2**bits_per_entry - 1))
    for batch in data.draw(st.lists(st.lists(changes, max_size=6), max_size=5)):
        for index, value in batch:
            if get_entry(plain, index, bits_per_entry) != value:
                written.add(index * bits_per_entry // 8 // CHUNK_BYTES)
            set_entry(plain, index, value, bits_per_entry)
        kept.apply(batch)

        assert kept.bits() == plain
        assert decode_list(kept.encoded(), max_bytes=len(plain)) == plain
        _check_member(kept.gzip(), plain)
        assert all(kept.get(index) == get_entry(plain, index, bits_per_entry) for index, _ in batch)

    assert list(kept.changed_chunks()) == sorted(written)
    loaded = SegmentedBits.from_bits(plain, bits_per_entry, segment_bytes=segment_bytes, level=level)
    assert loaded.gzip() == kept.gzip()


@pytest.mark.parametrize("share", [0, 0.00001, 0.01, 0.7])
def test_segmented_bits_of_131072_entries_is_what_encode_list_writes(share: float) -> None:
    """The common list is one segment, byte for byte the text that one compression gives, before and after a change."""
    bits = _bits(MIN_ENTRIES // 8, share=share)
    kept = SegmentedBits.from_bits(bits)

    assert kept.encoded() == encode_list(bits, level=9)
    kept.set(77, 1 - kept.get(77))
    set_entry(bits, 77, 1 - get_entry(bits, 77))
    assert kept.encoded() == encode_list(bits, level=9)


@given(st.binary(max_size=500), st.integers(1, 9))
def test_segmented_bits_of_one_segment_is_what_encode_list_writes(bits: bytes, level: int) -> None:
    """At every level, header included, for the list without entries too."""
    kept = SegmentedBits.from_bits(bits, 8, segment_bytes=512, level=level)

    assert kept.encoded() == encode_list(bits, level=level)


def test_segmented_bits_only_changed_segments_are_packed_again() -> None:
    """A change replaces its own segment's text; the others are the very same objects."""
    kept = SegmentedBits.from_bits(_bits(20 * 1024), segment_bytes=1024)
    kept.gzip()
    before = list(kept._texts)
    kept.apply([(8 * 1024 * 3, 1 - kept.get(8 * 1024 * 3)), (8 * 1024 * 19 - 1, 1)])
    kept.gzip()

    same = [old is new for old, new in zip(before, kept._texts, strict=True)]
    assert [number for number, is_same in enumerate(same) if not is_same] == [3, 18]


def test_segmented_bits_change_and_back_gives_equal_bytes() -> None:
    """What is published depends on the bits alone, not on how they came about."""
    kept = SegmentedBits.from_bits(_bits(5_000), segment_bytes=1024)
    before = kept.gzip()
    kept.set(9_000, 1 - kept.get(9_000))
    assert kept.gzip() != before
    kept.set(9_000, 1 - kept.get(9_000))

    assert kept.gzip() == before


@pytest.mark.parametrize(
    ("entries", "level", "segment_bytes"),
    [(131_072, 9, 16_384), (1_000_000, 9, 16_384), (1_000_008, 6, 65_536), (10_000_000, 6, 65_536)],
)
def test_segmented_bits_size_chooses_level_and_segments(entries: int, level: int, segment_bytes: int) -> None:
    """Thorough in small segments up to a million entries, fast in large ones beyond; and no option changes that."""
    bits = _bits(entries // 8, share=0.0001)

    assert (compression_level(len(bits)), segment_size(level)) == (level, segment_bytes)
    chosen = SegmentedBits.from_bits(bits).gzip()
    assert chosen == SegmentedBits.from_bits(bits, segment_bytes=segment_bytes, level=level).gzip()
    _check_member(chosen, bits)


def test_segmented_bits_are_hardly_longer_than_one_piece() -> None:
    """Cutting into segments costs less than 1 % of the text at the fast level, and 3 % at the thorough one."""
    large, small = _bits(1_000_000), _bits(120_000)

    assert len(SegmentedBits.from_bits(large).encoded()) < 1.01 * len(encode_list(large, level=6))
    assert len(SegmentedBits.from_bits(small).encoded()) < 1.03 * len(encode_list(small, level=9))


def test_segmented_bits_changed_chunks_are_told_once() -> None:
    """Only entries that really changed count, each chunk once, in order, and the asking forgets them."""
    kept = SegmentedBits(4_096)
    assert list(kept.changed_chunks()) == []

    kept.apply([(4_095, 1), (0, 1), (511, 1), (512, 0), (1_024, 1), (1_024, 0)])
    assert list(kept.changed_chunks()) == [0, 2, 7]
    assert list(kept.changed_chunks()) == []

    kept.set(4_095, 1)
    assert list(kept.changed_chunks()) == []
    kept.set(4_095, 0)
    kept.changed_chunks()  # not read any further
    assert list(kept.changed_chunks()) == []


def test_segmented_bits_chunks_are_those_of_the_bits() -> None:
    """Chunks read one by one are the bitstring; beyond it there is none."""
    bits = _bits(1_024, share=0.3)
    kept = SegmentedBits.from_bits(bits)

    assert b"".join(kept.chunk(number) for number in range(16)) == bits
    for chunk_index in (-1, 16):
        with pytest.raises(OutOfRange):
            kept.chunk(chunk_index)


@pytest.mark.parametrize("change", [(-1, 1), (4_096, 1), (2**70, 1), (7, 2), (7, -1)])
def test_segmented_bits_change_that_does_not_fit_changes_nothing(change: tuple[int, int]) -> None:
    """No index wraps round, no value spills into its neighbour, and of many changes all or none are made."""
    kept = SegmentedBits(4_096)
    before = kept.gzip()

    with pytest.raises(OutOfRange):
        kept.set(*change)
    with pytest.raises(OutOfRange):
        kept.apply([(0, 1), change])
    assert kept.gzip() == before
    assert list(kept.changed_chunks()) == []


def test_segmented_bits_shapes_that_cannot_be_are_refused() -> None:
    """Entries of three bits, a length that fills no bytes, segments that cut a chunk."""
    with pytest.raises(MalformedValue):
        SegmentedBits(4_096, 3)
    with pytest.raises(OutOfRange):
        SegmentedBits(4_095)
    for segment_bytes in (0, 63, 100, -64):
        with pytest.raises(OutOfRange):
            SegmentedBits(4_096, segment_bytes=segment_bytes)


def test_segmented_bits_loaded_bits_are_a_copy() -> None:
    """Neither the bits given nor those handed out change the list."""
    given_bits = _bits(1_024)
    kept = SegmentedBits.from_bits(given_bits)
    before = kept.bits()
    given_bits[0] ^= 0xFF

    assert kept.bits() == before


@pytest.mark.node
@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js")
def test_segmented_bits_many_segments_are_read_by_node() -> None:
    """Node's zlib, which joins members where it finds several, gives the bits back."""
    bits = _bits(300_000)
    kept = SegmentedBits.from_bits(bits)
    kept.set(1_234_567, 1 - kept.get(1_234_567))
    script = (
        "const {gunzipSync} = require('node:zlib'); const {readFileSync} = require('node:fs');"
        "const text = readFileSync(0, 'latin1');"
        "process.stdout.write(gunzipSync(Buffer.from(text.slice(1), 'base64url')))"
    )

    expanded = subprocess.run(
        ["node", "-e", script], input=kept.encoded().encode(), capture_output=True, check=True, timeout=60
    )

    assert expanded.stdout == kept.bits()
    assert decode_multibase_base64url(kept.encoded()) == kept.gzip()


@settings(max_examples=150)
@given(_lists(), st.data())
def test_token_list_any_changes_give_one_zlib_stream_of_the_bits(
    shape: tuple[int, int, int, int], data: st.DataObject
) -> None:
    """Both encodings of one list stay true to it, whichever of them is asked for between changes."""
    length, bits_per_entry, segment_bytes, level = shape
    kept = SegmentedBits(length, bits_per_entry, segment_bytes=segment_bytes, level=level)
    plain = bytearray(bytes_needed(length, bits_per_entry))
    changes = st.tuples(st.integers(0, length - 1), st.integers(0, 2**bits_per_entry - 1), st.integers(0, 3))
    for index, value, asked in data.draw(st.lists(changes, max_size=20)):
        kept.set(index, value)
        set_entry(plain, index, value, bits_per_entry)
        if asked == 1:
            kept.encoded()
        if asked == 2:
            kept.token_list()
    packed = kept.token_list()

    tokens = swap_bit_order(plain, bits_per_entry)
    assert expand_token_bits(packed, max_bytes=len(plain)) == tokens
    assert zlib.decompress(packed) == tokens
    assert packed[-4:] == zlib.adler32(tokens).to_bytes(4, "big")
    assert decode_list(kept.encoded(), max_bytes=len(plain)) == plain


@pytest.mark.parametrize("level", range(1, 10))
def test_token_list_of_one_segment_is_what_compressing_writes(level: int) -> None:
    """Small lists come out as ever, whatever keeps them."""
    bits = _bits(16_384)
    kept = SegmentedBits.from_bits(bits, segment_bytes=16_384, level=level)

    assert kept.token_list() == compress_token_bits(swap_bit_order(bits, 1), level=level)


def test_token_list_replaced_bits_are_noticed() -> None:
    """A list that takes over other bits, in some segments only, is theirs in both encodings."""
    kept = SegmentedBits.from_bits(_bits(300_000, seed=1))
    kept.encoded()
    kept.token_list()
    changed = bytearray(_bits(300_000, seed=1))
    for index in (0, 1_200_000, 2_399_999):
        set_entry(changed, index, 1 - get_entry(changed, index))
    kept.replace(changed)
    expanded = expand_token_bits(kept.token_list(), max_bytes=300_000)

    assert [get_token_entry(expanded, index, 1) for index in (0, 1_200_000, 2_399_999)] == [
        get_entry(changed, index) for index in (0, 1_200_000, 2_399_999)
    ]
    assert expanded == swap_bit_order(changed, 1)
    assert decode_list(kept.encoded(), max_bytes=300_000) == changed


def test_token_list_stays_within_one_percent_of_one_piece() -> None:
    """What segments cost in length is little."""
    bits = _bits(1_000_000)
    packed = SegmentedBits.from_bits(bits).token_list()

    assert len(packed) <= 1.01 * len(compress_token_bits(swap_bit_order(bits, 1), level=6))


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_adler32_combine_equals_that_of_the_whole(first: bytes, second: bytes) -> None:
    """The check sum of two parts is that of both joined, empty ones included."""
    combined = adler32_combine(zlib.adler32(first), zlib.adler32(second), len(second))

    assert combined == zlib.adler32(first + second)


def test_adler32_combine_long_parts_wrap_as_zlib_does() -> None:
    """Both halves go round their modulus many times."""
    first, second = b"\xff" * 1_000_003, b"\xfe" * 2_000_029

    assert adler32_combine(zlib.adler32(first), zlib.adler32(second), len(second)) == zlib.adler32(
        first + second
    )
