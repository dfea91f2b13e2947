"""`anchor backup`."""

from __future__ import annotations

import os
from pathlib import Path

import click

from anchor.backup import BackupManifest, make_backup
from anchor.cli.help_text import examples
from anchor.cli.operator_options import config_option
from anchor.cli.output import count_text, print_json
from anchor.cli.progress import CountLine
from anchor.config import load_storage_settings


@click.command(
    epilog=examples(
        "anchor backup /backups/2026-11-28",
        'anchor backup "/backups/$(date +%Y-%m-%dT%H%M)"      which to keep is yours to decide; in a crontab % is \\%',
        "anchor backup /backups/now --json                    for programs",
    )
)
@click.argument("folder", type=click.Path(path_type=Path))
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print the manifest as JSON, for programs.")
def backup(*, folder: Path, config: Path, as_json: bool) -> None:
    """Copy the database and the key files of the data folder into a new FOLDER, while the service runs or not.

    The copy is one committed state, checked page by page before FOLDER appears. It holds secrets: keep it as
    you keep the data folder. No chain is asked, and none need be set. Exit code 0 only if the backup is good.
    """
    progress = CountLine("pages copied")
    try:
        manifest = make_backup(load_storage_settings(config, os.environ), folder, on_pages=progress.show)
    finally:
        progress.clear()
    if as_json:
        print_json(manifest.to_json())
    else:
        _print(folder, manifest)


def _print(folder: Path, manifest: BackupManifest) -> None:
    size = sum(file.size_bytes for file in manifest.files)
    click.echo(f"{folder}: {count_text(len(manifest.files), 'file')}, {size:,} bytes, checked")
    click.echo(f"knows batches up to {manifest.sealed_sequence} (mined: {manifest.mined_sequence})")
    for name in manifest.not_included:
        click.echo(f"not included, since it lies elsewhere: {name}: keep a copy of it too")
    if not {"lists.key"} & {file.name for file in manifest.files}:
        click.echo("not included, since there is none: lists.key")
    click.echo("not included: the settings file; keep it beside the backup")
