"""What was answered is there after closing and opening again, in every store."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from anchor.core.entries import Purpose, StatusEntry
from anchor.store.protocol import Store
from anchor.store.records import Accepted, Issuer, StatusChange
from tests.support.store_values import (
    NOW_MS,
    NOW_S,
    PLAN,
    OpenStore,
    accept,
    add_issuer,
    digest,
    leaf_of,
    mined,
    payload,
    publish_due,
    seal_next,
    submission,
)


async def _fill(store: Store) -> tuple[Issuer, Sequence[Accepted], StatusEntry]:
    issuer = await add_issuer(store, "university")
    (entry,) = await store.allocate(issuer.number, 1, idempotency_key="k", plan=PLAN, now_ms=NOW_MS)
    accepted = await accept(store, issuer, submission(1), replace(submission(2), status=entry))
    change = StatusChange(entry, Purpose.REVOCATION, value=1, reason="left")
    await store.change_status(issuer.number, [change], actor="test", now_ms=NOW_MS)
    await publish_due(store, version=1)
    return issuer, accepted, entry


async def test_everything_survives_reopening(open_store: OpenStore, tmp_path: Path) -> None:
    """Issuers, digests, entries, history, versions, batches, payloads and facts are as they were."""
    store = await open_store(tmp_path)
    issuer, accepted, entry = await _fill(store)
    sealed = await seal_next(store)
    await store.add_payload(sealed.batch.id, payload(1))
    await store.mark_mined(sealed.batch.id, mined(3))
    await accept(store, issuer, submission(3))
    await store.pin("base_url", "1")
    batch, states, backlog = (
        await store.batch(sealed.batch.id),
        await store.list_states(),
        await store.backlog(),
    )
    await store.close()

    again = await open_store(tmp_path)

    assert list(await again.issuers()) == [issuer]
    for item in accepted:
        (place,) = await again.find_digest(issuer.number, item.digest)
        assert place.accepted == replace(item, is_new=False)
        leaf = await again.nodes(item.batch, 0, item.leaf_index, 1)
        assert leaf == leaf_of(issuer, item)
    assert await again.allocate(issuer.number, 1, idempotency_key="k", plan=PLAN, now_ms=0) == [entry]
    assert len(await again.status_history(issuer.number, entry)) == 1
    assert await again.batch(sealed.batch.id) == batch
    assert list(await again.payloads(sealed.batch.id)) == [payload(1)]
    assert await again.list_states() == states
    assert await again.backlog() == backlog
    assert await again.pin("base_url", "2") == "1"
    await again.close()


async def test_entries_go_on_where_they_stopped_after_reopening(
    open_store: OpenStore, tmp_path: Path
) -> None:
    """The open batch and the allocation counters continue."""
    store = await open_store(tmp_path)
    issuer, _, entry = await _fill(store)
    await store.close()

    again = await open_store(tmp_path)
    (third,) = await accept(again, issuer, submission(3))
    more = await again.allocate(issuer.number, 511, idempotency_key=None, plan=PLAN, now_ms=NOW_MS)

    assert third.leaf_index == 3
    assert entry not in more
    assert {item.list_number for item in more} == {0}
    await again.close()


async def test_close_finishes_what_is_queued(open_store: OpenStore, tmp_path: Path) -> None:
    """Writes under way when the store closes are answered, and what was answered is durable."""
    store = await open_store(tmp_path)
    issuer = await add_issuer(store, "university")
    writes = [
        asyncio.create_task(store.accept(issuer.number, [submission(number)], plan=PLAN, now_s=NOW_S))
        for number in range(100)
    ]
    await asyncio.sleep(0)

    await store.close()
    answered = await asyncio.gather(*writes)

    again = await open_store(tmp_path)
    assert len(answered) == 100
    for number in range(100):
        assert len(await again.find_digest(issuer.number, digest(number))) == 1
    await again.close()
