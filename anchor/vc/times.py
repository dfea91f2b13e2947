"""Times as credentials write them."""

from __future__ import annotations

import re

from status_lists.datetimes import parse_datetime

_WITHOUT_OFFSET = re.compile(r"[0-9-]+T[0-9:.]+", re.ASCII)


def read_time(value: object) -> int:
    """
    Read a dateTimeStamp as Unix milliseconds; one without an offset counts as UTC.

    Raises MalformedValue (of `status_lists`) for anything else. Source: Verifiable Credentials Data Model 2.0, section
    4.9.1 (Representing Time): times without offset are wrong, and to be read as UTC.
    """
    if isinstance(value, str) and _WITHOUT_OFFSET.fullmatch(value):
        value += "Z"
    return parse_datetime(value)
