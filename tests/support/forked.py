"""
Programs of this package in processes of their own, forked from one that has imported everything already.

Tests start the same program again and again, some hundreds of times, and an interpreter spends seconds on imports
where the program itself spends a tenth of one. What runs is the same code, in a process that can be killed.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from anchor.cli import main

ROOT = Path(__file__).parents[2]

Program = Callable[[list[str]], None]
"""What a process runs; importable by name, since the process that forks imports it."""

_PRELOADED = [
    "anchor.app",
    "anchor.cli",
    "anchor.cli.backup",
    "anchor.cli.fsck",
    "anchor.cli.key",
    "anchor.cli.move",
    "anchor.cli.serve",
    "anchor.cli.trust",
    "anchor.cli.verify",
    "tests.support.negative_control",
    "tests.support.storage_work",
]


_asking = threading.Lock()
"""An exit code can be read once, and each start reads those of all processes: a second reader at once gets 255."""


@dataclass(frozen=True, slots=True)
class Forked:
    """A process; `output` yields what it writes to standard output, and then its end; `errors` gets the rest."""

    process: ForkServerProcess
    output: asyncio.StreamReader
    errors: Path
    gate: Connection

    @property
    def pid(self) -> int:
        assert self.process.pid is not None
        return self.process.pid

    @property
    def returncode(self) -> int | None:
        with _asking:
            return self.process.exitcode

    def open_gate(self) -> None:
        """Let a process go on that was started with `waits`."""
        self.gate.send_bytes(b"go")

    def send_signal(self, number: int) -> None:
        # The process that forked it reaps it at once, so it may be gone without our knowing.
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    async def communicate(self) -> tuple[bytes, bytes]:
        """Wait for its end; return what was left of its output, and all that stands in its file of errors."""
        printed = await self.output.read()
        await self.wait()
        return printed, await asyncio.to_thread(self.errors.read_bytes)

    async def wait(self) -> int:
        """Return the exit code once the process is gone; minus the signal's number where one ended it."""
        return await asyncio.to_thread(_exit_code_of, self.process)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Setting:
    """Where a program runs."""

    environment: dict[str, str]
    folder: str
    errors: str


def anchor(arguments: list[str]) -> None:
    """Run the `anchor` command."""
    main(arguments, prog_name="anchor")


def _start(process: ForkServerProcess) -> None:
    with _asking:
        process.start()


def _exit_code_of(process: ForkServerProcess) -> int:
    """Wait for a process's end."""
    wait([process.sentinel])
    with _asking:
        process.join()
        assert process.exitcode is not None
        return process.exitcode


async def fork(
    program: Program,
    arguments: list[str],
    *,
    environment: Mapping[str, str],
    errors: Path,
    folder: Path = ROOT,
    waits: bool = False,
) -> Forked:
    """
    Start a program in a folder; standard error goes to the end of `errors`.

    With `waits` it does nothing until its gate is opened, so that a tracer can be attached.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOADED)
    reader, writer = context.Pipe(duplex=False)
    waiting, gate = context.Pipe(duplex=False)
    setting = _Setting(environment=dict(environment), folder=str(folder), errors=str(errors))
    process = context.Process(target=_run, args=(program, arguments, setting, writer, waiting))
    await asyncio.to_thread(_start, process)
    writer.close()
    waiting.close()
    forked = Forked(process=process, output=await _stream(reader), errors=errors, gate=gate)
    if not waits:
        forked.open_gate()
    return forked


async def _stream(reader: Connection) -> asyncio.StreamReader:
    stream = asyncio.StreamReader()
    pipe = os.fdopen(os.dup(reader.fileno()), "rb", buffering=0)
    reader.close()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stream), pipe)
    return stream


def _run(
    program: Program,
    arguments: list[str],
    setting: _Setting,
    output: Connection,
    waiting: Connection,
) -> None:
    os.environ.clear()
    os.environ.update(setting.environment)
    os.chdir(setting.folder)
    os.dup2(output.fileno(), 1)
    log = os.open(setting.errors, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 2)
    # What multiprocessing keeps open of its own would hide the end of this process from its parent.
    output.close()
    waiting.recv_bytes()
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = os.fdopen(2, "w", encoding="utf-8", closefd=False)
    program(arguments)
    sys.stdout.flush()
