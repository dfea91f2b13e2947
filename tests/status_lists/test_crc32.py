"""Check sums of parts, joined: the same as zlib's over the whole."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from status_lists.crc32 import crc32_combine, crc32_shift


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_crc32_combine_two_parts_is_crc_of_the_whole(first: bytes, second: bytes) -> None:
    """Empty parts included."""
    joined = crc32_combine(zlib.crc32(first), zlib.crc32(second), crc32_shift(len(second)))

    assert joined == zlib.crc32(first + second)


@given(st.lists(st.binary(max_size=80), max_size=12))
def test_crc32_combine_many_parts_is_crc_of_the_whole(parts: list[bytes]) -> None:
    """From left to right, beginning with nothing."""
    joined = 0
    for part in parts:
        joined = crc32_combine(joined, zlib.crc32(part), crc32_shift(len(part)))

    assert joined == zlib.crc32(b"".join(parts))


@pytest.mark.parametrize("length_bytes", [1, 255, 65_536, 1_000_003])
def test_crc32_combine_long_second_part_is_crc_of_the_whole(length_bytes: int) -> None:
    """The shift reaches as far as lists do."""
    first, second = b"first", b"\x5a" * length_bytes

    joined = crc32_combine(zlib.crc32(first), zlib.crc32(second), crc32_shift(length_bytes))

    assert joined == zlib.crc32(first + second)


@given(st.integers(0, 2**40), st.integers(0, 2**40), st.integers(0, 2**32 - 1))
def test_crc32_shift_lengths_add_up(one_bytes: int, other_bytes: int, checksum: int) -> None:
    """Shifting by one length and then by another is shifting by both, beyond any length that could be tried."""
    in_steps = crc32_combine(crc32_combine(checksum, 0, crc32_shift(one_bytes)), 0, crc32_shift(other_bytes))

    assert in_steps == crc32_combine(checksum, 0, crc32_shift(one_bytes + other_bytes))


def test_crc32_combine_changed_byte_is_seen() -> None:
    """A bit more in either part, or a byte more in the second, gives another sum."""
    first, second = zlib.crc32(b"one"), zlib.crc32(b"two")
    right = crc32_combine(first, second, crc32_shift(3))

    assert crc32_combine(first ^ 1, second, crc32_shift(3)) != right
    assert crc32_combine(first, second ^ 1, crc32_shift(3)) != right
    assert crc32_combine(first, second, crc32_shift(4)) != right
