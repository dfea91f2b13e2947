"""`anchor serve`."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import click

from anchor.app import serve as run_service
from anchor.cli.help_text import examples
from anchor.cli.operator_options import config_option
from anchor.config import load_settings
from anchor.logs import configure_logs


@click.command(
    epilog=examples(
        "anchor serve",
        "anchor serve --config /etc/anchor/anchor.toml",
        "anchor serve --finish                         until all that waits is final",
        "ANCHOR_CHAIN_RPC_URL=https://… anchor serve   any setting, as ANCHOR_SECTION_KEY",
    )
)
@config_option
@click.option(
    "--log-format",
    type=click.Choice(["json", "text"]),
    envvar="ANCHOR_LOG_FORMAT",
    show_envvar=True,
    help="JSON lines for programs, or text for people; text on a terminal, else JSON, unless named.",
)
@click.option(
    "--accept-foreign-anchors",
    is_flag=True,
    help="Start although the chain holds anchors of this publisher that the database does not know. Only where the "
    "database is the newest one: with an old backup, credentials would be anchored again under other roots.",
)
@click.option(
    "--finish",
    is_flag=True,
    help="Seal what waits, and end once every sealed batch is final: before `anchor move`. Digests are accepted "
    "meanwhile without a receipt, and wait.",
)
def serve(*, config: Path, log_format: str | None, accept_foreign_anchors: bool, finish: bool) -> None:
    """Run the service until SIGTERM or Ctrl-C, which let it finish what it began.

    The log goes to stderr. The operator's key is in operator.key in the data directory, made at the first
    start.
    """
    as_json = log_format == "json" if log_format else not sys.stderr.isatty()
    configure_logs(as_json=as_json)
    settings = load_settings(config, os.environ)
    asyncio.run(
        run_service(
            settings,
            on_ready=lambda url: click.echo(f"ready at {url}"),
            accepts_strangers=accept_foreign_anchors,
            finishes=finish,
        )
    )
