"""Read the documents that anyone publishes: a status list credential, and the entry in a credential.

Strict where the specification says MUST, and open to what it allows: an issuer as text or object, one purpose
or several, a subject alone or in an array of one. Source: W3C Bitstring Status List v1.0, sections 2.1 and
2.2.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from status_lists.bitstring import BITS_PER_ENTRY, parse_index
from status_lists.credential import (
    CONTEXT_V2,
    CREDENTIAL_TYPE,
    ENTRY_TYPE,
    LIST_CREDENTIAL_TYPE,
    LIST_TYPE,
    MESSAGE,
    MIN_ENTRIES,
)
from status_lists.datetimes import parse_datetime
from status_lists.encoding import decode_list
from status_lists.errors import ListTooShort, MalformedValue, UnsupportedEntry
from status_lists.json_text import parse_json_object

_MAX_LENGTH = 2**63  # more entries than any list can have; an index is compared with its own list later
_MAX_SAFE_INTEGER = 2**53 - 1  # RFC 7493 section 2.2: beyond, JSON readers differ
_MESSAGE_STATUS = re.compile(r"0x([0-9a-fA-F]{1,2})", re.ASCII)
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s]+", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedList:
    """A status list as it was published; its signature is checked elsewhere.

    `url` is None where the document names none: the list then counts as that of the URL it was fetched from.
    Times are Unix milliseconds, None where the document states none. `bits_per_entry` is None where the
    document names no size, as lists secured with `eddsa-rdfc-2022` cannot; `messages` is then empty.
    """

    url: str | None
    issuer: str
    purposes: tuple[str, ...]
    bits: bytes
    valid_from_ms: int | None
    valid_until_ms: int | None
    ttl_ms: int | None
    bits_per_entry: int | None = None
    messages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusEntry:
    """Where a credential's status stands: the list, the purpose, the index, and the size of the entry.

    `messages` has one text for each value of the entry, or is empty.
    """

    list_url: str
    purpose: str
    index: int
    bits_per_entry: int = 1
    messages: tuple[str, ...] = ()


def parse_list_document(
    document: Mapping[str, object] | bytes,
    *,
    max_bits_bytes: int,
    min_entries: int = MIN_ENTRIES,
) -> PublishedList:
    """Read a BitstringStatusListCredential, ours or anyone's, of which nothing is trusted yet.

    `max_bits_bytes` bounds the expanded bitstring; `min_entries` is 131,072 unless an ecosystem sets another
    bound. Raises MalformedValue (ListTooLarge beyond the bound) and ListTooShort. Does not check the
    signature, the dates or the address: see `verify_list` and `check_status`.
    """
    if isinstance(document, bytes):
        document = parse_json_object(document)
    _check_context(document.get("@context"))
    types = _texts(document.get("type"), "type")
    if CREDENTIAL_TYPE not in types or LIST_CREDENTIAL_TYPE not in types:
        raise MalformedValue(f"the document is no {LIST_CREDENTIAL_TYPE}; its type says otherwise")
    subject = _subject(document.get("credentialSubject"))
    bits_per_entry = _status_size(subject["statusSize"]) if "statusSize" in subject else None
    purposes = _texts(subject.get("statusPurpose"), "statusPurpose")
    bits = decode_list(_text(subject.get("encodedList"), "encodedList"), max_bytes=max_bits_bytes)
    if len(bits) * 8 < min_entries:
        raise ListTooShort(f"a list of {len(bits) * 8} bits has fewer than {min_entries} entries")
    return PublishedList(
        url=None if "id" not in document else _url(document["id"], "id"),
        issuer=_issuer(document.get("issuer")),
        purposes=purposes,
        bits=bits,
        valid_from_ms=_time(document, "validFrom"),
        valid_until_ms=_time(document, "validUntil"),
        ttl_ms=None if "ttl" not in subject else _ttl(subject["ttl"]),
        bits_per_entry=bits_per_entry,
        messages=_list_messages(subject, purposes, bits_per_entry),
    )


def parse_status_entry(value: object) -> StatusEntry:
    """Read one `credentialStatus` object of type BitstringStatusListEntry.

    Raises UnsupportedEntry for another type and for entry sizes other than 1, 2, 4 and 8 bits, MalformedValue
    for whatever breaks a MUST of section 2.1, OutOfRange for an index that no list can have.
    """
    if not isinstance(value, Mapping):
        raise MalformedValue("credentialStatus is not an object")
    types = _texts(value.get("type"), "credentialStatus.type")
    if ENTRY_TYPE not in types:
        raise UnsupportedEntry(f"credentialStatus of type {types[0][:64]!r} is no {ENTRY_TYPE}")
    list_url = _url(value.get("statusListCredential"), "statusListCredential")
    if "id" in value and value["id"] == list_url:
        raise MalformedValue("credentialStatus.id is the URL of the list; it must name the entry")
    bits_per_entry = _status_size(value.get("statusSize", 1))
    return StatusEntry(
        list_url=list_url,
        purpose=_text(value.get("statusPurpose"), "statusPurpose"),
        index=parse_index(value.get("statusListIndex"), _MAX_LENGTH),
        bits_per_entry=bits_per_entry,
        messages=_messages(value.get("statusMessage"), bits_per_entry),
    )


def _check_context(value: object) -> None:
    if not isinstance(value, list) or not value or value[0] != CONTEXT_V2:
        raise MalformedValue(f"@context is not an array that begins with {CONTEXT_V2}")


def _subject(value: object) -> Mapping[str, object]:
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, Mapping):
        raise MalformedValue("credentialSubject is not one object")
    if LIST_TYPE not in _texts(value.get("type"), "credentialSubject.type"):
        raise MalformedValue(f"credentialSubject is no {LIST_TYPE}; its type says otherwise")
    return value


def _issuer(value: object) -> str:
    if isinstance(value, Mapping):
        value = value.get("id")
    return _url(value, "issuer")


def _time(document: Mapping[str, object], name: str) -> int | None:
    return parse_datetime(document[name]) if name in document else None


def _ttl(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MAX_SAFE_INTEGER:
        raise MalformedValue("ttl is not a whole number of milliseconds")
    return value


def _status_size(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise MalformedValue("statusSize is not an integer greater than zero")
    if value not in BITS_PER_ENTRY:
        raise UnsupportedEntry(f"entries of {value if value < 1_000 else 'very many'} bits are not supported")
    return value


def _list_messages(
    subject: Mapping[str, object], purposes: tuple[str, ...], bits_per_entry: int | None
) -> tuple[str, ...]:
    """Read the messages of a list that says its entry size; only a list of messages must have them."""
    if bits_per_entry is None or (MESSAGE not in purposes and "statusMessages" not in subject):
        return ()
    return _messages(subject.get("statusMessages"), bits_per_entry)


def _messages(value: object, bits_per_entry: int) -> tuple[str, ...]:
    """Order the messages by the value they explain; each value has exactly one."""
    if value is None:
        if bits_per_entry > 1:
            raise MalformedValue("entries of more than one bit have no messages")
        return ()
    if not isinstance(value, list) or len(value) != 2**bits_per_entry:
        raise MalformedValue(f"statusMessage is not an array of {2**bits_per_entry} messages")
    found: dict[int, str] = {}
    for item in value:
        if not isinstance(item, Mapping):
            raise MalformedValue("a statusMessage is not an object")
        match = _MESSAGE_STATUS.fullmatch(_text(item.get("status"), "statusMessage.status"))
        if match is None:
            raise MalformedValue("a statusMessage's status is not hexadecimal with 0x before it")
        found[int(match[1], 16)] = _text(item.get("message"), "statusMessage.message")
    if sorted(found) != list(range(2**bits_per_entry)):
        raise MalformedValue("statusMessage does not explain each value once")
    return tuple(found[status] for status in sorted(found))


def _text(value: object, name: str) -> str:
    if not isinstance(value, str) or not value:
        raise MalformedValue(f"{name} is missing or not a text")
    return value


def _texts(value: object, name: str) -> tuple[str, ...]:
    """Read one text, or an array of at least one."""
    values = value if isinstance(value, list) else [value]
    if not values:
        raise MalformedValue(f"{name} is empty")
    return tuple(_text(item, name) for item in values)


def _url(value: object, name: str) -> str:
    text = _text(value, name)
    if _ABSOLUTE.fullmatch(text) is None:
        raise MalformedValue(f"{name} is not an absolute URL")
    return text
