"""`anchor restore`."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import click

from anchor.backup import (
    RestorePlan,
    head_sequence,
    put_back,
    read_backup,
    require_same_service,
)
from anchor.cli.help_text import examples
from anchor.cli.operator_options import config_option
from anchor.cli.output import count_text, print_json
from anchor.cli.recovery_text import AS_OF_BACKUP
from anchor.config import Settings, load_settings
from anchor.errors import FatalError
from anchor.verify.opening import open_chain

_NO_CHAIN = {"ANCHOR_CHAIN_RPC_URL": "http://127.0.0.1:9", "ANCHOR_CHAIN_QUORUM": "1"}
"""The settings of a chain that is not asked: there need not be an endpoint, on this machine or at all."""


@click.command(
    epilog=examples(
        "anchor restore /backups/2026-11-28",
        "anchor restore /backups/2026-11-28 --accept-older   although the chain knows more: to rebuild from it",
        "anchor restore /backups/2026-11-28 --without-chain  where the chain cannot be asked now",
    )
)
@click.argument("folder", type=click.Path(path_type=Path))
@config_option
@click.option(
    "--accept-older",
    is_flag=True,
    help="Put it back although the chain knows more batches than it. The service will refuse to start on it.",
)
@click.option(
    "--without-chain",
    is_flag=True,
    help="Ask no chain whether it knows more, and need no endpoint.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def restore(*, folder: Path, config: Path, accept_older: bool, without_chain: bool, as_json: bool) -> None:
    """Check the backup in FOLDER and put it back into the settings' data folder, which must hold no data.

    Refused while a service runs, and where the chain knows batches that the backup does not.
    """
    settings = load_settings(config, {**os.environ, **(_NO_CHAIN if without_chain else {})})
    plan = read_backup(folder, database=settings.database.name)
    require_same_service(plan, settings)
    head = None if without_chain else asyncio.run(_head(plan, settings))
    behind = 0 if head is None else max(0, head - plan.manifest.sealed_sequence)
    if behind and not accept_older:
        raise FatalError(_too_old(plan, behind))
    names = put_back(plan, settings)
    if as_json:
        print_json(
            {
                "files": list(names),
                "batchesMissing": None if without_chain else behind,
                "asOf": plan.manifest.created,
                "repeat": AS_OF_BACKUP,
            }
        )
        return
    click.echo(f"put back into {settings.data_dir}: {', '.join(names)}")
    if behind:
        click.echo(
            f"the chain knows {count_text(behind, 'batch')} more: the service will refuse to start on it"
        )
    for name in plan.manifest.not_included:
        click.echo(f"not in the backup: {name}: see that it is in its place")
    click.echo(f"as of {plan.manifest.created}: {AS_OF_BACKUP}")
    click.echo("next: `anchor fsck`, and then start the service")


def _too_old(plan: RestorePlan, behind: int) -> str:
    known = plan.manifest.sealed_sequence
    return (
        f"the chain holds {count_text(behind, 'batch')} that this backup does not know (it ends with {known}): nothing "
        "was put back. Use a newer backup; where there is none, `anchor rebuild --base` makes a database from this "
        "one and the published files"
    )


async def _head(plan: RestorePlan, settings: Settings) -> int:
    rpc = " ".join(settings.chain.reveal_rpc_urls())
    async with open_chain(rpc, settings.chain.contract, settings.chain.quorum) as reader:
        return await head_sequence(reader, plan.manifest, confirmations=settings.chain.confirmations)
