"""Issuance and issuer: digest → entry → root → the contract's record, and whom the credential names."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass

from anchor.chain.presets import chain_name
from anchor.core.digest import credential_digest, salted_digest
from anchor.core.verdict import Verdict
from anchor.documents import ProofDocument
from anchor.errors import ChainUnavailable, InvalidInput
from anchor.verify.chain_view import Anchor, ChainView, OpenChain, open_anchorage, open_view
from anchor.verify.findings import Finding, passed, ruled, unknown
from anchor.verify.reading import Reading
from anchor.verify.times import utc_text
from anchor.verify.trust import TrustSet

MAX_BLOCK_AGE_S = 3_600
"""An endpoint whose latest block is older lags behind: what it does not know says nothing of the present."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What a search found: a root's anchor, the view of the last anchorage, and what could not be asked.

    `views` are all anchorages that were looked into.
    """

    anchor: Anchor | None
    current: ChainView | None
    failures: tuple[str, ...]
    views: tuple[ChainView, ...] = ()


async def find_anchor(
    root: bytes, *, trust: TrustSet, open_chain: OpenChain, stack: AsyncExitStack
) -> Search:
    """Look for a root in the trust set's anchorages, the last one first; the readers live as long as `stack`.

    Never raises for a chain that does not answer: that is told in `failures`.
    """
    current: ChainView | None = None
    failures: list[str] = []
    views: list[ChainView] = []
    for anchorage in reversed(trust.anchorages):
        try:
            reader = await stack.enter_async_context(open_anchorage(anchorage, open_chain))
            view = await open_view(reader, anchorage)
            views.append(view)
            current = view if anchorage is trust.current else current
            anchor = await view.find(root)
        except ChainUnavailable as exc:
            failures.append(f"{chain_name(anchorage.chain_id)}: {exc}")
            continue
        if anchor is not None:
            return Search(anchor=anchor, current=current, failures=tuple(failures), views=tuple(views))
    return Search(anchor=None, current=current, failures=tuple(failures), views=tuple(views))


def not_found(search: Search, document: ProofDocument, now_s: int) -> Finding:
    """Return why a root has no anchor: absent wherever the trust set says to look, or not to be looked up.

    A chain that is read as of an old block, or of one before the block that the proof claims, may hold the
    anchor by now: nothing is said then. What the proof claims can only take a definite no away.
    """
    if search.failures:
        return unknown(
            "anchor", "chain_unavailable", f"the chain cannot be read ({'; '.join(search.failures)})"
        )
    claim = document.claim
    for view in search.views:
        is_before_claim = view.anchorage.chain_id == claim.chain_id and view.block.number < claim.block_number
        if is_before_claim or now_s - view.block.timestamp_s > MAX_BLOCK_AGE_S:
            return unknown("anchor", "chain_behind", _behind_text(view, claim.block_number))
    return ruled(
        "anchor",
        Verdict.NOT_ANCHORED,
        "root_not_anchored",
        "no publisher of your trust set anchored this proof's root (the proof claims publisher "
        f"{claim.publisher}, contract {claim.contract}, {chain_name(claim.chain_id)})",
    )


def _behind_text(view: ChainView, claimed_number: int) -> str:
    block = view.block
    return (
        f"the RPC endpoint of {chain_name(view.anchorage.chain_id)} lags behind: its latest block is {block.number}, "
        f"{utc_text(block.timestamp_s)} (the proof claims block {claimed_number}): ask again later, or another one"
    )


def check_place(document: ProofDocument, anchor: Anchor) -> Finding:
    """Check that the proof used the tree size that stands on chain.

    Stops a second entry at one position: with a size of the prover's choice, the right child of a root is
    leaf 2 of 3 and also leaf 4 of 5.
    """
    stated, actual = document.proof.inclusion.tree_size, anchor.record.leaf_count
    if stated != actual:
        return unknown(
            "anchor",
            "proof_invalid",
            f"the proof is damaged: its tree has {stated} leaves, the one on chain {actual}; fetch it again",
        )
    record = anchor.record
    return passed(
        "anchor",
        f"{anchor.publisher} anchored it on {chain_name(anchor.anchorage.chain_id)} at "
        f"{utc_text(record.timestamp_s)} (block {record.block_number}, batch {record.sequence})",
    )


def check_digest(document: ProofDocument, content: bytes) -> Finding:
    """Check that the anchored digest is this credential's, taken by the method that the entry names.

    Stops a changed credential, and one read by another method than the one it was anchored by: a text
    anchored as `raw` and extended with `~…` is not taken for an SD-JWT.
    """
    entry = document.proof.entry
    if entry.salted and document.salt is None:
        return unknown(
            "digest", "proof_invalid", "the digest is salted, but the proof brings no salt: fetch it again"
        )
    try:
        digest = credential_digest(entry.method, content)
    except InvalidInput as exc:
        return _tampered(f"the file is no longer of the form that was anchored, {entry.method.label}: {exc}")
    if document.salt is not None:
        digest = salted_digest(document.salt, digest)
    if digest != entry.digest:
        also = ", or its salt was changed" if entry.salted else ""
        return _tampered(
            f"the credential was changed, or this proof belongs to another credential{also}: "
            "its digest is not the one anchored"
        )
    return passed(
        "digest", f"the credential is unchanged: its digest ({entry.method.label}) is the one anchored"
    )


def _tampered(sentence: str) -> Finding:
    return ruled("digest", Verdict.TAMPERED, "digest_differs", sentence)


def check_issuer(document: ProofDocument, reading: Reading, trust: TrustSet) -> tuple[Finding, ...]:
    """Check that the issuer who anchored the credential is accepted, and the one that the credential names.

    Stops a second issuer from anchoring somebody's revoked credential once more, under a status entry of its
    own.
    """
    anchored_by = document.issuer
    findings = [
        _mismatch("issuer_differs", f"the credential names the issuer {named}, but {anchored_by} anchored it")
        for named in reading.issuers
        if not trust.are_same(anchored_by, named)
    ]
    if not trust.accepts(anchored_by):
        sentence = f"{anchored_by} anchored it, whom your trust set does not accept"
        findings.append(_mismatch("issuer_not_accepted", sentence))
    if findings:
        return tuple(findings)
    label = trust.label(anchored_by)
    if reading.issuers:
        return (passed("issuer", f"the issuer is {label}, as the credential says"),)
    if reading.problems:
        return ()
    return (passed("issuer", f"{label} anchored it; the file itself names no issuer"),)


def _mismatch(code: str, sentence: str) -> Finding:
    return ruled("issuer", Verdict.ISSUER_MISMATCH, code, sentence)


def check_dates(reading: Reading, asked_s: int) -> tuple[Finding, ...]:
    """Check that the credential has begun and not ended, at the time asked about (Unix seconds)."""
    asked_ms = asked_s * 1000
    end_ms = min(reading.ends_ms, default=None)
    start_ms = max(reading.starts_ms, default=None)
    if end_ms is not None and asked_ms >= end_ms:
        return (ruled("dates", Verdict.EXPIRED, "expired", f"it expired at {utc_text(end_ms // 1000)}"),)
    if start_ms is not None and asked_ms < start_ms:
        sentence = f"it is valid from {utc_text(start_ms // 1000)} on"
        return (ruled("dates", Verdict.NOT_YET_VALID, "not_yet_valid", sentence),)
    if any(problem.step == "dates" for problem in reading.problems):
        return ()
    if not reading.names_dates and (not reading.issuers or reading.problems):
        return (passed("dates", "the file names no dates"),)
    until = "it has no end date" if end_ms is None else f"it is valid until {utc_text(end_ms // 1000)}"
    return (passed("dates", until),)


def check_time(anchor: Anchor, at_s: int) -> tuple[Finding, ...]:
    """Check that the credential was anchored by a past time: before its anchor nothing proves that it existed."""
    if anchor.record.timestamp_s <= at_s:
        return ()
    sentence = f"the chain proves it from {utc_text(anchor.record.timestamp_s)} on, not at {utc_text(at_s)}"
    return (unknown("anchor", "anchored_later", sentence),)


def check_finality(anchor: Anchor) -> Finding:
    """Check that no reorganisation of the chain can undo the anchor any more."""
    if anchor.is_final:
        return passed("finality", "the block that holds the anchor is final")
    return ruled(
        "finality",
        Verdict.PENDING,
        "not_final",
        f"block {anchor.record.block_number} is not final yet: on a public chain that takes about 15 minutes",
    )
