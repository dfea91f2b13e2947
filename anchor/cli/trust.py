"""`anchor trust`."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from pathlib import Path

import click

from anchor.chain import registry
from anchor.chain.presets import chain_name
from anchor.cli.help_text import examples
from anchor.cli.options import DEFAULT_SERVICE
from anchor.errors import InvalidInput
from anchor.verify import TrustSet, default_trust_path, open_files, write_trust
from anchor.verify.chain_view import open_view
from anchor.verify.opening import open_chain
from anchor.verify.trust_export import draft_trust
from anchor.verify.trust_file import read_location

_WARNING = (
    "Whom I trust. This draft says what a service says of itself, and a service that lies would lie here.",
    "Compare chain, contract, publisher and issuers with what you have from the issuers themselves",
    "(their website, a contract, a phone call) before you rely on it.",
)


@click.group(no_args_is_help=True)
def trust() -> None:
    """Manage your trust file: which chain, contract, publisher and issuers you accept."""


@trust.command(
    epilog=examples(
        "anchor trust export --service https://anchor.example.org --rpc URL -o trust.toml",
        "anchor trust export --issuer did:web:x.edu -o trust.toml   accept this issuer only",
    )
)
@click.option(
    "--service",
    envvar="ANCHOR_SERVICE",
    default=DEFAULT_SERVICE,
    show_default=True,
    show_envvar=True,
    metavar="URL",
    help="The service to draft a trust file for.",
)
@click.option("--rpc", envvar="ANCHOR_RPC", show_envvar=True, metavar="URL", help="Your RPC endpoint.")
@click.option("--issuer", "issuers", multiple=True, metavar="ID", help="Accept this issuer (repeatable).")
@click.option(
    "-o",
    "--out",
    "path",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write it there, not on stdout.",
)
@click.option("--force", is_flag=True, help="Replace a file that exists.")
def export(
    *, service: str, rpc: str | None, issuers: tuple[str, ...], path: Path | None, force: bool
) -> None:
    """Draft a trust file from what a service publishes, for you to check.

    With --rpc the chain, the contract and its code are compared with that endpoint at once.
    """
    drafted = asyncio.run(_draft(service, rpc, issuers))
    text = write_trust(drafted, comment=_WARNING)
    if path is None:
        click.echo(text, nl=False)
        click.echo(f"check it, then save it as {default_trust_path()}", err=True)
        return
    _save(path, text, replace_existing=force)
    click.echo(f"{path}: check it before you rely on it")


async def _draft(service: str, rpc: str | None, issuers: tuple[str, ...]) -> TrustSet:
    location = read_location(service=service, mirror=None)
    assert location is not None, "a service was given"
    async with open_files(location) as files:
        drafted = await draft_trust(files, location, rpc=rpc or "", issuers=issuers)
    return drafted if rpc is None else await _compared(drafted)


async def _compared(drafted: TrustSet) -> TrustSet:
    """Compare the draft with the chain, and note the contract's code in it."""
    anchorage = drafted.current
    async with open_chain(anchorage.rpc, anchorage.contract) as reader:
        view = await open_view(reader, anchorage)
        code_hash = await reader.code_hash(anchorage.contract, view.block.hash)
    known = (
        "the code that this program ships" if code_hash == registry.code_hash() else "UNKNOWN CODE: beware"
    )
    click.echo(f"{chain_name(anchorage.chain_id)}: contract {anchorage.contract} has {known}", err=True)
    if len(view.publishers) > 1:
        click.echo(
            f"{anchorage.publisher} was succeeded: {' → '.join(view.publishers)} (verifiers follow)", err=True
        )
    return replace(drafted, anchorages=(*drafted.anchorages[:-1], replace(anchorage, code_hash=code_hash)))


def _save(path: Path, text: str, *, replace_existing: bool) -> None:
    # The RPC URL in it may hold a key: nobody else reads it.
    mode = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if replace_existing else os.O_EXCL)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, mode, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as exc:
        raise InvalidInput(f"{path} exists: add --force to replace it") from exc
    except OSError as exc:
        raise InvalidInput(f"{path} cannot be written: {exc.strerror}") from exc
