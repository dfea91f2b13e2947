"""Canonical N-Quads by a JSON-LD processor (PyLD), which the template of status_lists is compared with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pyld import jsonld

VECTORS = Path(__file__).parent.parent / "vectors"
CONTEXT_V2 = "https://www.w3.org/ns/credentials/v2"

_CONTEXTS = {CONTEXT_V2: json.loads((VECTORS / "contexts" / "credentials-v2.json").read_text("utf-8"))}


def load_local_context(url: str, options: object = None) -> dict[str, Any]:  # noqa: ARG001  PyLD passes options
    """Answer for the contexts kept beside the tests; nothing is fetched."""
    document = _CONTEXTS[url]
    return {
        "contentType": "application/ld+json",
        "contextUrl": None,
        "documentUrl": url,
        "document": document,
    }


def canonical_quads(document: Mapping[str, object]) -> str:
    """Canonicalise a JSON-LD document with URDNA2015, the algorithm that RDFC-1.0 made a standard."""
    options = {
        "algorithm": "URDNA2015",
        "format": "application/n-quads",
        "documentLoader": load_local_context,
    }
    quads: str = jsonld.normalize(dict(document), options)
    return quads


def data_to_sign(document: Mapping[str, object], options: Mapping[str, object]) -> bytes:
    """Give what `eddsa-rdfc-2022` signs (its section 3.2.4), through the JSON-LD processor."""
    configuration = {**options, "@context": document["@context"]}
    return b"".join(
        hashlib.sha256(canonical_quads(part).encode("utf-8")).digest() for part in (configuration, document)
    )


def load_vectors() -> dict[str, Any]:
    """Read the published vectors for status lists."""
    vectors: dict[str, Any] = json.loads((VECTORS / "status_lists.json").read_text("utf-8"))
    return vectors
