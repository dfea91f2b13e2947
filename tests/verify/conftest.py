"""One publisher on a chain in memory, and a verifier with a trust set of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.verify.anvil_publisher import AnvilPublisher, running_publisher
from tests.verify.world import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return a publisher with one issuer and its pair of lists, nothing anchored yet."""
    return World.make(tmp_path)


@pytest_asyncio.fixture
async def anvil_publisher(tmp_path: Path) -> AsyncIterator[AnvilPublisher]:
    """Run anvil with the registry, and a publisher on it."""
    async with running_publisher(tmp_path / "files") as publisher:
        yield publisher
