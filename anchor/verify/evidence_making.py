"""Evidence for holders to staple to their credentials, cut from whole lists or asked for entry by entry.

Cutting tells nobody which entry it is about. Asking tells the service: that is for issuers, who named the entry
to it in the first place, and for holders, who have nothing to hide of their own credential's place.
"""

from __future__ import annotations

from collections.abc import Sequence

from anchor.chain.protocol import Head
from anchor.core.entries import Purpose
from anchor.documents import BatchDocument, EvidenceDocument, ListState, cut_evidence, parse_evidence
from anchor.errors import InvalidInput, InvalidProof, NotFound
from anchor.verify.chain_view import ChainView
from anchor.verify.findings import Finding
from anchor.verify.neighbours import batch_of
from anchor.verify.sources import EvidenceSource, ListSource
from anchor.verify.status_evidence import anchored_list
from anchor.verify.status_places import Place, Slot, StatusEntries, find_places, names_of
from anchor.verify.trust import TrustSet

_PARTNERS = {Purpose.REVOCATION: (1, Purpose.SUSPENSION), Purpose.SUSPENSION: (-1, Purpose.REVOCATION)}
"""How far away the other list of a pair stands, and what it is for."""


async def cut_for_credential(
    entries: StatusEntries, head: Head, *, trust: TrustSet, lists: ListSource
) -> tuple[EvidenceDocument, ...]:
    """Return evidence of a credential's entries in the publisher's lists, as of the head.

    Guarantees that each leads to the head's root. Raises InvalidInput where the credential has no such entry,
    or one that fits no list; else as `batch_of` and `anchored_list`.
    """
    batch = await batch_of(head.root, head.record, lists)
    found = find_places(entries, batch.lists)
    if found.problems:
        raise InvalidInput(found.problems[0].sentence)
    if not found.places:
        raise InvalidInput("the credential has no status entry in the lists of this publisher")
    return await _cut(batch, found.places, trust=trust, lists=lists)


async def cut_for_entry(
    number: int, index: int, head: Head, *, trust: TrustSet, lists: ListSource
) -> tuple[EvidenceDocument, ...]:
    """Return evidence of one index of a list and of the other list of its pair, as `cut_for_credential`."""
    batch = await batch_of(head.root, head.record, lists)
    if number >= len(batch.lists):
        raise InvalidInput(f"batch {head.record.sequence} has no list {number}")
    states = [batch.lists[number]]
    partner = _partner_number(states[0])
    if partner is not None and partner < len(batch.lists) and is_pair(states[0], batch.lists[partner]):
        states.append(batch.lists[partner])
    states.sort(key=lambda state: state.number)
    if index >= states[0].entry.length:
        raise InvalidInput(f"index {index} is beyond list {number} of {states[0].entry.length} entries")
    places = [Place(state=state, index=index) for state in states]
    return await _cut(batch, places, trust=trust, lists=lists)


async def ask_for_credential(
    entries: StatusEntries, *, view: ChainView, source: EvidenceSource
) -> tuple[EvidenceDocument, ...]:
    """Return evidence of a credential's entries as a service gives it, naming each entry to it.

    Guarantees that each is of the entry asked for and leads to a root that the publisher has anchored; else
    raises InvalidProof. Raises InvalidInput where the credential has no entry in a list with a number.
    """
    numbered = [(slot, _number_of(slot)) for slot in entries.slots]
    asked = [(slot, number) for slot, number in numbered if number is not None]
    if not asked:
        raise InvalidInput("the credential has no status entry in the lists of this publisher")
    documents = []
    for slot, number in asked:
        document = await _asked(number, slot.index, view=view, source=source)
        if slot.list_name not in names_of(document.state):
            raise InvalidProof(f"the service's list {number} is {document.state.url}, not {slot.list_name}")
        place = slot.place_in(document.state)
        if isinstance(place, Finding):
            raise InvalidInput(place.sentence)
        documents.append(document)
    return tuple(documents)


async def ask_for_entry(
    number: int, index: int, *, view: ChainView, source: EvidenceSource
) -> tuple[EvidenceDocument, ...]:
    """Return evidence of one index of a list and of the other list of its pair, as `ask_for_credential`."""
    documents = [await _asked(number, index, view=view, source=source)]
    partner = _partner_number(documents[0].state)
    if partner is not None:
        try:
            other = await _asked(partner, index, view=view, source=source)
        except NotFound:
            return tuple(documents)
        if is_pair(documents[0].state, other.state):
            documents.append(other)
    return tuple(sorted(documents, key=lambda document: document.state.number))


def is_pair(one: ListState, other: ListState) -> bool:
    """Whether two lists are a pair: one issuer's lists for revocation and suspension, side by side, of one size."""
    step, purpose = _PARTNERS.get(one.entry.purpose, (0, None))
    return (other.number - one.number, other.entry.purpose) == (step, purpose) and (
        one.entry.issuer_id,
        one.entry.length,
    ) == (other.entry.issuer_id, other.entry.length)


async def _cut(
    batch: BatchDocument, places: Sequence[Place], *, trust: TrustSet, lists: ListSource
) -> tuple[EvidenceDocument, ...]:
    documents = []
    for place in places:
        names = trust.names_of(place.state.issuer)
        published = await anchored_list(place.state, lists, issuer_names=names)
        document = cut_evidence(batch, place.state.number, published.bits, place.index)
        assert document.root() == batch.root, "what is cut from a list that matches leads to its root"
        documents.append(document)
    return tuple(documents)


async def _asked(number: int, index: int, *, view: ChainView, source: EvidenceSource) -> EvidenceDocument:
    document = parse_evidence(await source.evidence(number, index))
    if (document.state.number, document.index) != (number, index):
        raise InvalidProof(f"the service gave evidence of another entry than index {index} of list {number}")
    if await view.find(document.root()) is None:
        raise InvalidProof(
            "the evidence leads to a root that your publisher has not anchored: is it another service's?"
        )
    return document


def _partner_number(state: ListState) -> int | None:
    step, _purpose = _PARTNERS.get(state.entry.purpose, (0, None))
    return state.number + step if step and state.number + step >= 0 else None


def _number_of(slot: Slot) -> int | None:
    if isinstance(slot.list_name, int):
        return slot.list_name
    digits = slot.list_name.rpartition("/status-lists/")[2]
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 9 else None
