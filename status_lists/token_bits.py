"""The bits of an IETF Token Status List: its own bit order, and zlib instead of gzip.

W3C lists count entries from the most significant bit of a byte, these from the least significant one; so one
byte of eight 1-bit entries is the other one read backwards, and no byte moves. Source: Token Status List
(draft-ietf-oauth-status-list), section 4.1.
"""

from __future__ import annotations

import zlib

from status_lists.bitstring import BITS_PER_ENTRY, entry_count
from status_lists.errors import ListTooLarge, MalformedValue, OutOfRange

BEST_LEVEL = 9
"""The level that section 4.1 recommends, and that its test vectors were made with."""

_ZLIB = 15  # zlib's wbits: a 32 KiB window, one zlib stream, header and check sum included
_SLACK_BYTES = 1_024  # stored blocks add 5 bytes in each 16 KiB


def _reversed_entries(bits_per_entry: int) -> bytes:
    """Make the table that gives, for each byte, the byte with its entries in the other order."""
    starts = range(0, 8, bits_per_entry)
    mask = (1 << bits_per_entry) - 1
    return bytes(
        sum((byte >> start & mask) << (8 - bits_per_entry - start) for start in starts) for byte in range(256)
    )


_OTHER_ORDER = {bits_per_entry: _reversed_entries(bits_per_entry) for bits_per_entry in BITS_PER_ENTRY}


def swap_bit_order(bits: bytes | bytearray, bits_per_entry: int) -> bytes:
    """Turn the bits of a W3C list into those of a token list, or back: the same entries at the same indexes.

    Raises MalformedValue for entries of other than 1, 2, 4 or 8 bits. Guarantees that doing it twice changes
    nothing; 100 million one-bit entries take hundredths of a second.
    """
    if bits_per_entry not in _OTHER_ORDER:
        raise MalformedValue(f"an entry has 1, 2, 4 or 8 bits, not {bits_per_entry}")
    return bytes(bits).translate(_OTHER_ORDER[bits_per_entry])


def get_token_entry(bits: bytes | bytearray, index: int, bits_per_entry: int) -> int:
    """Read the entry at `index` of a token list, counted from the least significant bit of the first byte.

    Raises OutOfRange for an index that the list does not have, MalformedValue for another entry size.
    """
    count = entry_count(bits, bits_per_entry)
    if not 0 <= index < count:
        raise OutOfRange(f"index {index} is outside a list of {count} entries")
    position, offset = divmod(index * bits_per_entry, 8)
    return bits[position] >> offset & ((1 << bits_per_entry) - 1)


def compress_token_bits(bits: bytes | bytearray, *, level: int = BEST_LEVEL) -> bytes:
    """Compress the bits of a token list with DEFLATE in the zlib format (RFC 1950).

    Guarantees the same bytes for the same bits and level under one zlib version, and that `expand_token_bits`
    gives the bits back.
    """
    return zlib.compress(bits, level)


def expand_token_bits(packed: bytes, *, max_bytes: int) -> bytes:
    """Expand what `compress_token_bits`, or anyone, compressed, to at most `max_bytes`.

    Accepts exactly one complete zlib stream and nothing after it. Memory stays within a small multiple of
    `max_bytes`. Raises ListTooLarge beyond the limit, MalformedValue for any other fault: header, check sum,
    a truncated stream, a preset dictionary, bytes after the end, no bits at all.
    """
    if len(packed) > max_bytes + max_bytes // 1_024 + _SLACK_BYTES:
        raise ListTooLarge(
            f"a compressed list of {len(packed)} bytes is larger than any of {max_bytes} bytes can be"
        )
    unpacker = zlib.decompressobj(wbits=_ZLIB)
    try:
        bits = unpacker.decompress(packed, max_bytes + 1)
    except zlib.error as exc:
        raise MalformedValue(f"the list is not valid zlib: {exc}") from exc
    if len(bits) > max_bytes:
        raise ListTooLarge(f"the list expands to more than {max_bytes} bytes; raise the limit if expected")
    if not unpacker.eof:
        raise MalformedValue("the list is cut short: its zlib stream has no end")
    if unpacker.unused_data:
        raise MalformedValue(f"the list holds {len(unpacker.unused_data)} bytes after its zlib stream")
    if not bits:
        raise MalformedValue("the list has no entries")
    return bits
