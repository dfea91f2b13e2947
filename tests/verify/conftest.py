"""One publisher on a chain in memory, and a verifier with a trust set of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.verify.world import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return a publisher with one issuer and its pair of lists, nothing anchored yet."""
    return World.make(tmp_path)
