"""What the check of a receipt found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from anchor.chain.protocol import Block
from anchor.core.strict_json import JsonValue
from anchor.documents import ReceiptDocument
from anchor.fields import encode_hex
from anchor.verify.report import EXIT_NO, EXIT_OPEN, EXIT_VALID
from anchor.verify.times import utc_text
from status_lists.multibase import encode_base64url, encode_digest, encode_multikey

RECEIPT_REPORT_FORMAT = "credential-anchor/receipt-report/v1"


class ReceiptVerdict(Enum):
    """What became of a promise: kept, not due yet, broken, or not to be told."""

    KEPT = "kept"
    WAITING = "waiting"
    BROKEN = "broken"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptAnchor:
    """A final anchor whose batch holds the receipt's leaf at an index; the time is its block's."""

    sequence: int
    block_number: int
    time_s: int
    root: bytes
    leaf_index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptReport:
    """The verdict on a promise; `block` is the final block that it was judged by, `code` is stable.

    `batches_read` counts the batches that were read in full to find that none holds the leaf.
    """

    verdict: ReceiptVerdict
    code: str
    message: str
    document: ReceiptDocument | None
    block: Block | None = None
    anchor: ReceiptAnchor | None = None
    batches_read: int = 0

    @property
    def exit_code(self) -> int:
        """0 for kept, 1 for broken, 3 for what is open."""
        match self.verdict:
            case ReceiptVerdict.KEPT:
                return EXIT_VALID
            case ReceiptVerdict.BROKEN:
                return EXIT_NO
            case _:
                return EXIT_OPEN

    def to_json(self) -> dict[str, JsonValue]:
        """Return the report for programs; names and codes in it are stable."""
        return {
            "format": RECEIPT_REPORT_FORMAT,
            "verdict": self.verdict.value,
            "code": self.code,
            "message": self.message,
            "receipt": None if self.document is None else _receipt_json(self.document),
            "anchor": None if self.anchor is None else _anchor_json(self.anchor),
            "finalBlock": None if self.block is None else _block_json(self.block),
            "batchesRead": self.batches_read,
        }


def _receipt_json(document: ReceiptDocument) -> dict[str, JsonValue]:
    promise, entry = document.signed.promise, document.promised.entry
    return {
        "issuer": promise.issuer,
        "method": entry.method.label,
        "digest": encode_digest(entry.digest),
        "accepted": utc_text(promise.accepted_s),
        "anchoredBy": utc_text(promise.anchored_by_s),
        "key": encode_multikey(document.signed.public_key),
    }


def _anchor_json(anchor: ReceiptAnchor) -> dict[str, JsonValue]:
    return {
        "sequence": anchor.sequence,
        "root": encode_base64url(anchor.root),
        "leafIndex": anchor.leaf_index,
        "blockNumber": anchor.block_number,
        "time": utc_text(anchor.time_s),
    }


def _block_json(block: Block) -> dict[str, JsonValue]:
    return {"number": block.number, "hash": encode_hex(block.hash), "time": utc_text(block.timestamp_s)}
