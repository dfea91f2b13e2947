"""
The rules of the Verifiable Credentials Data Model for credentials and presentations: 2.0, and 1.1 where it differs.

A check returns every fault that it finds, in words, each naming the member; an empty result means that the document
keeps the rules. Proofs are checked elsewhere, and so is what JSON-LD makes of the terms.

Source: W3C Verifiable Credentials Data Model 2.0, sections 4 and 5; the same 1.1, section 4.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial

from anchor.core.strict_json import JsonValue
from anchor.vc.contexts import CREDENTIALS_V1, CREDENTIALS_V2
from anchor.vc.related_digest import is_digest_multibase, is_digest_sri
from anchor.vc.times import read_time
from status_lists.credential import ENTRY_TYPE
from status_lists.errors import StatusListError
from status_lists.published import parse_status_entry

CREDENTIAL = "VerifiableCredential"
PRESENTATION = "VerifiablePresentation"
ENVELOPED = "EnvelopedVerifiableCredential"

MAX_ITEMS = 200
"""Subjects, status entries, enclosed credentials and the like."""

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`]+")
_LANGUAGE_VALUE = frozenset({"@value", "@language", "@direction"})

Faults = Iterator[str]
Check = Callable[[str, JsonValue], Faults]


def is_url(value: object) -> bool:
    """Whether a value is one absolute URL, which `did:`, `urn:` and `data:` are too."""
    return isinstance(value, str) and _URL.fullmatch(value) is not None


def is_version_1(document: Mapping[str, JsonValue]) -> bool:
    """Whether a document says that it follows version 1 of the model."""
    context = document.get("@context")
    return isinstance(context, list) and context[:1] == [CREDENTIALS_V1]


def identifier(value: JsonValue) -> str | None:
    """Return the URL of an issuer or holder, given as text or as an object with an id; None where it has none."""
    found = value.get("id") if isinstance(value, dict) else value
    return found if isinstance(found, str) and is_url(found) else None


def credential_faults(document: Mapping[str, JsonValue]) -> tuple[str, ...]:
    """Return what is wrong with a credential, by version 2.0 or 1.1, whichever it says it follows."""
    required = ("issuer", "credentialSubject", *(("issuanceDate",) if is_version_1(document) else ()))
    return (*_faults(document, CREDENTIAL, required, _CREDENTIAL_CHECKS), *_period(document))


def presentation_faults(document: Mapping[str, JsonValue]) -> tuple[str, ...]:
    """Return what is wrong with a presentation; the credentials in it are checked each by themselves."""
    return tuple(_faults(document, PRESENTATION, (), _PRESENTATION_CHECKS))


def _faults(
    document: Mapping[str, JsonValue], kind: str, required: tuple[str, ...], checks: Mapping[str, Check]
) -> Faults:
    yield from _context(document.get("@context"))
    yield from _types("type", document.get("type"), required=kind)
    for name in required:
        if name not in document:
            yield f"{name} is missing"
    for name, check in checks.items():
        if name in document:
            yield from check(name, document[name])


def _context(value: JsonValue) -> Faults:
    if not isinstance(value, list) or value[:1] not in ([CREDENTIALS_V2], [CREDENTIALS_V1]):
        yield f"@context is not an array that begins with {CREDENTIALS_V2}"
    elif not all(isinstance(item, dict) or is_url(item) for item in value):
        yield "@context holds something that is neither a URL nor an object"


def _types(name: str, value: JsonValue, *, required: str | None = None) -> Faults:
    types = value if isinstance(value, list) else [value]
    if not types or not all(isinstance(item, str) and item for item in types):
        yield f"{name} is missing, or not one or more texts"
    elif required is not None and required not in types:
        yield f"{name} does not include {required}"


def _url(name: str, value: JsonValue) -> Faults:
    if not is_url(value):
        yield f"{name} is not one URL"


def _objects(name: str, value: JsonValue, *, check: Check) -> Faults:
    """Check one object, or each of an array of at least one."""
    items = value if isinstance(value, list) else [value]
    if not 1 <= len(items) <= MAX_ITEMS:
        yield f"{name} holds {len(items)} objects, not 1 to {MAX_ITEMS}"
        return
    for item in items:
        if isinstance(item, dict):
            yield from check(name, item)
        else:
            yield f"{name} holds something that is no object"


def _typed(name: str, value: JsonValue, *, needs_id: bool) -> Faults:
    """Check an object of one of the extension points: it has a type, and its id, if any, is a URL."""
    if not isinstance(value, dict):
        return
    yield from _types(f"{name}.type", value.get("type"))
    if needs_id or "id" in value:
        yield from _url(f"{name}.id", value.get("id"))


def _status(name: str, value: JsonValue) -> Faults:
    faults = list(_typed(name, value, needs_id=False))
    yield from faults
    if not faults and isinstance(value, dict) and ENTRY_TYPE in _as_list(value["type"]):
        try:
            parse_status_entry(value)
        except StatusListError as exc:
            yield f"{name}: {exc}"


def _subject(name: str, value: JsonValue) -> Faults:
    if not value:
        yield f"{name} is empty: it makes no claim"
    elif isinstance(value, dict) and "id" in value:
        yield from _url(f"{name}.id", value["id"])


def _party(name: str, value: JsonValue) -> Faults:
    """Check an issuer or holder."""
    if identifier(value) is None:
        yield f"{name} is neither a URL nor an object whose id is one"
    elif isinstance(value, dict):
        for member in ("name", "description"):
            if member in value:
                yield from _language_text(f"{name}.{member}", value[member])


def _language_text(name: str, value: JsonValue) -> Faults:
    """Check a text, a language value object, or several of these (section 11.1)."""
    for item in _as_list(value):
        if isinstance(item, dict):
            is_right = isinstance(item.get("@value"), str) and item.keys() <= _LANGUAGE_VALUE
            is_right = is_right and isinstance(item.get("@language", ""), str)
            if not is_right or item.get("@direction", "ltr") not in ("ltr", "rtl"):
                yield f"{name} is no language value object"
        elif not isinstance(item, str):
            yield f"{name} is neither a text nor a language value object"


def _time(name: str, value: JsonValue) -> Faults:
    try:
        read_time(value)
    except StatusListError:
        yield f"{name} is no dateTimeStamp such as 2026-05-01T12:00:00Z"


def _period(document: Mapping[str, JsonValue]) -> Faults:
    try:
        start, end = (read_time(document.get(name)) for name in ("validFrom", "validUntil"))
    except StatusListError:
        return
    if start > end:
        yield "validUntil is before validFrom"


def _related(name: str, value: JsonValue) -> Faults:
    yield from _objects(name, value, check=_related_one)
    ids = [item.get("id") for item in _as_list(value) if isinstance(item, dict)]
    if len({str(found) for found in ids}) != len(ids):
        yield f"{name} names one resource twice"


def _related_one(name: str, value: JsonValue) -> Faults:
    if not isinstance(value, dict):
        return
    yield from _url(f"{name}.id", value.get("id"))
    if "digestSRI" not in value and "digestMultibase" not in value:
        yield f"{name} has neither digestSRI nor digestMultibase"
    if "digestSRI" in value and not is_digest_sri(value["digestSRI"]):
        yield f"{name}.digestSRI is no SHA-2 digest in base64 after its name"
    if "digestMultibase" in value and not is_digest_multibase(value["digestMultibase"]):
        yield f"{name}.digestMultibase is no multihash in multibase"
    if not isinstance(value.get("mediaType", ""), str):
        yield f"{name}.mediaType is no text"


def _enclosed(name: str, value: JsonValue) -> Faults:
    """Check that an object says it is a credential, plain or enveloped (section 4.13)."""
    if not isinstance(value, dict):
        return
    types = _as_list(value.get("type"))
    if ENVELOPED in types:
        if not isinstance(value.get("id"), str) or not str(value["id"]).startswith("data:"):
            yield f"{name}: the id of an enveloped credential is no data: URL"
    elif CREDENTIAL not in types:
        yield f"{name}.type includes neither {CREDENTIAL} nor {ENVELOPED}"


def _as_list(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else [value]


_extension = partial(_objects, check=partial(_typed, needs_id=False))

_CREDENTIAL_CHECKS: dict[str, Check] = {
    "id": _url,
    "issuer": _party,
    "credentialSubject": partial(_objects, check=_subject),
    "validFrom": _time,
    "validUntil": _time,
    "issuanceDate": _time,
    "expirationDate": _time,
    "name": _language_text,
    "description": _language_text,
    "credentialStatus": partial(_objects, check=_status),
    "credentialSchema": partial(_objects, check=partial(_typed, needs_id=True)),
    "refreshService": _extension,
    "termsOfUse": _extension,
    "evidence": _extension,
    "renderMethod": _extension,
    "confidenceMethod": _extension,
    "relatedResource": _related,
}

_PRESENTATION_CHECKS: dict[str, Check] = {
    "id": _url,
    "holder": _party,
    "verifiableCredential": partial(_objects, check=_enclosed),
    "termsOfUse": _extension,
}
