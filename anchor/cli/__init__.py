"""The `anchor` command: the only package that prints or exits."""

from __future__ import annotations

import click

from anchor import __version__
from anchor.cli.group import CommandGroup
from anchor.cli.help_text import examples

_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@click.command(
    cls=CommandGroup,
    context_settings=_SETTINGS,
    epilog=examples(
        "anchor demo                    the whole story on this machine, in a minute",
        "anchor submit diplomas/*.json  anchor credentials, one proof file each",
        "anchor verify diploma.json     check one against its proof and the chain",
    ),
)
@click.version_option(__version__, prog_name="anchor")
def main() -> None:
    """Anchor digests of credentials on Ethereum, and check them without asking the issuer.

    Exit codes: 0 done (verify: valid), 1 refused or a definite no, 2 wrong usage, or a file that would be
    written exists already, 3 could not be checked or reached.
    """
