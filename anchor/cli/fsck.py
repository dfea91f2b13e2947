"""`anchor fsck`."""

from __future__ import annotations

import asyncio
import os
from contextlib import AsyncExitStack
from pathlib import Path

import click

from anchor.chain.client import Web3Chain
from anchor.cli.group import EXIT_REFUSED, EXIT_UNCHECKED
from anchor.cli.help_text import examples
from anchor.cli.output import count_text, print_json
from anchor.config import Settings, load_settings
from anchor.core.strict_json import JsonValue
from anchor.fsck import FsckReport, check_everything
from anchor.verify import FileLocation, open_files


@click.command(
    epilog=examples(
        "anchor fsck",
        "anchor fsck --config /etc/anchor/anchor.toml --service https://anchor.example.org",
        "anchor fsck --json   for programs",
    )
)
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    default="anchor.toml",
    envvar="ANCHOR_CONFIG",
    show_default=True,
    show_envvar=True,
    metavar="FILE",
)
@click.option("--service", metavar="URL", help="Also compare what is published there with the database.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def fsck(*, config: Path, service: str | None, as_json: bool) -> None:
    """Check every promise again: each leaf, tree, root, list and anchor, from database, chain and published files.

    Exit code 0 only if all of it was checked and holds, 1 if something is wrong, 3 if the chain or the published files
    could not be reached. The service may be running.
    """
    report = asyncio.run(_run(load_settings(config, os.environ), service))
    if as_json:
        print_json(_to_json(report))
    else:
        _print(report)
    if report.problems:
        raise click.exceptions.Exit(EXIT_REFUSED)
    if not report.is_sound:
        raise click.exceptions.Exit(EXIT_UNCHECKED)


async def _run(settings: Settings, service: str | None) -> FsckReport:
    chain = Web3Chain(
        rpc_url=settings.chain.rpc_url.reveal(),
        contract=settings.chain.contract,
        request_timeout_s=settings.chain.request_timeout_s,
    )
    async with AsyncExitStack() as stack:
        stack.push_async_callback(chain.close)
        location = FileLocation(address=service, is_mirror=False) if service else None
        files = await stack.enter_async_context(open_files(location)) if location else None
        return await check_everything(
            settings.database,
            chain=chain,
            from_block=settings.chain.from_block,
            confirmations=settings.chain.confirmations,
            files=files,
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
        click.echo(f"? {reason}")
    for number in report.left:
        click.echo(
            f"· anchorage {number} was left; its chain is not looked at: `anchor audit --anchorage {number}` does"
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
