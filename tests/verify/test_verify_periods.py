"""Lengths of time and moments, as written and as shown."""

from __future__ import annotations

import click
import pytest

from anchor.cli.periods import read_duration, read_moment
from anchor.verify.times import duration_text

CONTEXT = click.Context(click.Command("verify"))
PARAMETER = click.Option(["--at"])


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("30m", 1_800), ("2h", 7_200), ("48h", 172_800), ("7d", 604_800)]
)
def test_duration_read_is_in_seconds(text: str, seconds: int) -> None:
    """A number and one of four units."""
    assert read_duration(CONTEXT, PARAMETER, text) == seconds


@pytest.mark.parametrize(
    "text", ["", "2", "h", "0h", "-2h", "2 h", "2H", "1.5h", "2h30m", "٢h", "9" * 12 + "s"]
)
def test_duration_of_another_form_is_wrong_usage(text: str) -> None:
    """Nothing is guessed, least of all the unit."""
    with pytest.raises(click.BadParameter, match="no length of time"):
        read_duration(CONTEXT, PARAMETER, text)


@pytest.mark.parametrize(
    ("text", "unix_s"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2026-05-01T12:00:00.9Z", 1_777_636_800),
        ("2026-05-01T14:00:00+02:00", 1_777_636_800),
        ("2026-05-01", 1_777_593_600),
    ],
)
def test_moment_read_is_in_unix_seconds(text: str, unix_s: int) -> None:
    """A time needs a time zone; a day alone is its first moment in UTC."""
    assert read_moment(CONTEXT, PARAMETER, text) == unix_s


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2026-05-01T12:00:00", "2026-02-30", "1777636800", "2026-5-1"]
)
def test_moment_of_another_form_is_wrong_usage(text: str) -> None:
    """A time without a zone names no instant."""
    with pytest.raises(click.BadParameter, match="no time with a time zone"):
        read_moment(CONTEXT, PARAMETER, text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (1, "1 second"),
        (90, "90 seconds"),
        (60, "1 minute"),
        (3_600, "1 hour"),
        (172_800, "48 hours"),
        (0, "0 seconds"),
    ],
)
def test_duration_shown_needs_no_fraction(seconds: int, text: str) -> None:
    """The largest unit that fits is used."""
    assert duration_text(seconds) == text
