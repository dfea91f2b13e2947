"""A whole service with small limits, for what only the real application does."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from anchor.config import LimitSettings
from anchor.store.records import SignerKind
from tests.support.api_caller import ApiCaller, serving
from tests.support.assembly import Running, make_settings, new_chain, running
from tests.support.fast_folder import fast_folder

LIMITS = LimitSettings(
    packed_body_bytes=1024 * 1024,
    bodies_in_memory_bytes=2 * 1024 * 1024,
    json_body_bytes=256 * 1024,
    key_requests_per_s=0.5,
    key_burst=10,
    failed_keys_per_minute=12,
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
async def key(service: Running) -> str:
    """Add an issuer and return its key."""
    return await new_key(service)


async def new_key(service: Running) -> str:
    """Add an issuer and return its key."""
    new = await service.services.issuers.add(
        identifier=None, name="university", kind=SignerKind.MANAGED, seed=None
    )
    return new.api_key
