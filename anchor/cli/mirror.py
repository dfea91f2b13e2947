"""`anchor mirror`."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from anchor.cli.group import EXIT_REFUSED
from anchor.cli.help_text import examples
from anchor.cli.output import count_text, print_json
from anchor.cli.progress import CountLine
from anchor.core.strict_json import JsonValue
from anchor.errors import InvalidInput
from anchor.mirror import MirrorReport, mirror_service
from anchor.verify import FileLocation, open_files
from anchor.verify.findings import printable
from anchor.verify.trust_file import read_location

_SHOWN = 20


@click.command(
    epilog=examples(
        "anchor mirror ./mirror --service https://anchor.example.org",
        "anchor mirror ./mirror --from ./older-mirror         from another mirror, a folder or a URL",
        "anchor mirror ./mirror --service URL --check         read again what was checked before",
        "anchor audit --mirror ./mirror                       then compare it with the chain",
    )
)
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--service", envvar="ANCHOR_SERVICE", show_envvar=True, metavar="URL", help="The service's address."
)
@click.option("--from", "mirror_of", metavar="MIRROR", help="A mirror to copy instead: a folder or a URL.")
@click.option("--check", "checks_all", is_flag=True, help="Read every file again, and fetch what is damaged.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def mirror(
    *, folder: Path, service: str | None, mirror_of: str | None, checks_all: bool, as_json: bool
) -> None:
    """Copy what is new of everything that a service publishes into FOLDER: batches, leaves, every anchored list.

    Each file is checked against its batch before it takes its name. What was copied stays whenever the command
    is stopped, and the next call goes on from there. Exit code 0 only if nothing is missing.
    """
    location = read_location(service=None if mirror_of else service, mirror=mirror_of)
    if location is None:
        raise InvalidInput("name a source: --service URL, or --from MIRROR")
    progress = CountLine("batches")
    try:
        report = asyncio.run(_mirror(location, folder, checks_all=checks_all, progress=progress))
    except OSError as exc:
        raise InvalidInput(f"{folder} cannot be written ({exc.strerror}): what was copied stays") from exc
    finally:
        progress.clear()
    if as_json:
        print_json(_to_json(report))
    else:
        _print(folder, report)
    if report.missing:
        raise click.exceptions.Exit(EXIT_REFUSED)


async def _mirror(
    location: FileLocation, folder: Path, *, checks_all: bool, progress: CountLine
) -> MirrorReport:
    async with open_files(location) as files:
        return await mirror_service(files, folder, checks_all=checks_all, on_batch=progress.show)


def _print(folder: Path, report: MirrorReport) -> None:
    click.echo(
        f"{folder}: {count_text(report.batches_copied, 'batch')} copied; head {report.head_sequence}, complete and "
        f"final up to {report.complete_to}"
    )
    for found in report.missing[:_SHOWN]:
        click.echo(f"✗ {found.what}: {printable(found.message)}")
    if len(report.missing) > _SHOWN:
        click.echo(f"  and {len(report.missing) - _SHOWN} more (--json shows all)")


def _to_json(report: MirrorReport) -> JsonValue:
    return {
        "headSequence": report.head_sequence,
        "completeTo": report.complete_to,
        "batchesCopied": report.batches_copied,
        "missing": [{"file": found.what, "message": found.message} for found in report.missing],
    }
