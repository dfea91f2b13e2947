"""Is this credential genuine, unchanged and in force? The whole procedure of docs/protocol.md, Verification.

    (1) the proof is well formed, and its hashes lead to the root that it states
    (2) that root stands on chain, under a publisher and contract that the verifier chose
    (3) the proof's tree has the size that stands on chain
    (4) the digest anchored is this credential's
    (5) the issuer who anchored it is accepted, and the one that the credential names
    (6) the credential has begun and not ended
    (7) every status entry, read at the head; and the head is young enough
    (8) no reorganisation can undo the anchor

Each step is named again below, with the attack that it stops. After (1) to (4) a failure ends the procedure,
since nothing that such a file says means anything. All other steps are always taken, and every reason is
told.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace

from anchor.chain.presets import chain_name
from anchor.documents import ProofDocument, parse_proof
from anchor.errors import InvalidProof
from anchor.verify.chain_view import Anchor, OpenChain, is_test_network
from anchor.verify.credential import read_credential
from anchor.verify.findings import Finding, passed, unknown
from anchor.verify.issuance import (
    Search,
    check_dates,
    check_digest,
    check_finality,
    check_issuer,
    check_place,
    find_anchor,
    not_found,
)
from anchor.verify.report import Report
from anchor.verify.sources import ListSource
from anchor.verify.status import StatusResult, check_status
from anchor.verify.status_places import status_entries
from anchor.verify.trust import TrustSet

_SIGNATURE_NOTE = "The credential's own signature was not checked, only that its issuer anchored it."


async def verify_credential(
    content: bytes,
    proof: bytes | None,
    *,
    trust: TrustSet,
    open_chain: OpenChain,
    lists: ListSource | None,
    now_s: int,
) -> Report:
    """Check a credential's bytes with its proof file, by the verifier's trust set and clock (Unix seconds).

    `lists` is where status lists are fetched from, None where there is no such place. Asks nobody anything
    that names the credential. Guarantees a report whatever the credential, the proof and the lists contain:
    what could not be checked is `unknown` in it, never `valid` and never a definite no.
    """
    # (1) Stops damaged and made-up proofs: no root is looked up that the hashes do not lead to.
    document = _read_proof(proof)
    if isinstance(document, Finding):
        return Report(findings=(document,), checked_at_s=now_s)
    findings = [passed("proof", "the proof is well formed")]
    async with AsyncExitStack() as stack:
        # (2) Stops roots anchored anywhere by anybody: contract and publisher are the trust set's.
        search = await find_anchor(document.proof.root(), trust=trust, open_chain=open_chain, stack=stack)
        if search.anchor is None:
            return _ended([*findings, not_found(search, document)], search, trust, now_s)
        # (3) Stops a second entry at one position, with a tree size of the prover's choice.
        place = check_place(document, search.anchor)
        if place.reason is not None:
            return _ended([*findings, place], search, trust, now_s)
        # (4) Stops changed credentials, and those read by another method than they were anchored by.
        digest = check_digest(document, content)
        if digest.reason is not None:
            return _ended([*findings, place, digest], search, trust, now_s)
        reading = read_credential(document.proof.entry.method, content)
        findings += [place, digest, *reading.problems]
        if reading.is_tampered:
            return _ended(findings, search, trust, now_s)
        # (5) Stops a second issuer from anchoring a revoked credential once more.
        findings += check_issuer(document, reading, trust)
        # (6) Stops the use of what has ended.
        findings += check_dates(reading, now_s)
        # (7) Stops old, other and quietly un-revoked lists, and a publisher that fell silent.
        entries = status_entries(reading.status_entries, document.proof.entry)
        status = await check_status(entries, view=search.current, trust=trust, lists=lists, now_s=now_s)
        # (8) Stops anchors that a reorganisation may still take back.
        findings += [*status.findings, check_finality(search.anchor)]
    return _completed(findings, search, document, status, trust, now_s)


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


def _completed(
    findings: Sequence[Finding],
    search: Search,
    document: ProofDocument,
    status: StatusResult,
    trust: TrustSet,
    now_s: int,
) -> Report:
    report = _ended(findings, search, trust, now_s)
    notes = [_SIGNATURE_NOTE, *report.notes]
    if trust.accepts_any_issuer:
        notes.append("Your trust set accepts every issuer that the publisher names.")
    if not status.head_is_final:
        notes.append("The block by which status was read is not final yet.")
    return replace(
        report,
        issuer=document.issuer,
        status_time_s=status.head.record.timestamp_s if status.head else None,
        notes=tuple(notes),
    )


def _ended(findings: Sequence[Finding], search: Search, trust: TrustSet, now_s: int) -> Report:
    """Report where the procedure ends early; nothing is told of a credential that is not the one anchored."""
    return Report(
        findings=tuple(findings),
        checked_at_s=now_s,
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
