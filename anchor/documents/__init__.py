"""Proof, receipt, batch and publisher documents: values to JSON and back, strictly (schemas in anchor/schemas)."""

from __future__ import annotations

from anchor.documents.batch import (
    BATCH_FORMAT,
    MAX_LISTS,
    BatchDocument,
    ListState,
    batch_to_json,
    parse_batch,
)
from anchor.documents.claim import AnchorClaim, decode_hex32, read_address
from anchor.documents.evidence import (
    EVIDENCE_FORMAT,
    MAX_EVIDENCE_BYTES,
    EvidenceDocument,
    cut_evidence,
    evidence_to_json,
    parse_evidence,
)
from anchor.documents.proof import MAX_PROOF_BYTES, PROOF_FORMAT, ProofDocument, parse_proof, proof_to_json
from anchor.documents.publisher import (
    PUBLISHER_FORMAT,
    EarlierAnchorage,
    PublisherDocument,
    parse_publisher,
    publisher_to_json,
)
from anchor.documents.receipt import (
    MAX_RECEIPT_BYTES,
    RECEIPT_FORMAT,
    ReceiptDocument,
    parse_receipt,
    promise_to_json,
    read_promise,
    receipt_to_json,
    receipts_of,
)
from anchor.documents.receipt_keys import (
    RECEIPT_KEYS_FORMAT,
    ReceiptKeysDocument,
    parse_receipt_keys,
    receipt_keys_to_json,
)

__all__ = [
    "BATCH_FORMAT",
    "EVIDENCE_FORMAT",
    "MAX_EVIDENCE_BYTES",
    "MAX_LISTS",
    "MAX_PROOF_BYTES",
    "MAX_RECEIPT_BYTES",
    "PROOF_FORMAT",
    "PUBLISHER_FORMAT",
    "RECEIPT_FORMAT",
    "RECEIPT_KEYS_FORMAT",
    "AnchorClaim",
    "BatchDocument",
    "EarlierAnchorage",
    "EvidenceDocument",
    "ListState",
    "ProofDocument",
    "PublisherDocument",
    "ReceiptDocument",
    "ReceiptKeysDocument",
    "batch_to_json",
    "cut_evidence",
    "decode_hex32",
    "evidence_to_json",
    "parse_batch",
    "parse_evidence",
    "parse_proof",
    "parse_publisher",
    "parse_receipt",
    "parse_receipt_keys",
    "promise_to_json",
    "proof_to_json",
    "publisher_to_json",
    "read_address",
    "read_promise",
    "receipt_keys_to_json",
    "receipt_to_json",
    "receipts_of",
]
