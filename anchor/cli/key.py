"""`anchor key`."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import click

from anchor.chain.keystore import create_keystore
from anchor.chain.registry import parse_account
from anchor.chain.signer import LocalSigner
from anchor.cli.help_text import examples
from anchor.cli.key_change import appoint_account, rotate_key
from anchor.cli.key_state import read_state
from anchor.cli.key_text import (
    SUCCESSOR_KEY,
    after_appointing,
    after_rotating,
    print_change,
    state_fields,
    state_json,
)
from anchor.cli.operator_options import config_option
from anchor.cli.output import print_fields, print_json
from anchor.config import PublisherSettings, Secret, Settings, load_settings
from anchor.errors import InvalidInput

_WITHDRAWN = "none"

_yes = click.option("--yes", is_flag=True, help="Do not ask before spending on a public chain.")
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


@click.group(no_args_is_help=True)
def key() -> None:
    """Change the publisher's key: appoint a successor in good time, rotate to it when it is needed.

    Verifiers follow from the account that they trust to its successors, and proofs under the old key stay
    valid. An account that was never appointed cannot succeed anybody: appoint before a key is lost.
    """


@key.command(
    epilog=examples(
        "anchor key new --keystore successor.json     keep it elsewhere than the publisher's",
        "anchor key new --keystore successor.json --password-file successor.password",
    )
)
@click.option("--keystore", type=click.Path(path_type=Path), required=True, metavar="FILE")
@click.option(
    "--password-file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Beside the keystore, with the ending .password, unless given.",
)
@_json
def new(*, keystore: Path, password_file: Path | None, as_json: bool) -> None:
    """Make a new account in an encrypted keystore. Nothing that exists is overwritten."""
    password = password_file or keystore.with_suffix(".password")
    address = create_keystore(keystore, password)
    if as_json:
        print_json({"address": address, "keystore": str(keystore), "passwordFile": str(password)})
        return
    click.echo(f"wrote {keystore} and {password}: keep both, together they are the key of {address}")
    click.echo(f"next: anchor key appoint {address}")


@key.command(
    epilog=examples(
        "anchor key show",
        "anchor key show --json   for programs",
    )
)
@config_option
@_json
def show(*, config: Path, as_json: bool) -> None:
    """Show who publishes, who may succeed, the line of succession, balances and the newest sequence.

    The service may be running.
    """
    state = asyncio.run(read_state(load_settings(config, os.environ)))
    if as_json:
        print_json(state_json(state))
        return
    print_fields(state_fields(state))


@key.command(
    epilog=examples(
        "anchor key appoint 0x…          the account that may take over, at any moment from then on",
        "anchor key appoint none         withdraw the appointment",
        "anchor key appoint 0x… --yes --json",
    )
)
@click.argument("account", metavar="ADDRESS|none", required=False)
@click.option("--withdraw", is_flag=True, help="The same as `none`.")
@config_option
@_yes
@_json
def appoint(*, account: str | None, withdraw: bool, config: Path, yes: bool, as_json: bool) -> None:
    """Appoint the account that may succeed the publisher, signed with the publisher's present key.

    Guard its key like the publisher's own, and apart from it: it may take over without asking again. Use the
    account for nothing else before. Stop the service first: it sends from the same account. Given again after
    an interruption, the command goes on where it was.
    """
    settings = load_settings(config, os.environ)
    done = asyncio.run(
        appoint_account(
            settings,
            _appointed(account, withdraw=withdraw),
            environment=os.environ,
            asks=not yes,
            say=_say(as_json),
        )
    )
    print_change(done, as_json=as_json, then=after_appointing(done))


@key.command(
    epilog=examples(
        "anchor key rotate --keystore successor.json --password-file successor.password",
        "anchor key rotate --remote-signer http://127.0.0.1:9000 --address 0x…",
        f"{SUCCESSOR_KEY}=0x… anchor key rotate",
        "anchor key rotate              with the key in the settings, where it is the new one already",
    )
)
@click.option("--keystore", metavar="FILE", help="The new account's keystore.")
@click.option("--password-file", metavar="FILE", help="The keystore's password.")
@click.option("--remote-signer", metavar="URL", help="A web3signer or clef that holds the new account's key.")
@click.option("--address", metavar="ADDRESS", help="The new account, for which the remote signer signs.")
@config_option
@_yes
@_json
def rotate(
    *,
    keystore: str | None,
    password_file: str | None,
    remote_signer: str | None,
    address: str | None,
    config: Path,
    yes: bool,
    as_json: bool,
) -> None:
    """Let the appointed account succeed the publisher, signed with the new account's key.

    From then on the old key can anchor nothing, and the service goes on with the new one, on the same
    database and at the next sequence. Stop the service first. The new account pays, and pays for anchors
    afterwards: send it some ether. Given again after an interruption, the command goes on where it was.
    """
    settings = load_settings(config, os.environ)
    publisher = _new_publisher(settings, keystore, password_file, remote_signer, address)
    environment = {**os.environ}
    if publisher.private_key:
        environment["ANCHOR_PUBLISHER_PRIVATE_KEY"] = publisher.private_key.reveal()
    done = asyncio.run(
        rotate_key(
            replace(settings, publisher=publisher), environment=environment, asks=not yes, say=_say(as_json)
        )
    )
    print_change(done, as_json=as_json, then=after_rotating(config, settings.publisher, publisher))


def _appointed(account: str | None, *, withdraw: bool) -> str | None:
    """Return the account to appoint; None withdraws."""
    if withdraw:
        if account not in (None, _WITHDRAWN):
            raise InvalidInput("give an address to appoint, or --withdraw: not both")
        return None
    if account is None:
        raise InvalidInput("name the account to appoint, or none to withdraw the appointment")
    return None if account == _WITHDRAWN else parse_account(account)


def _new_publisher(
    settings: Settings,
    keystore: str | None,
    password_file: str | None,
    remote_signer: str | None,
    address: str | None,
) -> PublisherSettings:
    """Return the settings of the new account: of the options or of the environment, else as they stand."""
    if (keystore is None) != (password_file is None):
        raise InvalidInput("give both: --keystore and --password-file")
    if (remote_signer is None) != (address is None):
        raise InvalidInput("give both: --remote-signer and --address")
    if keystore is not None and remote_signer is not None:
        raise InvalidInput("give a keystore or a remote signer, not both")
    bare = replace(
        settings.publisher,
        keystore="",
        password_file="",
        private_key=Secret(""),
        remote_signer_url=Secret(""),
        address="",
    )
    if keystore is not None and password_file is not None:
        # Options name files from where the command is given; those in the settings, from where the settings are.
        paths = str(Path(keystore).absolute()), str(Path(password_file).absolute())
        return replace(bare, keystore=paths[0], password_file=paths[1])
    if remote_signer is not None and address is not None:
        return replace(bare, remote_signer_url=Secret(remote_signer), address=parse_account(address))
    if os.environ.get(SUCCESSOR_KEY):
        # Read here too, so that a mistake in it is told under its own name.
        LocalSigner.from_environment(SUCCESSOR_KEY, os.environ)
        return replace(bare, private_key=Secret(os.environ[SUCCESSOR_KEY]))
    return settings.publisher


def _say(as_json: bool) -> Callable[[str], None]:  # noqa: FBT001 - click's flag
    """Return how progress is told: on stderr, where stdout is a program's."""
    return lambda text: click.echo(text, err=as_json)
