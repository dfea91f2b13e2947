"""Credential files and the proof files beside them, on the issuer's disk."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from anchor.cli.own_status import NamedEntry, named_entries
from anchor.core.digest import (
    Method,
    compact_jwt,
    credential_digest,
    derive_salt,
    detect_method,
    issuer_signed_jwt,
    salted_digest,
)
from anchor.core.strict_json import parse_strict_json
from anchor.documents import MAX_PROOF_BYTES, ProofDocument, parse_proof, proof_to_json
from anchor.errors import InvalidInput, InvalidProof, NotStrictJson
from anchor.verify.credential import read_credential as read_content
from anchor.verify.files import MAX_CREDENTIAL_BYTES, proof_path_of
from status_lists.errors import StatusListError
from status_lists.multibase import decode_base64url

_JSON_SUFFIXES = frozenset({".json", ".jsonld"})


@dataclass(frozen=True, slots=True)
class CredentialFile:
    """A file, its digest as it goes out, its salt if it has one, the status entries and issuers that it names."""

    path: Path
    method: Method
    digest: bytes
    salt: bytes | None
    named: tuple[NamedEntry, ...]
    issuers: tuple[str, ...]

    @property
    def salted(self) -> bool:
        """Whether the digest is salted."""
        return self.salt is not None


def read_credential(path: Path, *, method: Method | None, salt_secret: bytes | None) -> CredentialFile:
    """Read and hash a file by a method, or by the one that fits it.

    Raises InvalidInput that names the file; for a JSON file that is no strict JSON, also line, column and
    what to do.
    """
    content = _read_bounded(path, MAX_CREDENTIAL_BYTES)
    if method is None:
        method = detect_method(content, named_json=path.suffix.lower() in _JSON_SUFFIXES)
    try:
        digest = credential_digest(method, content)
        reading = read_content(method, content)
    except NotStrictJson as exc:
        raise InvalidInput(
            f"{path}: {exc}: correct the file, or anchor its bytes as they are with --method raw"
        ) from exc
    except InvalidInput as exc:
        raise InvalidInput(f"{path}: {exc}") from exc
    salt = None if salt_secret is None else derive_salt(salt_secret, digest)
    return CredentialFile(
        path=path,
        method=method,
        digest=digest if salt is None else salted_digest(salt, digest),
        salt=salt,
        named=named_entries(reading),
        issuers=reading.issuers,
    )


def require_credential(path: Path, method: Method) -> None:
    """Raise InvalidInput for a file that is not worth an anchor: an empty one, or a token that nobody can read."""
    content = _read_bounded(path, MAX_CREDENTIAL_BYTES)
    if not content:
        raise InvalidInput(f"{path}: the file is empty: there is nothing to anchor")
    if method not in (Method.JWT, Method.SD_JWT):
        return
    token = compact_jwt(content) if method is Method.JWT else issuer_signed_jwt(content)
    for name, part in zip(("header", "payload"), token.split(b"."), strict=False):
        if not _is_json_object(part):
            raise InvalidInput(
                f"{path}: the {name} of this {method.label} is no JSON object, so no verifier can read it: "
                "correct the file, or anchor its bytes as they are with --method raw"
            )


def _is_json_object(part: bytes) -> bool:
    try:
        return isinstance(parse_strict_json(decode_base64url(part.decode())), dict)
    except (StatusListError, InvalidInput):
        return False


def read_proof_beside(path: Path) -> ProofDocument | None:
    """Return the proof beside a file, or None where there is none; InvalidProof where it is damaged."""
    beside = proof_path_of(path)
    if not beside.is_file():
        return None
    try:
        return parse_proof(_read_bounded(beside, MAX_PROOF_BYTES))
    except InvalidProof as exc:
        raise InvalidProof(f"{beside}: {exc}") from exc


def write_proof(path: Path, document: ProofDocument) -> None:
    """Write a proof file; on return it is whole under its name, whatever stood there before."""
    write_to_pass_on(path, proof_text(document), what="the proof")


def write_to_pass_on(path: Path, text: str, *, what: str) -> None:
    """Write a file that anyone may read; on return it is whole under its name, whatever stood there before.

    `what` names its content in the message of InvalidInput, raised where it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=".writing-", delete=False) as file:
            temporary = Path(file.name)
            try:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
                # A temporary file is its owner's alone; this one is meant to be passed on.
                temporary.chmod(0o644)
                temporary.replace(path)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise
    except OSError as exc:
        raise InvalidInput(f"{path}: {what} cannot be written ({exc.strerror})") from exc


def proof_text(document: ProofDocument) -> str:
    """Return a proof file's text."""
    return json.dumps(proof_to_json(document), indent=2, ensure_ascii=False) + "\n"


def _read_bounded(path: Path, max_bytes: int) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(max_bytes + 1)
    except OSError as exc:
        raise InvalidInput(f"{path}: cannot be read ({(exc.strerror or 'unknown reason').lower()})") from exc
    if len(content) > max_bytes:
        raise InvalidInput(f"{path}: has more than {max_bytes:,} bytes")
    return content
