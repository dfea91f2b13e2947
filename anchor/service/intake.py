"""Takes in what issuers submit: checks it, makes it durable, wakes those who work on it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from anchor.clock import Clock
from anchor.core.digest import DIGEST_BYTES
from anchor.core.entries import Purpose, StatusEntry, require_digest
from anchor.errors import InvalidInput, NotFound, Overloaded
from anchor.service.lists import ListPublisher
from anchor.store.protocol import Store
from anchor.store.records import (
    Accepted,
    ChangeOutcome,
    DigestPlace,
    Issuer,
    ListPlan,
    ListSpec,
    PackedAccepted,
    StatusChange,
    Submission,
)

PERMUTATION_KEY_BYTES = 32
BACKLOG_RETRY_S = 60


@dataclass(frozen=True, slots=True)
class PublishedChanges:
    """What became of a request for status changes, and when verifiers could first see it."""

    outcome: ChangeOutcome
    published_ms: int


class Intake:
    """
    The one way in for digests, allocations and status changes.

    Every method returns only after what it did is durable. `work` is set whenever the sealer has a reason to look.
    """

    def __init__(
        self,
        *,
        store: Store,
        lists: ListPublisher,
        clock: Clock,
        list_length: int,
        backlog_entries: int,
        work: asyncio.Event,
    ) -> None:
        self._store = store
        self._lists = lists
        self._clock = clock
        self._plan = ListPlan(
            length=list_length, new_permutation_key=lambda: secrets.token_bytes(PERMUTATION_KEY_BYTES)
        )
        self._backlog_entries = backlog_entries
        self._work = work

    async def submit(self, issuer: Issuer, submissions: Sequence[Submission]) -> Sequence[Accepted]:
        """Accept digests in the order given, all or none (see Store.accept)."""
        for submission in submissions:
            require_digest(submission.digest)
        await self._refuse_beyond_backlog(len(submissions))
        accepted = await self._store.accept(
            issuer.number, submissions, plan=self._plan, now_s=self._clock.now_ms() // 1000
        )
        if any(item.status for item in accepted):
            # A credential must never name a list that nobody can fetch yet; a known one's list may have waited too.
            await self._lists.publish_due()
        self._work.set()
        return accepted

    async def submit_packed(
        self, issuer: Issuer, method_code: int, digests: bytes, *, again: bool = False
    ) -> PackedAccepted:
        """Accept unbound digests of 32 bytes each, all or none."""
        if not digests or len(digests) % DIGEST_BYTES:
            raise InvalidInput(
                f"a packed body holds digests of {DIGEST_BYTES} bytes each, not {len(digests)} bytes"
            )
        await self._refuse_beyond_backlog(len(digests) // DIGEST_BYTES)
        await asyncio.to_thread(_refuse_zero_digests, digests)
        accepted = await self._store.accept_packed(
            issuer.number, method_code, digests, now_s=self._clock.now_ms() // 1000, again=again
        )
        self._work.set()
        return accepted

    async def find(self, issuer: Issuer, digest: bytes, method_code: int | None) -> Sequence[DigestPlace]:
        """Return where the issuer's digest stands; NotFound where it is unknown or another issuer's."""
        places = [
            place
            for place in await self._store.find_digest(issuer.number, digest)
            if method_code in (None, place.accepted.method_code)
        ]
        if not places:
            raise NotFound("this digest was not submitted with your key")
        return places

    async def add_list(
        self,
        issuer: Issuer,
        purpose: Purpose,
        *,
        bits_per_entry: int,
        length: int | None,
        messages: tuple[str, ...],
    ) -> int:
        """
        Make a list, or a pair for revocation and suspension, and return its (first) number; published on return.

        Raises InvalidInput for what no list can be: see `status_lists.credential.StatusList`.
        """
        spec = ListSpec(purpose, bits_per_entry, length or self._plan.length, messages)
        self._lists.check_spec(issuer, spec)
        number = await self._store.add_list(
            issuer.number,
            spec,
            permutation_key=self._plan.new_permutation_key(),
            now_ms=self._clock.now_ms(),
        )
        await self._lists.publish_due()
        self._work.set()
        return number

    async def allocate(
        self,
        issuer: Issuer,
        count: int,
        *,
        purpose: Purpose = Purpose.REVOCATION,
        idempotency_key: str | None,
    ) -> Sequence[StatusEntry]:
        """Hand out fresh status entries, whose lists are published when this returns."""
        if purpose is Purpose.SUSPENSION:
            raise InvalidInput("suspension entries come with revocation entries: allocate those")
        entries = await self._store.allocate(
            issuer.number,
            count,
            purpose=purpose,
            idempotency_key=idempotency_key,
            plan=self._plan,
            now_ms=self._clock.now_ms(),
        )
        await self._lists.publish_due()
        self._work.set()
        return entries

    async def allocate_for(self, issuer: Issuer, credential: bytes) -> StatusEntry:
        """Hand out a fresh status entry for a credential's id, given as its SHA-256; published on return."""
        entry = await self._store.add_named_entry(
            issuer.number, credential, plan=self._plan, now_ms=self._clock.now_ms()
        )
        await self._lists.publish_due()
        self._work.set()
        return entry

    async def allocate_once_for(self, issuer: Issuer, credential: bytes) -> StatusEntry:
        """Hand out a status entry for a credential's id, or return its newest again; published on return."""
        entry = await self._store.named_entry(
            issuer.number, credential, plan=self._plan, now_ms=self._clock.now_ms()
        )
        await self._lists.publish_due()
        self._work.set()
        return entry

    async def change_status(self, issuer: Issuer, changes: Sequence[StatusChange]) -> PublishedChanges:
        """Change status bits; the changed lists are published when this returns."""
        outcome = await self._store.change_status(
            issuer.number, changes, actor=issuer.identifier, now_ms=self._clock.now_ms()
        )
        await self._lists.publish_due()
        self._work.set()
        return PublishedChanges(outcome=outcome, published_ms=self._clock.now_ms())

    async def _refuse_beyond_backlog(self, count: int) -> None:
        waiting = await self._store.unmined_entries()
        if waiting + count > self._backlog_entries:
            raise Overloaded(
                f"{waiting} digests wait for the chain, and at most {self._backlog_entries} may: try again later",
                retry_after_s=BACKLOG_RETRY_S,
            )


def _refuse_zero_digests(digests: bytes) -> None:
    zero = bytes(DIGEST_BYTES)
    at = digests.find(zero)
    while at != -1:
        if at % DIGEST_BYTES == 0:
            raise InvalidInput(f"digest {at // DIGEST_BYTES} is 32 zero bytes: send the digest itself")
        # A run of zeros across a border is no digest: go on at the next border.
        at = digests.find(zero, at - at % DIGEST_BYTES + DIGEST_BYTES)
