"""Webhooks: who is told of new versions of an issuer's lists, and how far each receiver has got."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from anchor.store.records import ListEvent


@dataclass(frozen=True, slots=True)
class NewWebhook:
    """A webhook to be added; the secret is sealed by the key-encryption key."""

    issuer: int
    url: str
    sealed_secret: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Webhook:
    """A receiver of one issuer's publications; `failures` counts attempts since the last one that succeeded."""

    id: int
    issuer: int
    url: str
    sealed_secret: bytes = field(repr=False)
    created_ms: int
    failures: int
    failing_since_ms: int | None
    last_failure: str | None
    is_disabled: bool


@dataclass(frozen=True, slots=True)
class DeliveryFailure:
    """One attempt that failed: why, when, when the next one may come, and whether there is to be none."""

    reason: str
    failed_ms: int
    retry_at_ms: int
    is_last: bool


class WebhookStore(Protocol):
    """Webhooks, each with a durable place in the publications of its issuer's lists."""

    async def add_webhook(self, webhook: NewWebhook, *, limit: int, now_ms: int) -> Webhook:
        """Add a webhook for what is published from now on; Conflict where the issuer has `limit` of them."""
        ...

    async def webhooks(self, issuer: int) -> Sequence[Webhook]:
        """Return an issuer's webhooks in the order they were added."""
        ...

    async def delete_webhook(self, issuer: int, webhook: int) -> None:
        """Forget a webhook; NotFound where the issuer has none of this id."""
        ...

    async def due_webhooks(self, *, now_ms: int, longest_wait_ms: int) -> Sequence[Webhook]:
        """
        Return the webhooks to be called now, the one that waited longest first.

        Those are the ones that miss a publication, are not disabled, as their issuers are not, and whose next attempt
        is not in the future. One further away than `longest_wait_ms` was set by a clock that was wrong, and is due.
        """
        ...

    async def undelivered(self, webhook: int, *, limit: int) -> Sequence[ListEvent]:
        """Return the first publications that a webhook misses, in the order of publication; none for an unknown id."""
        ...

    async def record_delivery(self, webhook: int, event: int, *, now_ms: int) -> bool:
        """Record that the receiver has everything up to a publication; False where the webhook is gone."""
        ...

    async def record_failure(self, webhook: int, failure: DeliveryFailure) -> None:
        """Count a failed attempt and put the next one off; after the last one the webhook is disabled."""
        ...
