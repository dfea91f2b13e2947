"""
Receipt files beside credentials: written at submission, never lost to another's.

They stay when the proof is there. A proof is the service's word until a verifier has read the chain, and nobody's word
removes the evidence against itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from anchor.cli.files import write_to_pass_on
from anchor.cli.submission import Outcome
from anchor.documents import MAX_RECEIPT_BYTES, ReceiptDocument, parse_receipt, receipt_to_json
from anchor.errors import InvalidInput, InvalidProof
from anchor.verify.files import receipt_path_of
from status_lists.errors import StatusListError
from status_lists.keys import check_signature

_ADVICE = "move it away, or replace it with --force"


def write_receipts(outcomes: Iterable[Outcome], directory: Path | None, *, force: bool) -> None:
    """Write the receipt of every file that was accepted, and note where, or what kept it from being written.

    One of the same entry and place stays as it is: its promise is the older one. One of another entry, or for another
    chain or service, may be the only evidence that its holder has, and is replaced only by `force`.
    """
    for outcome in outcomes:
        if outcome.receipt is None or outcome.receipt.document is None or outcome.file is None:
            continue
        path = receipt_path_of(outcome.path, directory)
        document = replace(outcome.receipt.document, salt=outcome.file.salt)
        kept = kept_receipt(path)
        if kept is None or force:
            _write(outcome, path, document)
        elif kept.promised.entry != document.promised.entry:
            outcome.warn(f"{path} is the receipt of another digest and was kept: {_ADVICE}")
        elif _place(kept) != _place(document):
            outcome.warn(
                f"{path} is this digest's receipt for another chain or service and was kept: {_ADVICE}"
            )
        else:
            outcome.promise = path


def _place(document: ReceiptDocument) -> tuple[object, ...]:
    """Return who promised the anchor, and where: a move, or another service, makes another promise of it."""
    promise = document.signed.promise
    chain = (promise.chain_id, promise.genesis_hash)
    return *chain, promise.contract.lower(), promise.publisher.lower(), promise.base_url


def _write(outcome: Outcome, path: Path, document: ReceiptDocument) -> None:
    text = json.dumps(receipt_to_json(document), indent=2, ensure_ascii=False) + "\n"
    try:
        write_to_pass_on(path, text, what="the receipt")
    except InvalidInput as exc:
        # The digest is accepted all the same, and its proof may still be written.
        outcome.warn(str(exc))
        return
    outcome.promise = path


def kept_receipt(path: Path) -> ReceiptDocument | None:
    """Return the receipt at a path; None where there is none, or one that is worth nothing."""
    try:
        with path.open("rb") as file:
            document = parse_receipt(file.read(MAX_RECEIPT_BYTES + 1))
        signed = document.signed
        check_signature(signed.signature, signed.promise.encode(), public_key=signed.public_key)
    except (OSError, InvalidProof, StatusListError):
        return None
    return document
