"""One development chain for each test module, one service for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.anvil import AnvilChain, running_chain
from tests.support.running_service import RunningService


@pytest.fixture
async def anvil(tmp_path: Path) -> AsyncIterator[AnvilChain]:
    """Run a development chain with the registry deployed."""
    async with running_chain(state_path=tmp_path / "chain.json") as chain:
        yield chain


@pytest.fixture
async def service(tmp_path: Path, anvil: AnvilChain) -> AsyncIterator[RunningService]:
    """Run the service on it."""
    running = RunningService(folder=tmp_path / "service", chain=anvil)
    await running.start()
    yield running
    await running.stop()
