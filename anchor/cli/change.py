"""`anchor revoke`, `anchor suspend`, `anchor reinstate`."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ParamSpec, TypeVar, cast

import click

from anchor.cli.help_text import examples
from anchor.cli.options import (
    ServiceOptions,
    index_option,
    list_option,
    method_option,
    salt_option,
    service_options,
)
from anchor.cli.output import count_text, print_json, time_json, time_text
from anchor.cli.targets import read_digest, target_of_file
from anchor.cli.waiting import Patience, wait_for_lists
from anchor.client import ChangeReceipt, DigestTarget, StatusChange
from anchor.core.digest import Method
from anchor.core.entries import Purpose, StatusEntry
from anchor.core.strict_json import JsonValue
from anchor.errors import Conflict, InvalidInput, NotFound
from status_lists.multibase import encode_digest

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be set, why, the word for it once it is done, and the words for where it was so before."""

    purpose: Purpose
    value: bool
    reason: str
    done: str
    already: str


@dataclass(frozen=True, slots=True)
class Done:
    """The service's receipt and, where it was waited for, the batch that anchors the change."""

    receipt: ChangeReceipt
    anchored_in: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Naming:
    """The ways in which a person may name the credentials whose status is to change."""

    files: tuple[Path, ...]
    digest: str | None
    method: Method | None
    salt_secret: bytes | None
    salted: bool
    list_number: int | None
    index: int | None

    def targets(self) -> list[StatusEntry | DigestTarget]:
        """Return what is named; InvalidInput unless it is named in exactly one of the three ways."""
        by_entry = self.list_number is not None or self.index is not None
        if bool(self.files) + (self.digest is not None) + by_entry != 1:
            raise InvalidInput("name either FILES, or --digest, or --list with --index")
        if self.files:
            return [
                target_of_file(path, method=self.method, salt_secret=self.salt_secret)[0]
                for path in self.files
            ]
        if self.digest is not None:
            return [DigestTarget(digest=read_digest(self.digest), method=self.method, salted=self.salted)]
        if self.list_number is None or self.index is None:
            raise InvalidInput("--list and --index belong together: name both")
        return [StatusEntry(list_number=self.list_number, index=self.index)]


def _naming_options(function: Callable[P, R]) -> Callable[..., R]:
    """Add the ways to name credentials to a command, which receives them as `named`."""

    @click.argument("files", nargs=-1, type=click.Path(path_type=Path))
    @click.option("--digest", metavar="DIGEST", help="A digest instead of files.")
    @method_option
    @salt_option
    @click.option("--salted", is_flag=True, help="The --digest is a salted one.")
    @list_option
    @index_option
    @functools.wraps(function)
    def command(
        *,
        files: tuple[Path, ...],
        digest: str | None,
        method: Method | None,
        salt_secret: bytes | None,
        salted: bool,
        list_number: int | None,
        index: int | None,
        **others: object,
    ) -> R:
        named = Naming(
            files=files,
            digest=digest,
            method=method,
            salt_secret=salt_secret,
            salted=salted,
            list_number=list_number,
            index=index,
        )
        return cast("Callable[..., R]", function)(named=named, **others)

    return command


def _command(*, name: str, change: Callable[[str], Change], text: str, lines: Sequence[str]) -> click.Command:
    @click.command(name, help=text, epilog=examples(*lines))
    @_naming_options
    @click.option("--reason", required=True, metavar="TEXT", help="Why. It is kept, and shown to you alone.")
    @click.option(
        "--wait",
        type=click.Choice(["public", "anchored"]),
        default="public",
        show_default=True,
        help="Until when to wait: a change is public at once and anchored soon after.",
    )
    @click.option("--timeout", "timeout_s", type=click.FloatRange(min=0), default=1800, metavar="SECONDS")
    @service_options
    def command(*, named: Naming, reason: str, wait: str, timeout_s: float, options: ServiceOptions) -> None:
        wanted = change(reason)
        patience = Patience(limit_s=timeout_s) if wait == "anchored" else None
        targets = named.targets()
        try:
            done = asyncio.run(_change(wanted, targets, options, patience))
        except (NotFound, Conflict) as exc:
            raise type(exc)(_naming_file(str(exc), named.files, targets)) from exc
        report_change(wanted.done, done, options, already=wanted.already)

    return command


def _naming_file(message: str, files: Sequence[Path], targets: Sequence[StatusEntry | DigestTarget]) -> str:
    """Return a refusal with the file that it is about: of hundreds a person looks for the one."""
    for path, target in zip(files, targets, strict=False):
        if isinstance(target, DigestTarget) and encode_digest(target.digest) in message:
            return f"{path}: {message}"
    return message


async def _change(
    wanted: Change,
    targets: Sequence[StatusEntry | DigestTarget],
    options: ServiceOptions,
    patience: Patience | None,
) -> Done:
    changes = [
        StatusChange(target=target, purpose=wanted.purpose, value=wanted.value, reason=wanted.reason)
        for target in targets
    ]
    async with options.client() as client:
        receipt = await client.change_status(changes)
        if patience is None or not receipt.lists:
            return Done(receipt=receipt, anchored_in=None)
        return Done(
            receipt=receipt, anchored_in=await wait_for_lists(client, receipt.lists, patience=patience)
        )


def report_change(
    word: str, done: Done, options: ServiceOptions, *, noun: str = "credential", already: str = "already so"
) -> None:
    """Print what was done to how many of what a noun says, and how many were so before: for people, or as JSON."""
    receipt = done.receipt
    if options.as_json:
        print_json(_to_json(done))
        return
    if not receipt.changed:
        click.echo(f"nothing changed: {receipt.unchanged:,} {already}")
        return
    unchanged = f", {receipt.unchanged:,} {already}" if receipt.unchanged else ""
    click.echo(f"{word}: {count_text(receipt.changed, noun)}{unchanged}")
    if receipt.published is not None:
        click.echo(f"public since {time_text(receipt.published)}")
    for item in receipt.lists:
        click.echo(f"  {item.url}")
    if done.anchored_in is not None:
        click.echo(f"anchored in batch {done.anchored_in}")
    elif receipt.anchored_by is not None:
        click.echo(f"to be anchored by {time_text(receipt.anchored_by)}")


def _to_json(done: Done) -> JsonValue:
    receipt = done.receipt
    return {
        "changed": receipt.changed,
        "unchanged": receipt.unchanged,
        "published": time_json(receipt.published),
        "lists": [{"list": item.number, "url": item.url, "version": item.version} for item in receipt.lists],
        "anchoredBy": time_json(receipt.anchored_by),
        "anchoredIn": done.anchored_in,
    }


revoke = _command(
    name="revoke",
    change=lambda reason: Change(
        purpose=Purpose.REVOCATION, value=True, reason=reason, done="revoked", already="already revoked"
    ),
    text="Revoke credentials. This is final: to stop one for a time, suspend it.",
    lines=(
        'anchor revoke diploma.json --reason "issued in error"',
        'anchor revoke --digest uEiA8Nv… --reason "degree withdrawn"',
        'anchor revoke --list 0 --index 4711 --reason "key compromised" --wait anchored',
    ),
)

suspend = _command(
    name="suspend",
    change=lambda reason: Change(
        purpose=Purpose.SUSPENSION, value=True, reason=reason, done="suspended", already="already suspended"
    ),
    text="Suspend credentials, until they are reinstated.",
    lines=(
        'anchor suspend licence.json --reason "inquiry 2026-17 pending"',
        'anchor suspend --list 0 --index 4711 --reason "fee unpaid"',
    ),
)

reinstate = _command(
    name="reinstate",
    change=lambda reason: Change(
        purpose=Purpose.SUSPENSION,
        value=False,
        reason=reason,
        done="reinstated",
        already="not suspended (a revocation stays)",
    ),
    text="Lift the suspension of credentials. A revocation cannot be lifted.",
    lines=(
        'anchor reinstate licence.json --reason "inquiry closed"',
        'anchor reinstate --list 0 --index 4711 --reason "fee paid" --wait anchored',
    ),
)
