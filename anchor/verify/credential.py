"""What a verifier reads from a credential: its issuer, its dates, and where its status stands.

Reading never fails: what has the wrong type becomes a finding that rules out `valid`, since a value that
cannot be read may be the one that matters.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import cast

from anchor.core.digest import Method, compact_jwt, detect_method
from anchor.core.strict_json import JsonValue, parse_strict_json
from anchor.errors import InvalidInput
from anchor.verify.findings import Finding, Outcome, unknown
from anchor.verify.sd_jwt import disclosed_payload, split_presentation
from status_lists import StatusListError
from status_lists.datetimes import parse_datetime
from status_lists.multibase import decode_base64url

MAX_STATUS_ENTRIES = 100
"""Real credentials have one to four; each may cost a request."""

_MAX_TIME_S = 253_402_300_799  # the end of the year 9999


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a credential says; of several values all count: latest start, earliest end, every issuer."""

    issuers: tuple[str, ...] = ()
    starts_ms: tuple[int, ...] = ()
    ends_ms: tuple[int, ...] = ()
    status_entries: tuple[JsonValue, ...] = ()
    status_claims: tuple[JsonValue, ...] = ()
    problems: tuple[Finding, ...] = ()

    @property
    def is_tampered(self) -> bool:
        """Whether something was added to the credential that its issuer never signed."""
        return any(problem.outcome is Outcome.FAILED for problem in self.problems)


def read_credential(method: Method, content: bytes) -> Reading:
    """Return what a credential says whose digest by this method was found right.

    A file anchored as `raw` is read as well where it is JSON or a token: otherwise a second issuer could
    anchor somebody's revoked credential once more as a mere file, and its issuer and status would not be
    looked at.
    """
    match method:
        case Method.JCS:
            return _read_json(parse_strict_json(content))
        case Method.JWT:
            return _read_token(compact_jwt(content))
        case Method.SD_JWT:
            return _read_sd_jwt(content)
        case Method.RAW:
            return _read_file(content)


def _read_file(content: bytes) -> Reading:
    form = detect_method(content, named_json=False)
    if form is not Method.RAW:
        return read_credential(form, content)
    return _read_lenient_json(content)


def _read_lenient_json(content: bytes) -> Reading:
    """Read JSON that is not strict (too precise a number, a byte order mark) but says one thing only."""
    try:
        value = json.loads(content, object_pairs_hook=_unique_members, parse_int=float)
    except _RepeatedNameError:
        return Reading(
            problems=(
                unknown(
                    "issuer", "credential_ambiguous", "the file is JSON that gives one member two values"
                ),
            )
        )
    except RecursionError:
        return Reading(problems=(_unreadable("it is nested too deeply"),))
    except ValueError:
        # Not JSON in any reading: an image, a PDF. It names nobody.
        return Reading()
    return _read_json(cast("JsonValue", value))


class _RepeatedNameError(Exception):
    """A JSON object gives one name twice."""


def _unique_members(members: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    unique = dict(members)
    if len(unique) != len(members):
        raise _RepeatedNameError
    return unique


def _read_json(value: JsonValue) -> Reading:
    return _read_members(value, _CREDENTIAL_MEMBERS) if isinstance(value, dict) else Reading()


def _read_token(token: bytes) -> Reading:
    payload = _payload(token)
    return _read_claims(payload) if isinstance(payload, dict) else Reading(problems=(payload,))


def _read_sd_jwt(content: bytes) -> Reading:
    presentation = split_presentation(content)
    payload = _payload(presentation.token)
    disclosed = disclosed_payload(payload, presentation) if isinstance(payload, dict) else payload
    return _read_claims(disclosed) if isinstance(disclosed, dict) else Reading(problems=(disclosed,))


def _payload(token: bytes) -> dict[str, JsonValue] | Finding:
    try:
        payload = parse_strict_json(decode_base64url(token.split(b".")[1].decode("ascii")))
    except (InvalidInput, StatusListError) as exc:
        return _unreadable(f"the payload of the token: {exc}")
    return payload if isinstance(payload, dict) else _unreadable("the payload of the token is no JSON object")


def _read_claims(payload: Mapping[str, JsonValue]) -> Reading:
    """Read registered claims, the credential beside them (VCDM 2.0), and the one within `vc` (VCDM 1.1)."""
    inner = payload.get("vc")
    return _merge(
        _read_members(payload, _CREDENTIAL_MEMBERS | _TOKEN_CLAIMS),
        _read_members(inner, _CREDENTIAL_MEMBERS) if isinstance(inner, dict) else Reading(),
    )


def _read_members(
    members: Mapping[str, JsonValue], readers: Mapping[str, Callable[[JsonValue], Reading]]
) -> Reading:
    # A member that is null says as much as one that is absent.
    return _merge(*(read(members[name]) for name, read in readers.items() if members.get(name) is not None))


def _merge(*readings: Reading) -> Reading:
    return Reading(
        issuers=tuple(dict.fromkeys(name for reading in readings for name in reading.issuers)),
        starts_ms=tuple(start for reading in readings for start in reading.starts_ms),
        ends_ms=tuple(end for reading in readings for end in reading.ends_ms),
        status_entries=tuple(entry for reading in readings for entry in reading.status_entries),
        status_claims=tuple(claim for reading in readings for claim in reading.status_claims),
        problems=tuple(problem for reading in readings for problem in reading.problems),
    )


def _read_issuer(value: JsonValue) -> Reading:
    if isinstance(value, dict):
        # An issuer described without an identifier names nobody who could be compared.
        value = value.get("id")
        if value is None:
            return Reading()
    if isinstance(value, str) and value:
        return Reading(issuers=(value,))
    return Reading(
        problems=(unknown("issuer", "issuer_unreadable", "the credential names its issuer by no text"),)
    )


def _read_date(name: str, value: JsonValue, *, is_end: bool) -> Reading:
    try:
        return _moment(parse_datetime(_with_zone(value)), is_end=is_end)
    except StatusListError:
        return Reading(
            problems=(unknown("dates", "date_unreadable", f"the credential's {name} is no date and time"),)
        )


def _with_zone(value: JsonValue) -> JsonValue:
    """Return a dateTime without a time zone as one in UTC, since real credentials hold such."""
    has_zone = isinstance(value, str) and (value.endswith("Z") or value[-6:-5] in ("+", "-"))
    return value if has_zone or not isinstance(value, str) else f"{value}Z"


def _read_numeric_date(name: str, value: JsonValue, *, is_end: bool) -> Reading:
    """Read seconds since 1970, with or without a fraction (RFC 7519, section 2)."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= _MAX_TIME_S:
        return Reading(
            problems=(
                unknown("dates", "date_unreadable", f"the credential's {name} is no number of seconds"),
            )
        )
    return _moment(int(value * 1000), is_end=is_end)


def _moment(unix_ms: int, *, is_end: bool) -> Reading:
    return Reading(ends_ms=(unix_ms,)) if is_end else Reading(starts_ms=(unix_ms,))


def _read_status(value: JsonValue) -> Reading:
    entries = tuple(value) if isinstance(value, list) else (value,)
    if len(entries) > MAX_STATUS_ENTRIES:
        too_many = f"the credential has more than {MAX_STATUS_ENTRIES} status entries"
        return Reading(problems=(unknown("status", "status_malformed", too_many),))
    return Reading(status_entries=entries)


def _read_token_status(value: JsonValue) -> Reading:
    """Read the `status` claim, by which tokens name lists of another kind (IETF Token Status List)."""
    return Reading(status_claims=(value,)) if isinstance(value, dict) else Reading()


def _unreadable(detail: str) -> Finding:
    return unknown("issuer", "credential_unreadable", f"the credential cannot be read: {detail}")


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
