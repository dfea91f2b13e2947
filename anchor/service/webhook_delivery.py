"""
Tells webhooks of new list versions: each in order, each at least once, a slow receiver never in the way of another.

How far a receiver has got is durable, so that what was published while it, or this service, was down comes later.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, replace

import structlog

from anchor.clock import Clock
from anchor.errors import Overloaded, ServiceUnavailable
from anchor.service.announcer import Announcer
from anchor.service.keys import KeyVault
from anchor.service.lists import ListPublisher
from anchor.service.webhook_message import message_body, message_id, signed_headers
from anchor.service.webhook_post import Answer, WebhookPost
from anchor.store.records import ListEvent
from anchor.store.webhooks import DeliveryFailure, Webhook, WebhookStore

log = structlog.get_logger()

FIRST_WAIT_S = 5.0
LONGEST_WAIT_S = 3600.0
DISABLE_AFTER_DAYS = 5
"""A receiver that took nothing for so long is not called any more; deleting and adding the webhook begins anew."""

DISABLE_AFTER_FAILURES = 50
"""At least so many attempts must have failed by then: a service that was down itself for a week tries again first."""

CALLS_AT_ONCE = 16
EVENTS_AT_ONCE = 100
"""Publications told in a row to one receiver before others that wait get their turn."""

RETRY_CHECK_S = 2.0
"""How often it is looked for attempts that were put off; new publications are announced."""

_GONE = 410
_DAY_MS = 86_400_000


class WebhookDelivery:
    """Calls the webhooks that miss a publication, each by one task at a time, at most CALLS_AT_ONCE of them."""

    def __init__(
        self,
        *,
        store: WebhookStore,
        vault: KeyVault,
        post: WebhookPost,
        lists: ListPublisher,
        announcer: Announcer,
        clock: Clock,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._store = store
        self._vault = vault
        self._post = post
        self._lists = lists
        self._announcer = announcer
        self._clock = clock
        self._jitter = jitter

    async def run(self) -> None:
        """Deliver until cancelled; what is under way then is told again after the next start."""
        calls: dict[int, asyncio.Task[None]] = {}
        try:
            while True:
                # Taken before the store is read: see Announcer.
                announced = self._announcer.next()
                await self._start_due(calls)
                await _next_news(calls, announced)
        finally:
            for call in calls.values():
                call.cancel()
            await asyncio.gather(*calls.values(), return_exceptions=True)

    async def _start_due(self, calls: dict[int, asyncio.Task[None]]) -> None:
        due = await self._store.due_webhooks(
            now_ms=self._clock.now_ms(), longest_wait_ms=round(LONGEST_WAIT_S * 1000)
        )
        idle = [webhook for webhook in due if webhook.id not in calls]
        for webhook in idle[: CALLS_AT_ONCE - len(calls)]:
            calls[webhook.id] = asyncio.create_task(self._call(webhook), name=f"webhook {webhook.id}")

    async def _call(self, webhook: Webhook) -> None:
        """Tell one webhook what it misses, until it has enough for this turn or an attempt fails."""
        try:
            secret = self._vault.open_webhook_secret(webhook)
            for event in await self._store.undelivered(webhook.id, limit=EVENTS_AT_ONCE):
                fault = await self._attempt(webhook, secret, event)
                if fault is not None:
                    await self._put_off(webhook, fault)
                    return
                if not await self._store.record_delivery(webhook.id, event.id, now_ms=self._clock.now_ms()):
                    return
                webhook = replace(webhook, failures=0, failing_since_ms=None)
        except Overloaded as exc:
            # The disk is full: the same message again and again would help nobody.
            log.error("webhook.not_recorded", webhook=webhook.id, reason=str(exc))
            await asyncio.sleep(exc.retry_after_s)

    async def _attempt(self, webhook: Webhook, secret: bytes, event: ListEvent) -> _Fault | None:
        body = message_body(event, url=self._lists.url(event.list_number))
        headers = signed_headers(
            body,
            identifier=message_id(event),
            timestamp_s=self._clock.now_ms() // 1000,
            secret=secret,
        )
        try:
            return _fault_of(await self._post.post(webhook.url, body, headers))
        except ServiceUnavailable as exc:
            return _Fault(str(exc))

    async def _put_off(self, webhook: Webhook, fault: _Fault) -> None:
        now_ms = self._clock.now_ms()
        failures = webhook.failures + 1
        wait_s = max(wait_after_s(failures, jitter=self._jitter()), min(fault.retry_after_s, LONGEST_WAIT_S))
        failing_ms = now_ms - (webhook.failing_since_ms or now_ms)
        is_last = fault.is_gone or (
            failing_ms >= DISABLE_AFTER_DAYS * _DAY_MS and failures >= DISABLE_AFTER_FAILURES
        )
        log.warning(
            "webhook.disabled" if is_last else "webhook.failed",
            webhook=webhook.id,
            issuer=webhook.issuer,
            failures=failures,
            reason=fault.reason,
        )
        await self._store.record_failure(
            webhook.id,
            DeliveryFailure(
                reason=fault.reason,
                failed_ms=now_ms,
                retry_at_ms=now_ms + round(wait_s * 1000),
                is_last=is_last,
            ),
        )


@dataclass(frozen=True, slots=True)
class _Fault:
    """Why an attempt failed, and what the receiver asked for: to be called later, or not any more."""

    reason: str
    retry_after_s: float = 0.0
    is_gone: bool = False


def wait_after_s(failures: int, *, jitter: float) -> float:
    """Return the wait after failures in a row, doubled up to LONGEST_WAIT_S; `jitter` in [0, 1) decides half of it."""
    # The exponent is bounded, since 2.0 ** 1024 is an error.
    full = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(failures - 1, 32))
    return full * (0.5 + 0.5 * jitter)


def _fault_of(answer: Answer) -> _Fault | None:
    if 200 <= answer.status < 300:
        return None
    return _Fault(
        f"the receiver answered {answer.status}",
        retry_after_s=answer.retry_after_s or 0,
        is_gone=answer.status == _GONE,
    )


async def _next_news(calls: dict[int, asyncio.Task[None]], announced: asyncio.Event) -> None:
    """Wait for a publication, for the end of a call or for RETRY_CHECK_S; raise what a call raised."""
    news = asyncio.create_task(announced.wait())
    try:
        await asyncio.wait(
            {news, *calls.values()}, timeout=RETRY_CHECK_S, return_when=asyncio.FIRST_COMPLETED
        )
    finally:
        news.cancel()
    for number in [number for number, call in calls.items() if call.done()]:
        calls.pop(number).result()
