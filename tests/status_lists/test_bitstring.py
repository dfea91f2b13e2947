"""Entries in a bitstring: order, bounds, and that writing one leaves the others alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from status_lists.bitstring import bytes_needed, entry_count, get_entry, parse_index, set_entry
from status_lists.encoding import decode_list
from status_lists.errors import MalformedValue, OutOfRange
from tests.status_lists.linked_data import load_vectors

LENGTH = 131_072


@pytest.mark.parametrize(
    ("bits_per_entry", "index", "value", "expected"),
    [
        (1, 0, 1, "800000"),
        (1, 1, 1, "400000"),
        (1, 7, 1, "010000"),
        (1, 8, 1, "008000"),
        (1, 23, 1, "000001"),
        (2, 0, 2, "800000"),
        (2, 1, 1, "100000"),
        (4, 0, 1, "100000"),
        (4, 5, 15, "00000f"),
        (8, 1, 0xA5, "00a500"),
    ],
)
def test_set_entry_writes_left_most_bit_first(
    bits_per_entry: int, index: int, value: int, expected: str
) -> None:
    """Index 0 is the highest bit of the first byte, and an entry's first bit its highest."""
    bits = bytearray(3)

    set_entry(bits, index, value, bits_per_entry)

    assert bits.hex() == expected


@pytest.mark.parametrize("name", ["[0]", "[7]", "[94567]", "[0,1,7,8,131071]"])
def test_get_entry_reads_the_published_lists(name: str) -> None:
    """Lists with bits set, made by another implementation, read as they say; none is the same backwards."""
    made = load_vectors()["bsl"]["made_with_npm_digitalbazaar_vc-bitstring-status-list_2.0.1_length_131072"]
    bits = decode_list(made[name], max_bytes=LENGTH // 8)

    set_indexes = [index for index in range(LENGTH) if get_entry(bits, index)]

    assert set_indexes == [int(index) for index in name.strip("[]").split(",")]


def test_get_entry_index_zero_is_not_the_lowest_bit() -> None:
    """The published list with one bit set, at index 0: read from the wrong end, it would be index 7."""
    made = load_vectors()["bsl"]["made_with_npm_digitalbazaar_vc-bitstring-status-list_2.0.1_length_131072"]
    bits = decode_list(made["[0]"], max_bytes=LENGTH // 8)

    assert bits[0] == 0x80
    assert (get_entry(bits, 0), get_entry(bits, 7)) == (1, 0)


@given(st.data(), st.sampled_from([1, 2, 4, 8]))
def test_set_entry_agrees_with_a_slow_list(data: st.DataObject, bits_per_entry: int) -> None:
    """Any sequence of writes leaves the same entries as in a plain list, whose bits are joined as text."""
    count = 64 // bits_per_entry
    writes = data.draw(
        st.lists(st.tuples(st.integers(0, count - 1), st.integers(0, 2**bits_per_entry - 1)), max_size=30)
    )
    bits, slow = bytearray(8), [0] * count
    for index, value in writes:
        set_entry(bits, index, value, bits_per_entry)
        slow[index] = value

    joined = "".join(f"{value:0{bits_per_entry}b}" for value in slow)

    assert bytes(bits) == int(joined, 2).to_bytes(8, "big")
    assert [get_entry(bits, index, bits_per_entry) for index in range(count)] == slow


@pytest.mark.parametrize("index", [-1, -8, 16, 2**64])
def test_entry_outside_the_list_is_refused(index: int) -> None:
    """
    A negative index does not wrap round to the end, and nothing is read or written beyond it.

    Fault 42.
    """
    bits = bytearray(b"\xff\x00")

    with pytest.raises(OutOfRange):
        get_entry(bits, index)
    with pytest.raises(OutOfRange):
        set_entry(bits, index, 1)
    assert bits == b"\xff\x00"


@pytest.mark.parametrize(("bits_per_entry", "value"), [(1, 2), (1, -1), (2, 4), (4, 16), (8, 256)])
def test_set_entry_value_too_large_is_refused(bits_per_entry: int, value: int) -> None:
    """A value that does not fit would spill into the neighbours; the list stays as it was."""
    bits = bytearray(2)

    with pytest.raises(OutOfRange):
        set_entry(bits, 0, value, bits_per_entry)
    assert bits == bytearray(2)


@pytest.mark.parametrize("bits_per_entry", [0, 3, 5, 16, -1])
def test_entry_size_other_than_1_2_4_8_is_refused(bits_per_entry: int) -> None:
    """Only sizes that divide a byte exist."""
    with pytest.raises(MalformedValue):
        entry_count(bytes(2), bits_per_entry)
    with pytest.raises(MalformedValue):
        bytes_needed(16, bits_per_entry)


def test_bytes_needed_counts_whole_bytes() -> None:
    """100 million entries of one bit fill 12.5 million bytes; a broken byte is refused."""
    assert bytes_needed(100_000_000, 1) == 12_500_000
    assert bytes_needed(LENGTH, 8) == LENGTH
    assert entry_count(bytes(16), 2) == 64
    for length in (1, 7, -8):
        with pytest.raises(OutOfRange):
            bytes_needed(length, 1)


@pytest.mark.parametrize(
    ("value", "index"), [("0", 0), ("7", 7), ("131071", LENGTH - 1), (0, 0), (131_071, LENGTH - 1)]
)
def test_parse_index_reads_text_and_integers(value: object, index: int) -> None:
    """The specification writes indexes as text; lists in use also hold integers."""
    assert parse_index(value, LENGTH) == index


@pytest.mark.parametrize(
    "value",
    [
        "",
        "-1",
        "+1",
        "01",
        "00",
        " 1",
        "1 ",
        "1\n",
        "1.0",
        "1e3",
        "0x1",
        "1_0",
        "\u0661",
        "\uff11",
        "²",
        -1,
        True,
        False,
        1.0,
        None,
        [],
        {},
        b"1",
    ],
)
def test_parse_index_other_form_is_malformed(value: object) -> None:
    """
    One spelling for each index: no sign, leading zero, space, other digits, float or boolean.

    Fault 42.
    """
    with pytest.raises(MalformedValue):
        parse_index(value, LENGTH)


@pytest.mark.parametrize(
    "value",
    [
        "131072",
        131_072,
        "18446744073709551616",
        2**64,
        "1" * 21,
        pytest.param(10**5_000, id="integer of 5,001 digits"),
        pytest.param("9" * 10_000_000, id="text of ten million digits"),
    ],
)
def test_parse_index_beyond_the_list_is_out_of_range(value: object) -> None:
    """An index the list does not have fails, however many digits it is written with (fault 42)."""
    with pytest.raises(OutOfRange):
        parse_index(value, LENGTH)


@given(st.text(max_size=30) | st.integers() | st.floats() | st.none())
def test_parse_index_anything_is_refused_or_in_range(value: object) -> None:
    """Whatever comes in, an index below the length comes out or one of the two errors."""
    try:
        index = parse_index(value, 1_000)
    except (MalformedValue, OutOfRange):
        return

    assert 0 <= index < 1_000
    assert str(index) == str(value)
