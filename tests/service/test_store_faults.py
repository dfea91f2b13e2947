"""
Every write that the service makes fails once, in two ways: nothing was done, or all was done and an error came back.

The process ends by such an error and starts again; a client whose request broke off sends it again. Then everything is
checked, as sunlight's `failLockAndNotPersist` and `failLockButPersist` do.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from hashlib import sha256

import pytest

from anchor.core.entries import Purpose, StatusEntry
from anchor.core.lifecycle import BatchState
from anchor.errors import FatalError, Overloaded
from anchor.fsck import check_everything as fsck
from anchor.service.intake import Intake
from anchor.service.supervisor import supervise
from anchor.store.records import Issuer, StatusChange
from tests.support.assembly import Running, digest
from tests.support.fake_sending_chain import BLOCK_TIME_S
from tests.support.stored_first import check_everything, require_stored_before_broadcast

RAW = 4
FOREIGN_ROOT = digest(666)
DIGESTS = (1, 2, 3, 4, 5)
CREDENTIAL = sha256(b"urn:uuid:credential").digest()

OF_REQUESTS = (
    "accept",
    "accept_packed",
    "allocate",
    "add_list",
    "named_entry",
    "add_named_entry",
    "change_status",
    "add_version",
)
OF_TASKS = ("close_batch", "seal_batch", "add_payload", "mark_mined", "mark_unmined", "mark_final")
OF_STRANGERS = ("note_strangers", "reseal_batch")
SIDES = {"failed": "before", "failed but persisted": "after"}


async def fail() -> None:
    """Fail as a disk does: nobody knows what became of the write."""
    raise FatalError("the database failed: disk I/O error")


async def refuse() -> None:
    """Fail as a full disk does: nothing was done."""
    raise Overloaded("the disk is full", retry_after_s=60)


@dataclass(slots=True)
class Life:
    """A service and its client, who start again and send again until everything has worked."""

    service: Running
    issuer: Issuer
    failures: int = 0
    accepts_strangers: bool = False
    entries: list[StatusEntry] = field(default_factory=list)

    async def persist(self, work: Callable[[], Awaitable[object]]) -> object:
        """Do something; where the store fails on the way, restart what ends by it, and do it again."""
        for _ in range(3):
            try:
                return await work()
            except FatalError:
                self.failures += 1
                await self.service.store.close()
                await self.service.start(accepts_strangers=self.accepts_strangers)
                self.service.chain.before_broadcast = require_stored_before_broadcast(self.service)
            except Overloaded:
                self.failures += 1
        raise AssertionError("the same write fails again and again")

    async def send_requests(self) -> None:
        """Submit, allocate, make a list, and change status, one request after the other."""
        await self.persist(lambda: self.service.submit(self.issuer, 1, 2, allocate=True))
        packed = b"".join(digest(number) for number in DIGESTS[2:])
        await self.persist(lambda: self._intake.submit_packed(self.issuer, RAW, packed))
        await self.persist(self._allocate)
        await self.persist(lambda: self._intake.allocate_once_for(self.issuer, CREDENTIAL))
        await self.persist(lambda: self._intake.allocate_for(self.issuer, CREDENTIAL))
        await self.persist(self._add_list)
        await self.persist(self._change)

    async def anchor(self, *, until: BatchState) -> None:
        """Let sealer and anchorer work until the digests have a state."""
        self.service.clock.advance(self.service.settings.batching.max_age_s)
        for _ in range(20):
            await self.persist(self.service.turn)
            (place,) = await self.service.store.find_digest(self.issuer.number, digest(1))
            if place.batch.state is until:
                return
            self.service.clock.advance(BLOCK_TIME_S)
            self.service.chain.mine()
        raise AssertionError(f"the batch did not become {until.value}")

    async def check(self, *, strangers: int = 0) -> None:
        """Check that each digest is final in one leaf, each change recorded once, and that fsck agrees."""
        service, store = self.service, self.service.store
        places = [await store.find_digest(self.issuer.number, digest(number)) for number in DIGESTS]
        assert [[place.batch.state for place in found] for found in places] == [[BatchState.FINAL]] * 5
        leaves = {(place.batch.id, place.accepted.leaf_index) for found in places for place in found}
        assert len(leaves) == len(DIGESTS)
        await check_everything(service, self.issuer, *(found[0].accepted for found in places))
        assert [item.value for item in await store.status_history(self.issuer.number, self.entries[0])] == [1]
        assert await store.unmined_entries() == 0
        roots = service.chain.anchored_roots(service.publisher)
        assert sorted(roots) == list(range(1, len(roots) + 1))
        assert len(set(roots.values())) == len(roots)
        if not strangers:
            assert service.chain.failed_transactions() == 0
            report = await fsck(
                service.settings.database, chain=service.chain, from_block=0, confirmations=0, files=None
            )
            assert report.is_sound, (report.problems, report.unchecked)

    @property
    def _intake(self) -> Intake:
        """The intake of now: a restart makes another one."""
        return self.service.services.intake

    async def _allocate(self) -> None:
        entries = await self._intake.allocate(self.issuer, 3, idempotency_key="once")
        assert self.entries in ([], list(entries))
        self.entries = list(entries)

    async def _add_list(self) -> None:
        await self._intake.add_list(self.issuer, Purpose.REFRESH, bits_per_entry=1, length=None, messages=())

    async def _change(self) -> None:
        change = StatusChange(self.entries[0], Purpose.REVOCATION, value=1, reason="under test")
        await self._intake.change_status(self.issuer, [change])


@pytest.fixture
def life(service: Running, issuer: Issuer) -> Life:
    """Return the life of the service."""
    return Life(service, issuer)


@pytest.mark.parametrize("how", SIDES)
@pytest.mark.parametrize("method", OF_REQUESTS + OF_TASKS)
async def test_write_fails_or_is_said_to_fail_each_digest_ends_in_one_batch(
    life: Life, method: str, how: str
) -> None:
    """Fault 6: the request sent again is the same request, the step taken again the same step."""
    getattr(life.service.hooks, SIDES[how])[method] = fail

    await life.send_requests()
    await life.anchor(until=BatchState.MINED)
    life.service.chain.reorganise(1)
    life.service.chain.mine(take_pool=False)
    await life.anchor(until=BatchState.FINAL)

    assert life.failures == 1, f"{method} was not reached"
    await life.check()


@pytest.mark.parametrize("how", SIDES)
@pytest.mark.parametrize("method", OF_STRANGERS)
async def test_write_fails_while_a_stranger_anchors_the_batch_is_anchored_once(
    life: Life, method: str, how: str
) -> None:
    """Faults 6 and 22: sealing again, and noting the stranger, are repeated without a second anchor."""
    await life.send_requests()
    service = life.service
    service.clock.advance(service.settings.batching.max_age_s)
    await service.turn()
    service.chain.send_foreign(service.publisher, anchor=(1, FOREIGN_ROOT, 1))
    getattr(service.hooks, SIDES[how])[method] = fail
    service.chain.mine()

    service.chain.send_foreign(service.publisher, anchor=(2, digest(667), 1))
    service.chain.mine()
    # That a stranger anchored may not have been noted before the end: the operator then says so.
    life.accepts_strangers = True

    await life.anchor(until=BatchState.FINAL)

    assert life.failures == 1, f"{method} was not reached"
    await life.check(strangers=2)
    assert len(service.chain.anchored_roots(service.publisher)) == 3


@pytest.mark.parametrize("method", OF_REQUESTS + OF_TASKS)
async def test_full_disk_at_a_write_is_survived_without_a_restart(life: Life, method: str) -> None:
    """Fault 4: a write that found no space changed nothing; the same process does it later."""
    life.service.hooks.before[method] = refuse

    await life.send_requests()
    await life.anchor(until=BatchState.MINED)
    life.service.chain.reorganise(1)
    life.service.chain.mine(take_pool=False)
    await life.anchor(until=BatchState.FINAL)

    assert life.service.hooks.before == {}, f"{method} was not reached"
    await life.check()


@pytest.mark.parametrize("how", SIDES)
@pytest.mark.parametrize("method", OF_TASKS[:3])
async def test_write_of_a_task_fails_and_the_process_ends(life: Life, method: str, how: str) -> None:
    """Fault 12: a task that the store failed ends the service, so that it never accepts without anchoring."""
    await life.send_requests()
    life.service.clock.advance(life.service.settings.batching.max_age_s)
    getattr(life.service.hooks, SIDES[how])[method] = fail

    with pytest.raises(FatalError, match="disk I/O error"):
        await supervise(
            {"sealer": life.service.sealer.run, "anchorer": life.service.anchorer.run},
            stop=life.service.services.stopping,
        )
