"""`anchor status`."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from anchor.cli.help_text import examples
from anchor.cli.options import ServiceOptions, method_option, salt_option, service_options
from anchor.cli.output import (
    print_fields,
    print_json,
    status_json,
    status_text,
    time_json,
    time_text,
    unix_time_text,
)
from anchor.cli.targets import file_or_digest, target_of_file
from anchor.client import DigestTarget, EntryState, Receipt, StatusEvent
from anchor.core.digest import Method
from anchor.core.strict_json import JsonValue
from anchor.fields import encode_hex
from status_lists.multibase import encode_digest


@click.command(
    epilog=examples(
        "anchor status diploma.json",
        "anchor status uEiA8Nv… --method raw --json",
    )
)
@click.argument("credential", metavar="FILE|DIGEST")
@method_option
@salt_option
@click.option("--salted", is_flag=True, help="The DIGEST is a salted one.")
@service_options
def status(
    *,
    credential: str,
    method: Method | None,
    salt_secret: bytes | None,
    salted: bool,
    options: ServiceOptions,
) -> None:
    """Show where one of your digests stands, and whether it is revoked or suspended.

    A digest passes through accepted, sealed, sent, mined and final.
    """
    named = file_or_digest(credential)
    if isinstance(named, Path):
        target, _salt = target_of_file(named, method=method, salt_secret=salt_secret)
    else:
        target = DigestTarget(digest=named, method=method, salted=salted)
    receipt, entry = asyncio.run(_look_up(target, options))
    if options.as_json:
        print_json(_to_json(receipt, entry))
    else:
        _print(receipt, entry)


async def _look_up(target: DigestTarget, options: ServiceOptions) -> tuple[Receipt, EntryState | None]:
    async with options.client() as client:
        receipt = await client.receipt(target)
        entry = await client.status_entry(receipt.status) if receipt.status else None
    return receipt, entry


def _print(receipt: Receipt, entry: EntryState | None) -> None:
    pairs = [
        ("digest", encode_digest(receipt.digest)),
        ("method", receipt.method.label + (" (salted)" if receipt.salted else "")),
        ("accepted", time_text(receipt.accepted)),
        ("state", receipt.state.value),
    ]
    if receipt.anchor is not None:
        anchor = receipt.anchor
        pairs += [
            ("batch", str(anchor.sequence)),
            ("transaction", encode_hex(anchor.transaction)),
            ("block", f"{anchor.block_number:,} of {unix_time_text(anchor.block_time_s)}"),
        ]
    elif receipt.expected is not None:
        pairs.append(("expected", f"mined about {time_text(receipt.expected.mined)}"))
    pairs.append(("status entry", status_text(receipt.status)))
    if entry is not None:
        pairs.append(("status", _status_words(entry)))
        pairs += [("", _event_text(event)) for event in entry.history]
    print_fields(pairs)


def _status_words(entry: EntryState) -> str:
    words = [
        word for word, holds in (("revoked", entry.is_revoked), ("suspended", entry.is_suspended)) if holds
    ]
    return " and ".join(words) or "neither revoked nor suspended"


def _event_text(event: StatusEvent) -> str:
    did = "set" if event.value else "lifted"
    return f"{time_text(event.time)}  {event.purpose.label} {did} by {event.actor}: {event.reason}"


def _to_json(receipt: Receipt, entry: EntryState | None) -> JsonValue:
    body: dict[str, JsonValue] = {
        "digest": encode_digest(receipt.digest),
        "method": receipt.method.label,
        "salted": receipt.salted,
        "accepted": time_json(receipt.accepted),
        "state": receipt.state.value,
        "sequence": receipt.sequence,
        "expectedMined": None if receipt.expected is None else time_json(receipt.expected.mined),
        "expectedFinal": None if receipt.expected is None else time_json(receipt.expected.final),
        "status": status_json(receipt.status),
        "anchor": None,
        "revoked": None if entry is None else entry.is_revoked,
        "suspended": None if entry is None else entry.is_suspended,
        "history": [] if entry is None else [_event_json(event) for event in entry.history],
    }
    if receipt.anchor is not None:
        body["anchor"] = {
            "sequence": receipt.anchor.sequence,
            "transaction": encode_hex(receipt.anchor.transaction),
            "blockNumber": receipt.anchor.block_number,
            "blockTime": receipt.anchor.block_time_s,
        }
    return body


def _event_json(event: StatusEvent) -> JsonValue:
    return {
        "time": time_json(event.time),
        "purpose": event.purpose.label,
        "value": event.value,
        "reason": event.reason,
        "actor": event.actor,
    }
