"""The worker: one piece of work at a time, beside the event loop, and few waiting."""

from __future__ import annotations

import asyncio
import threading

import pytest

from anchor.errors import InvalidInput, Overloaded
from anchor.service.linked_data_worker import LinkedDataWorker
from anchor.vc.linked_data import LinkedData


class _Gate:
    """Work that waits until it is let go, and counts how much of it runs at once."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.started = threading.Event()
        self.most = 0
        self._running = 0
        self._lock = threading.Lock()

    def work(self, _: LinkedData) -> str:
        with self._lock:
            self._running += 1
            self.most = max(self.most, self._running)
        self.started.set()
        assert self.open.wait(20)
        with self._lock:
            self._running -= 1
        return threading.current_thread().name


async def test_worker_runs_one_at_a_time_beside_the_event_loop() -> None:
    """While work runs the loop goes on, and no second piece begins."""
    worker, gate = LinkedDataWorker(linked_data=LinkedData()), _Gate()
    tasks = [asyncio.create_task(worker.run(gate.work)) for _ in range(5)]
    await asyncio.to_thread(gate.started.wait, 20)

    gate.open.set()
    names = await asyncio.gather(*tasks)

    assert gate.most == 1
    assert threading.current_thread().name not in names


async def test_worker_beyond_its_queue_is_overloaded() -> None:
    """A caller learns at once that it had better come back, and when; those before it are served."""
    worker, gate = LinkedDataWorker(linked_data=LinkedData(), max_waiting=2), _Gate()
    tasks = [asyncio.create_task(worker.run(gate.work)) for _ in range(2)]
    await asyncio.to_thread(gate.started.wait, 20)

    with pytest.raises(Overloaded) as refused:
        await worker.run(gate.work)

    assert refused.value.retry_after_s > 0
    gate.open.set()
    assert len(await asyncio.gather(*tasks)) == 2
    assert await worker.run(lambda _: 7) == 7


async def test_worker_passes_on_what_the_work_raises_and_goes_on() -> None:
    """A refused document blocks nobody behind it."""
    worker = LinkedDataWorker(linked_data=LinkedData(), max_waiting=1)

    for _ in range(3):
        with pytest.raises(InvalidInput):
            await worker.run(lambda linked_data: linked_data.canonicalize({"undefined": 1}))

    assert await worker.run(lambda _: "next") == "next"
