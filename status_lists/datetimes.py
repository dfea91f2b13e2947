"""Read and write XML Schema dateTimes as Unix milliseconds, without a clock and without local time."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from status_lists.errors import MalformedValue, OutOfRange

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_LAST_MS = (datetime(9999, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC) - _EPOCH) // _MILLISECOND

_MAX_CHARS = 64  # a fraction may have any number of digits; nobody writes so many
_DATE_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]+))?"
    r"(?:Z|([+-])(0[0-9]|1[0-3]):([0-5][0-9])|([+-])14:00)",
    re.ASCII,
)


def format_datetime(unix_ms: int) -> str:
    """Write Unix milliseconds as a dateTime in UTC with three decimals, such as `2026-05-01T12:00:00.000Z`.

    Requires a time from 1970 to 9999, else raises OutOfRange. Guarantees that `parse_datetime` gives the
    number back, and that texts sort as their times do.
    """
    if not 0 <= unix_ms <= _LAST_MS:
        raise OutOfRange(f"{unix_ms} ms is no time from 1970 to 9999")
    text = (_EPOCH + unix_ms * _MILLISECOND).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{unix_ms % 1000:03d}Z"


def parse_datetime(text: object) -> int:
    """Read a dateTimeStamp of XML Schema 1.1 as Unix milliseconds, finer digits cut off.

    Accepts `Z` and numeric offsets; a time without an offset is refused, since it names no instant, and so
    are years beyond 9999. Raises MalformedValue. Source: XML Schema 1.1 Part 2, section 3.4.28; Verifiable
    Credentials Data Model v2.0, section 4.9.
    """
    match = _DATE_TIME.fullmatch(text) if isinstance(text, str) and len(text) <= _MAX_CHARS else None
    if match is None:
        raise MalformedValue("a time is not a dateTime with offset such as 2026-05-01T12:00:00Z")
    local, fraction, sign, hours, minutes, far_sign = match.groups()
    try:
        moment = datetime.fromisoformat(local).replace(tzinfo=UTC)
    except ValueError as exc:
        raise MalformedValue(f"{local} is no day and time of the calendar") from exc
    offset_ms = (int(hours or 0) * 60 + int(minutes or 0)) * 60_000
    if far_sign:
        offset_ms, sign = 14 * 3_600_000, far_sign
    milliseconds = int((fraction or "0")[:3].ljust(3, "0"))
    return (moment - _EPOCH) // _MILLISECOND + milliseconds + (offset_ms if sign == "-" else -offset_ms)
