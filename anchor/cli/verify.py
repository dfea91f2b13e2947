"""`anchor verify`."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import click

from anchor.cli.help_text import examples
from anchor.cli.output import print_json
from anchor.cli.report_text import print_report
from anchor.cli.trust_options import DEFAULT_MAX_AGE_H, TrustOptions, open_chain, trust_options, trust_set
from anchor.verify import Report, TrustSet, verify_file
from anchor.verify.claims import claims_report
from anchor.verify.files import read_credential_file, read_proof_of


@click.command(
    epilog=examples(
        "anchor verify diploma.json                       with diploma.json.proof.json beside it",
        "anchor verify diploma.pdf --proof proof.json     the proof elsewhere",
        "anchor verify badge.json --issuer did:web:x.edu  accept this issuer only",
        "anchor verify badge.json --json                  the whole report, for programs",
    )
)
@click.argument("credential", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--proof",
    "proof_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The proof; CREDENTIAL.proof.json unless named.",
)
@click.option(
    "--issuer", "issuers", multiple=True, metavar="ID", help="Accept this issuer only (repeatable)."
)
@click.option(
    "--max-status-age",
    "max_age_h",
    type=click.IntRange(min=1),
    metavar="HOURS",
    help=f"How old status may be.  [default: the trust file's, or {DEFAULT_MAX_AGE_H}]",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@trust_options
def verify(
    *,
    credential: Path,
    proof_file: Path | None,
    issuers: tuple[str, ...],
    max_age_h: int | None,
    as_json: bool,
    options: TrustOptions,
) -> None:
    """Check a CREDENTIAL with its proof, by the chain and your own trust file, without asking its issuer.

    Exit code 0: valid. 1: a definite no (tampered, not anchored, issuer mismatch, revoked, expired, suspended,
    not yet valid). 2: wrong usage. 3: could not be checked, or pending.
    """
    trust = trust_set(options, issuers=issuers, max_age_h=max_age_h)
    report = asyncio.run(_report(credential, proof_file, trust))
    if as_json:
        print_json(report.to_json())
    else:
        print_report(report)
    raise click.exceptions.Exit(report.exit_code)


async def _report(credential: Path, proof_file: Path | None, trust: TrustSet | None) -> Report:
    if trust is not None:
        return await verify_file(credential, trust=trust, open_chain=open_chain, proof=proof_file)
    return claims_report(
        read_credential_file(credential), read_proof_of(credential, proof_file), now_s=int(time.time())
    )
