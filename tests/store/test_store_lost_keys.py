"""An issuer whose list key was lost with the database: its lists stay as they are and stop nobody else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
import pytest_asyncio

from anchor.core.entries import Purpose, StatusEntry, bits_root
from anchor.errors import Conflict
from anchor.store.records import Issuer, ListSpec, StatusChange
from anchor.store.sqlite import SqliteStore, rebuilt
from anchor.store.sqlite.rebuilt import RebuiltList, RebuiltVersion
from anchor.store.sqlite.writer import Session
from tests.support.store_values import BASE_URL, LIST_LENGTH, NOW_MS, PLAN, new_issuer

BITS = b"\x80" + bytes(LIST_LENGTH // 8 - 1)


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    """Open an empty store."""
    opened = SqliteStore(tmp_path / "anchor.db", base_url=BASE_URL)
    opened.open()
    yield opened
    await opened.close()


async def rebuilt_issuer(store: SqliteStore, *, sealed_seed: bytes) -> Issuer:
    """Add an issuer with list 0, whose only version ran out long ago."""
    new = new_issuer("university")
    issuer = await store.add_issuer(
        replace(new, signer=replace(new.signer, sealed_seed=sealed_seed)), now_ms=NOW_MS
    )
    listed = RebuiltList(
        number=0,
        issuer=issuer.number,
        spec=ListSpec(Purpose.REVOCATION, 1, LIST_LENGTH),
        first_of_pair=0,
        permutation_key=sha256(b"key").digest(),
    )

    def write(session: Session) -> None:
        rebuilt.add_list(session, listed)
        rebuilt.add_version(session, RebuiltVersion(0, 1, 2, bits_root(BITS), None, b"a signed list"))
        rebuilt.set_bits(session, 0, 1, BITS, signs_anew=bool(sealed_seed))

    await store._writer.run(write)
    return issuer


async def test_list_without_key_is_never_due(store: SqliteStore) -> None:
    """Nobody waits for a signature that cannot come; batches commit to the list as it was published last."""
    await rebuilt_issuer(store, sealed_seed=b"")

    assert list(await store.due_lists(expiring_before_ms=NOW_MS)) == []
    assert await store.earliest_expiry_ms() is None
    states = await store.list_states()
    assert states is not None
    assert [(state.entry.version, state.entry.bits_root) for state in states] == [(1, bits_root(BITS))]


async def test_list_with_key_is_due_at_once_with_its_published_bits(store: SqliteStore) -> None:
    """The first start after a rebuild signs it anew, in every form."""
    await rebuilt_issuer(store, sealed_seed=b"sealed")

    (due,) = await store.due_lists(expiring_before_ms=0)

    assert (due.number, due.previous_version, due.bits) == (0, 1, BITS)


async def test_nothing_of_an_issuer_without_key_changes(store: SqliteStore) -> None:
    """A change or a new list that could not be published is refused, not promised."""
    issuer = await rebuilt_issuer(store, sealed_seed=b"")
    change = StatusChange(StatusEntry(0, 3), Purpose.REVOCATION, value=1, reason="left")

    with pytest.raises(Conflict, match="was lost"):
        await store.change_status(issuer.number, [change], actor="test", now_ms=NOW_MS)
    with pytest.raises(Conflict, match="was lost"):
        await store.allocate(issuer.number, 1, idempotency_key=None, plan=PLAN, now_ms=NOW_MS)

    assert len(await store.issuer_lists(issuer.number)) == 1
