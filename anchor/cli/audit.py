"""`anchor audit`."""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack
from dataclasses import replace

import click

from anchor.chain.presets import chain_name
from anchor.cli.help_text import examples
from anchor.cli.output import count_text, print_json, print_table
from anchor.cli.trust_options import TrustOptions, anchorage_of, trust_options, trust_set
from anchor.errors import InvalidInput
from anchor.fields import encode_hex
from anchor.verify import Anchorage, FileLocation, open_files
from anchor.verify.audit import AuditReport, audit_publisher
from anchor.verify.findings import printable
from anchor.verify.opening import open_chain
from anchor.verify.times import utc_text
from anchor.verify.trust_file import read_location


@click.command(
    epilog=examples(
        "anchor audit                                     the publisher of your trust file, with its files",
        "anchor audit --chain-only                        the chain alone",
        "anchor audit --mirror ./mirror                   the files from a folder",
        "anchor audit --anchorage 1                       the oldest, where the publisher has moved since",
        "anchor audit --rpc URL --contract 0x… --publisher 0x…    from an RPC endpoint alone",
    )
)
@click.option(
    "--anchorage",
    "position",
    type=click.IntRange(min=1),
    metavar="N",
    help="Audit the Nth [[anchorage]] of the trust file, 1 being the oldest; the last one unless given.",
)
@click.option("--chain-only", is_flag=True, help="Do not compare with published files.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@trust_options
def audit(*, position: int | None, chain_only: bool, as_json: bool, options: TrustOptions) -> None:
    """List everything that a publisher anchored, up to the last final block, and check all of it.

    With the published files of a service or mirror every root is computed again, and no status list may have
    lost a revocation. Exit code 0 only if everything agrees, 1 if something differs or is missing, 3 if the
    chain or the files cannot be reached.
    """
    report = asyncio.run(_audit(options, position, chain_only=chain_only))
    if as_json:
        print_json(report.to_json())
    else:
        _print(report)
    raise click.exceptions.Exit(report.exit_code)


async def _audit(options: TrustOptions, position: int | None, *, chain_only: bool) -> AuditReport:
    anchorage, before, location = await _target(options, position)
    async with AsyncExitStack() as stack:
        files = None
        if location is not None and not chain_only:
            files = await stack.enter_async_context(open_files(location))
        progress = _Progress()
        try:
            return await audit_publisher(
                anchorage, open_chain=open_chain, files=files, before=before, on_progress=progress.show
            )
        finally:
            progress.clear()


async def _target(
    options: TrustOptions, position: int | None
) -> tuple[Anchorage, Anchorage | None, FileLocation | None]:
    """
    Return what is audited: an anchorage of the trust set, the last unless named, or what the options describe.

    With it the anchorage before, and where files are published.
    """
    if options.names_anchorage:
        location = read_location(service=options.service, mirror=options.mirror)
        return anchorage_of(await _with_identity(options)), None, location
    trust = trust_set(options, issuers=())
    if trust is None:
        raise InvalidInput("name what to audit: --rpc, --contract and --publisher, or a trust file")
    anchorages = trust.anchorages
    if position is not None and position > len(anchorages):
        raise InvalidInput(f"your trust file has {len(anchorages)} anchorage(s): give --anchorage from 1 on")
    index = len(anchorages) - 1 if position is None else position - 1
    return anchorages[index], anchorages[index - 1] if index else None, trust.files


async def _with_identity(options: TrustOptions) -> TrustOptions:
    """Take chain id and genesis hash from the endpoint where they were not given: an auditor may begin with it."""
    if options.rpc is None or options.contract is None or options.genesis_hash is not None:
        return options
    async with open_chain(options.rpc, options.contract) as reader:
        found = await reader.identity()
    return replace(
        options,
        chain_id=found.chain_id if options.chain_id is None else options.chain_id,
        genesis_hash=encode_hex(found.genesis_hash),
    )


class _Progress:
    """One line on stderr that is written over, where stderr is a terminal."""

    def __init__(self) -> None:
        self._is_terminal = sys.stderr.isatty()

    def show(self, done: int, total: int) -> None:
        """Show how many batches are checked."""
        if self._is_terminal:
            click.echo(f"\rchecked {done:,} of {total:,} batches", err=True, nl=False)

    def clear(self) -> None:
        """Remove the line."""
        if self._is_terminal:
            click.echo("\r" + " " * 60 + "\r", err=True, nl=False)


def _print(report: AuditReport) -> None:
    titles = ("batch", "block", "time", "leaves", "transaction")
    rows = [
        (
            str(anchor.event.sequence),
            str(anchor.event.block_number),
            "-" if anchor.time_s is None else utc_text(anchor.time_s),
            f"{anchor.event.leaf_count:,}",
            encode_hex(anchor.event.transaction_hash),
        )
        for anchor in report.anchors
    ]
    print_table(titles, rows)
    click.echo()
    click.echo(f"{chain_name(report.anchorage.chain_id)}, contract {report.anchorage.contract},")
    click.echo(f"publisher {' → '.join(report.publishers)}, up to final block {report.block.number}.")
    compared = "chain and published files" if report.has_files else "chain alone, no published files"
    for found in report.discrepancies:
        where = "" if found.sequence is None else f"batch {found.sequence}: "
        click.secho(f"✗ {where}{printable(found.message)} ({found.code})", fg="red")
    for reason in report.unchecked:
        click.echo(f"? not checked: {printable(reason)}")
    if report.discrepancies:
        click.secho(
            f"{count_text(len(report.discrepancies), 'discrepancy')} ({compared})", bold=True, fg="red"
        )
    else:
        click.secho(f"all agrees ({compared})", bold=True, fg="green")
