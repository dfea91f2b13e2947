"""XML Schema dateTimes and Unix milliseconds."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from status_lists.datetimes import format_datetime, parse_datetime
from status_lists.errors import MalformedValue, OutOfRange

LAST_MS = 253_402_300_799_999


@given(st.integers(0, LAST_MS))
def test_datetime_any_time_round_trips(unix_ms: int) -> None:
    """What is written reads back to the same millisecond."""
    assert parse_datetime(format_datetime(unix_ms)) == unix_ms


@given(st.integers(0, LAST_MS), st.integers(0, LAST_MS))
def test_format_datetime_sorts_as_time(one: int, other: int) -> None:
    """Texts compare as their times do."""
    assert (format_datetime(one) < format_datetime(other)) == (one < other)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2021-04-05T14:27:40Z", 1_617_632_860_000),
        ("2021-04-05T14:27:40.5Z", 1_617_632_860_500),
        ("2021-04-05T14:27:40.1239999Z", 1_617_632_860_123),
        ("2021-04-05T14:27:40+00:00", 1_617_632_860_000),
        ("2021-04-05T14:27:40-00:00", 1_617_632_860_000),
        ("2021-04-05T16:27:40+02:00", 1_617_632_860_000),
        ("2021-04-05T04:57:40-09:30", 1_617_632_860_000),
        ("2021-04-06T04:27:40+14:00", 1_617_632_860_000),
        ("1969-12-31T23:59:59.999Z", -1),
        ("9999-12-31T23:59:59.999Z", LAST_MS),
        ("0001-01-01T00:00:00+14:00", -62_135_596_800_000 - 14 * 3_600_000),
    ],
)
def test_parse_datetime_reads_offsets_and_fractions(text: str, expected: int) -> None:
    """Offsets are taken off, finer digits than milliseconds cut off, and both ends of the calendar work."""
    assert parse_datetime(text) == expected


@given(st.datetimes(timezones=st.just(UTC)))
def test_parse_datetime_agrees_with_the_standard_library(moment: datetime) -> None:
    """Any time that Python writes is read as Python means it."""
    expected = (moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1_000

    assert parse_datetime(moment.isoformat()) == pytest.approx(expected, abs=1)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2021-04-05",
        "2021-04-05T14:27:40",
        "2021-04-05 14:27:40Z",
        "2021-04-05t14:27:40z",
        "2021-04-05T14:27Z",
        "2021-04-05T14:27:40.Z",
        "2021-02-30T14:27:40Z",
        "2021-04-05T24:00:00Z",
        "2021-04-05T14:27:60Z",
        "0000-01-01T00:00:00Z",
        "12021-04-05T14:27:40Z",
        "2021-04-05T14:27:40+14:01",
        "2021-04-05T14:27:40+15:00",
        "2021-04-05T14:27:40+0200",
        "2021-04-05T14:27:40Z\n",
        " 2021-04-05T14:27:40Z",
        "\uff12021-04-05T14:27:40Z",
        '2021-04-05T14:27:40Z" .',
        "2021-04-05T14:27:40." + "1" * 100 + "Z",
        None,
        0,
        1617632860000,
        True,
        [],
        {},
        b"2021-04-05T14:27:40Z",
    ],
)
def test_parse_datetime_other_form_is_malformed(text: object) -> None:
    """A time without offset, a day that does not exist, another spelling or type: no time."""
    with pytest.raises(MalformedValue):
        parse_datetime(text)


@pytest.mark.parametrize("unix_ms", [-1, LAST_MS + 1, 10**20])
def test_format_datetime_beyond_the_calendar_is_refused(unix_ms: int) -> None:
    """Times before 1970 and after 9999 are not written."""
    with pytest.raises(OutOfRange):
        format_datetime(unix_ms)
