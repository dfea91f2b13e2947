"""Runs this package's own commands as programs of their own, as a person would."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from anchor.client import ServiceClient
from anchor.errors import FatalError, ServiceUnavailable

_PROGRAM = (sys.executable, "-m", "anchor.cli")
_COMMAND_TIMEOUT_S = 60.0
_READY_ATTEMPTS = 300
_READY_INTERVAL_S = 0.1
_STOP_TIMEOUT_S = 15.0
_LOG_LINES = 15


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command said, on both streams as they came, and its exit code."""

    output: str
    exit_code: int


def clean_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without settings of another service, which would win over the demonstration's."""
    return {
        name: value
        for name, value in environment.items()
        if not name.startswith("ANCHOR_") or name == "ANCHOR_ANVIL"
    }


async def run(*words: str, folder: Path, environment: Mapping[str, str]) -> Ran:
    """Run `anchor` in a folder; FatalError where it does not end within a minute."""
    process = await asyncio.create_subprocess_exec(
        *_PROGRAM,
        *words,
        cwd=folder,
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(_COMMAND_TIMEOUT_S):
            output, _nothing = await process.communicate()
    except TimeoutError as exc:
        raise FatalError(f"`anchor {words[0]}` did not end within {_COMMAND_TIMEOUT_S:g} s") from exc
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return Ran(output=output.decode("utf-8", "replace"), exit_code=process.returncode or 0)


class ServiceProcess:
    """`anchor serve` as an async context manager: entered, it is ready; left, it has stopped."""

    def __init__(self, *, config: Path, url: str, log: Path, environment: Mapping[str, str]) -> None:
        self._config = config
        self._url = url
        self._log = log
        self._environment = environment
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        """Start the service and return once it is ready; FatalError with its last words where it is not."""
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *_PROGRAM,
                "serve",
                "--config",
                self._config.name,
                cwd=self._config.parent,
                env=self._environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C in a terminal must not stop the service before the demonstration does.
                process_group=0,
            )
        try:
            await self._until_ready(self._process)
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop the service."""
        await self.stop()

    async def stop(self) -> None:
        """Stop the service by SIGTERM and wait until it has finished; kill it where it does not."""
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        process.terminate()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), _STOP_TIMEOUT_S)
        if process.returncode is None:
            process.kill()
            await process.wait()
            raise FatalError(f"the service did not stop within {_STOP_TIMEOUT_S:g} s of SIGTERM")

    async def _until_ready(self, process: asyncio.subprocess.Process) -> None:
        async with ServiceClient(self._url) as client:
            for _ in range(_READY_ATTEMPTS):
                if process.returncode is not None:
                    raise FatalError(
                        f"the service ended with code {process.returncode}:\n{self._last_words()}"
                    )
                with contextlib.suppress(ServiceUnavailable):
                    if await client.is_ready():
                        return
                await asyncio.sleep(_READY_INTERVAL_S)
        raise FatalError(f"the service is not ready after {_READY_ATTEMPTS} looks:\n{self._last_words()}")

    def _last_words(self) -> str:
        lines = self._log.read_text("utf-8", "replace").splitlines()
        return "\n".join(lines[-_LOG_LINES:])


def own_environment() -> dict[str, str]:
    """Return the environment in which the demonstration's programs run."""
    return clean_environment(os.environ)
