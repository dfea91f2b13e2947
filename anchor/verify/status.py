"""Status: every status entry of a credential, now or at a past time, from whatever source there is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from anchor.chain.protocol import Head
from anchor.core.verdict import Verdict
from anchor.errors import ChainUnavailable
from anchor.verify.anchorage_files import FindDeparture
from anchor.verify.as_of import AsOf
from anchor.verify.chain_view import ChainView
from anchor.verify.findings import Finding, passed, unknown
from anchor.verify.foreign_lists import ForeignLists
from anchor.verify.moment import Moment
from anchor.verify.sources import ListSource
from anchor.verify.status_fetched import read_lists
from anchor.verify.status_places import StatusEntries, may_be_anchored
from anchor.verify.status_rules import STEP, StatusRead, unreadable
from anchor.verify.status_stapled import StapledReader
from anchor.verify.trust import TrustSet
from status_lists import StatusEntry as DeclaredEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusSources:
    """Where status is read from, none of it trusted: evidence at hand, whole lists, lists of others.

    `lists` is asked only for what the evidence does not tell; None where nothing may be fetched. `find_departure`
    knows where it has the batches of an anchorage that the publisher has left.
    """

    evidence: Sequence[bytes]
    lists: ListSource | None
    find_departure: FindDeparture | None
    foreign: ForeignLists


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusResult:
    """What the status entries say, as of when (None where no root was read), and whether the publisher moved since."""

    findings: tuple[Finding, ...]
    as_of: AsOf | None = None
    has_moved: bool = False


async def check_status(
    entries: StatusEntries,
    *,
    issuer: str,
    view: ChainView | None,
    trust: TrustSet,
    sources: StatusSources,
    moment: Moment,
) -> StatusResult:
    """Read every status entry of an issuer's credential; never raises for what cannot be had."""
    if entries.is_empty:
        return StatusResult(findings=(passed(STEP, "it has no status entry: nobody can revoke it"),))
    read = StatusRead(findings=())
    if entries.slots:
        read = await _read_slots(entries, view=view, trust=trust, sources=sources, moment=moment)
    foreign = [
        await _read_elsewhere(entry, issuer=issuer, sources=sources, moment=moment)
        for entry in read.elsewhere
    ]
    tokens = [
        _not_provable(reference.uri)
        if moment.at_s is not None
        else await sources.foreign.check_token(reference, issuer=issuer)
        for reference in entries.tokens
    ]
    return StatusResult(
        findings=(*entries.problems, *read.findings, *foreign, *tokens),
        as_of=read.as_of,
        has_moved=read.has_moved,
    )


async def _read_slots(
    entries: StatusEntries,
    *,
    view: ChainView | None,
    trust: TrustSet,
    sources: StatusSources,
    moment: Moment,
) -> StatusRead:
    if view is None:
        return unreadable("chain_unavailable", "the chain on which status stands cannot be read")
    if sources.lists is None and not sources.evidence:
        return _without_sources(entries, sources.foreign)
    try:
        head = await view.head()
    except ChainUnavailable as exc:
        return unreadable("chain_unavailable", f"the head cannot be read: {exc}")
    if head is None:
        return unreadable("head_missing", "the publisher has anchored nothing in the last anchorage")
    return await _read_at(head, entries, view=view, trust=trust, sources=sources, moment=moment)


async def _read_at(
    head: Head,
    entries: StatusEntries,
    *,
    view: ChainView,
    trust: TrustSet,
    sources: StatusSources,
    moment: Moment,
) -> StatusRead:
    stapled = StatusRead(findings=())
    if sources.evidence:
        reader = StapledReader(
            sources.evidence,
            head=head,
            view=view,
            trust=trust,
            moment=moment,
            may_fetch=sources.foreign.may_fetch,
        )
        stapled = await reader.read(entries)
        if sources.lists is None or _suffices(stapled, moment):
            return stapled
    fetched = (
        await read_lists(
            entries,
            head,
            view=view,
            trust=trust,
            lists=sources.lists,
            find_departure=sources.find_departure,
            moment=moment,
        )
        if sources.lists
        else stapled
    )
    if fetched.suffices or not sources.evidence:
        return fetched
    return replace(fetched, findings=(*stapled.findings, *fetched.findings))


def _suffices(stapled: StatusRead, moment: Moment) -> bool:
    """Whether evidence makes fetching lists needless.

    Stops a holder who hides a revocation behind evidence of the day before: what was replaced counts for the
    present only where no list can be fetched. A revocation in it is final; a suspension may have been lifted.
    """
    if moment.at_s is not None or not stapled.is_superseded:
        return stapled.suffices
    return any(
        finding.reason is not None and finding.reason.verdict is Verdict.REVOKED
        for finding in stapled.findings
    )


def _without_sources(entries: StatusEntries, foreign: ForeignLists) -> StatusRead:
    """Return what is left without any list of the publisher: lists that can only be of others, and may be fetched."""
    elsewhere = tuple(
        slot.declared
        for slot in entries.slots
        if slot.declared is not None
        and foreign.may_fetch(slot.declared.list_url)
        and not may_be_anchored(slot.declared.list_url)
    )
    if len(elsewhere) == len(entries.slots):
        return StatusRead(findings=(), elsewhere=elsewhere)
    sentence = (
        "your trust set names no service or mirror to fetch status lists from, and there is no evidence"
    )
    return StatusRead(findings=(unknown(STEP, "no_list_source", sentence),), elsewhere=elsewhere)


async def _read_elsewhere(
    entry: DeclaredEntry, *, issuer: str, sources: StatusSources, moment: Moment
) -> Finding:
    if moment.at_s is not None:
        return _not_provable(entry.list_url)
    return await sources.foreign.check(entry, issuer=issuer)


def _not_provable(url: str) -> Finding:
    return unknown(
        STEP,
        "status_foreign",
        f"its status list {url} is not anchored by this publisher: what it said in the past cannot be proved",
    )
