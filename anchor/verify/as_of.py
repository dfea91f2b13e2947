"""As of when status is told, and how old that may be."""

from __future__ import annotations

from dataclasses import dataclass

from anchor.chain.protocol import AnchorRecord
from anchor.verify.findings import Finding, cautioned, passed, unknown
from anchor.verify.times import duration_text, utc_text


@dataclass(frozen=True, slots=True, kw_only=True)
class AsOf:
    """The block by which status is known: that of the root it was read at, or of the root that replaced it.

    `sequence` is the batch that it was read at; `is_final` says whether no reorganisation can undo the block.
    """

    sequence: int
    block_number: int
    time_s: int
    is_final: bool
    is_superseded: bool = False

    @classmethod
    def head(cls, record: AnchorRecord, *, is_final: bool) -> AsOf:
        """Return as of when the newest root speaks: its own block."""
        return cls(
            sequence=record.sequence,
            block_number=record.block_number,
            time_s=record.timestamp_s,
            is_final=is_final,
        )

    @classmethod
    def superseded(cls, record: AnchorRecord, successor: AnchorRecord, *, is_final: bool) -> AsOf:
        """Return as of when a root speaks that another replaced: the block of that other."""
        return cls(
            sequence=record.sequence,
            block_number=successor.block_number,
            time_s=successor.timestamp_s,
            is_final=is_final,
            is_superseded=True,
        )

    def is_stale(self, *, max_age_s: int, now_s: int) -> bool:
        """Whether it is older than somebody allows."""
        return now_s - self.time_s > max_age_s


def check_age(as_of: AsOf, *, max_age_s: int, now_s: int) -> Finding:
    """Check that status is young enough to speak for the present.

    Stops a publisher, a source or an RPC endpoint that went silent, and a holder with evidence from better
    days, from keeping a credential valid for ever.
    """
    preposition = "until" if as_of.is_superseded else "as of"
    where = f"status is {preposition} block {as_of.block_number}, {utc_text(as_of.time_s)}"
    if as_of.is_stale(max_age_s=max_age_s, now_s=now_s):
        return unknown(
            "age", "status_stale", f"{where}, older than the {duration_text(max_age_s)} that you allow"
        )
    if as_of.is_superseded:
        return cautioned(
            "age",
            f"{where} (batch {as_of.sequence}, replaced there by the next one): what changed since is not seen",
        )
    return passed("age", f"{where} (batch {as_of.sequence})")
