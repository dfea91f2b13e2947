"""A service with small limits, served over HTTP, and the keys to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from anchor.config import LimitSettings
from tests.support.api_caller import ApiCaller, serving
from tests.support.assembly import Running, make_settings, new_chain, running
from tests.support.fast_folder import fast_folder

LIMITS = LimitSettings(
    packed_body_bytes=64 * 1024,
    json_body_bytes=16 * 1024,
    items_per_request=20,
    changes_per_request=50,
    body_timeout_s=0.3,
    backlog_entries=5000,
)


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """Return an empty folder, in memory where that is possible: these tests do not ask what the disk does."""
    with fast_folder() as folder:
        yield folder


@pytest_asyncio.fixture
async def service(tmp_path: Path) -> AsyncIterator[Running]:
    """Run a service."""
    async with running(make_settings(tmp_path, limits=LIMITS), new_chain()) as started:
        yield started


@pytest_asyncio.fixture
async def api(service: Running) -> AsyncIterator[ApiCaller]:
    """Serve it."""
    async with serving(service) as caller:
        yield caller


@pytest_asyncio.fixture
async def key(api: ApiCaller) -> str:
    """Add an issuer."""
    return await api.new_issuer()


@pytest_asyncio.fixture
async def other_key(api: ApiCaller) -> str:
    """Add another issuer."""
    return await api.new_issuer("academy")
