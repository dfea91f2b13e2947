"""A credential in a file, with its proof and evidence of its status beside it."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from anchor.documents import MAX_PROOF_BYTES, MAX_RECEIPT_BYTES
from anchor.errors import InvalidInput
from anchor.verify.anchorage_files import Departure, FindDeparture, find_departure
from anchor.verify.chain_view import OpenChain
from anchor.verify.evidence_files import MAX_EVIDENCE_FILE_BYTES, evidence_path_of
from anchor.verify.layout import MAX_DOCUMENT_BYTES
from anchor.verify.list_files import ListFiles, read_list_files
from anchor.verify.opening import open_chain as open_over_http
from anchor.verify.patience import PatientSource
from anchor.verify.receipts import ReceiptFiles
from anchor.verify.report import Report
from anchor.verify.sources import ListSource, open_files
from anchor.verify.trust import Anchorage, TrustSet
from anchor.verify.verifier import verify_credential
from status_lists.fetch import ListFetcher

MAX_CREDENTIAL_BYTES = 64 * 1024 * 1024
"""Room for a scanned diploma; JSON of this size takes twenty times as much memory."""

PROOF_SUFFIX = ".proof.json"
RECEIPT_SUFFIX = ".receipt.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusFiles:
    """Files that a verifier names to read status from; then nothing is fetched, unless `may_fetch`.

    `lists` are downloaded status lists; `batch` is the batch document that they stand in.
    """

    evidence: tuple[Path, ...] = ()
    lists: tuple[Path, ...] = ()
    batch: Path | None = None
    may_fetch: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether nothing is named: evidence beside the credential is then looked for."""
        return not self.evidence and not self.lists and self.batch is None


NO_STATUS_FILES = StatusFiles()


def proof_path_of(credential: Path, directory: Path | None = None) -> Path:
    """Return where the proof of a credential's file stands: `X.proof.json` beside `X`, or in a directory."""
    name = credential.name + PROOF_SUFFIX
    return credential.with_name(name) if directory is None else directory / name


def receipt_path_of(credential: Path, directory: Path | None = None) -> Path:
    """Return where the receipt of a credential's file stands until its proof is there, as `proof_path_of`."""
    name = credential.name + RECEIPT_SUFFIX
    return credential.with_name(name) if directory is None else directory / name


async def verify_file(
    credential: Path | str,
    *,
    trust: TrustSet,
    open_chain: OpenChain = open_over_http,
    proof: Path | str | None = None,
    status: StatusFiles = NO_STATUS_FILES,
    at_s: int | None = None,
    now_s: int | None = None,
) -> Report:
    """Verify a credential's file; the proof is looked for beside it unless a path is given.

    Status is read from the files named in `status`; where none is, from evidence beside the credential, and
    what that does not tell from where the trust set says. `at_s` asks about a past time, `now_s` is the
    verifier's own, the system's clock by default; both in Unix seconds. The chain is read over HTTP unless
    `open_chain` says otherwise. Raises InvalidInput where the credential, or a file that was named, cannot be
    read, and for an RPC URL or contract in the trust set that is none.
    """
    path, proof_path = Path(credential), None if proof is None else Path(proof)
    content = await asyncio.to_thread(read_credential_file, path)
    proof_content = await asyncio.to_thread(read_proof_of, path, proof_path)
    evidence = await asyncio.to_thread(_read_evidence, path, status)
    async with AsyncExitStack() as stack:
        lists, find_left = await _list_source(trust, status, stack)
        return await verify_credential(
            content,
            proof_content,
            trust=trust,
            open_chain=open_chain,
            lists=lists,
            find_departure=find_left,
            evidence=evidence,
            foreign=foreign_fetcher(trust),
            now_s=int(time.time()) if now_s is None else now_s,
            at_s=at_s,
        )


def read_receipt_files(path: Path) -> ReceiptFiles:
    """Return a receipt, given by its path or by that of its credential, with what stands beside it.

    Raises InvalidInput where there is no receipt.
    """
    is_receipt = path.name.endswith(RECEIPT_SUFFIX)
    credential = path.with_name(path.name.removesuffix(RECEIPT_SUFFIX)) if is_receipt else path
    receipt = receipt_path_of(credential)
    if not receipt.exists():
        raise InvalidInput(
            f"there is no {receipt}: it is gone once the proof is there, which `anchor verify` checks"
        )
    return ReceiptFiles(
        receipt=_read(receipt, MAX_RECEIPT_BYTES + 1),
        proof=read_proof_of(credential, None),
        credential=read_credential_file(credential) if credential.exists() else None,
    )


def foreign_fetcher(trust: TrustSet) -> ListFetcher | None:
    """Return what fetches lists of others; None where the trust set allows no host."""
    if not trust.foreign_hosts:
        return None
    return ListFetcher(allowed_hosts=[host.authority for host in trust.foreign_hosts if host.is_local])


def read_credential_file(credential: Path) -> bytes:
    """Return a credential's bytes; InvalidInput where the file cannot be read or has too many."""
    return _read_whole(credential, MAX_CREDENTIAL_BYTES)


def read_proof_of(credential: Path, proof: Path | None) -> bytes | None:
    """Return the bytes of the proof named, or of the one beside the credential; None where there is none."""
    # One byte more than a proof may have: enough to see that it is none.
    if proof is not None:
        return _read(proof, MAX_PROOF_BYTES + 1)
    beside = proof_path_of(credential)
    return _read(beside, MAX_PROOF_BYTES + 1) if beside.exists() else None


def _read_evidence(credential: Path, status: StatusFiles) -> tuple[bytes, ...]:
    paths = status.evidence
    if status.is_empty:
        beside = evidence_path_of(credential)
        paths = (beside,) if beside.exists() else ()
    return tuple(_read(path, MAX_EVIDENCE_FILE_BYTES + 1) for path in paths)


async def _list_source(
    trust: TrustSet, status: StatusFiles, stack: AsyncExitStack
) -> tuple[ListSource | None, FindDeparture | None]:
    """Return where lists are had from, and those of an anchorage that was left; what needs no source opens none."""
    if status.batch is not None and not status.lists:
        raise InvalidInput("a batch document says nothing of a single entry: name the lists too")
    if status.batch is not None:
        batch = await asyncio.to_thread(_read_whole, status.batch, MAX_DOCUMENT_BYTES)
        given = await asyncio.to_thread(read_list_files, status.lists)
        return ListFiles(given, batch=batch, batches=None), None
    if status.evidence and not status.may_fetch and not status.lists:
        return None, None
    files = None if trust.files is None else await stack.enter_async_context(open_files(trust.files))
    is_mirror = trust.files is not None and trust.files.is_mirror
    # A mirror lags behind by minutes: only a service is worth waiting for.
    fetched: ListSource | None = files if files is None or is_mirror else PatientSource(files, trust.current)
    given = await asyncio.to_thread(read_list_files, status.lists)

    async def find_left(anchorage: Anchorage) -> Departure | None:
        left = None if files is None else await find_departure(files, anchorage)
        if left is None or not given:
            return left
        return replace(left, lists=ListFiles(given, batch=None, batches=left.lists))

    return ListFiles(given, batch=None, batches=fetched) if given else fetched, find_left


def _read_whole(path: Path, max_bytes: int) -> bytes:
    content = _read(path, max_bytes + 1)
    if len(content) > max_bytes:
        raise InvalidInput(f"{path} has more than {max_bytes:,} bytes, the most that is read")
    return content


def _read(path: Path, max_bytes: int) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(max_bytes)
    except OSError as exc:
        raise InvalidInput(f"{path} cannot be read: {exc.strerror}") from exc
