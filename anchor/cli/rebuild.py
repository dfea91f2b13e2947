"""`anchor rebuild`."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import click

from anchor.app import make_signer
from anchor.chain.failover import connect
from anchor.chain.presets import chain_name
from anchor.cli.earlier_options import earlier_rpc_option, read_earlier_rpcs
from anchor.cli.group import EXIT_REFUSED
from anchor.cli.help_text import examples
from anchor.cli.operator_options import config_option
from anchor.cli.output import count_text, print_json
from anchor.cli.progress import CountLine
from anchor.cli.recovery_text import AS_OF_BACKUP
from anchor.cli.seed_file import read_seed
from anchor.config import Settings, load_settings
from anchor.errors import InvalidInput
from anchor.rebuild import RebuildReport, RebuildRequest, rebuild_database
from anchor.rebuild.report import NOT_PUBLISHED
from anchor.verify import FileLocation, open_files
from anchor.verify.findings import printable
from anchor.verify.trust_file import read_location

_SHOWN = 20
_EXAMPLES = 3


@click.command(
    epilog=examples(
        "anchor rebuild --mirror ./mirror",
        "anchor rebuild --mirror ./mirror --base /backups/2026-11-28    from the last backup on",
        "anchor rebuild --mirror ./mirror --proofs ./diplomas           with digests and bindings of kept proofs",
        "anchor rebuild --mirror ./mirror --earlier-rpc 1=https://…     after a move to another chain",
        "anchor rebuild --mirror ./mirror --mirror https://auditor.example/anchor --seed-file issuer.seed",
    )
)
@config_option
@click.option(
    "--mirror", "mirrors", multiple=True, metavar="MIRROR", help="A mirror: a folder or a URL; repeatable."
)
@click.option("--service", metavar="URL", help="A service that still publishes the files.")
@click.option(
    "--base", type=click.Path(path_type=Path), metavar="BACKUP", help="An old backup to begin with."
)
@click.option("--proofs", type=click.Path(path_type=Path), metavar="FOLDER", help="Proofs that were kept.")
@click.option(
    "--seed-file",
    "seed_files",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="FILE",
    help="The seed of an issuer's list key, as for `anchor issuer add`; repeatable.",
)
@earlier_rpc_option
@click.option(
    "--accept-loss",
    is_flag=True,
    help="Leave a database although something is missing: only where no better copy can be had.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def rebuild(
    *,
    config: Path,
    mirrors: tuple[str, ...],
    service: str | None,
    base: Path | None,
    proofs: Path | None,
    seed_files: tuple[Path, ...],
    earlier_rpcs: tuple[str, ...],
    accept_loss: bool,
    as_json: bool,
) -> None:
    """Make a lost database anew from the chain and from published files, and say exactly what is missing.

    Every root is computed again and compared with the contract's. Nothing is overwritten. Exit code 0 only if
    nothing is missing; 1 where something that should be there could not be had or does not match: then there
    is a database with --accept-loss only. 3 if the chain or the files could not be reached.
    """
    settings = load_settings(config, os.environ)
    locations = [read_location(service=None, mirror=mirror) for mirror in mirrors]
    locations += [read_location(service=service, mirror=None)]
    places = [location for location in locations if location is not None]
    if not places and base is None:
        raise InvalidInput(
            "name where the published files are: --mirror MIRROR, --service URL, or a --base BACKUP"
        )
    request = RebuildRequest(
        settings=settings,
        publisher=make_signer(settings, os.environ).address,
        seeds=tuple(read_seed(path) for path in seed_files),
        proofs=proofs,
        base=base,
        accepts_loss=accept_loss,
        earlier_rpcs=read_earlier_rpcs(earlier_rpcs),
    )
    report = asyncio.run(_rebuild(request, settings, places))
    if as_json:
        print_json(report.to_json() | ({"repeat": AS_OF_BACKUP} if report.has_base else {}))
    else:
        print_report(report)
    if not report.is_complete:
        raise click.exceptions.Exit(EXIT_REFUSED)


async def _rebuild(
    request: RebuildRequest, settings: Settings, locations: Sequence[FileLocation]
) -> RebuildReport:
    progress = CountLine("batches")
    async with AsyncExitStack() as stack:
        chain = connect(
            rpc_urls=settings.chain.reveal_rpc_urls(),
            contract=settings.chain.contract,
            quorum=settings.chain.quorum,
            request_timeout_s=settings.chain.request_timeout_s,
        )
        stack.push_async_callback(chain.close)
        places = [await stack.enter_async_context(open_files(location)) for location in locations]
        try:
            return await rebuild_database(request, chain=chain, places=places, on_batch=progress.show)
        finally:
            progress.clear()


def print_report(report: RebuildReport) -> None:
    """Print what was rebuilt, what is missing, and what to do next."""
    _print_counts(report)
    for issuer in report.issuers:
        click.echo(
            f"issuer {issuer.number}, {printable(issuer.identifier)}: list key {issuer.list_key.value}"
        )
        if issuer.advice:
            click.echo(f"    {issuer.advice}")
    _print_not_published(report)
    if report.has_pending:
        click.echo("the account has a pending transaction: wait until it is mined, and rebuild again")
    for loss in report.losses[:_SHOWN]:
        click.secho(f"✗ {printable(loss.message)} ({loss.code})", fg="red")
    if len(report.losses) > _SHOWN:
        click.echo(f"  and {len(report.losses) - _SHOWN} more (--json shows all)")
    if report.database is None:
        click.echo("NO DATABASE was made: find what is missing, or give --accept-loss")
        return
    click.echo(f"made {report.database}; next: `anchor fsck`, then start the service")


def _print_not_published(report: RebuildReport) -> None:
    """Print what is not known: all of it, but with a backup only as examples of what came after it."""
    since = ", so known up to the backup only" if report.has_base else ""
    click.echo(f"not in published files{since}:")
    shown = NOT_PUBLISHED[:_EXAMPLES] if report.has_base else NOT_PUBLISHED
    for what, then in shown:
        click.echo(f"    {what}: {then}")
    if len(shown) < len(NOT_PUBLISHED):
        click.echo(f"    and {len(NOT_PUBLISHED) - len(shown)} more (--json shows all)")
    if report.has_base:
        click.echo(AS_OF_BACKUP)


def _print_counts(report: RebuildReport) -> None:
    click.echo(
        f"{report.rebuilt:,} of {count_text(report.anchored, 'anchored batch')} rebuilt, each from its root"
    )
    for place in report.anchorages[:-1]:
        compared = "" if place.is_compared else ", not compared with its chain"
        where = printable(f"{chain_name(place.chain_id)}, {place.contract}, publisher {place.publisher}")
        counts = f"{place.rebuilt:,} of {place.anchored:,} batches"
        click.echo(f"    anchorage {place.number}, left ({where}): {counts}{compared}")
    click.echo(f"{report.leaves:,} leaves of credentials, {report.digests:,} with their digest")
    if report.proofs_given:
        click.echo(f"{report.proofs_used:,} of {count_text(report.proofs_given, 'proof')} used")
    if report.reaccepted:
        click.echo(f"{count_text(report.reaccepted, 'digest')} of the backup in no batch: accepted again")
