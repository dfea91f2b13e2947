"""`anchor apply`: a file of status changes, in one call."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from anchor.cli.change import Done, report_change
from anchor.cli.help_text import examples
from anchor.cli.options import ServiceOptions, service_options
from anchor.cli.waiting import Patience, wait_for_lists
from anchor.errors import InvalidInput

_TYPES = {".csv": "text/csv", ".ndjson": "application/x-ndjson", ".jsonl": "application/x-ndjson"}


@click.command(
    epilog=examples(
        "anchor apply overdue.csv",
        "anchor apply changes.ndjson --wait anchored --json",
        "",
        "overdue.csv:",
        "  list,index,purpose,value,reason",
        "  0,4711,suspension,true,fee unpaid",
        "",
        "changes.ndjson:",
        '  {"digest": "uEiA8Nv…", "purpose": "revocation", "value": true, "reason": "degree withdrawn"}',
    )
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--wait",
    type=click.Choice(["public", "anchored"]),
    default="public",
    show_default=True,
    help="Until when to wait: a change is public at once and anchored soon after.",
)
@click.option("--timeout", "timeout_s", type=click.FloatRange(min=0), default=1800, metavar="SECONDS")
@service_options
def apply(*, file: Path, wait: str, timeout_s: float, options: ServiceOptions) -> None:
    """Apply a CSV or NDJSON file of status changes: up to 500,000 in one call, all of them or none.

    A row names a status entry by list and index, or by the digest of its credential (and method, where it was
    submitted under several), and says purpose, value and reason.
    """
    content_type = _TYPES.get(file.suffix.lower())
    if content_type is None:
        raise InvalidInput(f"{file}: name the file .csv, .ndjson or .jsonl, so that its form is plain")
    try:
        body = file.read_bytes()
    except OSError as exc:
        raise InvalidInput(f"{file} cannot be read: {exc.strerror}") from exc
    patience = Patience(limit_s=timeout_s) if wait == "anchored" else None
    done = asyncio.run(_apply(body, content_type, options, patience))
    report_change("applied", done, options, noun="change")


async def _apply(body: bytes, content_type: str, options: ServiceOptions, patience: Patience | None) -> Done:
    async with options.client() as client:
        receipt = await client.apply_changes(body, content_type=content_type)
        if patience is None or not receipt.lists:
            return Done(receipt=receipt, anchored_in=None)
        return Done(
            receipt=receipt, anchored_in=await wait_for_lists(client, receipt.lists, patience=patience)
        )
