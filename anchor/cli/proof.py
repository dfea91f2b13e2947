"""`anchor proof`."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import click

from anchor.cli.files import proof_text, write_proof
from anchor.cli.group import EXIT_UNCHECKED
from anchor.cli.help_text import examples
from anchor.cli.options import ServiceOptions, method_option, salt_option, service_options
from anchor.cli.output import time_text, unix_time_text
from anchor.cli.targets import file_or_digest, target_of_file
from anchor.client import DigestTarget, Receipt
from anchor.core.digest import Method
from anchor.documents import ProofDocument
from anchor.verify.files import proof_path_of


@click.command(
    epilog=examples(
        "anchor proof diploma.json                     write diploma.json.proof.json",
        "anchor proof diploma.json --out d.proof.json  write it elsewhere",
        "anchor proof uEiA8Nv…                         print it",
    )
)
@click.argument("credential", metavar="FILE|DIGEST")
@method_option
@salt_option
@click.option("--salted", is_flag=True, help="The DIGEST is a salted one (its proof comes without the salt).")
@click.option(
    "--out", "path", type=click.Path(path_type=Path), metavar="FILE", help="Where to write the proof."
)
@service_options
def proof(
    *,
    credential: str,
    method: Method | None,
    salt_secret: bytes | None,
    salted: bool,
    path: Path | None,
    options: ServiceOptions,
) -> None:
    """Fetch the proof of one of your digests, and write it beside its FILE; that of a DIGEST is printed.

    Exit code 3 while its batch is not mined yet.
    """
    named = file_or_digest(credential)
    salt = None
    if isinstance(named, Path):
        target, salt = target_of_file(named, method=method, salt_secret=salt_secret)
        path = path or proof_path_of(named)
    else:
        target = DigestTarget(digest=named, method=method, salted=salted)
    found = asyncio.run(_fetch(target, options))
    if isinstance(found, Receipt):
        click.echo(f"error: not anchored yet: the digest is safe, ask again {_when(found)}", err=True)
        raise click.exceptions.Exit(EXIT_UNCHECKED)
    _deliver(replace(found, salt=salt), path, options)


async def _fetch(target: DigestTarget, options: ServiceOptions) -> ProofDocument | Receipt:
    """Return the proof, or the receipt of a digest that has none yet."""
    async with options.client() as client:
        return await client.proof(target) or await client.receipt(target)


def _when(receipt: Receipt) -> str:
    """Return when to ask for a proof that is not there yet."""
    expected = receipt.expected
    return "in a minute" if expected is None else f"after {time_text(expected.mined)}"


def _deliver(document: ProofDocument, path: Path | None, options: ServiceOptions) -> None:
    if path is not None:
        write_proof(path, document)
    if path is None or options.as_json:
        click.echo(proof_text(document), nl=False)
        return
    claim = document.claim
    mined = f"block {claim.block_number:,} of {unix_time_text(claim.block_time_s)}"
    click.echo(f"{path}: batch {claim.sequence}, {mined}")
