"""Submits many files in few requests, so that one bad file does not keep the others back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from anchor.cli.files import CredentialFile, read_credential, require_credential
from anchor.cli.own_status import entry_to_bind, names_bitstring_lists
from anchor.client import MAX_ITEMS, DigestTarget, Receipt, ServiceClient, Submission
from anchor.core.digest import Method
from anchor.core.entries import StatusEntry
from anchor.errors import Conflict, InvalidInput, MayBeAnchored, NotFound

MAX_SPLITS = 256
"""Requests that may be cut in two in search of the digests that the service refuses."""

_AGAIN_ADVICE = "put that proof or receipt beside it, or give --again"


@dataclass(frozen=True, slots=True)
class Plan:
    """
    How files are submitted: their method, the secret of their salts, the status entry by default.

    `again` lets each have a second leaf where a service that lost its database cannot tell whether it has one.
    """

    method: Method | None
    salt_secret: bytes | None
    default_status: Literal["allocate"] | None
    again: bool = False


@dataclass(slots=True)
class Outcome:
    """What became of one file: read, accepted, proved, or the error that stopped it.

    `kept_status` is the status entry that a proof or receipt beside it binds already, `promise` where its receipt
    stands.
    """

    path: Path
    file: CredentialFile | None = None
    kept_status: StatusEntry | None = None
    receipt: Receipt | None = None
    promise: Path | None = None
    proof: Path | None = None
    error: str | None = None
    warning: str | None = None

    def warn(self, text: str) -> None:
        """Add what a person should know of this file to what was said before."""
        self.warning = text if self.warning is None else f"{self.warning}; {text}"

    @property
    def target(self) -> DigestTarget:
        """The digest to look up for this file; only of one that was read."""
        assert self.file is not None
        return DigestTarget(digest=self.file.digest, method=self.file.method, salted=self.file.salted)


def read_files(paths: Sequence[Path], plan: Plan) -> list[Outcome]:
    """Read and hash all files; one that cannot be is an outcome with its error."""
    outcomes = []
    for path in paths:
        outcome = Outcome(path)
        try:
            outcome.file = read_credential(path, method=plan.method, salt_secret=plan.salt_secret)
            require_credential(path, outcome.file.method)
        except InvalidInput as exc:
            outcome.file, outcome.error = None, str(exc)
        outcomes.append(outcome)
    return outcomes


async def submit_files(client: ServiceClient, outcomes: Sequence[Outcome], plan: Plan) -> None:
    """Submit the digests of all files that could be read, each digest once, and note receipts and refusals.

    Only errors that concern the whole run are raised, such as a key that is not accepted.
    """
    read = [outcome for outcome in outcomes if outcome.file is not None and not outcome.error]
    base_url = await _base_url(client, read)
    by_target: dict[DigestTarget, list[Outcome]] = {}
    submissions: dict[DigestTarget, Submission] = {}
    for outcome in read:
        assert outcome.file is not None
        try:
            bound = entry_to_bind(outcome.file.named, base_url=base_url) if base_url else None
        except InvalidInput as exc:
            outcome.error = f"{outcome.path}: {exc}"
            continue
        target = outcome.target
        by_target.setdefault(target, []).append(outcome)
        submissions[target] = Submission(
            digest=target.digest,
            method=outcome.file.method,
            salted=target.salted,
            status=bound or outcome.kept_status or plan.default_status,
            again=plan.again,
        )
    await _submit_all(client, list(submissions.items()), by_target)


async def _base_url(client: ServiceClient, outcomes: Sequence[Outcome]) -> str | None:
    """Return what the service's status list URLs begin with, if any file names a list."""
    if not any(
        outcome.file is not None and names_bitstring_lists(outcome.file.named) for outcome in outcomes
    ):
        return None
    return (await client.publisher()).base_url


async def _submit_all(
    client: ServiceClient,
    items: Sequence[tuple[DigestTarget, Submission]],
    by_target: dict[DigestTarget, list[Outcome]],
) -> None:
    waiting = list(_requests(items))
    splits = 0
    while waiting:
        request = waiting.pop(0)
        try:
            receipts = await client.submit([submission for _target, submission in request])
        except (Conflict, InvalidInput, NotFound) as exc:
            # Nothing of it was accepted. Its halves go apart, until the refused digests stand alone.
            if len(request) > 1 and splits < MAX_SPLITS:
                splits += 1
                middle = len(request) // 2
                waiting += [request[:middle], request[middle:]]
                continue
            reason = str(exc) if len(request) == 1 else f"its request of {len(request)} was refused: {exc}"
            if isinstance(exc, MayBeAnchored):
                reason += f" ({_AGAIN_ADVICE})"
            for target, _submission in request:
                for outcome in by_target[target]:
                    outcome.error = f"{outcome.path}: {reason}"
            continue
        for (target, _submission), receipt in zip(request, receipts, strict=True):
            first, *others = by_target[target]
            first.receipt = receipt
            for outcome in others:
                outcome.receipt = replace(receipt, is_new=False)


def _requests(
    items: Sequence[tuple[DigestTarget, Submission]],
) -> Iterator[Sequence[tuple[DigestTarget, Submission]]]:
    for start in range(0, len(items), MAX_ITEMS):
        yield items[start : start + MAX_ITEMS]
