"""A running service for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from anchor.store.records import Issuer
from tests.support.assembly import Running, make_settings, new_chain, running
from tests.support.fast_folder import path_in_memory
from tests.support.stored_first import require_stored_before_broadcast

__all__ = ["path_in_memory"]  # fixtures of these names


@pytest_asyncio.fixture
async def service(tmp_path: Path) -> AsyncIterator[Running]:
    """Run a service; its chain fails the test when a payload is broadcast before it is stored."""
    async with running(make_settings(tmp_path), new_chain()) as started:
        started.chain.before_broadcast = require_stored_before_broadcast(started)
        yield started


@pytest_asyncio.fixture
async def issuer(service: Running) -> Issuer:
    """Add an issuer."""
    return await service.add_issuer()
