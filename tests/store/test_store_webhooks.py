"""Webhooks in every store: what each misses, in which order, and when it is called next."""

from __future__ import annotations

from pathlib import Path

import pytest

from anchor.core.entries import Purpose, StatusEntry
from anchor.errors import Conflict, NotFound
from anchor.store.protocol import Store
from anchor.store.records import Issuer, StatusChange
from anchor.store.webhooks import DeliveryFailure, NewWebhook, Webhook
from tests.support.store_values import NOW_MS, PLAN, OpenStore, add_issuer, publish_due

URL = "https://receiver.example.org/hook"
LONGEST_WAIT_MS = 3_600_000


async def add_webhook(store: Store, issuer: Issuer, *, url: str = URL, now_ms: int = NOW_MS) -> Webhook:
    """Add a webhook."""
    new = NewWebhook(issuer=issuer.number, url=url, sealed_secret=b"sealed")
    return await store.add_webhook(new, limit=3, now_ms=now_ms)


async def allocate(store: Store, issuer: Issuer) -> StatusEntry:
    """Allocate an entry: the first one makes the issuer's pair of lists, due to be published."""
    (entry,) = await store.allocate(issuer.number, 1, idempotency_key=None, plan=PLAN, now_ms=NOW_MS)
    return entry


async def suspend(store: Store, issuer: Issuer, entry: StatusEntry, *, value: int, version: int) -> None:
    """Change one list of an issuer and publish it."""
    change = StatusChange(entry, Purpose.SUSPENSION, value, reason="test")
    await store.change_status(issuer.number, [change], actor="issuer", now_ms=NOW_MS)
    assert await publish_due(store, version=version) == [entry.list_number + 1]


async def due(store: Store, *, now_ms: int = NOW_MS) -> list[int]:
    """Return the ids of the webhooks to be called."""
    return [item.id for item in await store.due_webhooks(now_ms=now_ms, longest_wait_ms=LONGEST_WAIT_MS)]


async def missed(store: Store, webhook: Webhook, *, limit: int = 100) -> list[tuple[int, int]]:
    """Return list and version of what a webhook misses."""
    events = await store.undelivered(webhook.id, limit=limit)
    assert [event.id for event in events] == sorted(event.id for event in events)
    return [(event.list_number, event.version) for event in events]


def failure(*, retry_at_ms: int = NOW_MS + 5000, is_last: bool = False) -> DeliveryFailure:
    """Return a failed attempt."""
    return DeliveryFailure("no answer", failed_ms=NOW_MS, retry_at_ms=retry_at_ms, is_last=is_last)


async def test_add_webhook_misses_nothing_published_before(store: Store, issuer: Issuer) -> None:
    """A webhook begins with the next publication, and comes back as it was given."""
    await allocate(store, issuer)
    await publish_due(store, version=1000)

    webhook = await add_webhook(store, issuer)

    assert (webhook.issuer, webhook.url, webhook.sealed_secret) == (issuer.number, URL, b"sealed")
    assert (webhook.created_ms, webhook.failures, webhook.failing_since_ms) == (NOW_MS, 0, None)
    assert (webhook.last_failure, webhook.is_disabled) == (None, False)
    assert await store.webhooks(issuer.number) == [webhook]
    assert await missed(store, webhook) == []
    assert await due(store) == []


async def test_undelivered_only_lists_of_the_issuer_in_order_of_publication(
    store: Store, issuer: Issuer, other: Issuer
) -> None:
    """Publications of several lists come in their order, and none of another issuer's."""
    mine, theirs = await add_webhook(store, issuer), await add_webhook(store, other)
    entry, foreign = await allocate(store, issuer), await allocate(store, other)
    await publish_due(store, version=1000)
    await suspend(store, issuer, entry, value=1, version=1001)
    await suspend(store, other, foreign, value=1, version=1002)
    revocation = StatusChange(entry, Purpose.REVOCATION, value=1, reason="test")
    await store.change_status(issuer.number, [revocation], actor="issuer", now_ms=NOW_MS)
    await publish_due(store, version=1003)

    assert await missed(store, mine) == [(0, 1000), (1, 1000), (1, 1001), (0, 1003)]
    assert await missed(store, mine, limit=3) == [(0, 1000), (1, 1000), (1, 1001)]
    assert await missed(store, theirs) == [(2, 1000), (3, 1000), (3, 1002)]
    assert await due(store) == [mine.id, theirs.id]


async def test_record_delivery_moves_forward_only(store: Store, issuer: Issuer) -> None:
    """What was delivered is not missed any more; an older delivery told late takes nothing back."""
    webhook = await add_webhook(store, issuer)
    entry = await allocate(store, issuer)
    await publish_due(store, version=1000)
    await suspend(store, issuer, entry, value=1, version=1001)
    first, second, third = await store.undelivered(webhook.id, limit=10)

    assert await store.record_delivery(webhook.id, second.id, now_ms=NOW_MS)
    assert await missed(store, webhook) == [(1, 1001)]
    assert await store.record_delivery(webhook.id, first.id, now_ms=NOW_MS)
    assert await missed(store, webhook) == [(1, 1001)]
    assert await store.record_delivery(webhook.id, third.id, now_ms=NOW_MS)

    assert await missed(store, webhook) == []
    assert await due(store) == []


async def test_publications_of_others_do_not_make_a_webhook_due(
    store: Store, issuer: Issuer, other: Issuer
) -> None:
    """A webhook is called for its own issuer's lists, whatever was published since."""
    webhook = await add_webhook(store, issuer)
    await allocate(store, issuer)
    await publish_due(store, version=1000)
    *_, newest = await store.undelivered(webhook.id, limit=10)
    await store.record_delivery(webhook.id, newest.id, now_ms=NOW_MS)
    foreign = await allocate(store, other)
    await publish_due(store, version=1001)
    await suspend(store, other, foreign, value=1, version=1002)

    assert await due(store) == []
    assert await missed(store, webhook) == []


async def test_record_failure_puts_off_and_a_success_forgets(store: Store, issuer: Issuer) -> None:
    """Failures count from the first since a success, and the next attempt waits for its time."""
    webhook = await add_webhook(store, issuer)
    await allocate(store, issuer)
    await publish_due(store, version=1000)
    await store.record_failure(webhook.id, failure())
    await store.record_failure(
        webhook.id,
        DeliveryFailure("later", failed_ms=NOW_MS + 5000, retry_at_ms=NOW_MS + 15_000, is_last=False),
    )

    (failed,) = await store.webhooks(issuer.number)
    assert (failed.failures, failed.failing_since_ms, failed.last_failure) == (2, NOW_MS, "later")
    assert await due(store, now_ms=NOW_MS + 14_999) == []
    assert await due(store, now_ms=NOW_MS + 15_000) == [webhook.id]
    assert await missed(store, webhook) == [(0, 1000), (1, 1000)]
    first, _ = await store.undelivered(webhook.id, limit=10)
    await store.record_delivery(webhook.id, first.id, now_ms=NOW_MS + 15_000)

    assert await store.webhooks(issuer.number) == [webhook]
    assert await due(store, now_ms=NOW_MS + 15_000) == [webhook.id]


async def test_due_webhooks_attempt_far_in_the_future_is_due(store: Store, issuer: Issuer) -> None:
    """A clock that was set back does not silence a webhook for as long as it was wrong."""
    webhook = await add_webhook(store, issuer)
    await allocate(store, issuer)
    await publish_due(store, version=1000)
    await store.record_failure(webhook.id, failure(retry_at_ms=NOW_MS + LONGEST_WAIT_MS))

    assert await due(store) == []
    assert await due(store, now_ms=NOW_MS - 1) == [webhook.id]


async def test_due_webhooks_longest_waiting_first(store: Store, issuer: Issuer) -> None:
    """Those that were served last come last."""
    one = await add_webhook(store, issuer, now_ms=NOW_MS)
    two = await add_webhook(store, issuer, now_ms=NOW_MS)
    await allocate(store, issuer)
    await publish_due(store, version=1000)
    first, _ = await store.undelivered(one.id, limit=10)
    await store.record_delivery(one.id, first.id, now_ms=NOW_MS + 1)

    assert await due(store, now_ms=NOW_MS + 1) == [two.id, one.id]


async def test_disabled_webhook_and_disabled_issuer_are_not_called(
    store: Store, issuer: Issuer, other: Issuer
) -> None:
    """After the last failure, and for an issuer that was disabled, nothing is due any more."""
    mine, theirs = await add_webhook(store, issuer), await add_webhook(store, other)
    for owner in (issuer, other):
        await allocate(store, owner)
    await publish_due(store, version=1000)
    assert await due(store) == [mine.id, theirs.id]

    await store.record_failure(mine.id, failure(retry_at_ms=NOW_MS, is_last=True))
    assert await due(store) == [theirs.id]
    await store.disable_issuer(other.number)

    assert await due(store) == []
    assert [item.is_disabled for item in await store.webhooks(issuer.number)] == [True]


async def test_delete_webhook_only_its_own_and_ids_are_not_used_again(
    store: Store, issuer: Issuer, other: Issuer
) -> None:
    """Another issuer's webhook is not found; a deleted one misses nothing and takes no delivery."""
    mine, theirs = await add_webhook(store, issuer), await add_webhook(store, other)
    await allocate(store, other)
    await publish_due(store, version=1000)
    with pytest.raises(NotFound, match=str(theirs.id)):
        await store.delete_webhook(issuer.number, theirs.id)
    event, _ = await store.undelivered(theirs.id, limit=10)

    await store.delete_webhook(other.number, theirs.id)

    with pytest.raises(NotFound):
        await store.delete_webhook(other.number, theirs.id)
    assert await store.undelivered(theirs.id, limit=10) == []
    assert not await store.record_delivery(theirs.id, event.id, now_ms=NOW_MS)
    await store.record_failure(theirs.id, failure())
    assert await store.webhooks(other.number) == []
    assert (await add_webhook(store, other)).id not in {mine.id, theirs.id}
    assert await store.webhooks(issuer.number) == [mine]


async def test_add_webhook_beyond_the_limit_conflict(store: Store, issuer: Issuer, other: Issuer) -> None:
    """An issuer has so many and no more; another's do not count."""
    await add_webhook(store, other)
    for _ in range(3):
        await add_webhook(store, issuer)

    with pytest.raises(Conflict, match="3 webhooks already"):
        await add_webhook(store, issuer)

    assert len(await store.webhooks(issuer.number)) == 3


async def test_place_in_publications_is_there_after_opening_again(
    open_store: OpenStore, tmp_path: Path
) -> None:
    """How far a receiver has got is durable, and so is how it failed."""
    store = await open_store(tmp_path)
    issuer = await add_issuer(store, "university")
    webhook = await add_webhook(store, issuer)
    await allocate(store, issuer)
    await publish_due(store, version=1000)
    first, second = await store.undelivered(webhook.id, limit=10)
    await store.record_delivery(webhook.id, first.id, now_ms=NOW_MS)
    await store.record_failure(webhook.id, failure())
    before = await store.webhooks(issuer.number)
    await store.close()

    store = await open_store(tmp_path)
    found = list(await store.webhooks(issuer.number)), list(await store.undelivered(webhook.id, limit=10))
    await store.close()

    assert found == (list(before), [second])
