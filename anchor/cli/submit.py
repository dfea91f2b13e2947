"""`anchor submit`."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click

from anchor.cli.files import write_proof
from anchor.cli.group import EXIT_REFUSED, EXIT_UNCHECKED
from anchor.cli.help_text import examples
from anchor.cli.kept_proofs import (
    issuer_warning,
    keep_bindings,
    refusal_to_replace,
    refuse_files_with_other_proofs,
)
from anchor.cli.kept_receipts import write_receipts
from anchor.cli.options import ServiceOptions, method_option, salt_option, service_options
from anchor.cli.output import (
    count_text,
    print_json,
    print_table,
    status_json,
    status_text,
    time_text,
)
from anchor.cli.submission import Outcome, Plan, read_files, submit_files
from anchor.cli.waiting import Fetched, Patience, fetch_proofs, has_reached
from anchor.client import DigestTarget, ServiceClient
from anchor.core.digest import Method
from anchor.core.lifecycle import BatchState
from anchor.core.strict_json import JsonValue
from anchor.errors import InvalidInput, Overloaded, ServiceUnavailable
from anchor.verify.files import PROOF_SUFFIX, RECEIPT_SUFFIX, proof_path_of
from status_lists.multibase import encode_digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """Where receipts and proofs are written (None: beside their files), and whether over those of others."""

    directory: Path | None
    force: bool


_WAITS = {"mined": BatchState.MINED, "final": BatchState.FINAL, "none": None}


@click.command(
    epilog=examples(
        "anchor submit badge.json                   anchor one, write badge.json.proof.json",
        "anchor submit --out proofs diplomas/*.pdf  many, proofs in a folder of their own",
        "anchor submit --wait final transcript.jwt  wait until no reorganisation can undo it",
        "anchor submit --salt secret licence.json   for records that others could guess",
    )
)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@method_option
@salt_option
@click.option(
    "--status/--no-status",
    "allocates",
    default=True,
    help="Allocate a status entry to each file (the default), so that it can be revoked, or none. An entry "
    "that a file itself names in this service's lists is bound in either case.",
)
@click.option(
    "--wait",
    type=click.Choice(list(_WAITS)),
    default="mined",
    show_default=True,
    callback=lambda _ctx, _param, name: _WAITS[name],
    help="Until when to wait for the proofs; with none there are none yet, see `anchor proof`.",
)
@click.option(
    "--timeout", "timeout_s", type=click.FloatRange(min=0), default=1800, show_default=True, metavar="SECONDS"
)
@click.option(
    "--out",
    "directory",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write proofs and receipts there.",
)
@click.option(
    "--again",
    is_flag=True,
    help="Anchor also what may be anchored already: the service says so after it lost its database.",
)
@click.option("--force", is_flag=True, help="Replace proof files that are of another issuer or digest.")
@service_options
def submit(
    *,
    files: tuple[Path, ...],
    method: Method | None,
    salt_secret: bytes | None,
    allocates: bool,
    wait: BatchState | None,
    timeout_s: float,
    directory: Path | None,
    again: bool,
    force: bool,
    options: ServiceOptions,
) -> None:
    """Anchor credential files; only their digests leave this machine.

    Each file gets a proof file, FILE.proof.json, that its holder keeps with it. Before that it gets a
    signed receipt, FILE.receipt.json, which promises the anchor by a time: `anchor receipt check` says whether that was
    kept, and the receipt has served its time then. A .json or .jsonld file must be strict JSON; JWT and SD-JWT
    are recognised; any other file is hashed byte for byte. Submitting a file again does no harm.
    """
    paths = _without_proofs(files)
    _require_distinct_proofs(paths, directory)
    plan = Plan(
        method=method,
        salt_secret=salt_secret,
        default_status="allocate" if allocates else None,
        again=again,
    )
    outcomes = read_files(paths, plan)
    if not force and wait is not None:
        refuse_files_with_other_proofs(outcomes, directory)
    writing = Writing(directory=directory, force=force)
    trouble = asyncio.run(_submit(outcomes, plan, options, wait, writing, Patience(limit_s=timeout_s)))
    _report(outcomes, options, trouble)


async def _submit(
    outcomes: Sequence[Outcome],
    plan: Plan,
    options: ServiceOptions,
    wait: BatchState | None,
    writing: Writing,
    patience: Patience,
) -> str | None:
    """Submit, wait and write proofs; return what kept some proofs from coming, if anything did."""
    if all(outcome.error for outcome in outcomes):
        return None
    async with options.client() as client:
        if not writing.force:
            await keep_bindings(client, outcomes, writing.directory)
        try:
            await submit_files(client, outcomes, plan)
        finally:
            # What one request was promised must not be lost because a later one fails.
            write_receipts(outcomes, writing.directory, force=writing.force)
        if wait is None:
            return None
        try:
            await _write_proofs(client, outcomes, wait, writing, patience)
        except (ServiceUnavailable, Overloaded) as exc:
            return str(exc)
    return None


async def _write_proofs(
    client: ServiceClient,
    outcomes: Sequence[Outcome],
    wait: BatchState,
    writing: Writing,
    patience: Patience,
) -> None:
    accepted: dict[DigestTarget, list[Outcome]] = {}
    for outcome in outcomes:
        if outcome.receipt is not None:
            accepted.setdefault(outcome.target, []).append(outcome)
    if not accepted:
        return
    with click.progressbar(
        length=len(accepted), label="anchoring", file=sys.stderr, hidden=not sys.stderr.isatty()
    ) as bar:

        def write(fetched: Fetched) -> None:
            for outcome in accepted[fetched.target]:
                _write_one(outcome, fetched, writing)
            bar.update(1)

        await fetch_proofs(client, list(accepted), wanted=wait, patience=patience, on_fetched=write)


def _write_one(outcome: Outcome, fetched: Fetched, writing: Writing) -> None:
    assert outcome.file is not None
    warning = issuer_warning(outcome.file, fetched.proof)
    if warning:
        outcome.warn(warning)
    path = proof_path_of(outcome.path, writing.directory)
    if not writing.force:
        outcome.error = refusal_to_replace(path, fetched.proof)
        if outcome.error:
            return
    try:
        write_proof(path, replace(fetched.proof, salt=outcome.file.salt))
    except InvalidInput as exc:
        outcome.error = str(exc)
        return
    # The receipt of the submission alone says whether the digest was new.
    is_new = outcome.receipt is not None and outcome.receipt.is_new
    outcome.receipt = replace(fetched.receipt, is_new=is_new)
    outcome.proof = path


def _without_proofs(files: Sequence[Path]) -> list[Path]:
    """Leave proofs and receipts out, which a pattern such as *.json also catches once they are there."""
    kept = [path for path in files if not path.name.endswith((PROOF_SUFFIX, RECEIPT_SUFFIX))]
    for noun, suffix in (("proof file", PROOF_SUFFIX), ("receipt file", RECEIPT_SUFFIX)):
        left_out = sum(path.name.endswith(suffix) for path in files)
        if left_out:
            click.echo(f"note: left out {count_text(left_out, noun)} (*{suffix})", err=True)
    if not kept:
        raise InvalidInput("only proof and receipt files were named: name the credentials")
    return list(dict.fromkeys(kept))


def _require_distinct_proofs(paths: Sequence[Path], directory: Path | None) -> None:
    counts = Counter(proof_path_of(path, directory) for path in paths)
    twice = next((path for path, count in counts.items() if count > 1), None)
    if twice is not None:
        raise InvalidInput(
            f"two files would write the same proof {twice}: submit them apart, or without --out"
        )


def _report(outcomes: Sequence[Outcome], options: ServiceOptions, trouble: str | None) -> None:
    failed = [outcome for outcome in outcomes if outcome.error]
    if options.as_json:
        print_json(
            {
                "files": [_outcome_json(outcome) for outcome in outcomes],
                "failed": len(failed),
                "trouble": trouble,
            }
        )
    else:
        _print_outcomes(outcomes, hints=not trouble)
    for outcome in outcomes:
        if outcome.warning:
            click.echo(f"warning: {outcome.warning}", err=True)
    for outcome in failed:
        click.echo(f"error: {outcome.error}", err=True)
    if trouble:
        click.echo(f"error: {trouble}\nfetch the proofs with: anchor proof FILE", err=True)
    if failed:
        raise click.exceptions.Exit(EXIT_REFUSED)
    if trouble:
        raise click.exceptions.Exit(EXIT_UNCHECKED)


def _print_outcomes(outcomes: Sequence[Outcome], *, hints: bool) -> None:
    accepted = [outcome for outcome in outcomes if outcome.receipt]
    if accepted:
        print_table(
            ("FILE", "METHOD", "STATE", "BATCH", "STATUS ENTRY", "PROOF"), [_row(item) for item in accepted]
        )
    new = sum(1 for outcome in accepted if outcome.receipt and outcome.receipt.is_new)
    failed = sum(1 for outcome in outcomes if outcome.error)
    known = len(accepted) - new
    click.echo(
        f"{count_text(len(outcomes), 'file')}: {new:,} new, {known:,} known already, {failed:,} failed"
    )
    without = [outcome for outcome in accepted if outcome.proof is None and not outcome.error]
    if hints and without:
        click.echo(f"{_proofs_come(without)}: anchor proof FILE")


def _proofs_come(outcomes: Sequence[Outcome]) -> str:
    """Return when the last proof of files without one is there: now, or at a time where somebody can tell."""
    receipts = [outcome.receipt for outcome in outcomes if outcome.receipt]
    if all(has_reached(receipt.state, BatchState.MINED) for receipt in receipts):
        return "proofs are ready"
    times = [receipt.expected.mined for receipt in receipts if receipt.expected]
    return "proofs come once the batch is mined" + (f", about {time_text(max(times))}" if times else "")


def _row(outcome: Outcome) -> tuple[str, ...]:
    receipt = outcome.receipt
    assert receipt is not None
    return (
        str(outcome.path),
        receipt.method.label + (" (salted)" if receipt.salted else ""),
        receipt.state.value,
        "-" if receipt.sequence is None else str(receipt.sequence),
        status_text(receipt.status),
        "-" if outcome.proof is None else str(outcome.proof),
    )


def _outcome_json(outcome: Outcome) -> JsonValue:
    body: dict[str, JsonValue] = {
        "file": str(outcome.path),
        "error": outcome.error,
        "warning": outcome.warning,
    }
    if outcome.file is not None:
        body |= {
            "digest": encode_digest(outcome.file.digest),
            "method": outcome.file.method.label,
            "salted": outcome.file.salted,
        }
    if outcome.receipt is not None:
        body |= {
            "new": outcome.receipt.is_new,
            "state": outcome.receipt.state.value,
            "sequence": outcome.receipt.sequence,
            "status": status_json(outcome.receipt.status),
            "credentialStatus": list(outcome.receipt.credential_status),
            "receipt": None if outcome.promise is None else str(outcome.promise),
            "proof": None if outcome.proof is None else str(outcome.proof),
        }
    return body
