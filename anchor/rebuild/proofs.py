"""Digests and bindings from proof files that issuers and holders kept: each names one leaf of one rebuilt batch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from anchor.core.merkle import leaf_hash
from anchor.documents import MAX_PROOF_BYTES, ProofDocument, parse_proof
from anchor.errors import InvalidInput, InvalidProof
from anchor.rebuild.report import RebuildReport
from anchor.store.sqlite.batches import read_batch
from anchor.store.sqlite.orphans import Orphans
from anchor.store.sqlite.writer import Session
from anchor.verify.files import PROOF_SUFFIX

IssuerNumber = Callable[[str], int]
"""Returns the number of an issuer by its identifier, adding one that is new."""


def attach_proofs(session: Session, folder: Path, number_of: IssuerNumber, report: RebuildReport) -> None:
    """
    Give digests their leaves back by every proof below a folder; one that fits nowhere is named in the report.

    A proof is believed because its hashes lead to an anchored root, and for no other reason.
    """
    if not folder.is_dir():
        raise InvalidInput(f"{folder} is no folder: name the one that holds proof files")
    for path in sorted(folder.rglob("*.json")):
        try:
            document = parse_proof(_read(path))
        except InvalidProof as exc:
            if path.name.endswith(PROOF_SUFFIX):
                report.proofs_given += 1
                report.lose(None, "proof_invalid", f"{path}: {exc}")
            continue
        report.proofs_given += 1
        reason = _attach(session, document, number_of)
        if reason:
            report.lose(document.claim.sequence, "proof_refused", f"{path}: {reason}")
        else:
            report.proofs_used += 1


def _attach(session: Session, document: ProofDocument, number_of: IssuerNumber) -> str:
    """Return why a proof fits no rebuilt batch; empty where its digest has its leaf now."""
    entry, inclusion = document.proof.entry, document.proof.inclusion
    batch = read_batch(session, "root = ?", document.proof.root())
    if batch is None:
        return "its root is that of no batch that was rebuilt"
    if batch.leaf_count != inclusion.tree_size:
        return f"batch {batch.sequence} has {batch.leaf_count} leaves, the proof says {inclusion.tree_size}"
    if entry.status is not None and not session.one(
        "select 1 from lists where number = ?", (entry.status.list_number,)
    ):
        return f"it binds list {entry.status.list_number}, which is in no batch that could be had"
    number = number_of(document.issuer)
    orphans = Orphans(session, number, entry.issuer_id)
    if orphans.claim(entry.method_code, entry.digest, entry.status):
        return ""
    known = session.one(
        "select batch, leaf_index from entries where issuer = ? and method = ? and digest = ?",
        (number, entry.method_code, entry.digest),
    )
    if known is not None and (known["batch"], known["leaf_index"]) == (batch.id, inclusion.index):
        return ""
    return f"leaf {leaf_hash(entry.encode()).hex()} is another digest's already"


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_PROOF_BYTES + 1)
    except OSError as exc:
        raise InvalidInput(f"{path} cannot be read: {exc.strerror}") from exc
