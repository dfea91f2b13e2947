"""A chain of its own for every test that damages something."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.anvil import AnvilChain, running_chain


@pytest.fixture
async def chain(tmp_path: Path) -> AsyncIterator[AnvilChain]:
    """Run a development chain with the registry deployed."""
    async with running_chain(state_path=tmp_path / "chain.json") as started:
        yield started
