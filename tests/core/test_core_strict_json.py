"""Strict I-JSON: a table of texts, and properties over random and damaged ones."""

from __future__ import annotations

import json
import math
import struct
from decimal import Decimal
from typing import Any

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from anchor.core.strict_json import MAX_DEPTH, JsonValue, canonical_json, parse_strict_json
from anchor.errors import NotStrictJson
from tests.support.vector_files import content_of, load_vectors, named

STRICT = load_vectors("strict_json.json")
RFC_8785 = load_vectors("jcs.json")

REASONS = {
    "byte order mark": "byte order mark",
    "utf-8": "the text is not UTF-8",
    "syntax": "the text is not JSON: ",
    "duplicate name": "stands twice in one object",
    "lone surrogate": "lone surrogate",
    "number": "number",
    "depth": f"more than {MAX_DEPTH} levels of nesting",
}

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)
json_texts = st.builds(
    lambda value, indent, ascii_only: json.dumps(value, indent=indent, ensure_ascii=ascii_only),
    json_values,
    st.none() | st.integers(0, 2),
    st.booleans(),
)


@pytest.mark.parametrize(**named(STRICT["accept"]))
def test_parse_strict_json_of_a_strict_text_keeps_what_it_says(case: dict[str, Any]) -> None:
    """Each accepted text has the RFC 8785 form that stands beside it."""
    assert canonical_json(parse_strict_json(content_of(case))).decode("utf-8") == case["canonical"]


@pytest.mark.parametrize(**named(STRICT["refuse"]))
def test_parse_strict_json_of_another_text_names_rule_and_place(case: dict[str, Any]) -> None:
    """Each refused text is refused for its rule, at its line and column."""
    with pytest.raises(NotStrictJson) as refused:
        parse_strict_json(content_of(case))

    assert REASONS[case["rule"]] in refused.value.reason
    if case["line"] is not None:
        assert (refused.value.line, refused.value.column) == (case["line"], case["column"])
        assert str(refused.value).endswith(f" at line {case['line']}, column {case['column']}")


@pytest.mark.parametrize("case", RFC_8785["texts"], ids=lambda case: case["section"])
def test_canonical_json_of_the_examples_of_rfc_8785_is_theirs(case: dict[str, Any]) -> None:
    """Sections 3.2.2 and 3.2.3 of RFC 8785, byte for byte."""
    assert canonical_json(json.loads(case["text"])).hex() == case["canonicalHex"]


@pytest.mark.parametrize("case", RFC_8785["numbers"], ids=lambda case: case["ieee754"])
def test_canonical_json_of_the_numbers_of_rfc_8785_is_theirs(case: dict[str, Any]) -> None:
    """Appendix B of RFC 8785; and each printed number can be read again."""
    number = struct.unpack(">d", bytes.fromhex(case["ieee754"]))[0]

    assert canonical_json(number).decode("ascii") == case["canonical"]
    assert parse_strict_json(case["canonical"].encode("ascii")) == number


@pytest.mark.parametrize("case", RFC_8785["refused"], ids=lambda case: case["ieee754"])
def test_parse_strict_json_of_no_number_is_refused(case: dict[str, Any]) -> None:
    """The rows of appendix B that are errors: what other writers put there is no JSON."""
    number = struct.unpack(">d", bytes.fromhex(case["ieee754"]))[0]
    assert not math.isfinite(number)

    with pytest.raises(NotStrictJson):
        parse_strict_json(json.dumps(number).encode("ascii"))


@given(st.binary(max_size=60))
def test_parse_strict_json_of_any_bytes_raises_nothing_else(content: bytes) -> None:
    """Random bytes: a value, or NotStrictJson with a place within the text, and no other exception."""
    _check(content)


@given(
    st.lists(
        st.sampled_from(
            [
                *'{}[]:,"\\ \n\r\t0123456789.-+eE/',
                *('"a":', '"\\u0061":', "\\ud800", "\\ude00", "\\u00", "null", "true", "NaN", "-Infinity"),
                *("1e999", "0.1", "\ufeff", "\u00e9", "\U0001f600", "\x00"),
            ]
        ),
        max_size=14,
    ).map("".join)
)
@example('{"a":1,"\\u0061":1e999,"b":"\\ud800"}')
@example('[NaN,{"a":0,"a":0}]')
@example('"\\')
def test_parse_strict_json_of_any_tokens_raises_nothing_else(text: str) -> None:
    """JSON's own tokens in any order find more places than random bytes do."""
    _check(text.encode("utf-8"))


@given(json_texts.map(lambda text: text.encode("utf-8")), st.data())
def test_parse_strict_json_of_damaged_json_raises_nothing_else(content: bytes, data: st.DataObject) -> None:
    """Real JSON with bytes changed, dropped, doubled or put in."""
    damaged = bytearray(content)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(damaged)))
        until = min(len(damaged), at + data.draw(st.integers(0, 6)))
        damaged[at:until] = data.draw(
            st.just(bytes(damaged[at:until]) * 2) | st.binary(max_size=2) | st.sampled_from(_SNIPPETS)
        )

    _check(bytes(damaged))


_SNIPPETS = [b'"', b"\\u", b"\\ud800", b'{"a":1,"a":2}', b"1e400", b"\xed\xa0\x80", b"\r\n", b"[" * 129]


def _check(content: bytes) -> None:
    """Read a text; a refusal must name a place in it, and what is accepted must survive being written."""
    value, refused = _outcome(content)
    if refused is not None:
        assert 1 <= refused.line <= content.count(b"\n") + 1
        assert 1 <= refused.column <= len(content) + 1
        return
    canonical = canonical_json(value)

    assert parse_strict_json(canonical) == value
    assert canonical_json(parse_strict_json(canonical)) == canonical
    assert canonical == rfc8785.dumps(json.loads(content, parse_int=_read_integer))
    assert _decimals(canonical) == _decimals(content)


def _outcome(content: bytes) -> tuple[JsonValue, NotStrictJson | None]:
    try:
        return parse_strict_json(content), None
    except NotStrictJson as refused:
        return None, refused


def _read_integer(text: str) -> int | float:
    # RFC 8785 knows doubles only: rfc8785 refuses Python's larger integers, even those that a double holds.
    return int(text) if abs(int(text)) < 2**53 else float(text)


def _decimals(content: bytes) -> JsonValue:
    """Return the value with every number as the decimal that stands in the text."""
    value: JsonValue = json.loads(content, parse_int=Decimal, parse_float=Decimal)
    return value


@given(json_values)
def test_parse_strict_json_of_what_python_writes_is_its_value(value: JsonValue) -> None:
    """Every value that RFC 8785 can write can be read, and means the same: floats within 17 digits included."""
    try:
        content = rfc8785.dumps(value)
    except rfc8785.CanonicalizationError:
        with pytest.raises(NotStrictJson):
            parse_strict_json(json.dumps(value).encode("utf-8"))
        return

    assert parse_strict_json(content) == value


@given(
    name=st.text(max_size=4),
    openings=st.lists(st.sampled_from("[{"), max_size=6),
    escaped=st.booleans(),
)
def test_parse_strict_json_of_a_name_twice_at_any_depth_is_refused(
    *, name: str, openings: list[str], escaped: bool
) -> None:
    """However deep, and however the second one is spelt."""
    first = json.dumps(name, ensure_ascii=False)
    units = name.encode("utf-16-be").hex()
    second = '"' + "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4)) + '"'
    head = "".join("[" if opening == "[" else '{"x":' for opening in openings)
    tail = "".join("]" if opening == "[" else "}" for opening in reversed(openings))
    text = f"{head}{{{first}:0,\n{second if escaped else first}:0}}{tail}"

    with pytest.raises(NotStrictJson, match="twice in one object at line") as refused:
        parse_strict_json(text.encode("utf-8"))

    assert (refused.value.line, refused.value.column) == (2, 1)


@given(st.integers(0, 0x7FF), st.sampled_from(["{0}", "a{0}b", "{0}\\u0041", "\\ud83d\\ude00{0}", "{0}{0}"]))
def test_parse_strict_json_of_any_lone_surrogate_is_refused(offset: int, shape: str) -> None:
    """All 2,048 of them, alone, beside text, beside a pair and beside themselves."""
    escape = f"\\u{0xD800 + offset:04x}"
    text = '{"a":[\n  "' + shape.replace("{0}", escape) + '"]}'

    with pytest.raises(NotStrictJson, match="lone surrogate at line 2, column 3"):
        parse_strict_json(text.encode("ascii"))


@given(st.from_regex(r"-?(0|[1-9][0-9]{0,24})(\.[0-9]{1,24})?([eE][+-]?[0-9]{1,4})?", fullmatch=True))
@example("9007199254740993")
@example("4485.0")
@example("18446744073709551616")
@example("0.1000000000000000000000001")
@example("-0.0")
@example("5e-324")
@example("2.4e-324")
def test_parse_strict_json_of_any_number_is_exact_or_refused(text: str) -> None:
    """A number passes exactly if the text that RFC 8785 prints has the same decimal value."""
    double = float(text)
    exact = math.isfinite(double) and Decimal(text) == Decimal(rfc8785.dumps(double).decode("ascii"))

    if exact:
        assert canonical_json(parse_strict_json(text.encode("ascii"))) == rfc8785.dumps(double)
    else:
        with pytest.raises(NotStrictJson):
            parse_strict_json(text.encode("ascii"))


def test_parse_strict_json_of_an_unclosed_string_full_of_escapes_is_read_once() -> None:
    """Quadratic time would make a file of a megabyte an attack: this one would take the better part of an hour."""
    text = b'"' + b'\\"' * 500_000 + b"[" * 129

    with pytest.raises(NotStrictJson, match="unterminated string starting at line 1, column 1"):
        parse_strict_json(text)
