"""`anchor receipt check`."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import click

from anchor.cli.help_text import examples
from anchor.cli.output import print_json
from anchor.cli.trust_options import TrustOptions, trust_options, trust_set
from anchor.core.strict_json import JsonValue
from anchor.errors import InvalidInput
from anchor.verify import TrustSet, open_files
from anchor.verify.files import read_receipt_files
from anchor.verify.findings import printable
from anchor.verify.opening import open_chain
from anchor.verify.receipt_report import ReceiptReport, ReceiptVerdict
from anchor.verify.receipts import check_receipt
from anchor.verify.report import EXIT_NO, EXIT_VALID

_COLOURS = {
    ReceiptVerdict.KEPT: "green",
    ReceiptVerdict.WAITING: "yellow",
    ReceiptVerdict.BROKEN: "red",
    ReceiptVerdict.UNKNOWN: "yellow",
}
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group(no_args_is_help=True)
def receipt() -> None:
    """Check receipts: what a service signed at submission, a promise to anchor by a time."""


@receipt.command(
    epilog=examples(
        "anchor receipt check diploma.json                 the receipt diploma.json.receipt.json",
        "anchor receipt check diplomas/*.receipt.json      many; the worst decides the exit code",
        "anchor receipt check diploma.json --mirror DIR    published batches from a mirror",
    )
)
@click.argument("files", metavar="FILE…", nargs=-1, required=True, type=_FILE)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@trust_options
def check(*, files: tuple[Path, ...], as_json: bool, options: TrustOptions) -> None:
    """Say whether the promise in each receipt was kept, by your trust file, the chain and the published batches.

    FILE is a receipt, or the credential beside it. A promise is `kept` once a final block by its time holds
    the anchor, `waiting` until that time has passed in a final block, `broken` where it has passed and no
    batch anchored by then holds the digest: evidence that anyone can compute again. `unknown` says what
    could not be checked.

    Exit code 0 if all are kept, 1 if one is broken, 3 if one is waiting or unknown.
    """
    trust = trust_set(options, issuers=())
    if trust is None:
        raise InvalidInput(
            "whose promises count is yours to say: make a trust file with `anchor trust export`"
        )
    reports = asyncio.run(_check(files, trust))
    if as_json:
        print_json(
            {"receipts": [_with_file(path, report) for path, report in zip(files, reports, strict=True)]}
        )
    else:
        for path, report in zip(files, reports, strict=True):
            verdict = click.style(report.verdict.value, bold=True, fg=_COLOURS[report.verdict])
            click.echo(f"{path}: {verdict}: {printable(report.message)} ({report.code})")
    raise click.exceptions.Exit(_exit_code(reports))


async def _check(paths: tuple[Path, ...], trust: TrustSet) -> list[ReceiptReport]:
    async with AsyncExitStack() as stack:
        source = None if trust.files is None else await stack.enter_async_context(open_files(trust.files))
        return [
            await check_receipt(
                await asyncio.to_thread(read_receipt_files, path),
                trust=trust,
                files=source,
                open_chain=open_chain,
            )
            for path in paths
        ]


def _exit_code(reports: list[ReceiptReport]) -> int:
    codes = {report.exit_code for report in reports}
    # A broken promise is told whatever else stays open.
    return EXIT_NO if EXIT_NO in codes else max(codes, default=EXIT_VALID)


def _with_file(path: Path, report: ReceiptReport) -> dict[str, JsonValue]:
    return {"file": str(path)} | report.to_json()
