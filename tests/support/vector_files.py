"""Reading of tests/vectors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

VECTORS = Path(__file__).resolve().parent.parent / "vectors"


def load_vectors(name: str) -> dict[str, Any]:
    """Return one file of vectors."""
    loaded: dict[str, Any] = json.loads((VECTORS / name).read_text("utf-8"))
    return loaded


def content_of(case: dict[str, Any]) -> bytes:
    """Return the bytes of a case that gives them as `text` or as `hex`."""
    return case["text"].encode("utf-8") if "text" in case else bytes.fromhex(case["hex"])


def named(cases: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the arguments of `parametrize` for a list of cases, shown by their names."""
    return {"argnames": "case", "argvalues": cases, "ids": [case["name"] for case in cases]}
