"""
The stores under test: the suite beside this file asks nothing but `anchor.store.protocol.Store` of them.

A further store joins by one more function in _OPENERS.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from anchor.store.protocol import Store
from anchor.store.records import Issuer
from anchor.store.sqlite import SqliteStore
from tests.support.fast_folder import path_in_memory
from tests.support.store_values import BASE_URL, OpenStore, add_issuer, anchorage

__all__ = ["path_in_memory"]  # fixtures of these names


async def _open_sqlite(folder: Path) -> Store:
    store = SqliteStore(folder / "anchor.db", base_url=BASE_URL)
    store.open()
    # What the first start does: nothing is sealed before.
    await store.begin_anchorage(anchorage())
    return store


_OPENERS: dict[str, OpenStore] = {"sqlite": _open_sqlite}


@pytest.fixture(params=_OPENERS, ids=str)
def open_store(request: pytest.FixtureRequest) -> OpenStore:
    """Return how to open one kind of store."""
    return _OPENERS[request.param]


@pytest_asyncio.fixture
async def store(open_store: OpenStore, tmp_path: Path) -> AsyncIterator[Store]:
    """Open an empty store."""
    opened = await open_store(tmp_path)
    yield opened
    await opened.close()


@pytest_asyncio.fixture
async def issuer(store: Store) -> Issuer:
    """Add an issuer."""
    return await add_issuer(store, "university")


@pytest_asyncio.fixture
async def other(store: Store) -> Issuer:
    """Add another issuer."""
    return await add_issuer(store, "academy")
