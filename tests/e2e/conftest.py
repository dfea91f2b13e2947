"""A service on a chain of its own for each test that kills or counts; one for a whole module where tests can share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

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


@pytest.fixture
async def installed_service(tmp_path: Path, anvil: AnvilChain) -> AsyncIterator[RunningService]:
    """Run the service as an operator does: by the command, in an interpreter of its own."""
    running = RunningService(folder=tmp_path / "service", chain=anvil, program=None)
    await running.start()
    yield running
    await running.stop()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def shared_service(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningService]:
    """Run one service for all tests of a module; each adds an issuer of its own."""
    folder = tmp_path_factory.mktemp("shared")
    async with running_chain(state_path=folder / "chain.json") as chain:
        running = RunningService(folder=folder / "service", chain=chain)
        await running.start()
        yield running
        await running.stop()
