"""
A kill and an I/O error at each system call that writes: what was acknowledged is there, and the end was loud.

The calls of an uninjured run are counted first. Then the same run is made once for each of them, on a copy of the same
files, and each time what is left is started, carried on to final, and looked through by fsck.
"""

from __future__ import annotations

import asyncio
import re
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.fast_folder import fast_folder
from tests.support.prepared import Prepared, prepare
from tests.support.storage_work import first_start, later_work
from tests.support.survivors import check_survivor
from tests.support.tracing import Injury, Traced, requires_strace, traced

pytestmark = requires_strace

KILL, EIO, ENOSPC = "signal=KILL", "error=EIO", "error=ENOSPC"
AT_ONCE = 2
LEAST_PAGES, LEAST_COMMITS = 60, 10
"""An uninjured run that writes less was not traced as a whole."""

TOLD = ("refused", "batch.not_sealed")
"""How a full disk is told: to the client, or by the sealer in the log; both try again."""


async def later_run(prepared: Prepared, folder: Path, injury: Injury | None = None) -> Traced:
    """Work on a copy of an installation."""
    copy = prepared.copy(folder)
    return await traced(later_work, [str(copy), str(folder / "history")], folder, injury=injury)


def require_loud(run: Traced, injury: Injury) -> None:
    """Check that an injury was no secret: the process ended by it, or the client was refused."""
    assert run.was_injured, f"{injury.text}: never reached"
    if injury.effect == KILL:
        assert run.exit_code == -signal.SIGKILL
        return
    # Only what closing the files does after the last answer may fail in silence: the log of writes keeps it all.
    is_after_all = 0 <= run.trace.find('"done\\n"') < run.trace.find("(INJECTED)")
    # SQLite syncs the folder of a new log, and passes over a failure: the store has synced it before by itself.
    is_sqlites_folder = re.search(r"fdatasync\(\d+<[^>]*/data>\).*INJECTED", run.trace) is not None
    is_told = any(words in line for line in run.lines for words in TOLD)
    assert run.exit_code > 0 or is_told or is_after_all or is_sqlites_folder, f"{injury.text}: in silence"
    if injury.effect == EIO and not (is_after_all or is_sqlites_folder):
        assert run.exit_code > 0, f"{injury.text}: the process went on"


async def injured_later(prepared: Prepared, injury: Injury, limit: asyncio.Semaphore) -> str:
    """Injure a run on a copy of an installation, and check what is left; return what is wrong, if anything."""
    async with limit:
        with fast_folder() as folder:
            run = await later_run(prepared, folder, injury)
            try:
                require_loud(run, injury)
                await check_survivor(folder / "installation", [*prepared.history, *run.lines])
            except AssertionError as exc:
                return f"{injury.text}: {str(exc)[:300]}"
    return ""


async def injured_first(injury: Injury, limit: asyncio.Semaphore) -> str:
    """Injure a first start, and check what is left."""
    async with limit:
        with fast_folder() as folder:
            run = await traced(first_start, [str(folder / "installation")], folder, injury=injury)
            try:
                require_loud(run, injury)
                await check_survivor(folder / "installation", run.lines)
            except AssertionError as exc:
                return f"{injury.text}: {str(exc)[:300]}"
    return ""


def injuries(counts: dict[str, int], *effects: str, step: int = 1) -> list[Injury]:
    """Return one injury for each call that was counted, or each so many; several effects take turns."""
    return [
        Injury(call, number, effects[number % len(effects)])
        for call, count in counts.items()
        for number in range(1, count + 1, step if call == "pwrite64" else 1)
    ]


NEVER_REACHED = "never reached"
"""What `injured_later` says of a call that a run did not make this time."""


LAST_PAGES = 3
"""Pages at the end of a run that another run may not write."""


async def _counted(prepared: Prepared) -> dict[str, int]:
    with fast_folder() as folder:
        run = await later_run(prepared, folder)
    assert (run.exit_code, run.lines[-1]) == (0, "done"), run.errors
    counts = run.counts()
    assert counts["pwrite64"] >= LEAST_PAGES
    assert counts["fdatasync"] >= LEAST_COMMITS
    return counts


async def _wrong_of(prepared: Prepared, chosen: Sequence[Injury]) -> list[str]:
    limit = asyncio.Semaphore(AT_ONCE)
    found = await asyncio.gather(*(injured_later(prepared, injury, limit) for injury in chosen))
    pages = max((injury.number for injury in chosen if injury.call == "pwrite64"), default=0)
    return [
        wrong
        for injury, wrong in zip(chosen, found, strict=True)
        # How many pages a run writes at its very end is a matter of the moment; nothing else is.
        if wrong
        and not (NEVER_REACHED in wrong and injury.call == "pwrite64" and injury.number > pages - LAST_PAGES)
    ]


async def test_killed_at_each_write_nothing_acknowledged_is_lost() -> None:
    """Faults 2 and 45: between any two writes of digests, lists, trees and transactions the process may end."""
    with fast_folder() as folder:
        prepared = await prepare(folder)

        assert await _wrong_of(prepared, injuries(await _counted(prepared), KILL)) == []


async def test_error_at_each_write_is_loud_and_nothing_acknowledged_is_lost() -> None:
    """Faults 3 and 4: EIO ends the process, a full disk refuses, and neither acknowledges what is not on disk."""
    with fast_folder() as folder:
        prepared = await prepare(folder)
        counts = await _counted(prepared)
        chosen = injuries(counts, EIO, ENOSPC)
        # Where the data must reach the disk both errors are tried each time.
        chosen += injuries({"fdatasync": counts["fdatasync"]}, ENOSPC, EIO)

        assert await _wrong_of(prepared, chosen) == []


@pytest.mark.parametrize("effect", [KILL, EIO])
async def test_first_start_injured_starts_again(effect: str) -> None:
    """Faults 2, 3 and 45: key files and the empty database are there whole or not at all."""
    with fast_folder() as folder:
        run = await traced(first_start, [str(folder / "installation")], folder)
    counts = run.counts()
    assert min(counts["fsync"], counts["link"]) > 0
    # The tables' pages are written by one transaction after the other: every twentieth stands for its neighbours.
    limit = asyncio.Semaphore(AT_ONCE)
    found = await asyncio.gather(
        *(injured_first(injury, limit) for injury in injuries(counts, effect, step=20))
    )

    assert [wrong for wrong in found if wrong] == []
