"""Status changes as requests bring them: JSON, NDJSON or CSV, read strictly, row by row."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from typing import TypeVar

from anchor.core.digest import SALTED, Method
from anchor.core.entries import Purpose, StatusEntry
from anchor.core.strict_json import JsonValue, parse_strict_json
from anchor.errors import InvalidInput, NotStrictJson, TooLarge
from anchor.fields import Fields
from anchor.store.records import DigestTarget, StatusChange

T = TypeVar("T")

MAX_REASON_CHARS = 500
CSV_COLUMNS = ("list", "index", "digest", "method", "purpose", "value", "reason")
"""The columns of a CSV, in any order, named by its first line: list and index, or digest."""

_VALUES = {"true": True, "1": True, "false": False, "0": False}


def read_change(item: JsonValue, where: str) -> StatusChange:
    """Return a change from a JSON object; InvalidInput, naming the place, for anything else."""
    fields = Fields(item, where)
    purpose = fields.decoded("purpose", Purpose.from_label)
    value = _read_value(fields, purpose)
    reason = fields.text("reason", max_chars=MAX_REASON_CHARS)
    target = _read_digest(fields) if fields.has("digest") else _read_entry(fields)
    fields.end()
    return StatusChange(target=target, purpose=purpose, value=value, reason=reason)


def read_changes(body: JsonValue, *, max_items: int) -> list[StatusChange]:
    """Return the changes of a JSON body: one object, or an object whose `changes` is an array of them."""
    if isinstance(body, dict) and "changes" in body:
        fields = Fields(body, "body")
        items = fields.items("changes", max_items=max_items)
        fields.end()
        return _some([read_change(item, f"changes[{position}]") for position, item in enumerate(items)])
    return [read_change(body, "body")]


def read_ndjson(body: bytes, *, max_items: int) -> list[StatusChange]:
    """Return the changes of an NDJSON body, one object a line; empty lines are passed over."""
    lines = ((number, line) for number, line in enumerate(body.split(b"\n"), start=1) if line.strip())
    return _some(
        [
            read_change(_parse_line(line, number), f"line {number}")
            for number, line in _bounded(lines, max_items)
        ]
    )


def read_csv(body: bytes, *, max_items: int) -> list[StatusChange]:
    """Return the changes of a CSV (RFC 4180) whose first line names its columns (see CSV_COLUMNS)."""
    try:
        rows = csv.DictReader(io.StringIO(body.decode("utf-8-sig"), newline=""), strict=True)
        unknown = set(rows.fieldnames or ()) - set(CSV_COLUMNS)
        if unknown or not rows.fieldnames:
            hint = " separated by commas, not semicolons:" if ";" in (rows.fieldnames or [""])[0] else ""
            raise InvalidInput(f"the first line must name columns{hint} out of {', '.join(CSV_COLUMNS)}")
        numbered = ((rows.line_num, row) for row in rows)
        return _some([_read_row(row, f"line {number}") for number, row in _bounded(numbered, max_items)])
    except UnicodeDecodeError as exc:
        raise InvalidInput("the CSV is not UTF-8") from exc
    except csv.Error as exc:
        raise InvalidInput(f"the CSV cannot be read: {exc}") from exc


def _parse_line(line: bytes, number: int) -> JsonValue:
    try:
        return parse_strict_json(line)
    except NotStrictJson as exc:
        raise NotStrictJson(exc.reason, line=number, column=exc.column) from exc


def _bounded(items: Iterator[T], max_items: int) -> Iterator[T]:
    for count, item in enumerate(items):
        if count >= max_items:
            raise TooLarge(f"a request changes at most {max_items} status entries: split it")
        yield item


def _read_row(row: Mapping[str | None, str | list[str] | None], where: str) -> StatusChange:
    if None in row:
        raise InvalidInput(f"{where}: more values than columns")
    members: dict[str, JsonValue] = {
        str(name): value.strip() for name, value in row.items() if isinstance(value, str) and value.strip()
    }
    for name in ("list", "index"):
        if name in members:
            members[name] = _integer(str(members[name]), name, where)
    value = str(members.get("value", ""))
    if value.lower() in _VALUES:
        members["value"] = _VALUES[value.lower()]
    elif value:
        members["value"] = _integer(value, "value", where)
    return read_change(members, where)


def _integer(text: str, name: str, where: str) -> int:
    # ASCII digits only, one spelling: "0x0c", "12abc" and " 7" are numbers to some readers.
    if not (text.isascii() and text.isdigit()) or len(text) > 16 or (text[0] == "0" and text != "0"):
        raise InvalidInput(f"{where}: {name} {text[:20]!r} is no number")
    return int(text)


def _some(changes: list[StatusChange]) -> list[StatusChange]:
    if not changes:
        raise InvalidInput("there is no change in this request: name at least one")
    return changes


def _read_value(fields: Fields, purpose: Purpose) -> int:
    if purpose is Purpose.MESSAGE:
        return fields.integer("value", maximum=255)
    return int(fields.boolean("value"))


def _read_entry(fields: Fields) -> StatusEntry:
    return StatusEntry(fields.integer("list"), fields.integer("index"))


def _read_digest(fields: Fields) -> DigestTarget:
    digest = fields.digest("digest")
    salted = fields.boolean("salted", default=False)
    label = fields.optional_text("method")
    if salted and label is None:
        raise InvalidInput("'salted' goes with 'method': name both")
    code = None if label is None else Method.from_label(label) | (SALTED if salted else 0)
    return DigestTarget(digest, code)
