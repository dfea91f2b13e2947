"""The option that commands on a service's own files share."""

from __future__ import annotations

from pathlib import Path

import click

config_option = click.option(
    "--config",
    type=click.Path(path_type=Path),
    default="anchor.toml",
    envvar="ANCHOR_CONFIG",
    show_default=True,
    show_envvar=True,
    metavar="FILE",
)
