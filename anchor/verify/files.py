"""A credential in a file, with its proof beside it."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from pathlib import Path

from anchor.documents import MAX_PROOF_BYTES
from anchor.errors import InvalidInput
from anchor.verify.chain_view import OpenChain
from anchor.verify.patience import PatientSource
from anchor.verify.report import Report
from anchor.verify.sources import ListSource, PublishedFiles, open_files
from anchor.verify.trust import TrustSet
from anchor.verify.verifier import verify_credential


def proof_path_of(credential: Path) -> Path:
    """Return where the proof of a credential's file is looked for: `X.proof.json` beside `X`."""
    return credential.with_name(f"{credential.name}.proof.json")


async def verify_file(
    credential: Path,
    *,
    trust: TrustSet,
    open_chain: OpenChain,
    proof: Path | None = None,
    now_s: int | None = None,
) -> Report:
    """Verify a credential's file; the proof is looked for beside it unless a path is given.

    `now_s` is the verifier's time in Unix seconds, the system's clock by default. Status lists come from
    where the trust set says. Raises InvalidInput where the credential, or a proof that was named, cannot be
    read.
    """
    content = await asyncio.to_thread(read_credential_file, credential)
    proof_content = await asyncio.to_thread(read_proof_of, credential, proof)
    async with AsyncExitStack() as stack:
        files = await stack.enter_async_context(open_files(trust.files)) if trust.files else None
        return await verify_credential(
            content,
            proof_content,
            trust=trust,
            open_chain=open_chain,
            lists=_patient(files, trust),
            now_s=int(time.time()) if now_s is None else now_s,
        )


def _patient(files: PublishedFiles | None, trust: TrustSet) -> ListSource | None:
    # A mirror lags behind by minutes: only a service is worth waiting for.
    is_service = trust.files is not None and not trust.files.is_mirror
    return PatientSource(files) if files is not None and is_service else files


def read_credential_file(credential: Path) -> bytes:
    """Return a credential's bytes; InvalidInput where the file cannot be read."""
    return _read(credential, None)


def read_proof_of(credential: Path, proof: Path | None) -> bytes | None:
    """Return the bytes of the proof named, or of the one beside the credential; None where there is none."""
    # One byte more than a proof may have: enough to see that it is none.
    if proof is not None:
        return _read(proof, MAX_PROOF_BYTES + 1)
    beside = proof_path_of(credential)
    return _read(beside, MAX_PROOF_BYTES + 1) if beside.exists() else None


def _read(path: Path, max_bytes: int | None) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(max_bytes)
    except OSError as exc:
        raise InvalidInput(f"{path} cannot be read: {exc.strerror}") from exc
