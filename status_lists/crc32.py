"""Join the CRC-32 check sums of parts to that of the whole, without looking at the bytes again.

A CRC is the remainder of a polynomial over GF(2) by a fixed one, P. Bytes that follow multiply what came
before by x for each bit of theirs; so the whole's CRC is the first part's, times x^(8·n) mod P for the n bytes
that follow, plus (exclusive or) the second's. The inversions before and after, that CRC-32 adds to this, cancel
out. Numbers here hold a polynomial as the check sum itself does, turned round: the highest bit is x^0, the
lowest x^31.

Source: RFC 1952, section 8 (the CRC); zlib's crc32_combine_op (the method).
"""

from __future__ import annotations

_POLYNOMIAL = 0xEDB88320
_ONE = 1 << 31  # x^0
_X_TO_8 = 1 << 23


def crc32_shift(length_bytes: int) -> int:
    """Give x^(8·length_bytes) mod P: what bytes of that number, once they follow, multiply a check sum by.

    Requires length_bytes ≥ 0. One value serves all parts of one length.
    """
    power, square = _ONE, _X_TO_8
    while length_bytes:
        if length_bytes & 1:
            power = _multiplied(power, square)
        square = _multiplied(square, square)
        length_bytes >>= 1
    return power


def crc32_combine(first: int, second: int, second_shift: int) -> int:
    """Give the CRC-32 of two parts joined, from theirs and the `crc32_shift` of the second's length."""
    return _multiplied(first, second_shift) ^ second


def _multiplied(first: int, second: int) -> int:
    """Multiply two polynomials modulo P, from x^0 of the first upwards."""
    product = 0
    while first:
        if first & _ONE:
            product ^= second
        first = first << 1 & 0xFFFFFFFF
        second = second >> 1 ^ (_POLYNOMIAL if second & 1 else 0)
    return product
