"""The times in tokens, seconds since 1970 (RFC 7519 section 2, NumericDate), and what they rule out."""

from __future__ import annotations

import math
from collections.abc import Mapping

from status_lists.errors import ListNotCurrent, MalformedValue

_MAX_SAFE_INTEGER = 2**53 - 1


def read_seconds(value: object, name: str) -> int:
    """Read a count of seconds, a fraction cut off.

    Raises MalformedValue for anything but a number from 0 to 2**53 - 1: text, true, NaN, negative numbers.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise MalformedValue(f"{name} is not a number of seconds")
    if not math.isfinite(value) or not 0 <= value <= _MAX_SAFE_INTEGER:
        raise MalformedValue(f"{name} is not a number of seconds from 0 to 2**53 - 1")
    return int(value)


def read_optional_seconds(claims: Mapping[str, object], name: str) -> int | None:
    """Read the claim of that name as `read_seconds` does, None where the token has none."""
    return read_seconds(claims[name], name) if name in claims else None


def check_token_times(*, not_before_s: int | None, expires_at_s: int | None, now_ms: int) -> None:
    """Check that a token counts now: at or after its `nbf` or `iat`, and before its `exp`.

    Raises ListNotCurrent. Source: RFC 7519, sections 4.1.4 and 4.1.5.
    """
    if not_before_s is not None and now_ms < not_before_s * 1_000:
        early_s = not_before_s - now_ms / 1_000
        raise ListNotCurrent(f"the token is from {early_s:.1f} s in the future; check both clocks")
    if expires_at_s is not None and now_ms >= expires_at_s * 1_000:
        late_s = now_ms / 1_000 - expires_at_s
        raise ListNotCurrent(f"the token expired {late_s:.1f} s ago; fetch it again")
