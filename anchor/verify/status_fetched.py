"""Status from whole lists: at the head of the chain, or as it was at a past time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from anchor.chain.protocol import Head
from anchor.documents import ListState
from anchor.errors import ChainUnavailable, InvalidProof, NotFound, ServiceUnavailable
from anchor.verify.anchorage_files import FindDeparture
from anchor.verify.as_of import AsOf, check_age
from anchor.verify.chain_view import ChainView
from anchor.verify.findings import Finding, unknown
from anchor.verify.moment import Moment, check_span
from anchor.verify.neighbours import batch_of, span_at
from anchor.verify.sources import ListSource
from anchor.verify.status_evidence import anchored_list, newer_list
from anchor.verify.status_places import Place, StatusEntries, find_places
from anchor.verify.status_rules import STEP, StatusRead, judge, unreadable
from anchor.verify.trust import TrustSet
from status_lists import PublishedList, get_entry


async def read_lists(
    entries: StatusEntries,
    head: Head,
    *,
    view: ChainView,
    trust: TrustSet,
    lists: ListSource,
    find_departure: FindDeparture | None,
    moment: Moment,
) -> StatusRead:
    """Read every entry in lists that match a root; never raises for what cannot be had.

    `find_departure` is asked once the anchorage's batches are not where they were. What is found in one list
    stands whatever happens with the others: an entry that cannot be checked hides
    no revocation.
    """
    try:
        return await _read_wherever(
            entries, head, view=view, trust=trust, lists=lists, find_departure=find_departure, moment=moment
        )
    except (NotFound, ServiceUnavailable) as exc:
        return unreadable("status_unavailable", f"the lists anchored {_when(moment)} cannot be had: {exc}")
    except InvalidProof as exc:
        return unreadable("list_mismatch", str(exc))
    except ChainUnavailable as exc:
        return unreadable("chain_unavailable", f"the chain cannot be read: {exc}")


async def _read_wherever(
    entries: StatusEntries,
    head: Head,
    *,
    view: ChainView,
    trust: TrustSet,
    lists: ListSource,
    find_departure: FindDeparture | None,
    moment: Moment,
) -> StatusRead:
    """Read in the files of the anchorage that is trusted: where they were, or where they are since it was left."""
    try:
        return await _read_in(lists, entries, head, view=view, trust=trust, moment=moment)
    except (NotFound, InvalidProof):
        departure = None if find_departure is None else await find_departure(view.anchorage)
        if departure is None:
            raise
        read = await _read_in(departure.lists, entries, head, view=view, trust=trust, moment=moment)
        return replace(read, has_moved=True)


async def _read_in(
    lists: ListSource,
    entries: StatusEntries,
    head: Head,
    *,
    view: ChainView,
    trust: TrustSet,
    moment: Moment,
) -> StatusRead:
    if moment.at_s is None:
        return await _read_at_head(entries, head, view=view, trust=trust, lists=lists, moment=moment)
    return await _read_then(entries, head, view=view, trust=trust, lists=lists, at_s=moment.at_s)


def _when(moment: Moment) -> str:
    return "last" if moment.at_s is None else "at that time"


async def _read_at_head(
    entries: StatusEntries,
    head: Head,
    *,
    view: ChainView,
    trust: TrustSet,
    lists: ListSource,
    moment: Moment,
) -> StatusRead:
    batch = await batch_of(head.root, head.record, lists)
    as_of = AsOf.head(head.record, is_final=view.is_final(head.record.block_number))
    places = find_places(entries, batch.lists)
    findings = list(places.problems)
    for place in places.places:
        findings += await _read_place(place, trust=trust, lists=lists, now_s=moment.now_s)
    if places.places:
        findings.append(check_age(as_of, max_age_s=trust.max_status_age_s, now_s=moment.now_s))
    return StatusRead(findings=tuple(findings), elsewhere=places.elsewhere, as_of=as_of)


async def _read_then(
    entries: StatusEntries,
    head: Head,
    *,
    view: ChainView,
    trust: TrustSet,
    lists: ListSource,
    at_s: int,
) -> StatusRead:
    found = await span_at(at_s, head, view=view, lists=lists)
    if found is None:
        return unreadable("status_before_first", "the publisher had anchored nothing by then")
    batch, span = found
    covered = check_span(span, view=view, trust=trust, at_s=at_s)
    if isinstance(covered, Finding):
        return StatusRead(findings=(covered,))
    places = find_places(entries, batch.lists)
    findings = list(places.problems)
    for place in places.places:
        anchored = await _anchored(place.state, _names(place.state, trust), lists)
        if isinstance(anchored, Finding):
            findings.append(anchored)
        else:
            findings += [
                ruling for ruling in [judge(place, now=_value(place, anchored))] if ruling is not None
            ]
    if places.places:
        findings.append(covered.finding)
    return StatusRead(findings=tuple(findings), elsewhere=places.elsewhere, as_of=covered.as_of)


async def _read_place(place: Place, *, trust: TrustSet, lists: ListSource, now_s: int) -> Sequence[Finding]:
    state = place.state
    names = _names(state, trust)
    anchored = await _anchored(state, names, lists)
    newer = await newer_list(state, lists, trust=trust, issuer_names=names, now_ms=now_s * 1000)
    open_findings = [found for found in (anchored, newer) if isinstance(found, Finding)]
    ruling = judge(
        place,
        now=None if isinstance(anchored, Finding) else _value(place, anchored),
        soon=None if newer is None or isinstance(newer, Finding) else _value(place, newer),
    )
    return open_findings if ruling is None else [ruling, *open_findings]


async def _anchored(state: ListState, names: Sequence[str], lists: ListSource) -> PublishedList | Finding:
    try:
        return await anchored_list(state, lists, issuer_names=names)
    except (NotFound, ServiceUnavailable) as exc:
        return unknown(STEP, "status_unavailable", str(exc))
    except InvalidProof as exc:
        return unknown(STEP, "list_mismatch", str(exc))


def _names(state: ListState, trust: TrustSet) -> Sequence[str]:
    listed = trust.issuer(state.issuer)
    return (state.issuer, *(listed.names if listed else ()))


def _value(place: Place, published: PublishedList) -> int:
    return get_entry(published.bits, place.index, place.state.entry.bits_per_entry)
