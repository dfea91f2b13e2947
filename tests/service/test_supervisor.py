"""One task that ends ends all; a stop ends them in peace."""

from __future__ import annotations

import asyncio

import pytest

from anchor.errors import ChainUnavailable, FatalError
from anchor.service.supervisor import supervise


async def forever() -> None:
    """Run until cancelled."""
    await asyncio.Event().wait()


async def test_task_dies_fatal_names_it_and_its_cause() -> None:
    """Fault 12: An error that a task did not handle ends the service, with the task's name."""

    async def die() -> None:
        raise ChainUnavailable("no answer")

    with pytest.raises(FatalError, match=r"the anchorer stopped \(ChainUnavailable: no answer\)") as failure:
        await supervise({"sealer": forever, "anchorer": die}, stop=asyncio.Event())

    assert isinstance(failure.value.__cause__, ChainUnavailable)


async def test_task_ends_by_itself_fatal() -> None:
    """A task that just returns is as bad: nobody anchors any more."""

    async def end() -> None:
        await asyncio.sleep(0)

    with pytest.raises(FatalError, match=r"the sealer stopped \(it ended by itself\)"):
        await supervise({"sealer": end, "anchorer": forever}, stop=asyncio.Event())


async def test_fatal_error_of_a_task_passes_as_it_is() -> None:
    """A task that knows why it cannot go on is quoted, not wrapped."""
    cause = FatalError("the database is damaged")

    async def die() -> None:
        raise cause

    with pytest.raises(FatalError) as failure:
        await supervise({"sealer": die}, stop=asyncio.Event())

    assert failure.value is cause


async def test_task_dies_others_are_cancelled_and_waited_for() -> None:
    """When the call returns, no task runs any more, and each had its chance to clean up."""
    cleaned: list[str] = []

    async def tidy() -> None:
        try:
            await forever()
        finally:
            await asyncio.sleep(0)
            cleaned.append("tidy")

    async def die() -> None:
        await asyncio.sleep(0)
        raise ValueError("a bug")

    with pytest.raises(FatalError, match="ValueError: a bug"):
        await supervise({"tidy": tidy, "dying": die}, stop=asyncio.Event())

    assert cleaned == ["tidy"]
    assert [task.get_name() for task in asyncio.all_tasks() if task.get_name() in ("tidy", "dying")] == []


async def test_stop_ends_all_without_error() -> None:
    """A wanted stop cancels the tasks and returns."""
    stop = asyncio.Event()
    started = asyncio.Event()

    async def work() -> None:
        started.set()
        await forever()

    supervised = asyncio.create_task(supervise({"sealer": work}, stop=stop))
    await started.wait()
    stop.set()

    await supervised
    assert "sealer" not in {task.get_name() for task in asyncio.all_tasks()}
