"""A chain of its own for every test that damages something."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.anvil import AnvilChain, running_chain
from tests.support.chain_world import World, running_world


@pytest.fixture
async def chain(tmp_path: Path) -> AsyncIterator[AnvilChain]:
    """Run a development chain with the registry deployed."""
    async with running_chain(state_path=tmp_path / "chain.json") as started:
        yield started


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Run a service behind a proxy, on a chain whose blocks the test can hold back."""
    async with running_world(tmp_path / "service") as running:
        yield running
