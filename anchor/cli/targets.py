"""Which digest a person means who names a file or a digest."""

from __future__ import annotations

from pathlib import Path

from anchor.cli.files import read_credential, read_proof_beside
from anchor.client import DigestTarget
from anchor.core.digest import Method, salted_digest
from anchor.documents import ProofDocument
from anchor.errors import InvalidInput
from anchor.verify.files import PROOF_SUFFIX, RECEIPT_SUFFIX, proof_path_of
from status_lists.errors import StatusListError
from status_lists.multibase import decode_digest


def file_or_digest(text: str) -> Path | bytes:
    """Return the path of a file that exists, else the digest that the text is; InvalidInput for neither."""
    path = Path(text)
    if path.is_file():
        return path
    try:
        return decode_digest(text)
    except StatusListError as exc:
        raise InvalidInput(
            f"{text[:200]!r} is no file, and no digest either: name a file, 64 hex digits, or the `uEi…` form"
        ) from exc


def read_digest(text: str) -> bytes:
    """Return the digest that a text is; InvalidInput for any other."""
    try:
        return decode_digest(text)
    except StatusListError as exc:
        raise InvalidInput(f"{text[:80]!r}: {exc}") from exc


def target_of_file(
    path: Path, *, method: Method | None, salt_secret: bytes | None
) -> tuple[DigestTarget, bytes | None]:
    """Return the digest under which a file was submitted, and its salt if it has one.

    Unless told otherwise, the proof beside the file says how the digest was taken. Raises InvalidInput
    where the proof is another file's, or the file has changed since.
    """
    for suffix, noun in ((PROOF_SUFFIX, "proof"), (RECEIPT_SUFFIX, "receipt")):
        if path.name.endswith(suffix):
            raise InvalidInput(f"{path} is a {noun}: name the credential beside it")
    proof = read_proof_beside(path) if method is None and salt_secret is None else None
    if proof is None:
        file = read_credential(path, method=method, salt_secret=salt_secret)
        return DigestTarget(digest=file.digest, method=file.method, salted=file.salted), file.salt
    return _target_of_proof(path, proof), proof.salt


def _target_of_proof(path: Path, document: ProofDocument) -> DigestTarget:
    entry = document.proof.entry
    digest = read_credential(path, method=entry.method, salt_secret=None).digest
    if entry.salted:
        if document.salt is None:
            raise InvalidInput(
                f"{proof_path_of(path)} lacks its salt: pass --salt with the file of the secret"
            )
        digest = salted_digest(document.salt, digest)
    if digest != entry.digest:
        raise InvalidInput(
            f"{path} does not fit {proof_path_of(path)}: one of them has changed; name the digest itself"
        )
    return DigestTarget(digest=digest, method=entry.method, salted=entry.salted)
