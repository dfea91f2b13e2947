"""The strict reader of JSON objects: a table of members, and what it says of those it refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchor.core.strict_json import JsonValue
from anchor.errors import InvalidInput
from anchor.fields import MAX_INTEGER, Fields, decode_hash, decode_hex, encode_hex
from status_lists.errors import StatusListError

HASH_TEXT = "A" * 42 + "E"
HASH = bytes(31) + b"\x01"

Read = Callable[[Fields], Any]


def fields(**members: Any) -> Fields:
    """Return a reader of an object."""
    return Fields(dict(members), "it")


def text(reader: Fields) -> str:
    """Read a short text."""
    return reader.text("m", max_chars=4)


def integer(reader: Fields) -> int:
    """Read an integer within bounds."""
    return reader.integer("m", minimum=1, maximum=9)


def boolean(reader: Fields) -> bool:
    """Read a boolean without a default."""
    return reader.boolean("m")


def hash32(reader: Fields) -> bytes:
    """Read a hash."""
    return reader.hash("m")


def hashes(reader: Fields) -> tuple[bytes, ...]:
    """Read at most two hashes."""
    return reader.hashes("m", max_items=2)


def items(reader: Fields) -> Any:
    """Read at most two items of any type."""
    return reader.items("m", max_items=2)


def child(reader: Fields) -> int:
    """Read an inner object with one member."""
    inner = reader.child("m")
    value = inner.integer("n")
    inner.end()
    return value


READ: list[tuple[Read, Any, Any]] = [
    (text, "a", "a"),
    (text, "four", "four"),
    (text, "\U0001f600" * 4, "\U0001f600" * 4),
    (text, " ", " "),
    (integer, 1, 1),
    (integer, 9, 9),
    (boolean, True, True),
    (boolean, False, False),
    (hash32, HASH_TEXT, HASH),
    (hashes, [], ()),
    (hashes, [HASH_TEXT, "A" * 43], (HASH, bytes(32))),
    (items, [1, None], [1, None]),
    (child, {"n": 0}, 0),
]

REFUSED: list[tuple[Read, Any, str]] = [
    (text, "", "it: 'm' must be a text of 1 to 4 characters"),
    (text, "fives", "it: 'm' must be a text of 1 to 4 characters"),
    (text, None, "must be a text"),
    (text, 1, "must be a text"),
    (text, ["a"], "must be a text"),
    (integer, 0, "it: 'm' must be an integer from 1 to 9"),
    (integer, 10, "must be an integer from 1 to 9"),
    (integer, -1, "must be an integer"),
    (integer, 1.0, "must be an integer"),
    (integer, True, "must be an integer"),
    (integer, "1", "must be an integer"),
    (integer, None, "must be an integer"),
    (boolean, 0, "it: 'm' must be true or false"),
    (boolean, 1, "must be true or false"),
    (boolean, "true", "must be true or false"),
    (boolean, None, "must be true or false"),
    (hash32, "A" * 42, "it: 'm': "),
    (hash32, "A" * 44, "it: 'm': "),
    (hash32, "A" * 42 + "B", "it: 'm': "),
    (hash32, "A" * 43 + "=", "it: 'm': "),
    (hash32, "A" * 42 + "+", "it: 'm': "),
    (hash32, "A" * 42 + "\u00e9", "it: 'm': "),
    (hash32, 0, "it: 'm' must be a text"),
    (hashes, [HASH_TEXT] * 3, "it: 'm' must be an array of at most 2 items"),
    (hashes, {}, "must be an array"),
    (hashes, HASH_TEXT, "must be an array"),
    (hashes, [HASH_TEXT, None], r"it\.m\[1\]: "),
    (hashes, ["A"], r"it\.m\[0\]: "),
    (items, [1, 2, 3], "must be an array of at most 2 items"),
    (items, "ab", "must be an array"),
    (child, None, r"it\.m must be a JSON object, not null"),
    (child, [], r"it\.m must be a JSON object, not an array"),
    (child, "n", r"it\.m must be a JSON object, not a text"),
    (child, 1, r"it\.m must be a JSON object, not a number"),
    (child, 1.5, r"it\.m must be a JSON object, not a number"),
    (child, False, r"it\.m must be a JSON object, not a boolean"),
    (child, {}, r"it\.m: the member 'n' is missing"),
    (child, {"n": 0, "o": 1}, r"it\.m: unknown member 'o'"),
]


def _name(value: Any) -> str | None:
    return value.__name__ if callable(value) else repr(value)[:30]


@pytest.mark.parametrize(("read", "value", "expected"), READ, ids=_name)
def test_fields_member_of_its_type_is_read_once(read: Read, value: Any, expected: Any) -> None:
    """The value comes out, the object is then used up, and reading again finds nothing."""
    reader = fields(m=value)
    found = read(reader)

    assert found == expected
    assert type(found) is type(expected)
    reader.end()
    with pytest.raises(InvalidInput, match="it: the member 'm' is missing"):
        read(reader)


@pytest.mark.parametrize(("read", "value", "message"), REFUSED, ids=_name)
def test_fields_member_of_another_type_is_refused_by_name(read: Read, value: Any, message: str) -> None:
    """The message names the object, the member and what it must be."""
    with pytest.raises(InvalidInput, match=message):
        read(fields(m=value))


@pytest.mark.parametrize("read", [text, integer, boolean, hash32, hashes, items, child], ids=_name)
def test_fields_member_that_is_missing_is_refused_by_name(read: Read) -> None:
    """No member has a silent default."""
    with pytest.raises(InvalidInput, match="it: the member 'm' is missing"):
        read(fields(other=1))


def test_fields_integer_without_bounds_ends_where_json_readers_disagree() -> None:
    """RFC 7493, section 2.2: beyond 2^53 - 1 some readers see another number."""
    assert fields(m=MAX_INTEGER).integer("m") == 2**53 - 1
    with pytest.raises(InvalidInput):
        fields(m=MAX_INTEGER + 1).integer("m")


@pytest.mark.parametrize("members", [{}, {"m": None}])
def test_fields_optional_member_absent_or_null_is_its_default(members: dict[str, Any]) -> None:
    """Where a default is asked for, absent and null mean the same, and null is used up by reading."""
    reader = fields(**members)

    assert not reader.has("m")
    assert reader.optional_text("m") is None
    reader.end()
    assert fields(**members).boolean("m", default=True) is True
    assert fields(**members).boolean("m", default=False) is False


def test_fields_optional_member_of_another_type_is_refused() -> None:
    """Optional is not lenient."""
    with pytest.raises(InvalidInput, match="must be a text"):
        fields(m=1).optional_text("m")
    with pytest.raises(InvalidInput, match="must be true or false"):
        fields(m="no").boolean("m", default=False)
    with pytest.raises(InvalidInput, match="must be a text"):
        fields(m="").optional_text("m")


def test_fields_end_names_the_first_few_unknown_members_shortened() -> None:
    """A hostile document cannot fill a log with its names."""
    reader = fields(**{f"{number}{'x' * 100}": 1 for number in range(9)})

    with pytest.raises(InvalidInput, match="it: unknown member '0x") as refused:
        reader.end()

    assert len(str(refused.value)) < 300


def test_fields_leave_the_document_as_it_was() -> None:
    """Reading uses up the reader's own copy."""
    document: dict[str, JsonValue] = {"m": 1}
    Fields(document, "it").integer("m")

    assert document == {"m": 1}


@pytest.mark.parametrize("value", [None, [], "", 0, 1.5, True])
def test_fields_of_no_object_is_refused(value: Any) -> None:
    """Only an object has members."""
    with pytest.raises(InvalidInput, match="it must be a JSON object, not"):
        Fields(value, "it")


@given(st.binary(max_size=40))
def test_hex_of_any_bytes_round_trips(value: bytes) -> None:
    """0x and lower-case digits, two a byte."""
    assert decode_hex(encode_hex(value), size=len(value)) == value


@pytest.mark.parametrize(
    "value",
    [
        "",
        "0x",
        "0xA0",
        "0xa",
        "0xa00",
        "a0",
        "a0a0",
        "0X00",
        "0x0g",
        "0x 0",
        " 0xa0",
        "0xa0\n",
        "0x\uff10\uff11",
    ],
)
def test_hex_of_another_spelling_is_refused(value: str) -> None:
    """One spelling: other cases, lengths, digits and spaces are refused, and only with InvalidInput."""
    with pytest.raises(InvalidInput, match="expected 0x and 2 lower-case hex digits"):
        decode_hex(value, size=1)


def test_hash_of_another_spelling_is_refused_with_the_decoders_error() -> None:
    """Callers outside of Fields translate it themselves."""
    assert decode_hash(HASH_TEXT) == HASH
    with pytest.raises(StatusListError):
        decode_hash(HASH_TEXT + "=")
