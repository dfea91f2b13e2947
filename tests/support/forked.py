"""
Programs of this package in processes of their own, forked from one that has imported everything already.

A fault test starts the same program hundreds of times, and an interpreter spends seconds on imports where the program
itself spends a tenth of one. What runs is the same code, in a process that can be killed.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from anchor.cli import main

Program = Callable[[list[str]], None]
"""What a process runs; importable by name, since the process that forks imports it."""

_PRELOADED = [
    "anchor.app",
    "anchor.cli",
    "anchor.cli.fsck",
    "anchor.cli.serve",
    "tests.support.negative_control",
    "tests.support.storage_work",
]


@dataclass(frozen=True, slots=True)
class Forked:
    """A process; `output` yields what it writes to standard output, and then its end."""

    process: ForkServerProcess
    output: asyncio.StreamReader
    gate: Connection

    @property
    def pid(self) -> int:
        assert self.process.pid is not None
        return self.process.pid

    @property
    def returncode(self) -> int | None:
        return self.process.exitcode

    def open_gate(self) -> None:
        """Let a process go on that was started with `waits`."""
        self.gate.send_bytes(b"go")

    def send_signal(self, number: int) -> None:
        # The process that forked it reaps it at once, so it may be gone without our knowing.
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    async def wait(self) -> int:
        """Return the exit code once the process is gone; minus the signal's number where one ended it."""
        await asyncio.to_thread(self.process.join)
        assert self.process.exitcode is not None
        return self.process.exitcode


def anchor(arguments: list[str]) -> None:
    """Run the `anchor` command."""
    main(arguments)


async def fork(
    program: Program,
    arguments: list[str],
    *,
    environment: Mapping[str, str],
    errors: Path,
    waits: bool = False,
) -> Forked:
    """Start a program; with `waits` it does nothing until its gate is opened, so that a tracer can be attached."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOADED)
    reader, writer = context.Pipe(duplex=False)
    waiting, gate = context.Pipe(duplex=False)
    process = context.Process(
        target=_run, args=(program, arguments, dict(environment), str(errors), writer, waiting)
    )
    await asyncio.to_thread(process.start)
    writer.close()
    waiting.close()
    forked = Forked(process=process, output=await _stream(reader), gate=gate)
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
    environment: dict[str, str],
    errors: str,
    output: Connection,
    waiting: Connection,
) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.dup2(output.fileno(), 1)
    log = os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 2)
    # What multiprocessing keeps open of its own would hide the end of this process from its parent.
    output.close()
    waiting.recv_bytes()
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = os.fdopen(2, "w", encoding="utf-8", closefd=False)
    program(arguments)
    sys.stdout.flush()
