"""
Strict I-JSON (RFC 7493): the only JSON whose RFC 8785 form says the same as its text.

Two readers of one text must not see two documents. So a text is refused that repeats a name (readers keep different
ones), holds a lone surrogate (no UTF-8 exists for it), or writes a number that RFC 8785 would print with another value
(two different texts would share one digest).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from itertools import chain, pairwise
from typing import NoReturn, cast

import rfc8785

from anchor.errors import NotStrictJson

JsonValue = None | bool | int | float | str | list["JsonValue"] | dict[str, "JsonValue"]

MAX_DEPTH = 128
"""Levels of nesting that are read: real credentials have 14, and recursion in any reader must stay harmless."""

_MAX_NUMBER_CHARS = 400
"""No double needs more: longer texts are refused before their digits cost time."""

_MAX_SAFE_INTEGER = 2**53 - 1
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
# Possessive and with an optional end, so that an unclosed string is one symbol: looking for its end again from
# every escaped quote within would take quadratic time.
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"?|-?[0-9][0-9.eE+-]*|NaN|-?Infinity|[{}\[\]:,]', re.DOTALL)
_NAN_AND_INFINITIES = frozenset({"NaN", "Infinity", "-Infinity"})


class _Fault(Exception):
    """A rule broken at a place that the parser's hook does not know; `_locate` finds it."""


def parse_strict_json(content: bytes) -> JsonValue:
    """
    Return the value of a strict I-JSON text.

    Guarantees that `canonical_json` of the result has the same members, strings and decimal values as the text.
    Raises NotStrictJson, with line and column, for anything else: no UTF-8, a byte order mark, a repeated name, a lone
    surrogate, a number that RFC 8785 would change, or more than MAX_DEPTH levels.
    """
    text = _decode_utf8(content)
    _check_depth(text)
    try:
        value = json.loads(
            text,
            object_pairs_hook=_unique_members,
            parse_int=_exact_integer,
            parse_float=_exact_float,
            parse_constant=_refuse_constant,
        )
    except json.JSONDecodeError as exc:
        raise NotStrictJson(_plain(exc.msg), line=exc.lineno, column=exc.colno) from exc
    except _Fault as exc:
        raise _locate(text) from exc
    if _ESCAPED_SURROGATE.search(text):
        _check_surrogates(text)
    return cast("JsonValue", value)


def canonical_json(value: JsonValue) -> bytes:
    """Return the RFC 8785 form of a value that `parse_strict_json` returned."""
    return rfc8785.dumps(value)


def _decode_utf8(content: bytes) -> str:
    if content.startswith(b"\xef\xbb\xbf"):
        raise NotStrictJson("the file begins with a byte order mark: remove it", line=1, column=1)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as exc:
        good = content[: exc.start].decode("utf-8")
        raise _fault_at(good, len(good), "the text is not UTF-8") from exc


def _plain(parser_message: str) -> str:
    # Some of the parser's messages end in "at", to be followed by the position.
    message = parser_message.removesuffix(" at")
    return f"the text is not JSON: {message[0].lower()}{message[1:]}"


def _check_depth(text: str) -> None:
    # A text with fewer brackets than levels allowed cannot be too deep: the usual case costs one count.
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return
    depth = 0
    for match in _TOKEN.finditer(text):
        symbol = match.group()
        if symbol in "{[":
            depth += 1
            if depth > MAX_DEPTH:
                raise _fault_at(text, match.start(), f"more than {MAX_DEPTH} levels of nesting")
        elif symbol in "}]":
            depth -= 1


def _unique_members(members: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    unique = dict(members)
    if len(unique) != len(members):
        raise _Fault
    return unique


def _exact_integer(text: str) -> int | float:
    if len(text) <= 16 and -_MAX_SAFE_INTEGER <= (small := int(text)) <= _MAX_SAFE_INTEGER:
        return small
    return _exact_float(text)


def _exact_float(text: str) -> float:
    if _number_problem(text):
        raise _Fault
    return float(text)


def _number_problem(text: str) -> str | None:
    """Return why RFC 8785 would change the number's decimal value, or None where it would not."""
    if len(text) > _MAX_NUMBER_CHARS:
        return f"a number of more than {_MAX_NUMBER_CHARS} characters"
    try:
        # Both sides as decimals: the text's exact value, and that of the shortest form that RFC 8785 prints.
        unchanged = Decimal(text) == Decimal(rfc8785.dumps(float(text)).decode("ascii"))
    except (InvalidOperation, rfc8785.CanonicalizationError):
        unchanged = False
    return None if unchanged else f"the number {text[:40]} has no exact double and would be changed"


def _refuse_constant(_text: str) -> NoReturn:
    raise _Fault


def _check_surrogates(text: str) -> None:
    for match in _TOKEN.finditer(text):
        if match.group().startswith('"') and _LONE_SURROGATE.search(json.loads(match.group(), strict=False)):
            raise _fault_at(text, match.start(), "a string holds a lone surrogate")


def _locate(text: str) -> NotStrictJson:
    """Find the first repeated name or unusable number of a text that JSON's grammar accepts."""
    # One entry an open bracket: the names seen so far in an object, None in an array.
    open_names: list[set[str] | None] = []
    for match, is_name in _tokens_with_roles(text):
        symbol = match.group()
        reason = None
        if symbol in "{[":
            open_names.append(set() if symbol == "{" else None)
        elif symbol in "}]":
            open_names.pop()
        elif is_name:
            name = json.loads(symbol, strict=False)
            names = open_names[-1]
            if names is not None and name in names:
                reason = f"the name {symbol[:60]} stands twice in one object"
            elif names is not None:
                names.add(name)
        elif symbol in _NAN_AND_INFINITIES:
            reason = f"{symbol} is no JSON number"
        elif symbol[0] in "-0123456789":
            reason = _number_problem(symbol)
        if reason:
            return _fault_at(text, match.start(), reason)
    raise AssertionError("the parser's hooks refused a text in which nothing is wrong")


def _tokens_with_roles(text: str) -> Iterator[tuple[re.Match[str], bool]]:
    """Yield each token with whether it is a member's name (a string before a colon); one token is held at a time."""
    for match, following in pairwise(chain(_TOKEN.finditer(text), (None,))):
        if match is not None:
            yield match, match.group()[0] == '"' and following is not None and following.group() == ":"


def _fault_at(text: str, offset: int, reason: str) -> NotStrictJson:
    line = text.count("\n", 0, offset) + 1
    column = offset - (text.rfind("\n", 0, offset) + 1) + 1
    return NotStrictJson(reason, line=line, column=column)
