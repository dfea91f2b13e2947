"""Which form of a list, and of which time, a request asks for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from aiohttp import hdrs, web

from anchor.errors import InvalidInput
from anchor.service.list_signing import ListForm
from status_lists.datetimes import parse_datetime
from status_lists.errors import StatusListError

MAX_ACCEPT_CHARS = 1000
MAX_TIME_DIGITS = 11

_NAMES = {
    ListForm.VC: (ListForm.VC.media_type, "application/ld+json", "application/json"),
    ListForm.VC_JWT: (ListForm.VC_JWT.value,),
    ListForm.TOKEN_JWT: (ListForm.TOKEN_JWT.value,),
    ListForm.TOKEN_CWT: (ListForm.TOKEN_CWT.value,),
}
"""The forms that `Accept` chooses among, by every media type that stands for one; the usual form first."""

_RANGES = ("application/*", "*/*")
_PROOFS = {"eddsa-rdfc-2022": ListForm.VC, "eddsa-jcs-2022": ListForm.VC_JCS}
_WEIGHT = re.compile(r"0(\.[0-9]{0,3})?|1(\.0{0,3})?", re.ASCII)
_ONCE = ("proof", "time", "timestamp")


@dataclass(frozen=True, slots=True)
class AskedForm:
    """A form, and the media type that it is to be called by."""

    form: ListForm
    media_type: str


def asked_form(request: web.Request) -> AskedForm:
    """
    Return the form that a request asks for: of those that it wants most, the one that it names first.

    The JSON form is called what the request calls it: libraries in use ask for `application/ld+json`, and read nothing
    whose type has no "json" in it. `?proof=` goes before `Accept`. The usual form answers a request that names none of
    them (RFC 9110, section 12.4.1: a server may, rather than send 406).
    """
    _require_once(request)
    accept = ",".join(request.headers.getall(hdrs.ACCEPT, ()))
    proof = request.query.get("proof")
    if proof is None:
        return preferred_form(accept)
    if proof not in _PROOFS:
        raise InvalidInput(f"?proof={proof[:40]}: use one of {', '.join(_PROOFS)}")
    named = _preferred(accept, _NAMES[ListForm.VC])
    return AskedForm(_PROOFS[proof], named or ListForm.VC.media_type)


def preferred_form(accept: str) -> AskedForm:
    """Choose by an `Accept` header (RFC 9110, section 12.5.1): for each type its most specific range counts."""
    forms = {name: form for form, names in _NAMES.items() for name in names}
    name = _preferred(accept, list(forms))
    return AskedForm(forms[name], name) if name else AskedForm(ListForm.VC, ListForm.VC.media_type)


def _preferred(accept: str, names: Sequence[str]) -> str | None:
    ranges = list(_ranges(accept))
    offers: list[tuple[float, int, int, str]] = []
    for order, name in enumerate(names):
        found = _quality(ranges, name)
        if found is not None and found[0] > 0:
            offers.append((-found[0], found[1], order, name))
    return min(offers)[-1] if offers else None


def asked_time_ms(request: web.Request) -> int | None:
    """Return the time that a list is asked for as of; None for now."""
    if "time" in request.query and "timestamp" in request.query:
        raise InvalidInput("?time= and ?timestamp= both say when: give one of them")
    if "time" in request.query:
        text = request.query["time"]
        if not (text.isascii() and text.isdigit() and len(text) <= MAX_TIME_DIGITS):
            raise InvalidInput("?time= is a number of seconds since 1970")
        return int(text) * 1000
    if "timestamp" not in request.query:
        return None
    try:
        return parse_datetime(request.query["timestamp"])
    except StatusListError as exc:
        raise InvalidInput(f"?timestamp=: {exc}; a '+' in it is written %2B") from exc


def _require_once(request: web.Request) -> None:
    # Two caches, or a cache and this service, might take different ones of two.
    for name in _ONCE:
        if len(request.query.getall(name, ())) > 1:
            raise InvalidInput(f"?{name}= is given twice: give it once")


def _ranges(accept: str) -> Iterator[tuple[str, float]]:
    """Give the media ranges of a header with their weights, in order; what is no weight counts as 0."""
    for item in accept[:MAX_ACCEPT_CHARS].lower().split(","):
        name, *parameters = (part.strip() for part in item.split(";"))
        weights = [part.removeprefix("q=").strip() for part in parameters if part.startswith("q=")]
        text = weights[0] if weights else "1"
        yield name, float(text) if _WEIGHT.fullmatch(text) else 0.0


def _quality(ranges: Sequence[tuple[str, float]], name: str) -> tuple[float, int] | None:
    """Return a type's weight and the place of the range that gives it; None where no range fits."""
    for specific in (name, *_RANGES):
        fitting = [(-weight, at) for at, (given, weight) in enumerate(ranges) if given == specific]
        if fitting:
            weight, at = min(fitting)
            return -weight, at
    return None
