"""The receipt keys document: the keys that sign a service's receipts (schema: anchor/schemas/receipt-keys-v1.json)."""

from __future__ import annotations

from dataclasses import dataclass

from anchor.core.strict_json import JsonValue, parse_strict_json
from anchor.documents.claim import require_format
from anchor.errors import InvalidInput
from anchor.fields import Fields
from status_lists.multibase import decode_multikey, encode_multikey

RECEIPT_KEYS_FORMAT = "credential-anchor/receipt-keys/v1"
MAX_RECEIPT_KEYS = 10_000


@dataclass(frozen=True, slots=True)
class ReceiptKeysDocument:
    """The Ed25519 public key that signs receipts now, and those that did before, oldest first."""

    current: bytes
    retired: tuple[bytes, ...]

    @property
    def keys(self) -> tuple[bytes, ...]:
        """Every key whose receipts can be checked, the present one last."""
        return (*self.retired, self.current)


def receipt_keys_to_json(document: ReceiptKeysDocument) -> dict[str, JsonValue]:
    """Return the JSON of the receipt keys document."""
    return {
        "format": RECEIPT_KEYS_FORMAT,
        "current": encode_multikey(document.current),
        "retired": [encode_multikey(key) for key in document.retired],
    }


def parse_receipt_keys(content: bytes) -> ReceiptKeysDocument:
    """Read a receipt keys document strictly; InvalidInput for anything else."""
    fields = Fields(parse_strict_json(content), "receipt keys")
    require_format(fields, RECEIPT_KEYS_FORMAT)
    document = ReceiptKeysDocument(
        current=fields.decoded("current", decode_multikey),
        retired=tuple(
            Fields({"key": item}, f"retired[{position}]").decoded("key", decode_multikey)
            for position, item in enumerate(fields.items("retired", max_items=MAX_RECEIPT_KEYS))
        ),
    )
    fields.end()
    if len(set(document.keys)) != len(document.keys):
        raise InvalidInput("a receipt key stands twice in the document")
    return document
