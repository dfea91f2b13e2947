"""`anchor key`."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import click

from anchor.chain.keystore import create_keystore
from anchor.chain.presets import chain_name
from anchor.chain.registry import parse_account
from anchor.cli.ether import balance_text
from anchor.cli.help_text import examples
from anchor.cli.key_change import Change, appoint_account, rotate_key
from anchor.cli.key_state import KeyState, read_state
from anchor.cli.output import print_fields, print_json
from anchor.config import PublisherSettings, Secret, Settings, load_settings
from anchor.core.strict_json import JsonValue
from anchor.errors import InvalidInput
from anchor.fields import encode_hex

SUCCESSOR_KEY = "ANCHOR_SUCCESSOR_PRIVATE_KEY"

_WITHDRAWN = "none"

_config = click.option(
    "--config",
    type=click.Path(path_type=Path),
    default="anchor.toml",
    envvar="ANCHOR_CONFIG",
    show_default=True,
    show_envvar=True,
    metavar="FILE",
)
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
@_config
@_json
def show(*, config: Path, as_json: bool) -> None:
    """Show who publishes, who may succeed, the line of succession, balances and the newest sequence.

    The service may be running.
    """
    state = asyncio.run(read_state(load_settings(config, os.environ)))
    if as_json:
        print_json(_state_json(state))
        return
    print_fields(_state_fields(state))


@key.command(
    epilog=examples(
        "anchor key appoint 0x…          the account that may take over, at any moment from then on",
        "anchor key appoint none         withdraw the appointment",
        "anchor key appoint 0x… --yes --json",
    )
)
@click.argument("account", metavar="ADDRESS|none", required=False)
@click.option("--withdraw", is_flag=True, help="The same as `none`.")
@_config
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
    _print_change(done, as_json=as_json, then=_after_appointing(done))


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
@_config
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
    _print_change(done, as_json=as_json, then=_after_rotating(config, settings.publisher, publisher))


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
        return replace(bare, private_key=Secret(os.environ[SUCCESSOR_KEY]))
    return settings.publisher


def _say(as_json: bool) -> Callable[[str], None]:  # noqa: FBT001 - click's flag
    """Return how progress is told: on stderr, where stdout is a program's."""
    return lambda text: click.echo(text, err=as_json)


def _print_change(done: Change, *, as_json: bool, then: str) -> None:
    if as_json:
        print_json(
            {
                "publisher": done.publisher,
                "line": list(done.line),
                "appointed": done.appointed,
                "transaction": None if done.transaction is None else encode_hex(done.transaction),
                "blockNumber": done.block_number,
            }
        )
        return
    click.echo(then)


def _after_appointing(done: Change) -> str:
    if done.appointed is None:
        return f"nobody may succeed {done.publisher} now"
    return (
        f"{done.appointed} may succeed {done.publisher} from now on, with `anchor key rotate`: guard its key, use it "
        "for nothing else, and see that it has some ether by then"
    )


def _after_rotating(config: Path, before: PublisherSettings, publisher: PublisherSettings) -> str:
    if publisher is before:
        return "the settings name the new key already: start the service"
    if publisher.private_key:
        return f"set ANCHOR_PUBLISHER_PRIVATE_KEY to the key in {SUCCESSOR_KEY}, then start the service"
    lines = (
        ['remote_signer_url = "…"  # as given to this command', f'address = "{publisher.address}"']
        if publisher.remote_signer_url
        else [f'keystore = "{publisher.keystore}"', f'password_file = "{publisher.password_file}"']
    )
    shown = "\n".join(lines)
    return (
        f"in {config}, under [publisher], put these lines in place of the old key's, and unset "
        f"ANCHOR_PUBLISHER_PRIVATE_KEY where it is set; then start the service:\n\n{shown}"
    )


def _state_fields(state: KeyState) -> list[tuple[str, str]]:
    line = state.view.line
    fields = [
        ("chain", chain_name(state.chain_id)),
        ("contract", state.contract),
        ("publisher", f"{line[-1]}, {balance_text(state.balances_wei[line[-1]])} ether"),
    ]
    if len(line) > 1:
        fields.append(("line", " → ".join(line)))
    appointed = state.view.appointed
    may_succeed = (
        "nobody" if appointed is None else f"{appointed}, {balance_text(state.balances_wei[appointed])} ether"
    )
    fields += [
        ("appointed", may_succeed),
        ("sequence", str(state.view.sequence) if state.view.sequence else "-"),
    ]
    if state.account is not None:
        fields.append(("settings", f"{state.account}: {state.role}"))
    return fields


def _state_json(state: KeyState) -> JsonValue:
    return {
        "chainId": state.chain_id,
        "contract": state.contract,
        "publisher": state.view.publisher,
        "line": list(state.view.line),
        "appointed": state.view.appointed,
        "sequence": state.view.sequence,
        "settings": None if state.account is None else {"account": state.account, "role": state.role},
        "balancesWei": {account: str(balance) for account, balance in state.balances_wei.items()},
        "blockNumber": state.view.block.number,
    }
