"""One application for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.vc_client import Caller, VcClient, vc_client


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[VcClient]:
    """Serve the application."""
    async with vc_client(tmp_path) as client:
        yield client


@pytest.fixture
async def issuer(client: VcClient) -> Caller:
    """Add a managed issuer."""
    return await client.add_issuer()
