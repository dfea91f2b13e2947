"""Webhooks of a running service, called on a real receiver: what arrives, when again, and in which order."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
import pytest_asyncio

from anchor.config import LimitSettings
from anchor.core.entries import Purpose, StatusEntry
from anchor.errors import FatalError, InvalidInput, Overloaded
from anchor.service.keys import KeyVault
from anchor.service.webhook_delivery import (
    DISABLE_AFTER_DAYS,
    DISABLE_AFTER_FAILURES,
    FIRST_WAIT_S,
    LONGEST_WAIT_S,
    wait_after_s,
)
from anchor.service.webhook_message import signed_headers
from anchor.store.records import Issuer, StatusChange
from anchor.store.webhooks import Webhook
from status_lists.datetimes import format_datetime
from tests.support.assembly import BASE_URL, Running, make_settings, new_chain, running, until
from tests.support.webhook_receiver import Receiver, Reply, receiving

DAY_S = 86_400


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """Run a receiver."""
    async with receiving() as started:
        yield started


@pytest_asyncio.fixture
async def service(tmp_path: Path, receiver: Receiver) -> AsyncIterator[Running]:
    """Run a service that may call the receiver."""
    limits = LimitSettings(webhook_hosts=(receiver.authority,))
    async with running(make_settings(tmp_path, limits=limits), new_chain()) as started:
        yield started


@asynccontextmanager
async def delivering(service: Running) -> AsyncIterator[asyncio.Task[None]]:
    """Run the deliveries until the end of the block."""
    task = asyncio.create_task(service.deliveries.run())
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError, FatalError):
            await task


async def allocate(service: Running, issuer: Issuer) -> StatusEntry:
    """Allocate an entry, which publishes the first pair of lists."""
    (entry,) = await service.services.intake.allocate(issuer, 1, idempotency_key=None)
    return entry


async def suspend(service: Running, issuer: Issuer, entry: StatusEntry, *, value: int = 1) -> None:
    """Change a list, and so publish a version."""
    change = StatusChange(entry, Purpose.SUSPENSION, value, reason="test")
    await service.services.intake.change_status(issuer, [change])


async def failures(service: Running, issuer: Issuer) -> int:
    """Return how often the issuer's only webhook failed in a row."""
    (webhook,) = await service.services.webhooks.all(issuer)
    return webhook.failures


async def until_failed(service: Running, issuer: Issuer, times: int) -> Webhook:
    """Wait until the issuer's only webhook failed so often, and return it."""

    async def has_failed() -> bool:
        return await failures(service, issuer) == times

    await until(has_failed)
    (webhook,) = await service.services.webhooks.all(issuer)
    return webhook


def retry(service: Running, after_s: float = LONGEST_WAIT_S) -> None:
    """Let so much time pass, and wake the deliveries."""
    service.clock.advance(after_s)
    service.services.announcer.announce()


async def test_publication_is_told_with_a_signature_and_where_to_find_it(
    service: Running, issuer: Issuer, receiver: Receiver
) -> None:
    """Each version that is published from now on arrives once, signed with the secret that was shown."""
    entry = await allocate(service, issuer)
    created = await service.services.webhooks.add(issuer, receiver.url)
    async with delivering(service):
        await suspend(service, issuer, entry)
        (told,) = await receiver.wait_for(1)

    published = await service.store.list_version(1, None)
    assert published is not None
    assert told.path == "/hook"
    assert told.is_signed_with(created.secret)
    assert told.headers["webhook-timestamp"] == str(service.clock.now_ms() // 1000)
    assert told.headers["Content-Type"] == "application/json"
    assert json.loads(told.body) == {
        "type": "status-list.published",
        "timestamp": format_datetime(published.version),
        "data": {
            "list": 1,
            "version": published.version,
            "url": f"{BASE_URL}/status-lists/1",
            "versionUrl": f"{BASE_URL}/status-lists/1/versions/{published.version}",
        },
    }


async def test_publications_of_another_issuer_are_not_told(
    service: Running, issuer: Issuer, receiver: Receiver
) -> None:
    """An issuer hears of its own lists alone, whoever else publishes in between."""
    other = await service.add_issuer("academy")
    await service.services.webhooks.add(issuer, receiver.url)
    async with delivering(service):
        foreign = await allocate(service, other)
        entry = await allocate(service, issuer)
        await suspend(service, other, foreign)
        await suspend(service, issuer, entry)
        told = await receiver.wait_for(3)

    assert [message.data["list"] for message in told] == [2, 3, 3]


async def test_receiver_down_is_told_later_in_order_with_the_same_ids(
    service: Running, issuer: Issuer, receiver: Receiver
) -> None:
    """What was published while a receiver was down or refused comes when it is back, oldest first."""
    entry = await allocate(service, issuer)
    created = await service.services.webhooks.add(issuer, receiver.url)
    await receiver.stop()
    async with delivering(service):
        for value in (1, 0, 1):
            await suspend(service, issuer, entry, value=value)
        down = await until_failed(service, issuer, 1)
        await receiver.start()
        receiver.replies.append(Reply(503))
        retry(service, FIRST_WAIT_S)
        await until_failed(service, issuer, 2)
        retry(service)
        told = await receiver.wait_for(4)

    assert down.last_failure == f"http://{receiver.authority} cannot be reached; try again later"
    assert told[0].id == told[1].id
    assert told[0].body == told[1].body
    versions = [message.data["version"] for message in told[1:]]
    assert versions == sorted(set(versions))
    assert all(message.is_signed_with(created.secret) for message in told)
    assert int(told[1].headers["webhook-timestamp"]) - int(told[0].headers["webhook-timestamp"]) == 3600
    assert await failures(service, issuer) == 0


async def test_service_restarted_goes_on_where_it_was(
    service: Running, issuer: Issuer, receiver: Receiver
) -> None:
    """What was published before a stop, and never told, is told after the next start; what was told is not."""
    entry = await allocate(service, issuer)
    await service.services.webhooks.add(issuer, receiver.url)
    async with delivering(service):
        await suspend(service, issuer, entry)
        await receiver.wait_for(1)

        async def is_recorded() -> bool:
            return not await service.store.due_webhooks(now_ms=service.clock.now_ms(), longest_wait_ms=0)

        await until(is_recorded)
    await suspend(service, issuer, entry, value=0)
    await service.restart()
    async with delivering(service):
        told = await receiver.wait_for(2)

    assert len({message.id for message in told}) == 2


async def test_call_under_way_at_a_stop_is_repeated(
    service: Running, issuer: Issuer, receiver: Receiver
) -> None:
    """A call whose answer nobody waited for counts as none: at least once, not at most."""
    held = asyncio.Event()
    receiver.replies.append(Reply(held=held))
    entry = await allocate(service, issuer)
    await service.services.webhooks.add(issuer, receiver.url)
    async with delivering(service):
        await suspend(service, issuer, entry)
        await receiver.wait_for(1)
    held.set()
    async with delivering(service):
        first, second = await receiver.wait_for(2)

    assert (first.id, first.body) == (second.id, second.body)


async def test_redirect_is_a_failure_and_not_followed(
    service: Running, issuer: Issuer, receiver: Receiver
) -> None:
    """The place that a receiver redirects to is asked nothing."""
    async with receiving() as elsewhere:
        receiver.replies.append(Reply(307, {"Location": elsewhere.url}))
        receiver.replies.append(Reply(302, {"Location": "/there"}))
        await service.services.webhooks.add(issuer, receiver.url)
        async with delivering(service):
            await allocate(service, issuer)
            failed = await until_failed(service, issuer, 1)
            retry(service)
            await until_failed(service, issuer, 2)

        assert failed.last_failure == "the receiver answered 307"
        assert elsewhere.told == []
        assert [message.path for message in receiver.told] == ["/hook", "/hook"]


async def test_slow_receiver_does_not_hold_up_another(
    service: Running, issuer: Issuer, receiver: Receiver
) -> None:
    """While one receiver keeps its call waiting, another is told everything."""
    held = asyncio.Event()
    other = await service.add_issuer("academy")
    receiver.replies.append(Reply(held=held))
    await service.services.webhooks.add(issuer, receiver.url)
    async with delivering(service):
        await allocate(service, issuer)
        await receiver.wait_for(1)
        await service.services.webhooks.add(other, receiver.url)
        entry = await allocate(service, other)
        await suspend(service, other, entry)
        told = await receiver.wait_for(4)
        assert [message.data["list"] for message in told] == [0, 2, 3, 3]
        held.set()
        told = await receiver.wait_for(5)

    assert told[4].data["list"] == 1


async def test_gone_receiver_is_disabled_at_once(
    service: Running, issuer: Issuer, receiver: Receiver
) -> None:
    """410 says that nobody wants to hear more (Standard Webhooks, delivery success and failure)."""
    receiver.replies.append(Reply(410))
    await service.services.webhooks.add(issuer, receiver.url)
    async with delivering(service):
        await allocate(service, issuer)
        webhook = await until_failed(service, issuer, 1)

    assert webhook.is_disabled
    assert not await service.store.due_webhooks(now_ms=service.clock.now_ms() + 10**9, longest_wait_ms=10**10)


async def test_receiver_that_fails_for_days_is_disabled_not_before(
    service: Running, issuer: Issuer, receiver: Receiver
) -> None:
    """Days and attempts must both be over; so one failure after a long stop of the service disables nothing."""
    await receiver.stop()
    await service.services.webhooks.add(issuer, receiver.url)
    async with delivering(service):
        await allocate(service, issuer)
        await until_failed(service, issuer, 1)
        retry(service, (DISABLE_AFTER_DAYS + 1) * DAY_S)
        for times in range(2, DISABLE_AFTER_FAILURES):
            assert not (await until_failed(service, issuer, times)).is_disabled
            retry(service)
        await until_failed(service, issuer, DISABLE_AFTER_FAILURES)

        async def is_disabled() -> bool:
            (webhook,) = await service.services.webhooks.all(issuer)
            return webhook.is_disabled

        await until(is_disabled)


async def test_many_failures_within_days_disable_nothing(
    service: Running, issuer: Issuer, receiver: Receiver
) -> None:
    """A receiver that is down for less than the days is told as soon as it is back."""
    await receiver.stop()
    await service.services.webhooks.add(issuer, receiver.url)
    async with delivering(service):
        await allocate(service, issuer)
        for times in range(1, DISABLE_AFTER_FAILURES + 10):
            assert not (await until_failed(service, issuer, times)).is_disabled
            retry(service)
        await until_failed(service, issuer, DISABLE_AFTER_FAILURES + 10)
        await receiver.start()
        retry(service)
        told = await receiver.wait_for(2)

    assert [message.data["list"] for message in told] == [0, 1]


async def test_retry_after_is_waited_for_up_to_the_longest_wait(
    service: Running, issuer: Issuer, receiver: Receiver
) -> None:
    """A receiver that asks for a pause gets it, but cannot silence its webhook for a year."""
    receiver.replies += [Reply(429, {"Retry-After": "900"}), Reply(503, {"Retry-After": "999999"})]
    await service.services.webhooks.add(issuer, receiver.url)

    async def due_after(seconds: float) -> int:
        now_ms = service.clock.now_ms() + round(seconds * 1000)
        return len(await service.store.due_webhooks(now_ms=now_ms, longest_wait_ms=10**12))

    async with delivering(service):
        await allocate(service, issuer)
        await until_failed(service, issuer, 1)
        assert (await due_after(899.9), await due_after(900)) == (0, 1)
        retry(service, 900)
        await until_failed(service, issuer, 2)
        assert (await due_after(LONGEST_WAIT_S - 0.1), await due_after(LONGEST_WAIT_S)) == (0, 1)


async def test_failure_after_a_success_waits_as_the_first_does(
    service: Running, issuer: Issuer, receiver: Receiver
) -> None:
    """Old failures do not lengthen the wait after a new one, not even within one turn."""
    receiver.replies += [*[Reply(500)] * 8, Reply(204), Reply(500)]
    await service.services.webhooks.add(issuer, receiver.url)
    async with delivering(service):
        await allocate(service, issuer)
        for times in range(1, 9):
            await until_failed(service, issuer, times)
            retry(service)
        await receiver.wait_for(10)
        await until_failed(service, issuer, 1)
        now_ms = service.clock.now_ms() + round(FIRST_WAIT_S * 1000)

        assert len(await service.store.due_webhooks(now_ms=now_ms, longest_wait_ms=10**12)) == 1


async def test_deleted_webhook_is_called_no_more(
    service: Running, issuer: Issuer, receiver: Receiver
) -> None:
    """A webhook that is deleted during a call hears nothing of what comes after."""
    held = asyncio.Event()
    receiver.replies.append(Reply(held=held))
    created = await service.services.webhooks.add(issuer, receiver.url)
    async with delivering(service):
        await allocate(service, issuer)
        await receiver.wait_for(1)
        await service.services.webhooks.delete(issuer, created.webhook.id)
        held.set()
        await service.services.webhooks.add(issuer, receiver.url.replace("hook", "other"))
        entry = await allocate(service, issuer)
        await suspend(service, issuer, entry)
        told = await receiver.wait_for(2)

    assert [message.path for message in told] == ["/hook", "/other"]


async def test_full_disk_repeats_the_message_only_later(
    service: Running, issuer: Issuer, receiver: Receiver
) -> None:
    """Where a delivery cannot be recorded the service lives on, and does not tell the same in a tight loop."""
    reached = asyncio.Event()

    async def full() -> None:
        reached.set()
        raise Overloaded("the disk is full", retry_after_s=3600)

    other = await service.add_issuer("academy")
    await service.services.webhooks.add(issuer, receiver.url)
    service.hooks.before["record_delivery"] = full
    async with delivering(service) as task:
        await allocate(service, issuer)
        await asyncio.wait_for(reached.wait(), 60)
        await service.services.webhooks.add(other, receiver.url.replace("hook", "other"))
        entry = await allocate(service, other)
        for value in (1, 0, 1):
            await suspend(service, other, entry, value=value)
        told = await receiver.wait_for(6)
        assert not task.done()

    assert [message.path for message in told] == ["/hook"] + ["/other"] * 5


async def test_add_refuses_addresses_that_are_never_called(service: Running, issuer: Issuer) -> None:
    """Plain http, other schemes, and user names are refused before anything is stored."""
    for url in (
        "http://receiver.example.org/hook",
        "http://127.0.0.1:1/hook",
        "ftp://receiver.example.org/",
        "https://user:password@receiver.example.org/",
        "https://receiver.example.org/a b",
        "/hook",
    ):
        with pytest.raises(InvalidInput, match="'url'"):
            await service.services.webhooks.add(issuer, url)

    assert await service.services.webhooks.all(issuer) == []


async def test_secret_is_stored_sealed_for_its_issuer_and_url(
    service: Running, issuer: Issuer, receiver: Receiver
) -> None:
    """Neither the database nor a log holds the secret; another key file does not open it, and that is fatal."""
    created = await service.services.webhooks.add(issuer, receiver.url)
    vault = KeyVault(bytes(32))
    moved = vault.seal_webhook_secret(bytes(32), issuer=issuer.number, url="https://other.example.org/")

    assert created.secret not in repr(created)
    assert created.secret.removeprefix("whsec_").encode() not in service.settings.database.read_bytes()
    with pytest.raises(FatalError, match=r"put back the lists\.key file"):
        vault.open_webhook_secret(created.webhook)
    with pytest.raises(FatalError):
        vault.open_webhook_secret(
            Webhook(
                id=1,
                issuer=issuer.number,
                url=receiver.url,
                sealed_secret=moved,
                created_ms=0,
                failures=0,
                failing_since_ms=None,
                last_failure=None,
                is_disabled=False,
            )
        )


async def test_store_that_fails_ends_the_deliveries(
    service: Running, issuer: Issuer, receiver: Receiver
) -> None:
    """What a call cannot recover from ends the task, and so the service, with its reason."""

    async def broken() -> None:
        raise FatalError("the database failed")

    service.hooks.before["undelivered"] = broken
    await service.services.webhooks.add(issuer, receiver.url)
    async with delivering(service) as task:
        await allocate(service, issuer)
        with pytest.raises(FatalError, match="the database failed"):
            await asyncio.wait_for(task, 60)


def test_signed_headers_are_the_published_example() -> None:
    """The reference libraries' own example gives its signature."""
    headers = signed_headers(
        b'{"test": 2432232314}',
        identifier="msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp_s=1_614_265_330,
        secret=base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
    )

    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_wait_after_doubles_up_to_the_longest_with_half_of_it_by_chance() -> None:
    """Waits grow, stay bounded for any number of failures, and spread over half their length."""
    waits = [wait_after_s(failures, jitter=0.999) for failures in range(1, 2000)]

    assert [wait_after_s(failures, jitter=0) for failures in (1, 2, 3)] == [2.5, 5, 10]
    assert waits == sorted(waits)
    assert waits[0] < FIRST_WAIT_S
    assert waits[-1] < LONGEST_WAIT_S == 2 * wait_after_s(5000, jitter=0)
