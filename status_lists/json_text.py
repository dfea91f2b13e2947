"""Write JSON, and read what strangers wrote: each name once, nothing that two readers read differently."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping

from status_lists.errors import MalformedValue

_MAX_NUMBER_CHARS = 32
_SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")


def parse_json_object(data: bytes) -> dict[str, object]:
    """Parse one JSON object in UTF-8.

    Raises MalformedValue for anything else: a byte order mark, names that occur twice, halves of surrogate
    pairs, NaN, Infinity and numbers that become it, nesting too deep, integers of more than 32 characters.
    The caller bounds the size of `data`.
    """
    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_object_of,
            parse_constant=_refuse_constant,
            parse_int=_integer_of,
            parse_float=_float_of,
        )
        if _SURROGATE_ESCAPE.search(data):
            write_json_object({"": value})
    except (UnicodeError, json.JSONDecodeError) as exc:
        raise MalformedValue("the document is not JSON in UTF-8") from exc
    except RecursionError as exc:
        raise MalformedValue("the document is nested too deeply") from exc
    if not isinstance(value, dict):
        raise MalformedValue("the document is not a JSON object")
    return value


def write_json_object(document: Mapping[str, object]) -> bytes:
    """Write one JSON object compactly in UTF-8; equal members in equal order give equal bytes."""
    return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8")


def _object_of(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise MalformedValue("a JSON object names a member twice; readers differ in which one they take")
    return result


def _refuse_constant(name: str) -> object:
    raise MalformedValue(f"{name} is not JSON")


def _integer_of(text: str) -> int:
    if len(text) > _MAX_NUMBER_CHARS:
        raise MalformedValue(f"a number of {len(text)} characters is too long")
    return int(text)


def _float_of(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise MalformedValue("a number is too large for any reader")
    return value
