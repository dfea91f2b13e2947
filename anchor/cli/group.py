"""The group of all commands: loads each when it is needed, and translates errors in this one place."""

from __future__ import annotations

from importlib import import_module

import click

from anchor.errors import AnchorError, ChainUnavailable, InvalidInput, Overloaded, ServiceUnavailable
from status_lists.errors import StatusListError

EXIT_REFUSED = 1
EXIT_USAGE = 2
EXIT_UNCHECKED = 3

# Name, module below anchor.cli, and what the list of commands says of it. A module is imported only when its
# command is called: `anchor submit` must not pay for the Ethereum libraries that `anchor serve` needs.
_COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("init", "Write a commented anchor.toml to begin with."),
    "deploy": ("deploy", "Deploy the contract, once for each chain."),
    "serve": ("serve", "Run the service."),
    "demo": ("demo", "Show the whole story on this machine."),
    "chain": ("chain", "Run a development chain on this machine, to try it out."),
    "issuer": ("issuer", "Add, list and manage issuers (operator)."),
    "submit": ("submit", "Anchor files: only digests leave this machine."),
    "status": ("status", "Show where a digest stands, and its status."),
    "proof": ("proof", "Fetch the proof of a file or digest."),
    "revoke": ("change", "Revoke credentials, for ever."),
    "suspend": ("change", "Suspend credentials for a time."),
    "reinstate": ("change", "Lift the suspension of credentials."),
    "apply": ("apply", "Apply a CSV or NDJSON file of status changes."),
    "evidence": ("evidence", "Cut evidence of a credential's status, to pass on with it."),
    "verify": ("verify", "Check a credential without asking its issuer."),
    "audit": ("audit", "Check everything that a publisher anchored."),
    "fsck": ("fsck", "Check every promise of a service again (operator)."),
    "backup": ("backup", "Copy a service's database and keys (operator)."),
    "restore": ("restore", "Put a backup back (operator)."),
    "mirror": ("mirror", "Keep a copy of what a service publishes."),
    "rebuild": ("rebuild", "Make a lost database anew (operator)."),
    "receipt": ("receipt", "Check receipts: promises of an anchor, kept or broken."),
    "key": ("key", "Change the publisher's key (operator)."),
    "move": ("move", "Take the database to another chain or contract (operator)."),
    "trust": ("trust", "Manage what you, as a verifier, trust."),
}


class CommandGroup(click.Group):
    """A click group (click offers no way but inheritance) whose commands are loaded when they are needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the commands in the order in which a newcomer needs them."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Return the command of a name, importing its module; None where there is no such command."""
        known = _COMMANDS.get(cmd_name)
        if known is None:
            return None
        command = getattr(import_module(f"anchor.cli.{known[0]}"), cmd_name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the list of commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_module, text) in _COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; an error of this package becomes one line on stderr and an exit code."""
        try:
            return super().invoke(ctx)
        except (AnchorError, StatusListError) as exc:
            click.echo(f"error: {exc}", err=True)
            raise click.exceptions.Exit(exit_code(exc)) from exc


def exit_code(error: AnchorError | StatusListError) -> int:
    """Return the exit code that tells a program what an error means."""
    match error:
        case InvalidInput() | StatusListError():
            return EXIT_USAGE
        case ServiceUnavailable() | ChainUnavailable() | Overloaded():
            return EXIT_UNCHECKED
        case _:
            return EXIT_REFUSED
