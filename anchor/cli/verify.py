"""`anchor verify`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import click

from anchor.cli.help_text import examples
from anchor.cli.output import print_json
from anchor.cli.periods import read_duration, read_moment
from anchor.cli.report_text import print_report
from anchor.cli.trust_options import TrustOptions, trust_options, trust_set
from anchor.errors import InvalidInput
from anchor.verify import Report, StatusFiles, TrustSet, verify_file
from anchor.verify.claims import claims_report
from anchor.verify.files import read_credential_file, read_proof_of
from anchor.verify.opening import open_chain
from anchor.verify.trust import DEFAULT_MAX_STATUS_AGE_S
from anchor.verify.trust_file import read_foreign_host

F = TypeVar("F", bound=Callable[..., object])

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_DEFAULT_MAX_AGE_H = DEFAULT_MAX_STATUS_AGE_S // 3_600


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusOptions:
    """What the command line says of status: where it is read, how old it may be, and for which time."""

    evidence: tuple[Path, ...]
    lists: tuple[Path, ...]
    batch: Path | None
    max_age_s: int | None
    at_s: int | None
    foreign_hosts: tuple[str, ...]
    min_entries: int | None


def _status_options(function: F) -> F:
    for option in reversed(_STATUS_OPTIONS):
        function = option(function)
    return function


_STATUS_OPTIONS = (
    click.option(
        "--evidence",
        multiple=True,
        type=_FILE,
        metavar="FILE",
        help="Read status from this evidence, and fetch nothing; CREDENTIAL.status.json is found by itself.",
    ),
    click.option(
        "--list",
        "lists",
        multiple=True,
        type=_FILE,
        metavar="FILE",
        help="Read status from this downloaded status list (repeatable).",
    ),
    click.option(
        "--batch", type=_FILE, metavar="FILE", help="… and this document of the batch that they stand in."
    ),
    click.option(
        "--max-age",
        "max_age_s",
        callback=read_duration,
        metavar="DURATION",
        help=f"How old status may be: 30m, 2h, 7d.  [default: the trust file's, or {_DEFAULT_MAX_AGE_H}h]",
    ),
    click.option(
        "--at",
        "at_s",
        callback=read_moment,
        metavar="TIME",
        help="Ask about a past time: 2026-05-01T12:00:00Z, or 2026-05-01.",
    ),
    click.option(
        "--fetch-foreign",
        "foreign_hosts",
        multiple=True,
        metavar="HOST",
        help="Fetch lists that others publish, which nothing anchors, from this host (repeatable).",
    ),
    click.option(
        "--min-entries",
        type=click.IntRange(min=1),
        metavar="N",
        help="The least size of lists that others publish.  [default: the trust file's, or 131072]",
    ),
)


@click.command(
    epilog=examples(
        "anchor verify diploma.json                       with diploma.json.proof.json beside it",
        "anchor verify diploma.pdf --proof proof.json     the proof elsewhere",
        "anchor verify badge.json --issuer did:web:x.edu  accept this issuer only",
        "anchor verify badge.json --json                  the whole report, for programs",
        "anchor verify badge.json --evidence s.json --max-age 2h    status from evidence, at most 2 h old",
        "anchor verify badge.json --list 0.json --list 1.json --batch 7.json    from downloaded lists",
        "anchor verify badge.json --at 2026-05-01T12:00:00Z    as it stood then",
        "anchor verify badge.json --fetch-foreign lists.example.org    its issuer's own, unanchored list",
    )
)
@click.argument("credential", type=_FILE)
@click.option(
    "--proof", "proof_file", type=_FILE, metavar="FILE", help="The proof; CREDENTIAL.proof.json unless named."
)
@click.option(
    "--issuer", "issuers", multiple=True, metavar="ID", help="Accept this issuer only (repeatable)."
)
@_status_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@trust_options
def verify(
    *,
    credential: Path,
    proof_file: Path | None,
    issuers: tuple[str, ...],
    as_json: bool,
    options: TrustOptions,
    evidence: tuple[Path, ...],
    lists: tuple[Path, ...],
    batch: Path | None,
    max_age_s: int | None,
    at_s: int | None,
    foreign_hosts: tuple[str, ...],
    min_entries: int | None,
) -> None:
    """Check a CREDENTIAL with its proof, by the chain and your own trust file, without asking its issuer.

    Exit code 0: valid. 1: a definite no (tampered, not anchored, issuer mismatch, revoked, expired, suspended,
    not yet valid). 2: wrong usage. 3: could not be checked, or pending.
    """
    status = StatusOptions(
        evidence=evidence,
        lists=lists,
        batch=batch,
        max_age_s=max_age_s,
        at_s=at_s,
        foreign_hosts=foreign_hosts,
        min_entries=min_entries,
    )
    _check_usage(status, now_s=int(time.time()))
    trust = trust_set(options, issuers=issuers)
    if trust is not None:
        trust = _overridden(trust, status)
    files = StatusFiles(
        evidence=evidence,
        lists=lists,
        batch=batch,
        may_fetch=options.service is not None or options.mirror is not None,
    )
    report = asyncio.run(_report(credential, proof_file, trust, files, at_s))
    if as_json:
        print_json(report.to_json())
    else:
        print_report(report)
    raise click.exceptions.Exit(report.exit_code)


def _check_usage(status: StatusOptions, *, now_s: int) -> None:
    if status.at_s is not None and status.at_s > now_s:
        raise InvalidInput("--at asks about the past: nothing can be said of a time to come")
    if status.at_s is not None and status.lists:
        raise InvalidInput(
            "--at looks for the root of that time: give it --evidence, a --mirror or a --service"
        )
    if status.batch is not None and not status.lists:
        raise InvalidInput("--batch says in which state lists stand: give it with --list FILE")


def _overridden(trust: TrustSet, status: StatusOptions) -> TrustSet:
    known = trust.foreign_hosts
    named = tuple(map(read_foreign_host, status.foreign_hosts))
    added = tuple(host for host in named if not trust.allows_host(host.authority))
    return replace(
        trust,
        max_status_age_s=trust.max_status_age_s if status.max_age_s is None else status.max_age_s,
        foreign_hosts=(*known, *dict.fromkeys(added)),
        min_list_entries=status.min_entries or trust.min_list_entries,
    )


async def _report(
    credential: Path,
    proof_file: Path | None,
    trust: TrustSet | None,
    files: StatusFiles,
    at_s: int | None,
) -> Report:
    if trust is not None:
        return await verify_file(
            credential, trust=trust, open_chain=open_chain, proof=proof_file, status=files, at_s=at_s
        )
    return claims_report(
        read_credential_file(credential), read_proof_of(credential, proof_file), now_s=int(time.time())
    )
