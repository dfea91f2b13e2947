"""The result of a verification: the verdict, every step that led to it, and as of when it holds."""

from __future__ import annotations

from dataclasses import dataclass

from anchor.chain.presets import chain_name
from anchor.chain.protocol import Block
from anchor.core.strict_json import JsonValue
from anchor.core.verdict import Reason, Verdict, decide
from anchor.fields import encode_hex
from anchor.verify.as_of import AsOf
from anchor.verify.chain_view import Anchor, is_test_network
from anchor.verify.findings import Finding
from anchor.verify.times import utc_text
from status_lists.multibase import encode_base64url

REPORT_FORMAT = "credential-anchor/report/v1"

EXIT_VALID = 0
EXIT_NO = 1
EXIT_OPEN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a verifier is told; times are Unix seconds.

    `at_s` is the past time that the verdict speaks of, None for now; `block` the one at which the chain was
    read (None where it could not be), `status` as of when status is known (None where there was no status to
    read), `issuer` who anchored the credential.
    """

    findings: tuple[Finding, ...]
    checked_at_s: int
    block: Block | None = None
    at_s: int | None = None
    status: AsOf | None = None
    anchor: Anchor | None = None
    issuer: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Every reason against `valid`, in the order of the steps."""
        return tuple(finding.reason for finding in self.findings if finding.reason is not None)

    @property
    def verdict(self) -> Verdict:
        """The first verdict, in order of precedence, for which there is a reason."""
        return decide(self.reasons)

    @property
    def exit_code(self) -> int:
        """0 for valid, 1 for a definite no, 3 for what could not be decided (yet)."""
        if self.verdict is Verdict.VALID:
            return EXIT_VALID
        return EXIT_NO if self.verdict.is_definite_no else EXIT_OPEN

    def to_json(self) -> dict[str, JsonValue]:
        """Return the report for programs; names and codes in it are stable."""
        return {
            "format": REPORT_FORMAT,
            "verdict": self.verdict.value,
            "reasons": [
                {"verdict": reason.verdict.value, "code": reason.code, "message": reason.message}
                for reason in self.reasons
            ],
            "steps": [
                {"step": finding.step, "outcome": finding.outcome.value, "message": finding.sentence}
                for finding in self.findings
            ],
            "asOf": {
                "checked": utc_text(self.checked_at_s),
                "at": None if self.at_s is None else utc_text(self.at_s),
                "block": None if self.block is None else _block_json(self.block),
                "status": None if self.status is None else utc_text(self.status.time_s),
                "statusBlock": None if self.status is None else self.status.block_number,
            },
            "issuer": self.issuer,
            "anchor": None if self.anchor is None else _anchor_json(self.anchor),
            "notes": list(self.notes),
        }


def _block_json(block: Block) -> dict[str, JsonValue]:
    return {"number": block.number, "hash": encode_hex(block.hash), "time": utc_text(block.timestamp_s)}


def _anchor_json(anchor: Anchor) -> dict[str, JsonValue]:
    anchorage, record = anchor.anchorage, anchor.record
    return {
        "chain": {
            "id": anchorage.chain_id,
            "name": chain_name(anchorage.chain_id),
            "isTestNetwork": is_test_network(anchorage.chain_id),
        },
        "contract": anchorage.contract,
        "publisher": anchor.publisher,
        "sequence": record.sequence,
        "root": encode_base64url(anchor.root),
        "leafCount": record.leaf_count,
        "blockNumber": record.block_number,
        "time": utc_text(record.timestamp_s),
        "isFinal": anchor.is_final,
    }
