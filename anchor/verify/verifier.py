"""Is this credential genuine, unchanged and in force? The whole procedure of docs/protocol.md, Verification.

    (1) the proof is well formed, and its hashes lead to the root that it states
    (2) that root stands on chain, under a publisher and contract that the verifier chose
    (3) the proof's tree has the size that stands on chain
    (4) the digest anchored is this credential's
    (5) the issuer who anchored it is accepted, and the one that the credential names
    (6) the credential has begun and not ended
    (7) every status entry, read at the head or in evidence of it; and that is young enough
    (8) no reorganisation can undo the anchor

Each step is named again below, with the attack that it stops. After (1) to (4) a failure ends the procedure,
since nothing that such a file says means anything. All other steps are always taken, and every reason is
told. For a past time the same is asked as of then: (2) the anchor stood by that time, (6) by its calendar,
(7) by the root that was the newest then.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace

from anchor.chain.presets import chain_name
from anchor.core.verdict import Verdict
from anchor.documents import ProofDocument, parse_proof
from anchor.errors import InvalidInput, InvalidProof, ServiceUnavailable
from anchor.verify.anchorage_files import FindDeparture
from anchor.verify.chain_view import Anchor, OpenChain, is_test_network
from anchor.verify.credential import read_credential
from anchor.verify.findings import Finding, Outcome, passed, unknown
from anchor.verify.foreign_lists import FetchList, ForeignLists
from anchor.verify.issuance import (
    Search,
    check_dates,
    check_digest,
    check_finality,
    check_issuer,
    check_place,
    check_time,
    find_anchor,
    not_found,
)
from anchor.verify.moment import Moment
from anchor.verify.report import Report
from anchor.verify.sources import ListSource
from anchor.verify.status import StatusResult, StatusSources, check_status
from anchor.verify.status_places import status_entries
from anchor.verify.times import utc_text
from anchor.verify.trust import TrustSet

_SIGNATURE_NOTE = "The credential's own signature was not checked, only that its issuer anchored it."
_MOVED_NOTE = (
    "The publisher says that it has moved to another chain or contract: status here grows old. Take its new trust "
    "file, and check that by another channel."
)
_MOVED_ANCHOR = (
    "no publisher of your trust set anchored this proof's root; it claims {}, contract {}, where the publisher says "
    "that it has moved: take its new trust file, and check that by another channel"
)
_MISMATCH_NOTE = "The credential's own signature was not checked, only who anchored it."


async def verify_credential(
    content: bytes,
    proof: bytes | None,
    *,
    trust: TrustSet,
    open_chain: OpenChain,
    lists: ListSource | None,
    find_departure: FindDeparture | None = None,
    now_s: int,
    evidence: Sequence[bytes] = (),
    foreign: FetchList | None = None,
    at_s: int | None = None,
) -> Report:
    """Check a credential's bytes with its proof file, by the verifier's trust set and clock (Unix seconds).

    `evidence` are evidence files at hand; `lists` is where status lists are fetched from for what the
    evidence does not tell, None where nothing is to be fetched, and `find_departure` finds them there for an
    anchorage that the publisher has left; `foreign` fetches lists of others from the
    hosts that the trust set allows. With `at_s` the verdict is that of a past time; InvalidInput for one to
    come. Asks nobody anything that names the credential. Guarantees a report whatever the credential, the
    proof, the evidence and the lists contain: what could not be checked is `unknown` in it, never `valid` and
    never a definite no.
    """
    moment = Moment(now_s=now_s, at_s=at_s)
    if moment.asked_s > now_s:
        raise InvalidInput(f"{utc_text(moment.asked_s)} is yet to come: nothing can be said of it")
    sources = StatusSources(
        evidence=evidence,
        lists=lists,
        find_departure=find_departure,
        foreign=ForeignLists(fetcher=foreign, trust=trust, now_s=now_s),
    )
    return await _verify(content, proof, trust=trust, open_chain=open_chain, sources=sources, moment=moment)


async def _verify(
    content: bytes,
    proof: bytes | None,
    *,
    trust: TrustSet,
    open_chain: OpenChain,
    sources: StatusSources,
    moment: Moment,
) -> Report:
    # (1) Stops damaged and made-up proofs: no root is looked up that the hashes do not lead to.
    document = _read_proof(proof)
    if isinstance(document, Finding):
        return Report(findings=(document,), checked_at_s=moment.now_s, at_s=moment.at_s)
    findings = [passed("proof", "the proof is well formed")]
    async with AsyncExitStack() as stack:
        # (2) Stops roots anchored anywhere by anybody: contract and publisher are the trust set's.
        search = await find_anchor(document.proof.root(), trust=trust, open_chain=open_chain, stack=stack)
        if search.anchor is None:
            absent = await _absent(search, document, trust, sources.find_departure, moment)
            return _ended([*findings, absent], search, trust, moment)
        # (3) Stops a second entry at one position, with a tree size of the prover's choice.
        place = check_place(document, search.anchor)
        if place.reason is not None:
            return _ended([*findings, place], search, trust, moment)
        # (4) Stops changed credentials, and those read by another method than they were anchored by.
        digest = check_digest(document, content)
        if digest.reason is not None:
            return _ended([*findings, place, digest], search, trust, moment)
        reading = read_credential(document.proof.entry.method, content)
        findings += [place, *check_time(search.anchor, moment.asked_s), digest, *reading.problems]
        if reading.is_tampered:
            return _ended(findings, search, trust, moment)
        # (5) Stops a second issuer from anchoring a revoked credential once more.
        findings += check_issuer(document, reading, trust)
        # (6) Stops the use of what has ended.
        findings += check_dates(reading, moment.asked_s)
        # (7) Stops old, other and quietly un-revoked lists, and a publisher that fell silent.
        entries = status_entries(reading.status_entries, reading.status_claims, document.proof.entry)
        status = await check_status(
            entries,
            issuer=document.issuer,
            view=search.current,
            trust=trust,
            sources=sources,
            moment=moment,
        )
        # (8) Stops anchors that a reorganisation may still take back.
        findings += [*status.findings, check_finality(search.anchor)]
    return _completed(findings, search, document, status, trust, moment)


def _read_proof(proof: bytes | None) -> ProofDocument | Finding:
    if proof is None:
        return unknown(
            "proof",
            "proof_missing",
            "there is no proof of the credential: ask its holder or issuer for it",
        )
    try:
        return parse_proof(proof)
    except InvalidProof as exc:
        return unknown("proof", "proof_invalid", f"the proof is damaged, or is none: {exc}")


async def _absent(
    search: Search,
    document: ProofDocument,
    trust: TrustSet,
    find_departure: FindDeparture | None,
    moment: Moment,
) -> Finding:
    """Return why a root has no anchor; where the proof claims one that the publisher may have made since, nothing."""
    found = not_found(search, document, moment.now_s)
    if found.outcome is not Outcome.FAILED or find_departure is None:
        return found
    try:
        departure = await find_departure(trust.current)
    except ServiceUnavailable:
        return found
    claim = document.claim
    if departure is None or not departure.went_to(chain_id=claim.chain_id, contract=claim.contract):
        return found
    return unknown(
        "anchor", "publisher_moved", _MOVED_ANCHOR.format(chain_name(claim.chain_id), claim.contract)
    )


def _completed(
    findings: Sequence[Finding],
    search: Search,
    document: ProofDocument,
    status: StatusResult,
    trust: TrustSet,
    moment: Moment,
) -> Report:
    report = _ended(findings, search, trust, moment)
    is_mismatch = any(reason.verdict is Verdict.ISSUER_MISMATCH for reason in report.reasons)
    notes = [_MISMATCH_NOTE if is_mismatch else _SIGNATURE_NOTE, *report.notes]
    if trust.accepts_any_issuer:
        notes.append("Your trust set accepts every issuer that the publisher names.")
    if moment.at_s is not None:
        notes.append(f"This is how it stood at {utc_text(moment.at_s)}; what came later is not said.")
    elif status.as_of is not None and status.as_of.is_superseded:
        notes.append("The evidence of status is not of the newest batch: what was revoked since is not seen.")
    if status.has_moved:
        notes.append(_MOVED_NOTE)
    if status.as_of is not None and not status.as_of.is_final:
        notes.append("The block by which status was read is not final yet.")
    return replace(
        report,
        issuer=document.issuer,
        status=status.as_of,
        notes=tuple(notes),
    )


def _ended(findings: Sequence[Finding], search: Search, trust: TrustSet, moment: Moment) -> Report:
    """Report where the procedure ends early; nothing is told of a credential that is not the one anchored."""
    return Report(
        findings=tuple(findings),
        checked_at_s=moment.now_s,
        at_s=moment.at_s,
        block=search.current.block if search.current else None,
        anchor=search.anchor,
        notes=tuple(_network_notes(search.anchor, trust)),
    )


def _network_notes(anchor: Anchor | None, trust: TrustSet) -> list[str]:
    chains = {trust.current.chain_id, anchor.anchorage.chain_id if anchor else trust.current.chain_id}
    return [
        f"{chain_name(chain_id)} is a test network: what stands there costs nothing and may vanish."
        for chain_id in sorted(chains)
        if is_test_network(chain_id)
    ]
