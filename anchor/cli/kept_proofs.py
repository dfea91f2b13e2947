"""Proof files that are there already: what may replace them, and what a new one says of its credential."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from anchor.cli.files import CredentialFile, read_proof_beside
from anchor.cli.kept_receipts import kept_receipt
from anchor.cli.submission import Outcome
from anchor.client import ServiceClient
from anchor.core.entries import CredentialEntry
from anchor.documents import ProofDocument, PublisherDocument
from anchor.errors import InvalidProof
from anchor.verify.files import PROOF_SUFFIX, proof_path_of, receipt_path_of

_ADVICE = "keep it elsewhere, name another folder with --out, or replace it with --force"

_Account = tuple[int, str, str]
"""Chain id, contract and publisher, in one spelling."""


@dataclass(frozen=True, slots=True)
class _KeptEntry:
    """An entry that a proof or receipt beside a file names, and who gave it."""

    entry: CredentialEntry
    account: _Account


def refuse_files_with_other_proofs(outcomes: Iterable[Outcome], directory: Path | None) -> None:
    """Give an error to every file whose proof's place holds the proof of another digest, method or salt.

    A proof that was replaced may be the only copy that its holder had. A damaged one is worth nothing.
    """
    for outcome in outcomes:
        if outcome.file is None or outcome.error:
            continue
        kept = _kept(proof_path_of(outcome.path, directory))
        if kept is not None and not _is_of(kept.proof.entry, outcome.file):
            outcome.error = (
                f"{proof_path_of(outcome.path, directory)} is the proof of another digest, "
                f"{_kind(kept.proof.entry.method.label, salted=kept.proof.entry.salted)}; this one is "
                f"{_kind(outcome.file.method.label, salted=outcome.file.salted)}: {_ADVICE}"
            )


async def keep_bindings(client: ServiceClient, outcomes: Iterable[Outcome], directory: Path | None) -> None:
    """Let every file whose proof or receipt is there be submitted with the status entry that it binds.

    The service knows it, unless its database was lost: then the digest has its old place by it, and no second
    one. What another publisher gave says nothing here.
    """
    bound = [
        (outcome, kept)
        for outcome in outcomes
        if outcome.file is not None
        and not outcome.error
        and (kept := _kept_entry(outcome.path, outcome.file, directory)) is not None
        and kept.entry.status is not None
    ]
    if not bound:
        return
    own = _own_accounts(await client.publisher())
    for outcome, kept in bound:
        if kept.account in own:
            outcome.kept_status = kept.entry.status


def _kept_entry(path: Path, file: CredentialFile, directory: Path | None) -> _KeptEntry | None:
    """Return what a file's proof says of its entry, or its receipt, which is all that there is before the anchor."""
    proof = _kept(proof_path_of(path, directory))
    if proof is not None and _is_of(proof.proof.entry, file):
        claim = proof.claim
        return _KeptEntry(proof.proof.entry, _account(claim.chain_id, claim.contract, claim.publisher))
    receipt = kept_receipt(receipt_path_of(path, directory))
    if receipt is None or not _is_of(receipt.promised.entry, file):
        return None
    promise = receipt.signed.promise
    return _KeptEntry(receipt.promised.entry, _account(promise.chain_id, promise.contract, promise.publisher))


def _own_accounts(publisher: PublisherDocument) -> set[_Account]:
    """Return the accounts that a service anchors or anchored under, as far as it names them."""
    here = {
        _account(publisher.chain_id, publisher.contract, account)
        for account in (publisher.publisher, *publisher.successors)
    }
    return here | {_account(left.chain_id, left.contract, left.publisher) for left in publisher.earlier}


def _account(chain_id: int, contract: str, publisher: str) -> _Account:
    return chain_id, contract.lower(), publisher.lower()


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


def _is_of(entry: CredentialEntry, file: CredentialFile) -> bool:
    return (entry.digest, entry.method, entry.salted) == (file.digest, file.method, file.salted)


def _kind(label: str, *, salted: bool) -> str:
    return f"{label}, salted" if salted else label
