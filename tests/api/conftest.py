"""A service with small limits, served over HTTP, and the keys to it."""

from __future__ import annotations

import pytest
import pytest_asyncio

from anchor.config import LimitSettings
from tests.support.api_caller import ApiCaller
from tests.support.fast_folder import path_in_memory
from tests.support.served_service import api, service

__all__ = ["api", "path_in_memory", "service"]  # fixtures of these names

LIMITS = LimitSettings(
    packed_body_bytes=64 * 1024,
    json_body_bytes=16 * 1024,
    items_per_request=20,
    changes_per_request=50,
    body_timeout_s=0.3,
    backlog_entries=5000,
)


@pytest.fixture
def limits() -> LimitSettings:
    """Return the limits that the service has here."""
    return LIMITS


@pytest_asyncio.fixture
async def key(api: ApiCaller) -> str:
    """Add an issuer."""
    return await api.new_issuer()


@pytest_asyncio.fixture
async def other_key(api: ApiCaller) -> str:
    """Add another issuer."""
    return await api.new_issuer("academy")
