"""Keep the compressed bits of a token list at hand while it changes, segment by segment.

What `segments` does for the text of `encodedList`, for the bytes of `lst`: each segment is raw deflate that
ends on a byte's border with a full flush and refers to nothing before it, so that the pieces joined, behind a
zlib header and before the check sum, are one ordinary zlib stream. The check sum of the whole comes from
those of the segments.

Source: RFC 1950 (zlib; section 8.2 for Adler-32), RFC 1951 (deflate); Token Status List, section 4.1.
"""

from __future__ import annotations

import zlib

from status_lists.token_bits import swap_bit_order

_ZLIB = 15
_RAW_DEFLATE = -15
_HEADER_BYTES = 2
_CHECKSUM_BYTES = 4
_BASE = 65_521  # the largest prime below 2**16
_EMPTY_CHECKSUM = 1


class TokenSegments:
    """The zlib stream of one list, whose bits stay elsewhere; every segment must be put once before it is joined.

    All segments have `segment_bytes` but the last, which has what is left of `size_bytes`. Memory: the
    compressed bytes.
    """

    __slots__ = ("_checksums", "_header", "_level", "_pieces", "_segment_bytes", "_size_bytes")

    def __init__(self, *, size_bytes: int, segment_bytes: int, level: int) -> None:
        segments = max(1, -(-size_bytes // segment_bytes))
        self._size_bytes = size_bytes
        self._segment_bytes = segment_bytes
        self._level = level
        self._header = zlib.compressobj(level, zlib.DEFLATED, _ZLIB).flush()[:_HEADER_BYTES]
        self._pieces = [b""] * segments
        self._checksums = [_EMPTY_CHECKSUM] * segments

    def put(self, number: int, segment: bytes | bytearray, bits_per_entry: int) -> None:
        """Compress a segment anew; its bits are given in the order of W3C lists."""
        bits = swap_bit_order(segment, bits_per_entry)
        packer = zlib.compressobj(self._level, zlib.DEFLATED, _RAW_DEFLATE)
        is_last = number == len(self._pieces) - 1
        packed = packer.compress(bits)
        self._pieces[number] = packed + packer.flush(zlib.Z_FINISH if is_last else zlib.Z_FULL_FLUSH)
        self._checksums[number] = zlib.adler32(bits)

    def joined(self) -> bytes:
        """Give the whole stream; a list of one segment is exactly what `compress_token_bits` writes at that level."""
        checksum = _EMPTY_CHECKSUM
        left = self._size_bytes
        for part in self._checksums:
            length = min(left, self._segment_bytes)
            checksum = adler32_combine(checksum, part, length)
            left -= length
        return b"".join((self._header, *self._pieces, checksum.to_bytes(_CHECKSUM_BYTES, "big")))


def adler32_combine(first: int, second: int, second_length: int) -> int:
    """Give the Adler-32 of two parts joined, from theirs and the second's length in bytes.

    The low half is 1 plus the sum of all bytes, the high half the sum of the low halves after each byte, both
    modulo 65,521: bytes that follow begin at the first part's low half instead of at 1.
    """
    first_sum, second_sum = first & 0xFFFF, second & 0xFFFF
    low = first_sum + second_sum - 1
    high = (first >> 16) + (second >> 16) + second_length * (first_sum - 1)
    return (high % _BASE) << 16 | low % _BASE
