"""What a case of tests/vectors/bad_lists.json is, and the good list and entry that it changes one thing in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from status_lists.bitstring import set_entry
from status_lists.credential import StatusList, list_document
from status_lists.encoding import encode_list

NOW_MS = 1_780_315_200_000
"""The verifier's time: 2026-06-01T12:00:00Z."""

URL = "https://lists.example/status-lists/0"
MAX_LIST_BYTES = 1_048_576
LENGTH = 131_072
SET_INDEXES = (5, 94_567)  # 5 and its mirror images in byte and list, 2 and 131,066, differ

MALFORMED = "MALFORMED_VALUE_ERROR"
VERIFICATION = "STATUS_VERIFICATION_ERROR"
TOO_SHORT = "STATUS_LIST_LENGTH_ERROR"
RANGE = "RANGE_ERROR"

MESSAGES = [{"status": f"0x{value}", "message": f"m{value}"} for value in range(4)]
"""What the values of two-bit entries mean."""

Document = dict[str, Any]
Change = Callable[[Document], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One list and one entry; `expect` is the name of an error, or a status with its purpose."""

    name: str
    why: str
    expect: str | dict[str, object]
    change: Change = field(default=lambda _document: None)
    entry: Document = field(default_factory=lambda: good_entry(5))
    securing: str = "sound"
    min_entries: int = LENGTH


def good_list(issuer: str, *, purpose: str = "revocation", messages: tuple[str, ...] = ()) -> Document:
    """Make the unsigned good list: entries 5 and 94,567 are 1, or 2 where they have two bits."""
    bits_per_entry = {0: 1, 2: 1, 4: 2}[len(messages)]
    status_list = StatusList(
        url=URL, issuer=issuer, purpose=purpose, bits_per_entry=bits_per_entry, messages=messages
    )
    bits = status_list.empty_bits()
    for index in SET_INDEXES:
        set_entry(bits, index, bits_per_entry, bits_per_entry)
    return list_document(
        status_list,
        bits,
        valid_from_ms=NOW_MS - 60_000,
        valid_until_ms=NOW_MS + 86_400_000,
        ttl_ms=300_000,
    )


def good_entry(index: object, **members: object) -> Document:
    """Make the `credentialStatus` of the credential at an index."""
    return {
        "id": f"{URL}#5",
        "type": "BitstringStatusListEntry",
        "statusPurpose": "revocation",
        "statusListIndex": str(index) if isinstance(index, int) and not isinstance(index, bool) else index,
        "statusListCredential": URL,
        **members,
    }


def listed(name: str, why: str, expect: str, change: Change) -> Case:
    """Make a case whose list is bad, and whose entry is good."""
    return Case(name=name, why=why, expect=expect, change=change)


def entered(name: str, why: str, expect: str, entry: Document) -> Case:
    """Make a case whose entry is bad, and whose list is good."""
    return Case(name=name, why=why, expect=expect, entry=entry)


def with_members(**members: object) -> Change:
    """Set members of the list's document."""
    return lambda document: document.update(members)


def with_subject(**members: object) -> Change:
    """Set members of the list's subject."""
    return lambda document: document["credentialSubject"].update(members)


def without(name: str) -> Change:
    """Remove a member of the list's document."""
    return lambda document: document.pop(name)


def without_in_subject(name: str) -> Change:
    """Remove a member of the list's subject."""
    return lambda document: document["credentialSubject"].pop(name)


def with_bits(bits: bytes) -> Change:
    """Make the list one of these bits, well compressed."""
    return with_subject(encodedList=encode_list(bits, level=9))
