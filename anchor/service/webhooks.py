"""Adds, lists and deletes the webhooks of issuers."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

from anchor.clock import Clock
from anchor.service.keys import KeyVault
from anchor.service.webhook_message import SECRET_BYTES, secret_text
from anchor.service.webhook_post import WebhookPost
from anchor.store.records import Issuer
from anchor.store.webhooks import NewWebhook, Webhook, WebhookStore

WEBHOOKS_PER_ISSUER = 10
"""Enough for a second receiver, and for the old and the new secret of each while one is replaced."""


@dataclass(frozen=True, slots=True)
class CreatedWebhook:
    """A webhook with its secret, which is shown this once."""

    webhook: Webhook
    secret: str = field(repr=False)


class Webhooks:
    """An issuer's view of its webhooks."""

    def __init__(self, *, store: WebhookStore, vault: KeyVault, post: WebhookPost, clock: Clock) -> None:
        self._store = store
        self._vault = vault
        self._post = post
        self._clock = clock

    async def add(self, issuer: Issuer, url: str) -> CreatedWebhook:
        """
        Tell a URL of every version of the issuer's lists that is published from now on.

        Raises InvalidInput for a URL that is not https, Conflict beyond WEBHOOKS_PER_ISSUER.
        """
        self._post.check(url)
        secret = secrets.token_bytes(SECRET_BYTES)
        sealed = self._vault.seal_webhook_secret(secret, issuer=issuer.number, url=url)
        webhook = await self._store.add_webhook(
            NewWebhook(issuer=issuer.number, url=url, sealed_secret=sealed),
            limit=WEBHOOKS_PER_ISSUER,
            now_ms=self._clock.now_ms(),
        )
        return CreatedWebhook(webhook, secret_text(secret))

    async def all(self, issuer: Issuer) -> Sequence[Webhook]:
        """Return the issuer's webhooks."""
        return await self._store.webhooks(issuer.number)

    async def delete(self, issuer: Issuer, webhook: int) -> None:
        """Stop calling a webhook; NotFound where the issuer has none of this id."""
        await self._store.delete_webhook(issuer.number, webhook)
