"""`anchor move`."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import click

from anchor.chain.presets import chain_name
from anchor.cli.ether import balance_text
from anchor.cli.help_text import examples
from anchor.cli.installation import Installation, opened
from anchor.cli.output import count_text, print_fields, print_json
from anchor.config import Settings, load_settings
from anchor.core.strict_json import JsonValue
from anchor.errors import ConfigError
from anchor.service.moving import Move, place_of, plan_move, require_finished
from anchor.store.sqlite import SqliteStore


@click.command(
    epilog=examples(
        "anchor move --config new.toml --dry-run    what would happen; changes nothing",
        "anchor move --config new.toml              asks, then moves the database",
        "anchor move --config new.toml --yes --json  for programs",
        "anchor move --config new.toml --abandon    where the former chain is gone for good",
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
    help="Settings that name the new chain and contract, and the same data_dir and base_url as before.",
)
@click.option(
    "--abandon",
    is_flag=True,
    help="Move although batches are not final: they are sealed again on the new chain, and no digest is lost. "
    "Proofs of those that were mined are to be fetched again; receipts of them promised an anchor on the old chain.",
)
@click.option("--dry-run", is_flag=True, help="Say what would happen, and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def move(*, config: Path, abandon: bool, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Take the database to another chain or contract, where its next root is anchored.

    Status lists keep their numbers and URLs, digests and proofs stay as they are; sequences begin at 1 there,
    and the first root commits to every list. There is no way back to the former contract. Before: let the
    service end with `anchor serve --finish` and its former settings, deploy the contract with the new ones,
    and copy the database.
    """
    settings = load_settings(config, os.environ)
    asyncio.run(_move(settings, abandons=abandon, is_dry=dry_run, asks=not yes, as_json=as_json))


async def _move(settings: Settings, *, abandons: bool, is_dry: bool, asks: bool, as_json: bool) -> None:
    async with opened(settings, os.environ) as installation:
        planned = await _planned(installation)
        if planned is None:
            _report_nothing(settings, as_json=as_json)
            return
        if not as_json:
            print_fields(_fields(planned))
        if not abandons:
            require_finished(planned)
        if not is_dry:
            if asks:
                click.confirm("Move the database there, for good?", abort=True)
            await installation.store.move(planned.place, abandons=abandons)
        _report(planned, is_done=not is_dry, as_json=as_json)


async def _planned(installation: Installation) -> Move | None:
    settings, chain = installation.settings, installation.chain
    await _require_base_url(installation.store, settings)
    place = place_of(
        await chain.identity(),
        contract=settings.chain.contract,
        publisher=installation.signer.address,
        from_block=settings.chain.from_block,
    )
    return await plan_move(installation.store, chain, place)


async def _require_base_url(store: SqliteStore, settings: Settings) -> None:
    base_url = settings.server.base_url
    pinned = await store.pin("base_url", base_url)
    if pinned != base_url:
        raise ConfigError(
            f"the database was made with base_url {pinned}, not {base_url}: it stands in issued credentials, and "
            "moves nowhere"
        )


def _fields(planned: Move) -> list[tuple[str, str]]:
    leaves, place = planned.leaves, planned.place
    return [
        (
            "from",
            f"{chain_name(leaves.chain_id)}, contract {leaves.contract}, {' → '.join(leaves.publishers)}",
        ),
        ("to", f"{chain_name(place.chain_id)}, contract {place.contract}, {place.publisher}"),
        ("stays", f"batches 1 to {planned.last_sequence}, under /v1/anchorages/{leaves.number}/batches/"),
        ("anew", f"{count_text(planned.unfinished_entries, 'digest')} of batches that are not final"),
        ("waiting", f"{count_text(planned.waiting_entries, 'digest')}, in the next batch there"),
        ("balance", f"{balance_text(planned.balance_wei)} ether"),
    ]


def _report(planned: Move, *, is_done: bool, as_json: bool) -> None:
    if as_json:
        print_json(_to_json(planned, is_done=is_done))
    elif is_done:
        click.echo(
            f"moved: sequences begin at 1 there. Start the service with these settings; tell verifiers to add the new "
            f"[[anchorage]] below the old one (`anchor trust export` writes all {planned.leaves.number + 1})"
        )
    else:
        click.echo("a dry run: nothing was changed")


def _report_nothing(settings: Settings, *, as_json: bool) -> None:
    if as_json:
        print_json({"moved": False, "isThere": True})
        return
    name = chain_name(settings.chain_id)
    click.echo(
        f"the database anchors on {name}, contract {settings.chain.contract}, already: start the service"
    )


def _to_json(planned: Move, *, is_done: bool) -> JsonValue:
    leaves, place = planned.leaves, planned.place
    return {
        "moved": is_done,
        "isThere": is_done,
        "from": {
            "number": leaves.number,
            "chainId": leaves.chain_id,
            "contract": leaves.contract,
            "publishers": list(leaves.publishers),
            "lastSequence": planned.last_sequence,
        },
        "to": {
            "number": leaves.number + 1,
            "chainId": place.chain_id,
            "contract": place.contract,
            "publisher": place.publisher,
        },
        "sealedAgain": {"batches": len(planned.unfinished), "digests": planned.unfinished_entries},
        "waitingDigests": planned.waiting_entries,
        "balanceWei": str(planned.balance_wei),
    }
