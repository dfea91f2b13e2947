"""`anchor issuer add|list|rotate-key|rotate-list-key|rotate-token-key|disable`, for the operator of a service."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TypeVar

import click

from anchor.cli.help_text import examples
from anchor.cli.options import ServiceOptions, service_options
from anchor.cli.output import print_fields, print_json, print_table, time_json
from anchor.cli.seed_file import read_seed
from anchor.client import Issuer, ListSigner, NewTokenKey, RotatedListKey, ServiceClient
from anchor.core.strict_json import JsonValue
from anchor.errors import InvalidInput

T = TypeVar("T")


@click.group(
    epilog=examples(
        'export ANCHOR_API_KEY="$(cat data/operator.key)"',
        'anchor issuer add --name "Riverside College" --key-file riverside.key',
        "anchor issuer list",
    )
)
def issuer() -> None:
    """Add, list and manage issuers; this takes the operator's key.

    It is in operator.key, in the service's data directory.
    """


@issuer.command(
    epilog=examples(
        'anchor issuer add --name "Riverside College"',
        "    the service makes a did:key, which becomes the issuer's id",
        'anchor issuer add --name "Riverside College" --id did:web:riverside.example --list-signer did-web',
        "    the issuer names the service's list key in its DID document",
        'anchor issuer add --name "Riverside College" --did-web-hosted riverside-college',
        "    the service publishes the issuer's DID document, under its own address",
        'anchor issuer add --name "Riverside College" --id https://riverside.example --list-signer service',
        "    for any other id: the service signs the lists in its own name",
    )
)
@click.option("--name", required=True, help="The issuer's name.")
@click.option("--id", "issuer_id", metavar="DID|URL", help="The id in its credentials; absent for `managed`.")
@click.option(
    "--list-signer",
    type=click.Choice(["managed", "service", "did-web"]),
    default="managed",
    show_default=True,
    help="Who signs its status lists.",
)
@click.option(
    "--did-web-hosted",
    "hosted",
    metavar="SLUG",
    help="Make a did:web that ends in SLUG (a-z, 0-9, -); the service publishes its document.",
)
@click.option(
    "--seed-file",
    "seed",
    type=click.Path(path_type=Path),
    callback=lambda _ctx, _param, path: None if path is None else read_seed(path),
    help="Import a did:key: a file with its 32-byte Ed25519 seed, as base64url or hex.",
)
@click.option(
    "--token-key",
    "has_token_key",
    is_flag=True,
    help="Have a P-256 key sign the JWT and CWT forms of a did:web's lists (ES256).",
)
@click.option(
    "--token-secret-file",
    "token_secret",
    type=click.Path(path_type=Path),
    callback=lambda _ctx, _param, path: None if path is None else read_seed(path),
    help="Import that key: a file with its 32-byte secret number, big-endian, as base64url or hex.",
)
@click.option(
    "--key-file",
    type=click.Path(path_type=Path),
    help="Write the new API key there (mode 0600), do not print it.",
)
@service_options
def add(
    *,
    name: str,
    issuer_id: str | None,
    list_signer: str,
    hosted: str | None,
    seed: bytes | None,
    has_token_key: bool,
    token_secret: bytes | None,
    key_file: Path | None,
    options: ServiceOptions,
) -> None:
    """Add an issuer. Its API key is told this once."""
    if hosted is not None and (issuer_id is not None or list_signer == "service"):
        raise InvalidInput(
            "--did-web-hosted makes the id, and its key signs: leave out --id and --list-signer"
        )
    # Before the issuer exists: a key that cannot be kept is lost.
    _require_new(key_file)
    created = _call(
        options,
        lambda client: client.create_issuer(
            name=name,
            list_signer=list_signer if hosted is None else "did-web",
            issuer_id=issuer_id,
            seed=seed,
            hosted=hosted,
            token_key=NewTokenKey(token_secret) if has_token_key or token_secret else None,
        ),
    )
    shown = _keep_key(created.api_key, key_file)
    if options.as_json:
        print_json({**_issuer_json(created.issuer), **shown, "warnings": list(created.warnings)})
    else:
        print_fields(
            [
                ("number", str(created.issuer.number)),
                ("id", created.issuer.id),
                ("name", created.issuer.name),
                *_signer_fields(created.issuer.list_signer),
                *_key_fields(shown, key_file),
            ]
        )
    _warn(created.warnings)


@issuer.command("list", epilog=examples("anchor issuer list", "anchor issuer list --json"))
@service_options
def list_issuers(*, options: ServiceOptions) -> None:
    """List all issuers."""
    issuers = _call(options, lambda client: client.issuers())
    if options.as_json:
        listed: list[JsonValue] = [_issuer_json(item) for item in issuers]
        print_json({"issuers": listed})
        return
    rows = [
        (
            str(item.number),
            item.id,
            item.name,
            item.list_signer.type,
            "disabled" if item.is_disabled else "active",
        )
        for item in issuers
    ]
    print_table(("NUMBER", "ID", "NAME", "LIST SIGNER", "STATE"), rows)


@issuer.command("rotate-key", epilog=examples("anchor issuer rotate-key 3 --key-file riverside.key"))
@click.argument("number", type=click.IntRange(min=1))
@click.option(
    "--key-file",
    type=click.Path(path_type=Path),
    help="Write the new API key there (mode 0600), do not print it.",
)
@service_options
def rotate_key(*, number: int, key_file: Path | None, options: ServiceOptions) -> None:
    """Give an issuer a new API key; the old one is void at once."""
    _require_new(key_file)
    rotated = _call(options, lambda client: client.rotate_key(number))
    shown = _keep_key(rotated.api_key, key_file)
    if options.as_json:
        print_json({"number": rotated.number, "id": rotated.id, **shown})
        return
    print_fields([("number", str(rotated.number)), ("id", rotated.id), *_key_fields(shown, key_file)])


@issuer.command(
    "rotate-list-key",
    epilog=examples("anchor issuer rotate-list-key 3", "anchor issuer rotate-list-key 3 --json"),
)
@click.argument("number", type=click.IntRange(min=1))
@service_options
def rotate_list_key(*, number: int, options: ServiceOptions) -> None:
    """Let a new key sign a did:web issuer's status lists.

    All its lists are signed again at once; versions that the old key signed stay good.
    """
    _show_rotated(_call(options, lambda client: client.rotate_list_key(number)), options)


@issuer.command(
    "rotate-token-key",
    epilog=examples("anchor issuer rotate-token-key 3", "anchor issuer rotate-token-key 3 --json"),
)
@click.argument("number", type=click.IntRange(min=1))
@service_options
def rotate_token_key(*, number: int, options: ServiceOptions) -> None:
    """Let a new P-256 key sign the JWT and CWT forms of a did:web issuer's status lists (ES256).

    The issuer may have had none before; the JSON forms stay with its Ed25519 key.
    """
    _show_rotated(_call(options, lambda client: client.rotate_token_key(number)), options)


@issuer.command(epilog=examples("anchor issuer disable 3"))
@click.argument("number", type=click.IntRange(min=1))
@service_options
def disable(*, number: int, options: ServiceOptions) -> None:
    """Refuse an issuer's key from now on; what it anchored, and its status lists, stay."""
    _call(options, lambda client: client.disable_issuer(number))
    if options.as_json:
        print_json({"number": number, "disabled": True})
        return
    click.echo(f"issuer {number} is disabled")


def _call(options: ServiceOptions, call: Callable[[ServiceClient], Awaitable[T]]) -> T:
    async def run() -> T:
        async with options.client() as client:
            return await call(client)

    return asyncio.run(run())


def _show_rotated(rotated: RotatedListKey, options: ServiceOptions) -> None:
    issuer, retired = rotated.issuer, rotated.retired_method
    if options.as_json:
        print_json({**_issuer_json(issuer), "retired": retired, "warnings": list(rotated.warnings)})
    else:
        print_fields(
            [
                ("number", str(issuer.number)),
                ("id", issuer.id),
                *_signer_fields(issuer.list_signer),
                *([("retired", retired)] if retired else []),
            ]
        )
    _warn(rotated.warnings)


def _signer_fields(signer: ListSigner) -> list[tuple[str, str]]:
    token_key = [("token key", signer.token_key.verification_method)] if signer.token_key else []
    return [("list signer", signer.verification_method), *token_key]


def _signer_json(signer: ListSigner) -> dict[str, JsonValue]:
    shown: dict[str, JsonValue] = {
        "type": signer.type,
        "did": signer.did,
        "verificationMethod": signer.verification_method,
        "publicKeyMultibase": signer.public_key_multibase,
    }
    if signer.token_key is not None:
        shown["tokenKey"] = {
            "algorithm": signer.token_key.algorithm,
            "verificationMethod": signer.token_key.verification_method,
            "publicKeyMultibase": signer.token_key.public_key_multibase,
        }
    return shown


def _issuer_json(item: Issuer) -> dict[str, JsonValue]:
    return {
        "number": item.number,
        "id": item.id,
        "name": item.name,
        "listSigner": _signer_json(item.list_signer),
        "disabled": item.is_disabled,
        "created": time_json(item.created),
    }


def _warn(warnings: Sequence[str]) -> None:
    for warning in warnings:
        click.echo(f"warning: {warning}", err=True)


def _require_new(key_file: Path | None) -> None:
    if key_file is not None and (key_file.exists() or not key_file.parent.is_dir()):
        raise InvalidInput(f"{key_file} exists already, or its folder does not: name a new file")


def _keep_key(api_key: str, key_file: Path | None) -> dict[str, JsonValue]:
    """Write the key to its file, or return it as what is to be shown."""
    if key_file is None:
        return {"apiKey": api_key}
    try:
        descriptor = os.open(key_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(api_key + "\n")
    except OSError as exc:
        raise InvalidInput(
            f"{key_file} cannot be written ({exc.strerror}), and the new key is lost: rotate it"
        ) from exc
    return {}


def _key_fields(shown: dict[str, JsonValue], key_file: Path | None) -> list[tuple[str, str]]:
    if key_file is not None:
        return [("API key", f"in {key_file}")]
    return [("API key", f"{shown['apiKey']}   (told this once: keep it)")]
