"""Which status entries count for a credential, and where each stands among the lists anchored at the head."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from anchor.core.entries import CredentialEntry, Purpose, StatusEntry
from anchor.core.strict_json import JsonValue
from anchor.documents import ListState
from anchor.verify.findings import Finding, unknown
from status_lists import StatusEntry as DeclaredEntry
from status_lists import StatusListError, UnsupportedEntry, parse_status_entry

BOUND_PURPOSES = (Purpose.REVOCATION, Purpose.SUSPENSION)
"""A binding (n, index) stands for that index in list n and in list n + 1, the other of its pair."""


@dataclass(frozen=True, slots=True)
class Place:
    """One entry in one list anchored at the head."""

    state: ListState
    index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusEntries:
    """What a credential's status rests on: what it declares itself, and what its anchored entry binds."""

    declared: tuple[DeclaredEntry, ...]
    bound: StatusEntry | None
    issuer_id: bytes
    problems: tuple[Finding, ...]

    @property
    def is_empty(self) -> bool:
        """Whether there is no status to read, readable or not."""
        return not self.declared and self.bound is None and not self.problems

    @property
    def has_places(self) -> bool:
        """Whether there is anything that a list could tell about."""
        return bool(self.declared) or self.bound is not None


def status_entries(values: Sequence[JsonValue], entry: CredentialEntry) -> StatusEntries:
    """Return a credential's status entries; those of another mechanism, or malformed, become findings."""
    declared: list[DeclaredEntry] = []
    problems: list[Finding] = []
    for value in values:
        try:
            declared.append(parse_status_entry(value))
        except UnsupportedEntry as exc:
            problems.append(
                _unknown("status_unsupported", f"its status stands elsewhere, not checked here: {exc}")
            )
        except StatusListError as exc:
            problems.append(_unknown("status_malformed", f"its status entry cannot be read: {exc}"))
    return StatusEntries(
        declared=tuple(declared),
        bound=entry.status,
        issuer_id=entry.issuer_id,
        problems=tuple(problems),
    )


def find_places(
    entries: StatusEntries, lists: Sequence[ListState]
) -> tuple[tuple[Place, ...], tuple[Finding, ...]]:
    """Return where each entry stands among all lists of the publisher at the head, and which do not."""
    by_url = {state.url: state for state in lists if owns_url(state)}
    places: dict[tuple[int, int], Place] = {}
    problems: list[Finding] = []
    for declared in entries.declared:
        found = _declared_place(declared, by_url)
        _collect(found, places, problems)
    if entries.bound is not None:
        for offset, purpose in enumerate(BOUND_PURPOSES):
            found = _bound_place(entries.bound, offset, purpose, entries.issuer_id, lists)
            _collect(found, places, problems)
    return tuple(places.values()), tuple(problems)


def _collect(found: Place | Finding, places: dict[tuple[int, int], Place], problems: list[Finding]) -> None:
    if isinstance(found, Place):
        places[found.state.number, found.index] = found
    else:
        problems.append(found)


def owns_url(state: ListState) -> bool:
    """Whether a URL is this list's alone: it ends in the list's number, its position in the list tree."""
    return state.url.endswith(f"/status-lists/{state.number}")


def _declared_place(declared: DeclaredEntry, by_url: Mapping[str, ListState]) -> Place | Finding:
    state = by_url.get(declared.list_url)
    if state is None:
        return _unknown(
            "status_foreign", f"its status list {declared.list_url} is none that this publisher has anchored"
        )
    size = (state.entry.purpose.label, state.entry.bits_per_entry)
    if (declared.purpose, declared.bits_per_entry) != size:
        return _unknown(
            "status_purpose",
            f"its status entry is for {declared.purpose}, but list {state.number} is anchored for {size[0]} "
            f"with {size[1]} bit(s) an entry",
        )
    if declared.index >= state.entry.length:
        return _unknown("status_range", f"its status entry lies beyond the end of list {state.number}")
    return Place(state=state, index=declared.index)


def _bound_place(
    bound: StatusEntry, offset: int, purpose: Purpose, issuer_id: bytes, lists: Sequence[ListState]
) -> Place | Finding:
    """Return the place that a binding means, if the list there is the issuer's own and of that purpose."""
    number = bound.list_number + offset
    if number >= len(lists):
        return _unknown("binding_invalid", f"it is bound to list {number}, which the head does not hold")
    state = lists[number]
    entry = state.entry
    # Whoever anchored the credential could otherwise bind it to a list that somebody else keeps clean.
    if entry.issuer_id != issuer_id or entry.purpose is not purpose or bound.index >= entry.length:
        return _unknown(
            "binding_invalid",
            f"it is bound to index {bound.index} of list {number}, no {purpose.label} entry of its issuer",
        )
    return Place(state=state, index=bound.index)


def _unknown(code: str, sentence: str) -> Finding:
    return unknown("status", code, sentence)
