"""
Whether a receipt's promise was kept: by the trust set, the chain and the published leaves, never by the service's word.

The steps, and what each stops:
(1) the receipt is well formed and its entry leads to the promised root: no altered path, index or entry;
(2) the promise is about a chain and contract of the trust set, and a key that the trust set gives them signed it: no
    receipt that somebody else made, or that is about another service;
(3) the credential, where it is at hand, is the one that the receipt is about;
(4) the last *final* block decides whether the time has come: no promise is called broken that a slow endpoint, or a
    reorganisation, only makes look so;
(5) an anchor that holds the leaf by that time keeps it, found by the proof or in the published leaves, whose roots are
    computed again; broken is said only when every batch anchored by then was read and holds no such leaf.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass

from anchor.core.digest import credential_digest, salted_digest
from anchor.core.promise import SignedPromise
from anchor.documents import ReceiptDocument, parse_proof, parse_receipt
from anchor.errors import ChainUnavailable, InvalidInput, InvalidProof, ServiceUnavailable
from anchor.verify.anchorage_files import find_files
from anchor.verify.audit_chain import read_anchors
from anchor.verify.chain_view import ChainView, OpenChain, open_anchorage, open_final_view
from anchor.verify.leaf_search import search_leaf
from anchor.verify.opening import open_chain as open_over_http
from anchor.verify.receipt_report import ReceiptAnchor, ReceiptReport, ReceiptVerdict
from anchor.verify.sources import PublishedFiles
from anchor.verify.times import utc_text
from anchor.verify.trust import Anchorage, TrustSet
from status_lists.errors import StatusListError
from status_lists.keys import check_signature

ACCEPTED_MARGIN_S = 300
"""A service's clock and its chain may differ by so much before the service itself calls that a fault."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptFiles:
    """What is checked: the receipt and, where they are at hand, the credential and its proof, as bytes."""

    receipt: bytes
    proof: bytes | None = None
    credential: bytes | None = None


class _Undecided(Exception):
    """Nothing can be said of the promise; the code is stable."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


async def check_receipt(
    given: ReceiptFiles,
    *,
    trust: TrustSet,
    files: PublishedFiles | None,
    open_chain: OpenChain = open_over_http,
) -> ReceiptReport:
    """Return whether the promise of a receipt was kept, is not due, was broken, or why that cannot be said.

    `files` is where published batches are had from. Never raises for what a receipt, a chain or a source does.
    """
    document: ReceiptDocument | None = None
    try:
        document = _parsed(given.receipt)
        anchorage = _require_trusted(document.signed, trust)
        if given.credential is not None:
            _require_same_credential(document, given.credential)
        async with AsyncExitStack() as stack:
            view = await _final_view(anchorage, open_chain, stack)
            return await _judge(document, view, given.proof, await _files_of(view, files))
    except _Undecided as exc:
        return ReceiptReport(
            verdict=ReceiptVerdict.UNKNOWN, code=exc.code, message=str(exc), document=document
        )
    except ChainUnavailable as exc:
        message = f"the chain cannot be read ({exc})"
        return ReceiptReport(
            verdict=ReceiptVerdict.UNKNOWN, code="chain_unavailable", message=message, document=document
        )


def _parsed(content: bytes) -> ReceiptDocument:
    try:
        return parse_receipt(content)
    except InvalidProof as exc:
        raise _Undecided("receipt_invalid", f"this is no receipt, or it was changed: {exc}") from exc


def _require_trusted(signed: SignedPromise, trust: TrustSet) -> Anchorage:
    """Return the anchorage that a promise is about, once a key that the trust set gives it signed it."""
    promise = signed.promise
    about = (promise.chain_id, promise.genesis_hash, promise.contract.lower())
    anchorages = [anchorage for anchorage in reversed(trust.anchorages) if anchorage.identity == about]
    if not anchorages:
        raise _Undecided(
            "promise_elsewhere",
            f"it promises an anchor in contract {promise.contract} on chain {promise.chain_id}, which your trust set "
            "does not know",
        )
    trusting = [anchorage for anchorage in anchorages if signed.public_key in anchorage.receipt_keys]
    if not trusting:
        raise _Undecided(
            "key_not_trusted",
            "its key is none of your trust set's receipt_keys: `anchor trust export` shows those of a service",
        )
    try:
        check_signature(signed.signature, promise.encode(), public_key=signed.public_key)
    except StatusListError as exc:
        raise _Undecided(
            "signature_invalid", f"the promise was changed, or is not by its key: {exc}"
        ) from exc
    own = [anchorage for anchorage in trusting if anchorage.publisher.lower() == promise.publisher.lower()]
    return (own or trusting)[0]


def _require_same_credential(document: ReceiptDocument, content: bytes) -> None:
    entry, salt = document.promised.entry, document.salt
    if entry.salted and salt is None:
        return
    try:
        digest = credential_digest(entry.method, content)
    except InvalidInput as exc:
        raise _Undecided("digest_differs", f"the file is not of the form that was submitted: {exc}") from exc
    if (digest if salt is None else salted_digest(salt, digest)) != entry.digest:
        raise _Undecided("digest_differs", "the receipt is of another credential, or the file was changed")


async def _final_view(anchorage: Anchorage, open_chain: OpenChain, stack: AsyncExitStack) -> ChainView:
    reader = await stack.enter_async_context(open_anchorage(anchorage, open_chain))
    return await open_final_view(reader, anchorage)


async def _files_of(view: ChainView, files: PublishedFiles | None) -> PublishedFiles | None:
    """Return where batches of the promised anchorage are published: those of an earlier one have their own place."""
    if files is None:
        return None
    try:
        return await find_files(files, view.anchorage)
    except ServiceUnavailable:
        # A batch that does not lead to its root on chain counts as unread: nothing wrong can come of it.
        return files


async def _judge(
    document: ReceiptDocument, view: ChainView, proof: bytes | None, files: PublishedFiles | None
) -> ReceiptReport:
    promise = document.signed.promise
    if promise.publisher.lower() not in (publisher.lower() for publisher in view.publishers):
        raise _Undecided(
            "publisher_differs",
            f"it promises an anchor by {promise.publisher}, who is not the publisher of your trust set",
        )
    proved = None if proof is None else await _by_proof(document, view, proof)
    if proved is not None and proved.time_s <= promise.anchored_by_s:
        return _kept(document, view, proved)
    if view.block.timestamp_s <= promise.anchored_by_s:
        return await _not_due(document, view, files)
    return await _due(document, view, files, late=proved)


async def _by_proof(document: ReceiptDocument, view: ChainView, content: bytes) -> ReceiptAnchor | None:
    """Return the final anchor that a proof of this very entry leads to; None where it leads to none."""
    try:
        proof = parse_proof(content).proof
    except InvalidProof:
        return None
    anchor = await view.find(proof.root()) if proof.entry == document.promised.entry else None
    if anchor is None or anchor.record.leaf_count != proof.inclusion.tree_size:
        return None
    record = anchor.record
    return ReceiptAnchor(
        sequence=record.sequence,
        block_number=record.block_number,
        time_s=record.timestamp_s,
        root=anchor.root,
        leaf_index=proof.inclusion.index,
    )


async def _not_due(document: ReceiptDocument, view: ChainView, files: PublishedFiles | None) -> ReceiptReport:
    """Look whether the promise is kept already, in what was anchored since it was given."""
    promise = document.signed.promise
    anchors, _discrepancies = await read_anchors(view)
    since_s = promise.accepted_s - ACCEPTED_MARGIN_S
    recent = [anchor for anchor in anchors if anchor.time_s is not None and anchor.time_s >= since_s]
    if files is not None:
        search = await search_leaf(document.promised.leaf, recent, files)
        if search.found is not None:
            return _kept(document, view, search.found)
    return ReceiptReport(
        verdict=ReceiptVerdict.WAITING,
        code="not_due",
        message=f"promised by {utc_text(promise.anchored_by_s)}; the last final block is of "
        f"{utc_text(view.block.timestamp_s)}",
        document=document,
        block=view.block,
    )


async def _due(
    document: ReceiptDocument, view: ChainView, files: PublishedFiles | None, *, late: ReceiptAnchor | None
) -> ReceiptReport:
    """Read every batch that was anchored in time; broken only where all were read and none holds the leaf."""
    promise = document.signed.promise
    anchors, discrepancies = await read_anchors(view)
    in_time = [
        anchor for anchor in anchors if anchor.time_s is not None and anchor.time_s <= promise.anchored_by_s
    ]
    # A publisher that never anchored has no head either, which the contract itself says.
    never = len(view.publishers) == 1 and not anchors
    faults = [found for found in discrepancies if not (never and found.code == "no_anchors")]
    if in_time and files is None:
        raise _Undecided(
            "files_missing", "it is due, and no service or mirror is named to look for it in: add one"
        )
    search = None if files is None else await search_leaf(document.promised.leaf, in_time, files)
    if search is not None and search.found is not None:
        return _kept(document, view, search.found)
    if faults:
        raise _Undecided("chain_incomplete", f"the anchors cannot all be seen: {faults[0].message}")
    if search is not None and search.unread:
        raise _Undecided("batch_unread", f"it is due, but {search.unread[0].message}")
    when = f"; it came at {utc_text(late.time_s)}, in batch {late.sequence}" if late else ""
    return ReceiptReport(
        verdict=ReceiptVerdict.BROKEN,
        code="anchored_late" if late else "not_anchored",
        message=f"promised by {utc_text(promise.anchored_by_s)}, and none of the {len(in_time)} batches anchored by "
        f"then holds it{when}",
        document=document,
        block=view.block,
        anchor=late,
        batches_read=len(in_time),
    )


def _kept(document: ReceiptDocument, view: ChainView, anchor: ReceiptAnchor) -> ReceiptReport:
    promise = document.signed.promise
    return ReceiptReport(
        verdict=ReceiptVerdict.KEPT,
        code="anchored",
        message=f"anchored at {utc_text(anchor.time_s)} (block {anchor.block_number}, batch {anchor.sequence}), "
        f"promised by {utc_text(promise.anchored_by_s)}",
        document=document,
        block=view.block,
        anchor=anchor,
    )
