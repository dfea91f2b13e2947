"""Waiting for the service: how long, how often, and through which troubles."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from anchor.cli.waiting import Fetched, Patience, fetch_proofs, has_reached, wait_for_lists
from anchor.client import DigestTarget, PublishedList, ServiceClient, Submission
from anchor.client.connection import RetryPolicy
from anchor.core.digest import Method
from anchor.core.lifecycle import BatchState
from anchor.errors import ServiceUnavailable
from tests.support.fake_service import ISSUER_KEY, Canned, FakeService, running_service


class Clock:
    """Time that passes only by waiting."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.pauses: list[float] = []

    def read(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now_s += seconds

    def patience(self, limit_s: float) -> Patience:
        return Patience(limit_s=limit_s, now_s=self.read, sleep=self.sleep)


@pytest.fixture
def service() -> Iterator[FakeService]:
    """Return a fake service that anchors at once."""
    with running_service() as fake:
        yield fake


def _client(service: FakeService) -> ServiceClient:
    return ServiceClient(service.url, ISSUER_KEY, retry=RetryPolicy(attempts=1))


async def _submit(client: ServiceClient, count: int) -> list[DigestTarget]:
    submissions = [Submission(number.to_bytes(32, "big"), Method.JCS) for number in range(1, count + 1)]
    await client.submit(submissions)
    return [DigestTarget(item.digest, item.method) for item in submissions]


async def test_fetch_proofs_pauses_grow_up_to_their_bound(service: FakeService) -> None:
    """The service is asked less and less often, and never less than every five seconds."""
    service.looks_before_mined = 12
    clock, fetched = Clock(), list[Fetched]()

    async with _client(service) as client:
        targets = await _submit(client, 1)
        await fetch_proofs(
            client, targets, wanted=BatchState.FINAL, patience=clock.patience(600), on_fetched=fetched.append
        )

    assert [item.target for item in fetched] == targets
    assert clock.pauses == sorted(clock.pauses)
    assert (clock.pauses[0], clock.pauses[-1]) == (0.25, 5.0)
    assert len(clock.pauses) == 12


async def test_fetch_proofs_of_many_look_at_one_while_waiting(service: FakeService) -> None:
    """Forty digests of one batch cost one look a round, not forty."""
    service.looks_before_mined = 3
    clock, fetched = Clock(), list[Fetched]()

    async with _client(service) as client:
        targets = await _submit(client, 40)
        await fetch_proofs(
            client, targets, wanted=BatchState.MINED, patience=clock.patience(600), on_fetched=fetched.append
        )

    assert [item.target for item in fetched] == targets
    looks = sum(seen.method == "GET" and not seen.path.endswith("/proof") for seen in service.seen)
    assert looks == 3 + 1 + 40


async def test_fetch_proofs_of_several_batches_come_as_they_are_mined(service: FakeService) -> None:
    """A proof is handed over at once, though others are still to come."""
    clock, fetched = Clock(), list[Fetched]()

    async with _client(service) as client:
        first = await _submit(client, 1)
        service.looks_before_mined = 4
        await client.submit([Submission(bytes(31) + b"\x09", Method.JCS)])
        second = DigestTarget(bytes(31) + b"\x09", Method.JCS)
        with pytest.raises(ServiceUnavailable, match="1 of 2 digests is not yet mined after 0 s"):
            await fetch_proofs(
                client,
                [*first, second],
                wanted=BatchState.MINED,
                patience=clock.patience(0),
                on_fetched=fetched.append,
            )

    assert [item.target for item in fetched] == first


async def test_fetch_proofs_through_a_restart_of_the_service(service: FakeService) -> None:
    """Nine failures in a row are waited through."""
    clock, fetched = Clock(), list[Fetched]()

    async with _client(service) as client:
        targets = await _submit(client, 1)
        service.canned.extend([Canned(500)] * 9)
        await fetch_proofs(
            client, targets, wanted=BatchState.MINED, patience=clock.patience(600), on_fetched=fetched.append
        )

    assert len(fetched) == 1


async def test_fetch_proofs_counts_failures_in_a_row_only(service: FakeService) -> None:
    """A service that answers in between is not dead, however often it fails."""
    service.looks_before_mined = 1
    clock, fetched = Clock(), list[Fetched]()

    async with _client(service) as client:
        targets = await _submit(client, 1)
        service.canned.extend([Canned(500)] * 9)
        service.canned.append(
            Canned(200, json.dumps(service._receipt((targets[0].digest, Method.JCS, False))).encode())
        )
        service.canned.extend([Canned(500)] * 9)
        await fetch_proofs(
            client, targets, wanted=BatchState.MINED, patience=clock.patience(600), on_fetched=fetched.append
        )

    assert len(fetched) == 1


async def test_fetch_proofs_gives_a_dead_service_up(service: FakeService) -> None:
    """After ten failures in a row the trouble is told, long before patience ends."""
    clock = Clock()

    async with _client(service) as client:
        targets = await _submit(client, 1)
        service.canned.extend([Canned(500)] * 10)
        with pytest.raises(ServiceUnavailable, match="status 500"):
            await fetch_proofs(
                client,
                targets,
                wanted=BatchState.MINED,
                patience=clock.patience(6000),
                on_fetched=_unexpected,
            )

    assert len(clock.pauses) == 9


async def test_fetch_proofs_ends_with_patience(service: FakeService) -> None:
    """The wait in all is as long as allowed, to the second."""
    service.looks_before_mined = 1000
    clock = Clock()

    async with _client(service) as client:
        targets = await _submit(client, 1)
        with pytest.raises(ServiceUnavailable, match="not yet final after 60 s: nothing is lost"):
            await fetch_proofs(
                client, targets, wanted=BatchState.FINAL, patience=clock.patience(60), on_fetched=_unexpected
            )

    assert clock.now_s == pytest.approx(60)


async def test_wait_for_lists_ends_at_the_batch_that_holds_the_version(service: FakeService) -> None:
    """A newer version of the list will do as well; an older one will not."""
    clock = Clock()
    async with _client(service) as client:
        await _submit(client, 1)
        wanted = PublishedList(number=0, url=f"{service.url}/status-lists/0", version=service.version)

        assert await wait_for_lists(client, [wanted], patience=clock.patience(0)) == 1

        newer = PublishedList(number=0, url=wanted.url, version=service.version + 1)
        with pytest.raises(ServiceUnavailable, match="the status change is not yet anchored"):
            await wait_for_lists(client, [newer], patience=clock.patience(30))


def test_has_reached_follows_the_order_of_states() -> None:
    """`final` is beyond `mined`, `sent` is not."""
    reached = [state.value for state in BatchState if has_reached(state, BatchState.MINED)]

    assert reached == ["mined", "final"]


def _unexpected(fetched: Fetched) -> None:
    raise AssertionError(f"nothing should have come, but {fetched.target} did")
