"""The time for which a question is asked: now, or a past moment; and by which root status stood then."""

from __future__ import annotations

from dataclasses import dataclass

from anchor.chain.protocol import Block
from anchor.verify.as_of import AsOf
from anchor.verify.chain_view import ChainView
from anchor.verify.findings import Finding, passed, unknown
from anchor.verify.neighbours import Span
from anchor.verify.times import duration_text, utc_text
from anchor.verify.trust import TrustSet

_STEP = "age"


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """The verifier's time, and the past time that is asked about (None: now); both in Unix seconds."""

    now_s: int
    at_s: int | None = None

    @property
    def asked_s(self) -> int:
        """The time that the verdict speaks of."""
        return self.now_s if self.at_s is None else self.at_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Covered:
    """A past moment that lies between two neighbouring roots, or after the newest one."""

    as_of: AsOf
    finding: Finding


def check_span(span: Span, *, view: ChainView, trust: TrustSet, at_s: int) -> Covered | Finding:
    """Check that a root was the newest at a past time: its successor's record, or the latest block, shows it.

    Stops evidence of a better day from being shown for the day asked about. Where the root is still the newest
    its age counts, from its block to the time asked about: a publisher that fell silent would otherwise
    keep a credential valid for every day since.
    """
    if not span.covers(at_s, view.block):
        return unknown(
            "status",
            "status_other_time",
            f"{_range_text(span, view.block)}: that does not show how status was at {utc_text(at_s)}",
        )
    record = span.start.record
    age_s = at_s - record.timestamp_s
    if span.end is None and age_s > trust.max_status_age_s:
        return unknown(
            _STEP,
            "status_stale",
            f"{_range_text(span, view.block)}: older by then than the "
            f"{duration_text(trust.max_status_age_s)} that you allow",
        )
    last = (span.end or span.start).record
    as_of = AsOf(
        sequence=record.sequence,
        block_number=record.block_number,
        time_s=record.timestamp_s,
        is_final=view.is_final(last.block_number),
        is_superseded=span.end is not None,
    )
    return Covered(
        as_of=as_of,
        finding=passed(_STEP, f"status is as of {utc_text(at_s)}: {_range_text(span, view.block)}"),
    )


def _range_text(span: Span, block: Block) -> str:
    record = span.start.record
    begin = (
        f"batch {record.sequence} stands since block {record.block_number}, {utc_text(record.timestamp_s)}"
    )
    if span.end is None:
        return f"{begin}, with none after it up to block {block.number}, {utc_text(block.timestamp_s)}"
    end = span.end.record
    return f"{begin}, until batch {end.sequence} in block {end.block_number}, {utc_text(end.timestamp_s)}"
