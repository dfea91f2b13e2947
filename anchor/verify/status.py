"""Status now: every status entry of a credential, read at the head of the chain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from anchor.chain.protocol import Head
from anchor.core.entries import Purpose
from anchor.core.verdict import Verdict
from anchor.errors import ChainUnavailable, InvalidProof, NotFound, ServiceUnavailable
from anchor.verify.chain_view import ChainView
from anchor.verify.findings import Finding, passed, ruled, unknown
from anchor.verify.report import utc_text
from anchor.verify.sources import ListSource
from anchor.verify.status_evidence import anchored_list, batch_at, newer_list
from anchor.verify.status_places import Place, StatusEntries, find_places
from anchor.verify.trust import TrustSet
from status_lists import PublishedList, get_entry

_STEP = "status"
_RULES = {
    Purpose.REVOCATION: (Verdict.REVOKED, "revoked"),
    Purpose.SUSPENSION: (Verdict.SUSPENDED, "suspended"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusResult:
    """What the status entries say, and the head by which they say it (None where there was none to read)."""

    findings: tuple[Finding, ...]
    head: Head | None = None
    head_is_final: bool = True


async def check_status(
    entries: StatusEntries,
    *,
    view: ChainView | None,
    trust: TrustSet,
    lists: ListSource | None,
    now_s: int,
) -> StatusResult:
    """Read every status entry at the head of the last anchorage; never raises for what cannot be had.

    What is found in one list stands whatever happens with the others: an entry that cannot be checked hides
    no revocation.
    """
    if entries.is_empty:
        return StatusResult(findings=(passed(_STEP, "it has no status entry: nobody can revoke it"),))
    if not entries.has_places:
        return StatusResult(findings=entries.problems)
    if view is None:
        return _open(entries, "chain_unavailable", "the chain on which status stands cannot be read")
    if lists is None:
        return _open(
            entries, "no_list_source", "your trust set names no service or mirror to fetch status lists from"
        )
    try:
        head = await view.head()
    except ChainUnavailable as exc:
        return _open(entries, "chain_unavailable", f"the head cannot be read: {exc}")
    if head is None:
        return _open(entries, "head_missing", "the publisher has anchored nothing in the last anchorage")
    return StatusResult(
        findings=(*entries.problems, *await _read_at(head, entries, trust=trust, lists=lists, now_s=now_s)),
        head=head,
        head_is_final=view.is_final(head.record.block_number),
    )


def check_age(head: Head, *, trust: TrustSet, now_s: int) -> Finding:
    """Check that the head is young enough to speak for the present.

    Stops a publisher, a source or an RPC endpoint that went silent from keeping a credential valid for ever.
    """
    age_s = now_s - head.record.timestamp_s
    as_of = f"status is as of {utc_text(head.record.timestamp_s)}"
    if age_s > trust.max_status_age_s:
        return unknown(
            "age",
            "status_stale",
            f"{as_of}, older than the {trust.max_status_age_s // 3600} hours that you allow",
        )
    return passed("age", f"{as_of} (batch {head.record.sequence})")


def _open(entries: StatusEntries, code: str, sentence: str) -> StatusResult:
    return StatusResult(findings=(*entries.problems, unknown(_STEP, code, sentence)))


async def _read_at(
    head: Head, entries: StatusEntries, *, trust: TrustSet, lists: ListSource, now_s: int
) -> Sequence[Finding]:
    try:
        batch = await batch_at(head, lists)
    except (NotFound, ServiceUnavailable) as exc:
        return [unknown(_STEP, "status_unavailable", f"the lists anchored last cannot be had: {exc}")]
    except InvalidProof as exc:
        return [unknown(_STEP, "list_mismatch", str(exc))]
    places, problems = find_places(entries, batch.lists)
    findings = list(problems)
    for place in places:
        findings += await _read_place(place, trust=trust, lists=lists, now_s=now_s)
    if places:
        findings.append(check_age(head, trust=trust, now_s=now_s))
    return findings


async def _read_place(place: Place, *, trust: TrustSet, lists: ListSource, now_s: int) -> Sequence[Finding]:
    state = place.state
    listed = trust.issuer(state.issuer)
    names = (state.issuer, *(listed.names if listed else ()))
    findings: list[Finding] = []
    anchored = newer = None
    try:
        anchored = await anchored_list(state, lists, issuer_names=names)
    except (NotFound, ServiceUnavailable) as exc:
        findings.append(unknown(_STEP, "status_unavailable", str(exc)))
    except InvalidProof as exc:
        findings.append(unknown(_STEP, "list_mismatch", str(exc)))
    offered = await newer_list(state, lists, trust=trust, issuer_names=names, now_ms=now_s * 1000)
    if isinstance(offered, Finding):
        findings.append(offered)
    else:
        newer = offered
    found = judge(place, anchored=anchored, newer=newer)
    return findings if found is None else [found, *findings]


def judge(place: Place, *, anchored: PublishedList | None, newer: PublishedList | None) -> Finding | None:
    """Return what the lists say of one place, the worse of the anchored and the newer one.

    None where the anchored list is missing and the newer one says nothing against the credential.
    """
    purpose = place.state.entry.purpose
    now = _value(place, anchored)
    soon = _value(place, newer)
    if purpose not in _RULES:
        value = now if soon is None else soon
        return None if value is None else passed(_STEP, f"its {purpose.label} entry is {value:#x}")
    verdict, word = _RULES[purpose]
    where = f"list {place.state.number}, index {place.index}"
    if now:
        lifted = "; a newer list lifts it, but is not anchored yet" if soon == 0 else ""
        return ruled(_STEP, verdict, word, f"it is {word} ({where}){lifted}")
    if soon:
        return ruled(
            _STEP, verdict, "not_yet_anchored", f"it is {word} by a signed list not yet anchored ({where})"
        )
    return None if now is None else passed(_STEP, f"it is not {word} ({where})")


def _value(place: Place, published: PublishedList | None) -> int | None:
    if published is None:
        return None
    return get_entry(published.bits, place.index, place.state.entry.bits_per_entry)
