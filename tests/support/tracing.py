"""strace round a forked program: counts its system calls, and injures one of them."""

from __future__ import annotations

import asyncio
import re
import shutil
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.forked import Program, fork

DISK_CALLS = ("write", "pwrite64", "fsync", "fdatasync", "link", "rename", "ftruncate")
"""What the service, SQLite and Python do to files; `rename` and `link` stand for their variants too."""

_VARIANTS = {"rename": "rename,renameat,renameat2", "link": "link,linkat", "ftruncate": "ftruncate,truncate"}
_LINE = re.compile(r"(?P<pid>\d+) +(?:<\.\.\. )?(?P<call>[a-z0-9]+)(?:\(| resumed>)(?P<rest>.*)")

requires_strace = pytest.mark.skipif(
    shutil.which("strace") is None, reason="strace is not installed: apt-get install strace"
)


@dataclass(frozen=True, slots=True)
class Injury:
    """What happens to the nth call of a kind: `error=EIO`, `error=ENOSPC` or `signal=KILL`."""

    call: str
    number: int
    effect: str

    @property
    def option(self) -> str:
        """The argument of `strace -e`."""
        calls = _VARIANTS.get(self.call, self.call)
        return f"inject={calls}:{self.effect}:when={self.number}"

    @property
    def text(self) -> str:
        """The injury in words."""
        return f"{self.effect} at {self.call} {self.number}"


@dataclass(frozen=True, slots=True)
class Traced:
    """What a traced program wrote, how it ended, and the trace."""

    lines: tuple[str, ...]
    exit_code: int
    errors: str
    trace: str

    def counts(self) -> dict[str, int]:
        """Return how often each call was made by the thread that made it most often: strace counts by thread."""
        made = Counter(
            (match["pid"], _plain(match["call"]))
            for match in _calls(self.trace)
            if "resumed>" not in match[0]
        )
        return {
            call: max((count for (_, made_call), count in made.items() if made_call == call), default=0)
            for call in DISK_CALLS
        }

    @property
    def was_injured(self) -> bool:
        """Whether the call that was to be injured was made."""
        return "(INJECTED)" in self.trace or self.exit_code == -signal.SIGKILL


@asynccontextmanager
async def attached(pid: int, log: Path, *options: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Trace a process and its threads into a file, until the context ends or they do."""
    tracer = await asyncio.create_subprocess_exec(
        "strace",
        "-f",
        "-y",
        "-p",
        str(pid),
        "-o",
        str(log),
        *options,
        stdin=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    assert tracer.stderr is not None
    line = await tracer.stderr.readline()
    assert b"attached" in line, f"strace cannot trace here: {line.decode()}"
    try:
        yield tracer
    finally:
        with suppress(ProcessLookupError):
            tracer.terminate()
        await tracer.communicate()


async def traced(
    program: Program,
    arguments: list[str],
    folder: Path,
    *,
    injury: Injury | None = None,
    options: tuple[str, ...] = (),
) -> Traced:
    """Run a program to its end under strace; its errors and its trace are kept in the folder."""
    errors, log = folder / "errors.log", folder / "trace.log"
    forked = await fork(program, arguments, environment={"PATH": "/usr/bin:/bin"}, errors=errors, waits=True)
    calls = ",".join(_VARIANTS.get(call, call) for call in DISK_CALLS)
    injected = ("-e", injury.option) if injury else ()
    async with attached(forked.pid, log, "-e", f"trace={calls}", *injected, *options) as tracer:
        forked.open_gate()
        output = await forked.output.read()
        exit_code = await forked.wait()
        # It ends with its last process, and has written all by then.
        await tracer.communicate()
    return Traced(
        lines=tuple(output.decode().splitlines()),
        exit_code=exit_code,
        errors=errors.read_text("utf-8") if errors.exists() else "",
        trace=log.read_text("utf-8", "replace"),
    )


def _calls(trace: str) -> Iterator[re.Match[str]]:
    return (match for line in trace.splitlines() if (match := _LINE.match(line)))


def _plain(call: str) -> str:
    return next((plain for plain, variants in _VARIANTS.items() if call in variants.split(",")), call)
