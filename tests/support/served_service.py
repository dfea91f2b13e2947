"""Fixtures of rooms that ask a whole service over HTTP; the room says its `limits`, and imports them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from anchor.config import LimitSettings
from tests.support.api_caller import ApiCaller, serving
from tests.support.assembly import Running, make_settings, new_chain, running


@pytest_asyncio.fixture
async def service(tmp_path: Path, limits: LimitSettings) -> AsyncIterator[Running]:
    """Run a service."""
    async with running(make_settings(tmp_path, limits=limits), new_chain()) as started:
        yield started


@pytest_asyncio.fixture
async def api(service: Running) -> AsyncIterator[ApiCaller]:
    """Serve it."""
    async with serving(service) as caller:
        yield caller
