"""Keep a list encoded while it changes: only the parts that changed are compressed and written again.

One change in a list of a hundred million entries otherwise costs what the whole list costs, seconds. Here the
bits are cut into segments; each is compressed on its own, as raw deflate that ends on a byte's border with a
full flush and refers to nothing before it. Such pieces joined, behind a gzip header and before the check sum
and the length, are one ordinary gzip member: every reader of `encodedList` expands it. The whole's check sum
comes from those of the segments. And since empty blocks bring each piece to a multiple of three bytes, its
base64url stands by itself too: what is kept is text, and a change costs one segment and one joining of texts.

Measured (`scripts/bench_lists.py`): segments of 64 KiB make a list less than 1 % longer than in one piece, and
cost 1 to 4 ms each at level 6; level 9 wants smaller ones. Lists of 131,072 one-bit entries are one segment,
and come out exactly as `encode_list` writes them.

Source: RFC 1951 (deflate), RFC 1952 (gzip); W3C Bitstring Status List v1.0, section 3.3.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator

from status_lists.bitstring import bytes_needed, entry_count, get_entry, set_entry
from status_lists.crc32 import crc32_combine, crc32_shift
from status_lists.encoding import compression_level
from status_lists.errors import OutOfRange
from status_lists.multibase import decode_multibase_base64url, encode_base64url
from status_lists.token_segments import TokenSegments

CHUNK_BYTES = 64
"""The leaves of the tree that is anchored over a list; segments hold whole chunks."""

SMALL_SEGMENT_BYTES = 16 * 1024
"""For level 9, which takes up to 15 ms for as much: 131,072 one-bit entries are one such segment."""

LARGE_SEGMENT_BYTES = 64 * 1024
"""For level 6: twice deflate's window of 32 KiB, the smallest size that loses less than 1 %."""

_GZIP = 31
_RAW_DEFLATE = -15
_FAST_LEVEL = 6
_HEADER_BYTES = 10
_TRAILER = struct.Struct("<II")  # CRC-32, then the length modulo 2**32
_MAX_32 = 0xFFFFFFFF
_EMPTY_BLOCK = bytes.fromhex("000000ffff")  # stored, of length 0, not the last (RFC 1951, section 3.2.4)


def segment_size(level: int) -> int:
    """Choose the size of segments in bytes for a gzip level: small ones for the slow levels, 7 to 9."""
    return LARGE_SEGMENT_BYTES if level <= _FAST_LEVEL else SMALL_SEGMENT_BYTES


class SegmentedBits:
    """The entries of one list, with its compressed form kept at hand, and the chunks that changed.

    `length` counts entries of `bits_per_entry` bits, all 0 at first. `level` is gzip's, 1 to 9, chosen by the
    list's size unless given; `segment_bytes`, a multiple of 64, by the level. Raises MalformedValue for another
    entry size, OutOfRange for a length that fills no whole bytes and for segments of no whole chunks.

    Memory: the bitstring, the text of its segments (at most 4/3 of the bitstring, and little where few entries
    are set), as much again without the third for `token_list` once that was asked for, and a set with each
    chunk that changed since it was asked for. Calls must not overlap.
    """

    __slots__ = (
        "_bits",
        "_bits_per_entry",
        "_changed_chunks",
        "_checksums",
        "_last",
        "_length",
        "_level",
        "_segment_bytes",
        "_stale",
        "_texts",
        "_token_segments",
        "_token_stale",
    )

    def __init__(
        self,
        length: int,
        bits_per_entry: int = 1,
        *,
        segment_bytes: int | None = None,
        level: int | None = None,
    ) -> None:
        size_bytes = bytes_needed(length, bits_per_entry)
        self._level = compression_level(size_bytes) if level is None else level
        self._segment_bytes = segment_size(self._level) if segment_bytes is None else segment_bytes
        if self._segment_bytes < CHUNK_BYTES or self._segment_bytes % CHUNK_BYTES:
            raise OutOfRange(f"segments of {segment_bytes} bytes hold no whole chunks of {CHUNK_BYTES}")
        self._length = length
        self._bits_per_entry = bits_per_entry
        self._bits = bytearray(size_bytes)
        segments = max(1, -(-size_bytes // self._segment_bytes))
        self._texts = [""] * (segments - 1)
        self._last = b""
        self._checksums = [0] * segments
        self._stale = set(range(segments))
        self._token_segments: TokenSegments | None = None
        self._token_stale = set(range(segments))
        self._changed_chunks: set[int] = set()

    @classmethod
    def from_bits(
        cls,
        bits: bytes | bytearray,
        bits_per_entry: int = 1,
        *,
        segment_bytes: int | None = None,
        level: int | None = None,
    ) -> SegmentedBits:
        """Load a list from its bitstring, which is copied; no chunk of it counts as changed."""
        loaded = cls(
            entry_count(bits, bits_per_entry), bits_per_entry, segment_bytes=segment_bytes, level=level
        )
        loaded._bits[:] = bits
        return loaded

    def __repr__(self) -> str:
        return f"SegmentedBits(length={self._length}, bits_per_entry={self._bits_per_entry})"

    @property
    def length(self) -> int:
        """The number of entries."""
        return self._length

    @property
    def bits_per_entry(self) -> int:
        """The bits of each entry."""
        return self._bits_per_entry

    def get(self, index: int) -> int:
        """Read the entry at `index`; raises OutOfRange for one that the list does not have."""
        return get_entry(self._bits, index, self._bits_per_entry)

    def set(self, index: int, value: int) -> None:
        """Write the entry at `index`; raises OutOfRange, and changes nothing, where index or value do not fit."""
        if self.get(index) == value:
            return
        set_entry(self._bits, index, value, self._bits_per_entry)
        position = index * self._bits_per_entry // 8
        self._touch(position // self._segment_bytes)
        self._changed_chunks.add(position // CHUNK_BYTES)

    def apply(self, changes: Iterable[tuple[int, int]]) -> None:
        """Write many entries, given as (index, value), in order.

        Raises OutOfRange where one of them does not fit, and then changes nothing at all.
        """
        known = list(changes)
        for index, value in known:
            self._check(index, value)
        for index, value in known:
            self.set(index, value)

    def replace(self, bits: bytes | bytearray) -> None:
        """Take over another bitstring of the same size, noticing by comparison which segments and chunks differ.

        Raises OutOfRange for another size.
        """
        if len(bits) != len(self._bits):
            raise OutOfRange(f"the list has {len(self._bits)} bytes, not {len(bits)}")
        for start in range(0, len(bits), self._segment_bytes):
            end = start + self._segment_bytes
            if bits[start:end] == self._bits[start:end]:
                continue
            self._touch(start // self._segment_bytes)
            self._changed_chunks.update(
                at // CHUNK_BYTES
                for at in range(start, min(end, len(bits)), CHUNK_BYTES)
                if bits[at : at + CHUNK_BYTES] != self._bits[at : at + CHUNK_BYTES]
            )
            self._bits[start:end] = bits[start:end]

    def bits(self) -> bytes:
        """Give a copy of the bitstring."""
        return bytes(self._bits)

    def chunk(self, chunk_index: int) -> bytes:
        """Give one chunk of 64 bytes; raises OutOfRange for one that the list does not have."""
        start = chunk_index * CHUNK_BYTES
        if not 0 <= start < len(self._bits):
            raise OutOfRange(f"chunk {chunk_index} is outside a list of {len(self._bits)} bytes")
        return bytes(self._bits[start : start + CHUNK_BYTES])

    def changed_chunks(self) -> Iterator[int]:
        """Give the indexes of the chunks that were written since this was last asked, in ascending order.

        Each chunk is named once, and forgotten by this call itself, however far the result is read.
        """
        changed, self._changed_chunks = self._changed_chunks, set()
        return iter(sorted(changed))

    def encoded(self) -> str:
        """Give the text of `encodedList`, having compressed again only the segments that changed.

        Guarantees that `decode_list` gives the bits back, and equal text for equal bits, whatever led to them,
        under one zlib version. A list of one segment is exactly what `encode_list` writes at that level.
        """
        self._pack_stale()
        trailer = _TRAILER.pack(self._checksum(), len(self._bits) & _MAX_32)
        header = b"" if self._texts else _header(self._level)
        return "".join(("u", *self._texts, encode_base64url(header + self._last + trailer)))

    def gzip(self) -> bytes:
        """Give the gzip member that `encoded` is the text of."""
        return decode_multibase_base64url(self.encoded())

    def token_list(self) -> bytes:
        """Give the compressed `lst` of a token list of these entries, having compressed again only what changed.

        Guarantees that `expand_token_bits` gives the bits back, in the order of token lists.
        """
        if self._token_segments is None:
            self._token_segments = TokenSegments(
                size_bytes=len(self._bits), segment_bytes=self._segment_bytes, level=self._level
            )
        for number in sorted(self._token_stale):
            start = number * self._segment_bytes
            segment = self._bits[start : start + self._segment_bytes]
            self._token_segments.put(number, segment, self._bits_per_entry)
        self._token_stale.clear()
        return self._token_segments.joined()

    def _touch(self, segment: int) -> None:
        self._stale.add(segment)
        self._token_stale.add(segment)

    def _pack_stale(self) -> None:
        for number in sorted(self._stale):
            start = number * self._segment_bytes
            segment = memoryview(self._bits)[start : start + self._segment_bytes]
            packer = zlib.compressobj(self._level, zlib.DEFLATED, _RAW_DEFLATE)
            packed = packer.compress(segment)
            if number == len(self._texts):
                self._last = packed + packer.flush(zlib.Z_FINISH)
            else:
                header = b"" if number else _header(self._level)
                piece = header + packed + packer.flush(zlib.Z_FULL_FLUSH)
                # Five bytes a block: as many blocks as there are bytes too many make a multiple of three.
                self._texts[number] = encode_base64url(piece + _EMPTY_BLOCK * (len(piece) % 3))
            self._checksums[number] = zlib.crc32(segment)
        self._stale.clear()

    def _checksum(self) -> int:
        *full, last = self._checksums
        if not full:
            return last
        shift = crc32_shift(self._segment_bytes)
        whole = 0
        for checksum in full:
            whole = crc32_combine(whole, checksum, shift)
        return crc32_combine(whole, last, crc32_shift(len(self._bits) - len(full) * self._segment_bytes))

    def _check(self, index: int, value: int) -> None:
        if not 0 <= index < self._length:
            raise OutOfRange(f"index {index} is outside a list of {self._length} entries")
        if not 0 <= value < 1 << self._bits_per_entry:
            raise OutOfRange(f"an entry of {self._bits_per_entry} bits does not hold {value}")


def _header(level: int) -> bytes:
    """Give the gzip header that zlib writes at a level: it names the level's kind and the system."""
    return zlib.compressobj(level, zlib.DEFLATED, _GZIP).flush()[:_HEADER_BYTES]
