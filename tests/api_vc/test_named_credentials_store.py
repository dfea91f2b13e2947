"""Status entries by the ids of credentials, in the store: written against the protocol, on SQLite."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from anchor.core.entries import StatusEntry
from anchor.store.protocol import NamedCredentialStore, Store
from anchor.store.records import Issuer
from anchor.store.sqlite import SqliteStore
from tests.support.store_values import PLAN, new_issuer

NAME, OTHER_NAME = bytes(32), bytes([1]) * 32
NOW_MS = 1_700_000_000_000


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """Open a store."""
    opened = SqliteStore(tmp_path / "anchor.db", base_url="https://anchor.example.org")
    opened.open()
    yield opened
    await opened.close()


@pytest.fixture
async def issuer(store: Store) -> Issuer:
    """Add an issuer."""
    return await store.add_issuer(new_issuer("did:example:1"), now_ms=NOW_MS)


async def _entry(store: NamedCredentialStore, issuer: Issuer, name: bytes = NAME) -> StatusEntry:
    return await store.named_entry(issuer.number, name, plan=PLAN, now_ms=NOW_MS)


async def test_named_entry_is_the_same_for_the_same_name(store: Store, issuer: Issuer) -> None:
    """Concurrent and repeated calls get one entry; another name gets another."""
    entries = await asyncio.gather(*(_entry(store, issuer) for _ in range(20)))
    other = await _entry(store, issuer, OTHER_NAME)

    assert len(set(entries)) == 1
    assert other not in entries
    assert await store.named_entries(issuer.number, NAME) == [entries[0]]


async def test_add_named_entry_adds_to_those_of_the_name(store: Store, issuer: Issuer) -> None:
    """A name may have several entries, oldest first; the newest is the one that is returned again."""
    first = await _entry(store, issuer)
    second = await store.add_named_entry(issuer.number, NAME, plan=PLAN, now_ms=NOW_MS)

    assert await store.named_entries(issuer.number, NAME) == [first, second]
    assert await _entry(store, issuer) == second


async def test_named_entries_are_an_issuers_own(store: Store, issuer: Issuer) -> None:
    """The same name of another issuer is another credential."""
    other = await store.add_issuer(new_issuer("did:example:2"), now_ms=NOW_MS)
    await _entry(store, issuer)

    assert await store.named_entries(other.number, NAME) == []
    assert (await _entry(store, other)).list_number != (await _entry(store, issuer)).list_number


async def test_named_entry_is_never_handed_out_otherwise(store: Store, issuer: Issuer) -> None:
    """Entries by name and by number come from one counter."""
    named = await _entry(store, issuer)
    plain = await store.allocate(issuer.number, 200, idempotency_key=None, plan=PLAN, now_ms=NOW_MS)

    assert named not in plain


async def test_named_entry_survives_a_restart(tmp_path: Path) -> None:
    """What was answered is durable."""
    found = []
    for _ in range(2):
        store = SqliteStore(tmp_path / "anchor.db", base_url="https://anchor.example.org")
        store.open()
        known = await store.issuers()
        issuer = known[0] if known else await store.add_issuer(new_issuer("did:example:1"), now_ms=NOW_MS)
        found.append(await _entry(store, issuer))
        await store.close()

    assert found[0] == found[1]
