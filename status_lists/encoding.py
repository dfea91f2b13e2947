"""Turn a bitstring into the text `encodedList` and back: gzip, then multibase base64url; strict and bounded.

Source: W3C Bitstring Status List v1.0, sections 3.3 (generation) and 3.4 (expansion).
"""

from __future__ import annotations

import zlib

from status_lists.errors import ListTooLarge, MalformedValue
from status_lists.multibase import decode_multibase_base64url, encode_multibase_base64url

_GZIP = 31  # zlib's wbits: a 32 KiB window, one gzip member, header and check sum included
_THOROUGH_LEVEL = 9
_FAST_LEVEL = 6
_THOROUGH_MAX_BYTES = 125_000  # a million one-bit entries; beyond, level 9 takes 16 times as long for 13 %
_GZIP_SLACK_BYTES = 1_024  # a header with a file name; stored blocks add 5 bytes in each 16 KiB


def compression_level(size_bytes: int) -> int:
    """Choose the gzip level for a bitstring: 9 up to a million one-bit entries, 6 beyond."""
    return _THOROUGH_LEVEL if size_bytes <= _THOROUGH_MAX_BYTES else _FAST_LEVEL


def encode_list(bits: bytes | bytearray, *, level: int) -> str:
    """Compress a bitstring to the text of `encodedList`.

    `level` is gzip's, 1 to 9; `compression_level` chooses one. Guarantees the same text for the same bits and
    level under one zlib version (the time stamp in the header is 0), and that `decode_list` gives the bits
    back.
    """
    packer = zlib.compressobj(level, zlib.DEFLATED, _GZIP)
    return encode_multibase_base64url(packer.compress(bits) + packer.flush())


def decode_list(text: str, *, max_bytes: int) -> bytes:
    """Expand the text of `encodedList` to its bitstring of at most `max_bytes`.

    Accepts multibase `u` with exactly one complete gzip member and nothing after it. Memory stays within a
    small multiple of `max_bytes`, whatever the text claims. Raises ListTooLarge beyond the limit,
    MalformedValue for any other fault: prefix, alphabet, header, check sum, a truncated stream, a second
    member, bytes after the end.
    """
    if len(text) > _longest_text(max_bytes):
        raise ListTooLarge(
            f"encodedList of {len(text)} characters is longer than any list of {max_bytes} bytes"
        )
    packed = decode_multibase_base64url(text)
    unpacker = zlib.decompressobj(wbits=_GZIP)
    try:
        bits = unpacker.decompress(packed, max_bytes + 1)
    except zlib.error as exc:
        raise MalformedValue(f"encodedList is not valid gzip: {exc}") from exc
    if len(bits) > max_bytes:
        raise ListTooLarge(
            f"encodedList expands to more than {max_bytes} bytes; raise the limit if that is expected"
        )
    if not unpacker.eof:
        raise MalformedValue("encodedList is cut short: its gzip stream has no end")
    if unpacker.unused_data:
        raise MalformedValue(f"encodedList holds {len(unpacker.unused_data)} bytes after its gzip stream")
    return bits


def _longest_text(max_bytes: int) -> int:
    return (max_bytes + max_bytes // 1_024 + _GZIP_SLACK_BYTES) * 4 // 3 + 2
