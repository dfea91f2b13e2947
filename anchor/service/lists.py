"""Publishes status lists: signs every list whose bits changed, or whose validity runs out, and stores the version."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from anchor.clock import Clock
from anchor.core.entries import Purpose, list_url
from anchor.errors import FatalError, InvalidInput, Overloaded
from anchor.service.announcer import Announcer
from anchor.service.keys import KeyVault
from anchor.service.list_signing import ListForm, Signing, sign_forms
from anchor.service.live_lists import LiveLists
from anchor.store.protocol import StatusStore
from anchor.store.records import DueList, Issuer, ListSpec, NewVersion
from status_lists.credential import StatusList
from status_lists.errors import StatusListError
from status_lists.publishing import PublishingPolicy, next_version

log = structlog.get_logger()

RENEWAL_CHECK_S = 60.0
"""How often validity is looked at: far below half of any validity that the policy allows in earnest."""


class ListPublisher:
    """
    Keeps the published lists equal to the database.

    One publication runs at a time and takes every list that is due, so that many changes share one signature. The same
    function serves changes, renewals, new lists and start-up.
    """

    def __init__(
        self,
        *,
        store: StatusStore,
        vault: KeyVault,
        clock: Clock,
        base_url: str,
        policy: PublishingPolicy,
        announcer: Announcer,
    ) -> None:
        self._store = store
        self._vault = vault
        self._clock = clock
        self._base_url = base_url
        self._policy = policy
        self._announcer = announcer
        self._running = asyncio.Lock()
        self._clock_fault: str | None = None
        self._live = LiveLists()

    @property
    def policy(self) -> PublishingPolicy:
        """How long versions hold and may be kept."""
        return self._policy

    def url(self, number: int) -> str:
        """Return a list's URL."""
        return list_url(self._base_url, number)

    def check_spec(self, issuer: Issuer, spec: ListSpec) -> None:
        """Raise InvalidInput for a list that could not be published."""
        if spec.purpose is not Purpose.MESSAGE and spec.bits_per_entry != 1:
            raise InvalidInput(f"entries of a {spec.purpose.label} list have one bit: leave out 'statusSize'")
        try:
            StatusList(
                url=self.url(0),
                issuer=issuer.signer.did,
                purpose=spec.purpose.label,
                length=spec.length,
                bits_per_entry=spec.bits_per_entry,
                messages=spec.messages,
            )
        except StatusListError as exc:
            raise InvalidInput(str(exc)) from exc

    def set_clock_fault(self, fault: str | None) -> None:
        """Stop signing while the clock disagrees with the chain; None lets it go on."""
        self._clock_fault = fault

    async def publish_due(self) -> int:
        """
        Publish every list that differs from its newest version or must be renewed; return how many.

        Guarantees that changes durable before the call are published when it returns. Raises Overloaded while the
        clock is not to be trusted.
        """
        async with self._running:
            now_ms = self._clock.now_ms()
            renewed_before_ms = await self._renewed_before_ms(now_ms)
            published: set[tuple[int, int, str]] = set()
            while due := await self._store.due_lists(expiring_before_ms=renewed_before_ms):
                if self._clock_fault:
                    raise Overloaded(f"status lists are not signed: {self._clock_fault}", retry_after_s=60)
                for version in await asyncio.to_thread(self._sign_all, due, now_ms):
                    await self._store.add_version(version)
                self._announcer.announce()
                states = {(item.number, item.changes, item.signer.verification_method) for item in due}
                if states <= published:
                    # Due again at once, unchanged: its validity is shorter than it takes to publish.
                    break
                published |= states
            return len({number for number, _, _ in published})

    async def _renewed_before_ms(self, now_ms: int) -> int:
        """
        Return the end of validity before which lists are renewed now: half the validity ahead.

        As soon as one list is due, those of the next quarter come with it, so that all of them share one anchor.
        """
        quarter_ms = self._policy.validity_ms // 4
        earliest_ms = await self._store.earliest_expiry_ms()
        is_one_due = earliest_ms is not None and earliest_ms < now_ms + 2 * quarter_ms
        return now_ms + (3 if is_one_due else 2) * quarter_ms

    async def run(self) -> None:
        """Renew lists before they run out, until cancelled."""
        while True:
            try:
                await self.publish_due()
            except Overloaded as exc:
                log.error("lists.not_renewed", reason=str(exc))
            await asyncio.sleep(RENEWAL_CHECK_S)

    def _sign_all(self, due: Sequence[DueList], now_ms: int) -> list[NewVersion]:
        return [self._signed(item, now_ms) for item in due]

    def _signed(self, item: DueList, now_ms: int) -> NewVersion:
        version = next_version(now_ms, item.previous_version)
        signing = self._signing(item, version)
        encoded = self._live.encode(item)
        forms = sign_forms(item, encoded, status_list_of(item, self.url(item.number)), signing)
        return NewVersion(
            list_number=item.number,
            version=version,
            valid_until_ms=signing.valid_until_ms,
            bits_root=encoded.bits_root,
            changes=item.changes,
            document=forms.pop(ListForm.VC),
            forms={form.value: body for form, body in forms.items()},
        )

    def _signing(self, item: DueList, version: int) -> Signing:
        signer = item.signer
        key, token_key = self._vault.open(signer), self._vault.open_token_key(signer)
        opened = (key.public_key, token_key and token_key.public_key)
        if opened != (signer.public_key, signer.token_key and signer.token_key.public_key):
            raise FatalError(f"a stored key of {signer.did} is not the one it names: restore a backup")
        return Signing(
            key=key,
            verification_method=signer.verification_method,
            token_key=token_key or key,
            token_method=signer.token_method,
            version=version,
            valid_until_ms=self._policy.valid_until_ms(version),
            ttl_ms=self._policy.ttl_ms,
            aggregation_uri=f"{self._base_url}/v1/issuers/{item.issuer_number}/status-lists",
        )


def status_list_of(item: DueList, url: str) -> StatusList:
    """Return what never changes about a list."""
    return StatusList(
        url=url,
        issuer=item.signer.did,
        purpose=item.purpose.label,
        length=item.length,
        bits_per_entry=item.bits_per_entry,
        messages=item.messages,
    )
