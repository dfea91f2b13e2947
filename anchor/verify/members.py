"""The members of a credential and the claims of a token that a verifier reads (docs/protocol.md, Digest).

What has the wrong type becomes a finding that rules out `valid`: a value that cannot be read may be the one
that matters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from anchor.core.strict_json import JsonValue
from anchor.core.verdict import Verdict
from anchor.verify.findings import ruled, unknown
from anchor.verify.reading import NOTHING, Reading, merge, not_read, problem_with
from status_lists import StatusListError
from status_lists.datetimes import parse_datetime

MAX_STATUS_ENTRIES = 100
"""Real credentials have one to four; each may cost a request."""

VOCABULARY = "https://www.w3.org/2018/credentials#"
"""Full names of the members of a credential begin so: `…#issuer` is another spelling of `issuer`."""

_MAX_TIME_S = 253_402_300_799  # the end of the year 9999
_TOKEN_LIST = "status_list"  # noqa: S105 - the name of a claim


def read_members(members: Mapping[str, JsonValue], *, is_token: bool) -> Reading:
    """Return what an object says by its own members; with `is_token` by registered claims, too (RFC 7519)."""
    readers = _CREDENTIAL_MEMBERS | (_TOKEN_CLAIMS if is_token else _JSON_MEMBERS)
    # A member that is null says as much as one that is absent.
    found = merge(*(read(members[name]) for name, read in readers.items() if members.get(name) is not None))
    if any(name.startswith(VOCABULARY) for name in members):
        return merge(found, not_read("it names its members by full URLs"))
    return found


def read_old_badge(assertion: Mapping[str, JsonValue]) -> Reading:
    """Return what an Open Badges 2.0 assertion says beside this: its badge's issuer, its end, its revocation."""
    badge = assertion.get("badge")
    issuer = badge.get("issuer") if isinstance(badge, dict) else None
    if issuer is None:
        named = not_read("an Open Badges 2 assertion whose issuer stands in another document")
    else:
        named = _read_issuer(issuer)
    if isinstance(issuer, dict) and issuer.get("revocationList") is not None:
        elsewhere = "its issuer keeps a list of revoked badges elsewhere, not checked here"
        named = merge(named, problem_with(unknown("status", "status_unsupported", elsewhere)))
    ends = assertion.get("expires")
    return merge(
        named,
        NOTHING if ends is None else _read_date("expires", ends, is_end=True),
        _read_revoked(assertion.get("revoked")),
    )


def _read_revoked(value: JsonValue) -> Reading:
    if value is None or value is False:
        return NOTHING
    if value is True:
        return problem_with(ruled("status", Verdict.REVOKED, "revoked", "the badge itself says: revoked"))
    return problem_with(
        unknown("status", "status_malformed", "the badge's revoked is neither true nor false")
    )


def _read_issuer(value: JsonValue) -> Reading:
    if isinstance(value, dict):
        # An issuer described without an identifier names nobody who could be compared.
        value = value.get("id")
        if value is None:
            return NOTHING
    if isinstance(value, str) and value:
        return Reading(issuers=(value,))
    return problem_with(unknown("issuer", "issuer_unreadable", "the credential names its issuer by no text"))


def _read_date(name: str, value: JsonValue, *, is_end: bool) -> Reading:
    try:
        return _moment(parse_datetime(_with_zone(value)), is_end=is_end)
    except StatusListError:
        return problem_with(
            unknown("dates", "date_unreadable", f"the credential's {name} is no date and time")
        )


def _with_zone(value: JsonValue) -> JsonValue:
    """Return a dateTime without a time zone as one in UTC, since real credentials hold such."""
    has_zone = isinstance(value, str) and (value.endswith("Z") or value[-6:-5] in ("+", "-"))
    return value if has_zone or not isinstance(value, str) else f"{value}Z"


def _read_numeric_date(name: str, value: JsonValue, *, is_end: bool) -> Reading:
    """Read seconds since 1970, with or without a fraction (RFC 7519, section 2)."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= _MAX_TIME_S:
        return problem_with(
            unknown("dates", "date_unreadable", f"the credential's {name} is no number of seconds")
        )
    return _moment(int(value * 1000), is_end=is_end)


def _moment(unix_ms: int, *, is_end: bool) -> Reading:
    return Reading(ends_ms=(unix_ms,)) if is_end else Reading(starts_ms=(unix_ms,))


def _read_status(value: JsonValue) -> Reading:
    return Reading(status_entries=tuple(value) if isinstance(value, list) else (value,))


def _read_token_status(value: JsonValue) -> Reading:
    """Read the `status` claim, by which tokens name lists of another kind (IETF Token Status List)."""
    if isinstance(value, dict):
        return Reading(status_claims=(value,))
    return problem_with(unknown("status", "status_malformed", "the token's status claim is no object"))


def _read_json_status(value: JsonValue) -> Reading:
    """Read a token's `status` claim outside a token; any other use of so common a word says nothing."""
    is_claim = isinstance(value, dict) and _TOKEN_LIST in value
    return Reading(status_claims=(value,)) if is_claim else NOTHING


_CREDENTIAL_MEMBERS: dict[str, Callable[[JsonValue], Reading]] = {
    "issuer": _read_issuer,
    "validFrom": partial(_read_date, "validFrom", is_end=False),
    "issuanceDate": partial(_read_date, "issuanceDate", is_end=False),
    "validUntil": partial(_read_date, "validUntil", is_end=True),
    "expirationDate": partial(_read_date, "expirationDate", is_end=True),
    "credentialStatus": _read_status,
}

_TOKEN_CLAIMS: dict[str, Callable[[JsonValue], Reading]] = {
    "iss": _read_issuer,
    "nbf": partial(_read_numeric_date, "nbf", is_end=False),
    "exp": partial(_read_numeric_date, "exp", is_end=True),
    "status": _read_token_status,
}

_JSON_MEMBERS: dict[str, Callable[[JsonValue], Reading]] = {"status": _read_json_status}
