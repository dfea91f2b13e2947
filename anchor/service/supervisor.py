"""
Runs the background tasks; one that ends, by whatever cause, ends the process.

A service that answers "accepted" while nobody anchors is worse than one that is down: so there is no restarting of
single tasks here. The process stops with a clear message, and starting it again is the one recovery path.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import structlog

from anchor.errors import FatalError

log = structlog.get_logger()


async def supervise(tasks: Mapping[str, Callable[[], Awaitable[None]]], *, stop: asyncio.Event) -> None:
    """
    Run all tasks until `stop` is set, then cancel them and wait for their end.

    Raises FatalError, naming the task, as soon as one ends by itself or fails.
    """
    running = {asyncio.create_task(_as_coroutine(run), name=name) for name, run in tasks.items()}
    stopped = asyncio.create_task(_as_coroutine(stop.wait), name="stop")
    try:
        done, _ = await asyncio.wait({*running, stopped}, return_when=asyncio.FIRST_COMPLETED)
        for task in done - {stopped}:
            _raise_as_fatal(task)
    finally:
        for task in (*running, stopped):
            task.cancel()
        await asyncio.gather(*running, stopped, return_exceptions=True)


async def _as_coroutine(run: Callable[[], Awaitable[object]]) -> None:
    await run()


def _raise_as_fatal(task: asyncio.Task[None]) -> None:
    cause = task.exception()
    if isinstance(cause, FatalError):
        raise cause
    log.error("task.died", task=task.get_name(), cause=type(cause).__name__, exc_info=cause)
    reason = f"{type(cause).__name__}: {cause}" if cause else "it ended by itself"
    raise FatalError(f"the {task.get_name()} stopped ({reason}): the service stops with it") from cause
