"""How a report is shown to people: one line a step, then the verdict."""

from __future__ import annotations

import sys

import click

from anchor.chain.presets import chain_name
from anchor.core.verdict import Verdict
from anchor.verify import Outcome, Report
from anchor.verify.times import utc_text

_MARKS = {Outcome.PASSED: ("✓", "+"), Outcome.FAILED: ("✗", "-"), Outcome.OPEN: ("?", "?")}
_STEP_WIDTH = 8


def print_report(report: Report) -> None:
    """Print every step, what else must be said, and the verdict on a line of its own; in colour on a terminal."""
    for finding in report.findings:
        shown = Outcome.OPEN if finding.is_caution else finding.outcome
        mark = click.style(_mark(shown), fg=_colour(shown))
        click.echo(f"{mark} {finding.step.ljust(_STEP_WIDTH)}  {finding.sentence}")
    click.echo()
    for note in report.notes:
        click.echo(note)
    if report.block is not None and report.anchor is not None:
        click.echo(_as_of_text(report, report.block.number, chain_name(report.anchor.anchorage.chain_id)))
    click.secho(report.verdict.value.replace("_", " "), bold=True, fg=_verdict_colour(report.verdict))


def _as_of_text(report: Report, block_number: int, chain: str) -> str:
    checked = utc_text(report.checked_at_s)
    if report.at_s is None and report.status is not None and report.status.is_superseded:
        until = f"{utc_text(report.status.time_s)}, block {report.status.block_number}"
        return f"Status until {until}; checked {checked} at block {block_number} of {chain}."
    if report.at_s is None:
        return f"As of {checked}, block {block_number} of {chain}."
    return f"As of {utc_text(report.at_s)}; checked {checked} at block {block_number} of {chain}."


def _mark(outcome: Outcome) -> str:
    fancy, plain = _MARKS[outcome]
    try:
        fancy.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return plain
    return fancy


def _colour(outcome: Outcome) -> str:
    return {Outcome.PASSED: "green", Outcome.FAILED: "red", Outcome.OPEN: "yellow"}[outcome]


def _verdict_colour(verdict: Verdict) -> str:
    if verdict is Verdict.VALID:
        return "green"
    return "red" if verdict.is_definite_no else "yellow"
