"""Proof files that are there already: what may replace them, and what a new one says of its credential."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from anchor.cli.files import CredentialFile, read_proof_beside
from anchor.cli.submission import Outcome
from anchor.client import ServiceClient
from anchor.documents import ProofDocument
from anchor.errors import InvalidProof
from anchor.verify.files import PROOF_SUFFIX, proof_path_of

_ADVICE = "keep it elsewhere, name another folder with --out, or replace it with --force"


def refuse_files_with_other_proofs(outcomes: Iterable[Outcome], directory: Path | None) -> None:
    """Give an error to every file whose proof's place holds the proof of another digest, method or salt.

    A proof that was replaced may be the only copy that its holder had. A damaged one is worth nothing.
    """
    for outcome in outcomes:
        if outcome.file is None or outcome.error:
            continue
        kept = _kept(proof_path_of(outcome.path, directory))
        if kept is not None and not _is_of(kept, outcome.file):
            outcome.error = (
                f"{proof_path_of(outcome.path, directory)} is the proof of another digest, "
                f"{_kind(kept.proof.entry.method.label, salted=kept.proof.entry.salted)}; this one is "
                f"{_kind(outcome.file.method.label, salted=outcome.file.salted)}: {_ADVICE}"
            )


async def keep_bindings(client: ServiceClient, outcomes: Iterable[Outcome], directory: Path | None) -> None:
    """Let every file whose proof is there be submitted with the status entry that the proof binds.

    The service knows it, unless its database was lost: then the digest has its old place by it, and no second
    one. A proof of another publisher says nothing here.
    """
    bound = [
        (outcome, kept)
        for outcome in outcomes
        if outcome.file is not None
        and not outcome.error
        and (kept := _kept(proof_path_of(outcome.path, directory))) is not None
        and kept.proof.entry.status is not None
        and _is_of(kept, outcome.file)
    ]
    if not bound:
        return
    publisher = await client.publisher()
    own = (publisher.chain_id, publisher.contract.lower(), publisher.publisher.lower())
    for outcome, kept in bound:
        claim = kept.claim
        if (claim.chain_id, claim.contract.lower(), claim.publisher.lower()) == own:
            outcome.kept_status = kept.proof.entry.status


def refusal_to_replace(path: Path, document: ProofDocument) -> str | None:
    """Return why a proof may not be written to a path: it holds one of another entry; None where it may."""
    kept = _kept(path)
    if kept is None or kept.proof.entry == document.proof.entry:
        return None
    if kept.issuer != document.issuer:
        return f"{path} is the proof that {kept.issuer} anchored it, not {document.issuer}: {_ADVICE}"
    return f"{path} is the proof of another entry: {_ADVICE}"


def issuer_warning(file: CredentialFile, document: ProofDocument) -> str | None:
    """Return what to say where a file names other issuers than the one that anchored it; None where it does not."""
    others = [name for name in file.issuers if name != document.issuer]
    if not others:
        return None
    return (
        f"{file.path}: its issuer {others[0]} is not the one that anchored it, {document.issuer}: "
        "verifiers will say issuer_mismatch unless they list it as an alias"
    )


def _kept(path: Path) -> ProofDocument | None:
    try:
        return read_proof_beside(path.with_name(path.name.removesuffix(PROOF_SUFFIX)))
    except InvalidProof:
        return None


def _is_of(kept: ProofDocument, file: CredentialFile) -> bool:
    entry = kept.proof.entry
    return (entry.digest, entry.method, entry.salted) == (file.digest, file.method, file.salted)


def _kind(label: str, *, salted: bool) -> str:
    return f"{label}, salted" if salted else label
