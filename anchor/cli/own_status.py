"""The status entries that a credential names itself, and which of them to bind into its leaf."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from anchor.core.entries import Purpose, StatusEntry
from anchor.core.strict_json import JsonValue
from anchor.errors import InvalidInput
from anchor.verify.reading import Reading

_PAIRED = {Purpose.REVOCATION.label: 0, Purpose.SUSPENSION.label: 1}
"""How far a list's number is from the first of its pair: revocation n, suspension n + 1."""


@dataclass(frozen=True, slots=True)
class NamedEntry:
    """A W3C BitstringStatusListEntry of a credential: the list's URL, its purpose, the index as written."""

    url: str
    purpose: str
    index: str


def named_entries(reading: Reading) -> tuple[NamedEntry, ...]:
    """Return the bitstring status entries that a credential names; entries of other mechanisms are left out."""
    return tuple(entry for entry in map(_named_entry, reading.status_entries) if entry is not None)


def entry_to_bind(named: Sequence[NamedEntry], *, base_url: str) -> StatusEntry | None:
    """Return the entry in the service's own lists that a credential names; None where it names none.

    It is given in the first list of its pair. Raises InvalidInput where the credential names two, or an index
    that is none: bound to another entry, a revocation would not reach it.
    """
    entries = {
        entry for entry in (_own_entry(item, base_url=base_url) for item in named) if entry is not None
    }
    if len(entries) > 1:
        raise InvalidInput("the credential names two different entries in this service's status lists")
    return entries.pop() if entries else None


def names_bitstring_lists(named: Sequence[NamedEntry]) -> bool:
    """Whether it takes the service's base URL to tell if an entry is to be bound."""
    return any(item.purpose in _PAIRED for item in named)


def _named_entry(value: JsonValue) -> NamedEntry | None:
    if not isinstance(value, dict) or value.get("type") != "BitstringStatusListEntry":
        return None
    url, purpose, index = (
        value.get("statusListCredential"),
        value.get("statusPurpose"),
        value.get("statusListIndex"),
    )
    if not isinstance(url, str) or not isinstance(purpose, str):
        return None
    return NamedEntry(url=url, purpose=purpose, index=str(index))


def _own_entry(item: NamedEntry, *, base_url: str) -> StatusEntry | None:
    prefix = f"{base_url}/status-lists/"
    if not item.url.startswith(prefix) or item.purpose not in _PAIRED:
        return None
    number, index = _integer(item.url.removeprefix(prefix)), _integer(item.index)
    first = None if number is None else number - _PAIRED[item.purpose]
    if first is None or first < 0 or index is None:
        raise InvalidInput(
            f"the credential names {item.url[:200]} index {item.index[:40]!r}, which cannot be"
        )
    return StatusEntry(list_number=first, index=index)


def _integer(text: str) -> int | None:
    canonical = text == "0" or (text.isascii() and text.isdigit() and text[0] != "0")
    return int(text) if canonical and len(text) <= 15 else None
