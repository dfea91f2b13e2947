"""`anchor init`."""

from __future__ import annotations

import os
from pathlib import Path

import click

from anchor.chain.keystore import create_keystore
from anchor.chain.presets import PRESETS, chain_name, preset
from anchor.cli.config_text import config_text
from anchor.cli.help_text import examples
from anchor.errors import ConfigError, InvalidInput

KEYSTORE = "publisher.json"
PASSWORD_FILE = "publisher.password"  # noqa: S105 - the name of a file
_ANVIL = "anvil"


@click.command(
    epilog=examples(
        "anchor init                          for the development chain of `anchor chain`",
        "anchor init --chain sepolia          for a public test chain, with a new publisher account",
        "anchor init --config /etc/anchor/anchor.toml --chain base-sepolia",
    )
)
@click.option(
    "--chain",
    type=click.Choice([_ANVIL, *(known.name for known in PRESETS)]),
    default=_ANVIL,
    show_default=True,
    help="The chain to anchor on; any other chain can be set in the file.",
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
def init(*, chain: str, config: Path) -> None:
    """Write a commented anchor.toml to begin with, and a publisher account for a public chain.

    Nothing that exists is overwritten.
    """
    if config.exists():
        raise InvalidInput(f"{config} exists already: move it away, or name another with --config")
    known = preset(chain)
    keystore = config.with_name(KEYSTORE)
    address = None
    if known is not None and not keystore.exists():
        address = create_keystore(keystore, config.with_name(PASSWORD_FILE))
    _write_new(config, config_text(chain))
    click.echo(f"wrote {config}")
    if known is None:
        click.echo(
            "next: run `anchor chain` in another terminal, set ANCHOR_PUBLISHER_PRIVATE_KEY as it says, "
            "run `anchor deploy`"
        )
        return
    if address is not None:
        click.echo(f"wrote {keystore} and {PASSWORD_FILE}: keep both, together they are the key of {address}")
        click.echo(f"next: send {address} some ether on the {chain_name(known.chain_id)},")
    else:
        click.echo(f"kept {keystore}")
        click.echo(f"next: see that its account has ether on the {chain_name(known.chain_id)},")
    click.echo("      set ANCHOR_CHAIN_RPC_URL to your RPC endpoint, run `anchor deploy`")


def _write_new(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as exc:
        raise ConfigError(f"{path} cannot be written ({exc.strerror})") from exc
