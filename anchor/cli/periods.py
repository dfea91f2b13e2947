"""Lengths of time and moments as they are written on a command line."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time

import click

from status_lists import StatusListError
from status_lists.datetimes import parse_datetime

_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_DURATION = re.compile(r"([1-9][0-9]{0,8})([smhd])", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


def read_duration(_context: click.Context, _parameter: click.Parameter, text: str | None) -> int | None:
    """Return the seconds of `30m`, `2h`, `48h`, `7d`; a usage error for anything else."""
    if text is None:
        return None
    match = _DURATION.fullmatch(text)
    if match is None:
        raise click.BadParameter(f"{text[:40]!r} is no length of time: write 90s, 30m, 2h or 7d")
    return int(match[1]) * _SECONDS[match[2]]


def read_moment(_context: click.Context, _parameter: click.Parameter, text: str | None) -> int | None:
    """Return the Unix seconds of an ISO 8601 time with a time zone, or of the first moment of a day in UTC."""
    if text is None:
        return None
    try:
        if _DATE.fullmatch(text):
            return int(datetime.combine(date.fromisoformat(text), time(), tzinfo=UTC).timestamp())
        return parse_datetime(text) // 1000
    except (StatusListError, ValueError) as exc:
        raise click.BadParameter(
            f"{text[:40]!r} is no time with a time zone: write 2026-05-01T12:00:00Z, or 2026-05-01 for its "
            "first moment in UTC"
        ) from exc
