"""`anchor fsck`."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path

import click

from anchor.chain.client import Web3Chain
from anchor.chain.protocol import ChainReader
from anchor.cli.earlier_options import earlier_rpc_option, read_earlier_rpcs
from anchor.cli.group import EXIT_REFUSED, EXIT_UNCHECKED
from anchor.cli.help_text import examples
from anchor.cli.operator_options import config_option
from anchor.cli.output import count_text, print_json
from anchor.config import Settings, load_settings
from anchor.core.strict_json import JsonValue
from anchor.fsck import FsckReport, check_everything
from anchor.store.records import Anchorage
from anchor.store.sqlite.anchorages import read_anchorages
from anchor.verify import FileLocation, open_files
from anchor.verify.findings import printable
from anchor.verify.opening import open_chain


@click.command(
    epilog=examples(
        "anchor fsck",
        "anchor fsck --config /etc/anchor/anchor.toml --service https://anchor.example.org",
        "anchor fsck --earlier-rpc 1=https://…     after a move to another chain",
        "anchor fsck --json   for programs",
    )
)
@config_option
@click.option("--service", metavar="URL", help="Also compare what is published there with the database.")
@earlier_rpc_option
@click.option(
    "--without-anchorage",
    "without",
    type=click.IntRange(min=1),
    multiple=True,
    metavar="N",
    help="Do not ask for the chain of anchorage N, which was left and is gone. Repeatable.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def fsck(
    *,
    config: Path,
    service: str | None,
    earlier_rpcs: tuple[str, ...],
    without: tuple[int, ...],
    as_json: bool,
) -> None:
    """Check every promise again: each leaf, tree, root, list and anchor, from database, chain and published files.

    Exit code 0 only if all of it was checked and holds, 1 if something is wrong, 3 if a chain or the published files
    could not be reached, those of anchorages that were left included. The service may be running.
    """
    settings = load_settings(config, os.environ)
    report = asyncio.run(_run(settings, service, read_earlier_rpcs(earlier_rpcs), without))
    if as_json:
        print_json(_to_json(report))
    else:
        _print(report)
    if report.problems:
        raise click.exceptions.Exit(EXIT_REFUSED)
    if not report.is_sound:
        raise click.exceptions.Exit(EXIT_UNCHECKED)


async def _run(
    settings: Settings, service: str | None, rpcs: Mapping[int, str], without: tuple[int, ...]
) -> FsckReport:
    chain = Web3Chain(
        rpc_url=settings.chain.rpc_url.reveal(),
        contract=settings.chain.contract,
        request_timeout_s=settings.chain.request_timeout_s,
    )
    async with AsyncExitStack() as stack:
        stack.push_async_callback(chain.close)
        location = FileLocation(address=service, is_mirror=False) if service else None
        files = await stack.enter_async_context(open_files(location)) if location else None
        last = read_anchorages(settings.database)[-1:]

        def open_earlier(place: Anchorage) -> AbstractAsyncContextManager[ChainReader] | None:
            is_here = any(
                (now.chain_id, now.genesis_hash) == (place.chain_id, place.genesis_hash) for now in last
            )
            rpc = rpcs.get(place.number, settings.chain.rpc_url.reveal() if is_here else "")
            return open_chain(rpc, place.contract) if rpc else None

        return await check_everything(
            settings.database,
            chain=chain,
            from_block=settings.chain.from_block,
            confirmations=settings.chain.confirmations,
            files=files,
            open_earlier=open_earlier,
            without=without,
        )


def _print(report: FsckReport) -> None:
    for check in report.checks:
        mark = "✗" if check.problems else "✓"
        click.echo(
            f"{mark} {check.name:<10} {count_text(check.looked_at, 'check')}, {len(check.problems)} wrong"
        )
        for problem in check.problems[:20]:
            click.echo(f"    {problem.where}: {problem.message}")
        if len(check.problems) > 20:
            click.echo(f"    and {len(check.problems) - 20} more (--json shows all)")
    for reason in report.unchecked[:5]:
        click.echo(f"? {printable(reason)}")
    for number in report.left:
        click.echo(
            f"· anchorage {number} was left, and by your word its chain is gone: its batches are compared with each "
            "other alone"
        )
    if report.problems:
        click.echo("NOT SOUND: do not rely on this database")
    else:
        click.echo(
            "every promise holds"
            if report.is_sound
            else "nothing is wrong, but not everything could be checked"
        )


def _to_json(report: FsckReport) -> JsonValue:
    return {
        "sound": report.is_sound,
        "unchecked": list(report.unchecked),
        "anchoragesLeft": list(report.left),
        "checks": [
            {
                "check": check.name,
                "lookedAt": check.looked_at,
                "problems": [
                    {"where": problem.where, "message": problem.message} for problem in check.problems
                ],
            }
            for check in report.checks
        ],
    }
