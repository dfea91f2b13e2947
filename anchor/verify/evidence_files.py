"""Evidence files: one evidence document, or a JSON array of them, beside the credential they are of."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from anchor.core.strict_json import parse_strict_json
from anchor.documents import EvidenceDocument, evidence_to_json, parse_evidence
from anchor.errors import InvalidInput, InvalidProof

MAX_EVIDENCE_FILE_BYTES = 1024 * 1024
MAX_DOCUMENTS = 256
"""Room for the evidence of every status entry that a credential may have, twice over."""


def evidence_path_of(credential: Path) -> Path:
    """Return where evidence of a credential's status is looked for: `X.status.json` beside `X`."""
    return credential.with_name(f"{credential.name}.status.json")


def parse_evidence_file(content: bytes) -> tuple[EvidenceDocument, ...]:
    """Read an evidence file strictly.

    Guarantees that the parts of each document fit together; which roots they lead to is for the caller to
    hold against the chain. Raises InvalidProof for anything else.
    """
    if len(content) > MAX_EVIDENCE_FILE_BYTES:
        raise InvalidProof(f"an evidence file has at most {MAX_EVIDENCE_FILE_BYTES} bytes")
    if content.lstrip()[:1] != b"[":
        return (parse_evidence(content),)
    try:
        items = parse_strict_json(content)
    except InvalidInput as exc:
        raise InvalidProof(str(exc)) from exc
    if not isinstance(items, list) or not 1 <= len(items) <= MAX_DOCUMENTS:
        raise InvalidProof(f"an evidence file holds 1 to {MAX_DOCUMENTS} documents")
    return tuple(parse_evidence(json.dumps(item).encode()) for item in items)


def evidence_text(documents: Sequence[EvidenceDocument]) -> str:
    """Return an evidence file's text, compact: one document, or an array of several."""
    values = [evidence_to_json(document) for document in documents]
    return json.dumps(values[0] if len(values) == 1 else values, separators=(",", ":")) + "\n"
