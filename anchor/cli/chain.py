"""`anchor chain`."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import click

from anchor.chain.development import DevelopmentChain
from anchor.chain.presets import DEVELOPMENT_CHAIN_ID
from anchor.cli.help_text import examples
from anchor.cli.interrupting import ending_on_sigterm
from anchor.cli.output import print_fields
from anchor.errors import ChainUnavailable

DEFAULT_PORT = 8545


@click.command(
    epilog=examples(
        "anchor chain                               in a terminal of its own, beside `anchor serve`",
        "anchor chain --state /tmp/chain.json --port 9545",
    )
)
@click.option(
    "--state",
    type=click.Path(path_type=Path, dir_okay=False),
    default="chain.json",
    show_default=True,
    metavar="FILE",
    help="Where the chain is kept; the same file is the same chain again.",
)
@click.option("--port", type=click.IntRange(1, 65535), default=DEFAULT_PORT, show_default=True)
def chain(*, state: Path, port: int) -> None:
    """Run a development chain (anvil) on this machine, until SIGTERM or Ctrl-C.

    For trying out only: everybody knows its keys, and its ether is worth nothing.
    """
    try:
        asyncio.run(_run(DevelopmentChain(state_path=state, port=port), state))
    except asyncio.CancelledError as exc:
        raise click.Abort from exc


async def _run(development: DevelopmentChain, state: Path) -> None:
    with ending_on_sigterm():
        async with development:
            _tell(development, state)
            with contextlib.suppress(asyncio.CancelledError):
                await development.wait()
                raise ChainUnavailable("anvil ended by itself: start `anchor chain` again")


def _tell(development: DevelopmentChain, state: Path) -> None:
    print_fields(
        [
            ("RPC URL", development.rpc_url),
            ("chain id", str(DEVELOPMENT_CHAIN_ID)),
            ("state", str(state)),
        ]
    )
    click.echo(
        "\nThe key of its first account, which has 10,000 ether of no value, is public: use it here only."
    )
    click.echo(f"export ANCHOR_PUBLISHER_PRIVATE_KEY=0x{development.private_key.hex()}")
    click.echo("\nCtrl-C ends it.")
