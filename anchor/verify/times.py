"""Times and lengths of time as people read them."""

from __future__ import annotations

from datetime import UTC, datetime

_UNITS = ((3_600, "hour"), (60, "minute"))


def utc_text(unix_s: int) -> str:
    """Return a time as ISO 8601 in UTC; the bare number of seconds beyond the calendar's end."""
    try:
        return datetime.fromtimestamp(unix_s, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OverflowError, ValueError, OSError):
        return f"{unix_s} s after 1970"


def duration_text(seconds: int) -> str:
    """Return a length of time in hours, minutes or seconds: the largest of them that needs no fraction."""
    size, name = next(
        ((size, name) for size, name in _UNITS if seconds >= size and seconds % size == 0), (1, "second")
    )
    count = seconds // size
    return f"{count} {name}{'' if count == 1 else 's'}"
