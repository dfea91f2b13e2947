"""What the commands print: tables, times and JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime

import click

from anchor.core.entries import StatusEntry
from anchor.core.strict_json import JsonValue


def print_json(value: JsonValue) -> None:
    """Print a value as indented JSON on stdout."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def print_table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows under titles, each column as wide as its widest cell."""
    widths = [max(len(row[column]) for row in [titles, *rows]) for column in range(len(titles))]
    for row in [titles, *rows]:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        click.echo("  ".join(cells).rstrip())


def print_fields(pairs: Sequence[tuple[str, str]]) -> None:
    """Print named values, one a line."""
    width = max(len(name) for name, _value in pairs)
    for name, value in pairs:
        click.echo(f"{name.ljust(width)}  {value}")


def time_text(time: datetime) -> str:
    """Return a time in UTC as people read it: as `anchor verify` writes it, and as --at takes it."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def time_json(time: datetime | None) -> str | None:
    """Return a time as ISO 8601 in UTC, to the second."""
    return None if time is None else time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def unix_time_text(time_s: int) -> str:
    """Return a Unix time in UTC as people read it."""
    return time_text(datetime.fromtimestamp(time_s, UTC))


def status_json(status: StatusEntry | None) -> JsonValue:
    """Return a status entry as the API writes it."""
    return None if status is None else {"list": status.list_number, "index": status.index}


def status_text(status: StatusEntry | None) -> str:
    """Return a status entry in a few words."""
    return "-" if status is None else f"list {status.list_number}, index {status.index}"


def count_text(count: int, noun: str) -> str:
    """Return a number with its noun, in the plural where it needs one."""
    ending = {"y": "ies", "h": "hes"}.get(noun[-1])
    plural = noun[:-1] + ending if ending else f"{noun}s"
    return f"{count:,} {noun if count == 1 else plural}"
