"""What `anchor key` prints."""

from __future__ import annotations

from pathlib import Path

import click

from anchor.chain.presets import chain_name
from anchor.cli.ether import balance_text
from anchor.cli.key_change import Change
from anchor.cli.key_state import KeyState
from anchor.cli.output import print_json
from anchor.config import PublisherSettings
from anchor.core.strict_json import JsonValue
from anchor.fields import encode_hex

SUCCESSOR_KEY = "ANCHOR_SUCCESSOR_PRIVATE_KEY"
"""The environment's name for the key of an account that is about to succeed the publisher."""


def print_change(done: Change, *, as_json: bool, then: str) -> None:
    """Print how the line stands, for programs, or what is to be done next."""
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


def after_appointing(done: Change) -> str:
    """Return what an appointment means."""
    if done.appointed is None:
        return f"nobody may succeed {done.publisher} now"
    return (
        f"{done.appointed} may succeed {done.publisher} from now on, with `anchor key rotate`: guard its key, use it "
        "for nothing else, and see that it has some ether by then"
    )


def after_rotating(config: Path, before: PublisherSettings, publisher: PublisherSettings) -> str:
    """Return what is to be changed in the settings before the service starts."""
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


def state_fields(state: KeyState) -> list[tuple[str, str]]:
    """Return the state of a line for people."""
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


def state_json(state: KeyState) -> JsonValue:
    """Return the state of a line for programs."""
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
