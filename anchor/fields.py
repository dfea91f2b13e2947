"""Strict reading of JSON objects, member by member: every document and request body passes through here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from anchor.core.merkle import HASH_BYTES
from anchor.core.strict_json import JsonValue
from anchor.errors import InvalidInput
from status_lists.errors import StatusListError
from status_lists.multibase import decode_base64url, decode_digest

T = TypeVar("T")

MAX_U64 = 2**64 - 1
MAX_INTEGER = 2**53 - 1
"""The largest integer that every JSON reader reads alike (RFC 7493, section 2.2)."""


class Fields:
    """
    Reads the members of one JSON object, each once and of one type, and in the end refuses those nobody read.

    `where` names the object in error messages. Every method raises InvalidInput for a missing member or another type.
    """

    __slots__ = ("_members", "_where")

    def __init__(self, value: JsonValue, where: str) -> None:
        if not isinstance(value, dict):
            raise InvalidInput(f"{where} must be a JSON object, not {_kind(value)}")
        self._members = dict(value)
        self._where = where

    def has(self, name: str) -> bool:
        """Whether the member is there, with any value but null."""
        return self._members.get(name) is not None

    def text(self, name: str, *, max_chars: int = 2048) -> str:
        """Read a non-empty string of at most `max_chars` characters."""
        value = self._take(name)
        if not isinstance(value, str) or not value or len(value) > max_chars:
            raise InvalidInput(f"{self._where}: {name!r} must be a text of 1 to {max_chars} characters")
        return value

    def optional_text(self, name: str, *, max_chars: int = 2048) -> str | None:
        """Read a string, or None where the member is absent or null."""
        return self.text(name, max_chars=max_chars) if self._present(name) else None

    def integer(self, name: str, *, minimum: int = 0, maximum: int = MAX_INTEGER) -> int:
        """Read an integer within bounds; a boolean or a float is none."""
        value = self._take(name)
        if not isinstance(value, int) or isinstance(value, bool) or not minimum <= value <= maximum:
            raise InvalidInput(f"{self._where}: {name!r} must be an integer from {minimum} to {maximum}")
        return value

    def boolean(self, name: str, *, default: bool | None = None) -> bool:
        """Read a boolean; where it is absent, the default, if there is one."""
        if default is not None and not self._present(name):
            return default
        value = self._take(name)
        if not isinstance(value, bool):
            raise InvalidInput(f"{self._where}: {name!r} must be true or false")
        return value

    def decoded(self, name: str, decode: Callable[[str], T]) -> T:
        """Read a string through a decoder of the text encodings, naming the member where it fails."""
        text = self.text(name)
        try:
            return decode(text)
        except (StatusListError, InvalidInput, ValueError) as exc:
            raise InvalidInput(f"{self._where}: {name!r}: {exc}") from exc

    def hash(self, name: str) -> bytes:
        """Read a 32-byte hash as base64url."""
        return self.decoded(name, decode_hash)

    def hashes(self, name: str, *, max_items: int) -> tuple[bytes, ...]:
        """Read an array of at most `max_items` 32-byte hashes as base64url."""
        return tuple(
            Fields({"hash": item}, f"{self._where}.{name}[{position}]").hash("hash")
            for position, item in enumerate(self.items(name, max_items=max_items))
        )

    def digest(self, name: str) -> bytes:
        """Read a digest: `digestMultibase`, or 64 lower-case hex digits."""
        return self.decoded(name, decode_digest)

    def child(self, name: str) -> Fields:
        """Read a member that is itself an object."""
        return Fields(self._take(name), f"{self._where}.{name}")

    def items(self, name: str, *, max_items: int) -> Sequence[JsonValue]:
        """Read an array of at most `max_items`."""
        value = self._take(name)
        if not isinstance(value, list) or len(value) > max_items:
            raise InvalidInput(f"{self._where}: {name!r} must be an array of at most {max_items} items")
        return value

    def value(self, name: str) -> JsonValue:
        """Read a member of any type."""
        return self._take(name)

    def end(self) -> None:
        """Refuse what was not read."""
        if self._members:
            names = ", ".join(repr(name[:40]) for name in sorted(self._members)[:5])
            raise InvalidInput(f"{self._where}: unknown member {names}")

    def _present(self, name: str) -> bool:
        if self._members.get(name) is not None:
            return True
        self._members.pop(name, None)
        return False

    def _take(self, name: str) -> JsonValue:
        if name not in self._members:
            raise InvalidInput(f"{self._where}: the member {name!r} is missing")
        return self._members.pop(name)


def decode_hash(text: str) -> bytes:
    """Return the 32 bytes of a hash written as base64url; StatusListError for anything else."""
    return decode_base64url(text, length=HASH_BYTES)


def decode_hex(text: str, *, size: int) -> bytes:
    """Return the bytes of `0x` and lower-case hex digits, as Ethereum writes them; InvalidInput for anything else."""
    digits = text.removeprefix("0x")
    if len(text) != 2 + 2 * size or len(digits) != 2 * size or set(digits) - set("0123456789abcdef"):
        raise InvalidInput(f"expected 0x and {2 * size} lower-case hex digits")
    return bytes.fromhex(digits)


def encode_hex(value: bytes) -> str:
    """Return `0x` and lower-case hex digits."""
    return "0x" + value.hex()


def _kind(value: JsonValue) -> str:
    if value is None:
        return "null"
    names: dict[type, str] = {bool: "a boolean", str: "a text", list: "an array"}
    return names.get(type(value), "a number")
