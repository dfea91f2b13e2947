"""Read and write the entries of a bitstring: index 0 is left-most, and an entry's first bit is its highest.

The order of bits is the trap of this format: W3C Bitstring Status List v1.0 counts from the most significant
bit of the first byte (index 0 is 0x80), the IETF Token Status List from the least significant one (index 0 is
0x01).
"""

from __future__ import annotations

import re

from status_lists.errors import MalformedValue, OutOfRange

BITS_PER_ENTRY = (1, 2, 4, 8)

_INDEX_TEXT = re.compile(r"0|[1-9][0-9]*", re.ASCII)
_INDEX_MAX_DIGITS = 20  # 2**64 has 20 digits; int() takes quadratic time for the digit strings of strangers


def bytes_needed(length: int, bits_per_entry: int) -> int:
    """Count the bytes that `length` entries of 1, 2, 4 or 8 bits fill.

    Raises MalformedValue for another entry size, OutOfRange for a negative length or one that fills no whole
    bytes.
    """
    _check_size(bits_per_entry)
    bits = length * bits_per_entry
    if length < 0 or bits % 8:
        raise OutOfRange(f"{length} entries of {bits_per_entry} bits do not fill whole bytes")
    return bits // 8


def entry_count(bits: bytes | bytearray, bits_per_entry: int = 1) -> int:
    """Count the entries of 1, 2, 4 or 8 bits in a bitstring; raises MalformedValue for another entry size."""
    _check_size(bits_per_entry)
    return len(bits) * 8 // bits_per_entry


def get_entry(bits: bytes | bytearray, index: int, bits_per_entry: int = 1) -> int:
    """Read the entry at `index`, counted from the left-most bit.

    Requires 0 ≤ index < entry_count(bits, bits_per_entry), else raises OutOfRange: a negative index never
    wraps round to the end. The result lies in range(2**bits_per_entry). Source: Bitstring Status List v1.0,
    section 3.2 step 10.
    """
    position, shift = _locate(bits, index, bits_per_entry)
    return (bits[position] >> shift) & ((1 << bits_per_entry) - 1)


def set_entry(bits: bytearray, index: int, value: int, bits_per_entry: int = 1) -> None:
    """Write the entry at `index`, counted from the left-most bit; every other entry keeps its value.

    Requires 0 ≤ index < entry_count(bits, bits_per_entry) and 0 ≤ value < 2**bits_per_entry, else raises
    OutOfRange and changes nothing.
    """
    position, shift = _locate(bits, index, bits_per_entry)
    mask = (1 << bits_per_entry) - 1
    if not 0 <= value <= mask:
        raise OutOfRange(f"an entry of {bits_per_entry} bits holds 0 to {mask}, not {value}")
    bits[position] = bits[position] & ~(mask << shift) | value << shift


def parse_index(value: object, length: int) -> int:
    """Read an index as the text `0|[1-9][0-9]*` in ASCII, or as a JSON integer.

    Guarantees 0 ≤ result < length. Raises MalformedValue for any other form (a sign, a leading zero, a float,
    a boolean, other digits of Unicode), OutOfRange for an index that the list does not have. Digit strings of
    any length are safe. Source: Bitstring Status List v1.0, section 2.1 `statusListIndex`; lists in use also
    hold integers.
    """
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise MalformedValue(f"an index is text of decimal digits or an integer, not {type(value).__name__}")
    if isinstance(value, str):
        if _INDEX_TEXT.fullmatch(value) is None:
            raise MalformedValue(
                f"index {value[:32]!r} is not a decimal number without sign and leading zeros"
            )
        if len(value) > _INDEX_MAX_DIGITS:
            raise OutOfRange(f"an index of {len(value)} digits is not below the list's length {length}")
        value = int(value)
    if value < 0:
        raise MalformedValue("an index is not negative")
    if value >= length:
        shown = value if value.bit_length() <= 64 else "of more than 64 bits"
        raise OutOfRange(f"index {shown} is not below the list's length {length}")
    return value


def _locate(bits: bytes | bytearray, index: int, bits_per_entry: int) -> tuple[int, int]:
    """Give the byte that holds an entry and how far right of it the entry's lowest bit stands."""
    count = entry_count(bits, bits_per_entry)
    if not 0 <= index < count:
        raise OutOfRange(f"index {index} is outside a list of {count} entries")
    position, offset = divmod(index * bits_per_entry, 8)
    return position, 8 - bits_per_entry - offset


def _check_size(bits_per_entry: int) -> None:
    if bits_per_entry not in BITS_PER_ENTRY:
        raise MalformedValue(f"an entry has 1, 2, 4 or 8 bits, not {bits_per_entry}")
