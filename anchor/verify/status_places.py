"""Which status entries count for a credential, and where each stands among the lists that a root anchors."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from anchor.core.entries import CredentialEntry, Purpose, StatusEntry
from anchor.core.strict_json import JsonValue
from anchor.documents import ListState
from anchor.verify.findings import Finding, unknown
from status_lists import StatusEntry as DeclaredEntry
from status_lists import StatusListError, UnsupportedEntry, parse_status_entry
from status_lists.token_list import TokenReference, parse_status_claim

BOUND_PURPOSES = (Purpose.REVOCATION, Purpose.SUSPENSION)
"""A binding (n, index) stands for that index in list n and in list n + 1, the other of its pair."""

_LIST_PATH = "/status-lists/"
_ANCHORED_URL = re.compile(r".*/status-lists/[0-9]+", re.ASCII | re.DOTALL)
_TOKEN_LIST = "status_list"  # noqa: S105 - the name of a claim


@dataclass(frozen=True, slots=True)
class Place:
    """One entry in one anchored list."""

    state: ListState
    index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One status entry that counts for a credential, whatever its list says and wherever that is found.

    `list_name` is the list's URL where the credential declares the entry itself, the list's number where its
    anchored entry binds it. `owner_id` is given for bound entries: the issuer whose list it must be.
    """

    list_name: str | int
    index: int
    purpose: str
    bits_per_entry: int = 1
    owner_id: bytes | None = None
    declared: DeclaredEntry | None = None

    def place_in(self, state: ListState) -> Place | Finding:
        """Return the place in the list of that name, or why the list is none for this entry."""
        return self._bound_place(state) if self.declared is None else self._declared_place(state)

    def _declared_place(self, state: ListState) -> Place | Finding:
        size = (state.entry.purpose.label, state.entry.bits_per_entry)
        if (self.purpose, self.bits_per_entry) != size:
            return _unknown(
                "status_purpose",
                f"its status entry is for {self.purpose}, but list {state.number} is anchored for {size[0]} "
                f"with {size[1]} bit(s) an entry",
            )
        if self.index >= state.entry.length:
            return _unknown("status_range", f"its status entry lies beyond the end of list {state.number}")
        return Place(state=state, index=self.index)

    def _bound_place(self, state: ListState) -> Place | Finding:
        entry = state.entry
        # Whoever anchored the credential could otherwise bind it to a list that somebody else keeps clean.
        fits = entry.issuer_id == self.owner_id and entry.purpose.label == self.purpose
        if not fits or entry.bits_per_entry != self.bits_per_entry or self.index >= entry.length:
            return _unknown(
                "binding_invalid",
                f"it is bound to index {self.index} of list {state.number}, no {self.purpose} entry of its "
                "issuer",
            )
        return Place(state=state, index=self.index)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusEntries:
    """What a credential's status rests on: what it declares itself, and what its anchored entry binds."""

    slots: tuple[Slot, ...]
    tokens: tuple[TokenReference, ...] = ()
    problems: tuple[Finding, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is no status to read, readable or not."""
        return not self.slots and not self.tokens and not self.problems


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundPlaces:
    """Where entries stand, which of them stand in lists of somebody else, and what is wrong with the others."""

    places: tuple[Place, ...]
    elsewhere: tuple[DeclaredEntry, ...]
    problems: tuple[Finding, ...]


def status_entries(
    values: Sequence[JsonValue], claims: Sequence[JsonValue], entry: CredentialEntry
) -> StatusEntries:
    """Return a credential's status entries; those of another mechanism, or malformed, become findings.

    `values` are its `credentialStatus` objects, `claims` its `status` claims (IETF Token Status List).
    """
    slots: list[Slot] = []
    tokens: list[TokenReference] = []
    problems: list[Finding] = []
    for value in values:
        try:
            slots.append(_declared_slot(parse_status_entry(value)))
        except StatusListError as exc:
            problems.append(_unreadable(exc))
    for claim in claims:
        try:
            tokens.append(_token_reference(claim))
        except StatusListError as exc:
            problems.append(_unreadable(exc))
    slots += _bound_slots(entry.status, entry.issuer_id)
    return StatusEntries(slots=tuple(slots), tokens=tuple(tokens), problems=tuple(problems))


def find_places(entries: StatusEntries, lists: Iterable[ListState]) -> FoundPlaces:
    """Return where each entry stands among all lists of the publisher at one root."""
    by_name = {name: state for state in lists for name in names_of(state)}
    places: dict[tuple[int, int], Place] = {}
    elsewhere: list[DeclaredEntry] = []
    problems: list[Finding] = []
    for slot in entries.slots:
        state = by_name.get(slot.list_name)
        if state is not None:
            found = slot.place_in(state)
            if isinstance(found, Place):
                places[found.state.number, found.index] = found
            else:
                problems.append(found)
        elif slot.declared is not None:
            elsewhere.append(slot.declared)
        else:
            problems.append(
                _unknown("binding_invalid", f"it is bound to list {slot.list_name}, which does not exist")
            )
    return FoundPlaces(places=tuple(places.values()), elsewhere=tuple(elsewhere), problems=tuple(problems))


def names_of(state: ListState) -> tuple[str | int, ...]:
    """Return the names under which a list is found: its number, and its URL if that is its own."""
    return (state.number, state.url) if owns_url(state) else (state.number,)


def owns_url(state: ListState) -> bool:
    """Whether a URL is this list's alone: it ends in the list's number, its position in the list tree."""
    return state.url.endswith(f"{_LIST_PATH}{state.number}")


def may_be_anchored(url: str) -> bool:
    """Whether a list of this URL may be one of the publisher's: it ends as all of them do, in a number."""
    return _ANCHORED_URL.fullmatch(url) is not None


def _declared_slot(declared: DeclaredEntry) -> Slot:
    return Slot(
        list_name=declared.list_url,
        index=declared.index,
        purpose=declared.purpose,
        bits_per_entry=declared.bits_per_entry,
        declared=declared,
    )


def _bound_slots(bound: StatusEntry | None, issuer_id: bytes) -> list[Slot]:
    if bound is None:
        return []
    return [
        Slot(
            list_name=bound.list_number + offset, index=bound.index, purpose=purpose.label, owner_id=issuer_id
        )
        for offset, purpose in enumerate(BOUND_PURPOSES)
    ]


def _token_reference(claim: JsonValue) -> TokenReference:
    if isinstance(claim, dict) and _TOKEN_LIST not in claim:
        raise UnsupportedEntry(f"the claim status names no {_TOKEN_LIST}")
    return parse_status_claim(claim)


def _unreadable(exc: StatusListError) -> Finding:
    if isinstance(exc, UnsupportedEntry):
        return _unknown("status_unsupported", f"its status stands elsewhere, not checked here: {exc}")
    return _unknown("status_malformed", f"its status entry cannot be read ({exc.code}): {exc}")


def _unknown(code: str, sentence: str) -> Finding:
    return unknown("status", code, sentence)
