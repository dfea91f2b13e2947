"""A whole service with small limits, for what only the real application does."""

from __future__ import annotations

import pytest
import pytest_asyncio

from anchor.config import LimitSettings
from anchor.store.records import SignerKind
from tests.support.assembly import Running
from tests.support.fast_folder import path_in_memory
from tests.support.served_service import api, service

__all__ = ["api", "path_in_memory", "service"]  # fixtures of these names

LIMITS = LimitSettings(
    packed_body_bytes=1024 * 1024,
    bodies_in_memory_bytes=2 * 1024 * 1024,
    json_body_bytes=256 * 1024,
    key_requests_per_s=0.5,
    key_burst=10,
    failed_keys_per_minute=12,
)


@pytest.fixture
def limits() -> LimitSettings:
    """Return the limits that the service has here."""
    return LIMITS


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
