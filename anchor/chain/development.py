"""A local Ethereum chain for demonstration and tests: anvil as a child process."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Self

from anchor.chain.client import Web3Chain
from anchor.chain.presets import DEVELOPMENT_CHAIN_ID
from anchor.chain.rpc import RetryPolicy
from anchor.chain.state_file import StateFile
from anchor.errors import ChainUnavailable, ConfigError

DEVELOPMENT_PRIVATE_KEY = bytes.fromhex("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")
"""Account 0 of anvil's default mnemonic: everybody knows it, so it is for development chains only."""

_HOST = "127.0.0.1"
_START_TIMEOUT_S = 20.0
_POLL_INTERVAL_S = 0.05
_STOP_TIMEOUT_S = 10.0
_COPY_INTERVAL_S = 2.0
_LOG_BYTES = 2000
_ZERO_ADDRESS = "0x" + "00" * 20


def find_anvil(environment: Mapping[str, str]) -> Path:
    """
    Return the anvil program: `$ANCHOR_ANVIL`, else from the PATH, else from this checkout's node packages.

    Raises ConfigError where there is none.
    """
    named = environment.get("ANCHOR_ANVIL")
    if named:
        if not os.access(named, os.X_OK) or not Path(named).is_file():
            raise ConfigError(f"ANCHOR_ANVIL names {named}, which is no program: correct it")
        return Path(named)
    on_path = shutil.which("anvil", path=environment.get("PATH", ""))
    if on_path is not None:
        return Path(on_path)
    checkout = Path(__file__).resolve().parents[2]
    packages = checkout / "contracts" / "node_modules" / "@foundry-rs"
    shipped = next((found for found in sorted(packages.glob("anvil-*/bin/anvil*"))), None)
    if shipped is None:
        raise ConfigError("anvil was not found: run `make setup`, or name the program in ANCHOR_ANVIL")
    return shipped


class DevelopmentChain:
    """
    An anvil process as an async context manager: entered, it answers; left, it is gone; it can be re-entered.

    With a state file, a restart keeps the chain and its genesis hash, even after a kill -9; what was mined
    in the last few seconds before a kill can then be lost, finalized or not (see anchor.chain.state_file).
    Without one, each start is a new chain. A block is finalized once two more stand on it.
    """

    def __init__(
        self,
        *,
        state_path: Path | None = None,
        port: int | None = None,
        block_time_s: float = 0.5,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._anvil = find_anvil(os.environ if environment is None else environment)
        self._state = None if state_path is None else StateFile(path=state_path)
        self._port = _free_port() if port is None else port
        self._block_time_s = block_time_s
        self._process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()

    @property
    def rpc_url(self) -> str:
        """Where the chain answers."""
        return f"http://{_HOST}:{self._port}"

    @property
    def private_key(self) -> bytes:
        """The key of an account with 10,000 ether of no value."""
        return DEVELOPMENT_PRIVATE_KEY

    @property
    def pid(self) -> int | None:
        """The process id while anvil runs."""
        return None if self._process is None else self._process.pid

    async def __aenter__(self) -> Self:
        """
        Start anvil and return once it answers, and once its first state is on disk where it has a state file.

        Raises ConfigError where the port is taken or anvil exits, ChainUnavailable where it does not answer.
        """
        assert self._process is None, "a development chain cannot be entered twice at a time"
        _require_free(self._port)
        with tempfile.TemporaryFile() as log:
            self._process = await self._started(log)
            try:
                await self._until_ready(self._process, log)
            except BaseException:
                await self.kill()
                raise
        if self._state is not None:
            self._stopping.clear()
            self._keeper = asyncio.create_task(_keep_copies(self._state, self._stopping))
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop anvil."""
        await self.stop()

    async def wait(self) -> None:
        """Return when anvil is gone. Precondition: entered."""
        assert self._process is not None, "a development chain is waited for inside its context"
        await self._process.wait()

    async def stop(self) -> None:
        """Stop anvil so that it saves its state first, or kill it after 10 s; does nothing if it is gone."""
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), _STOP_TIMEOUT_S)
        await self.kill()

    async def kill(self) -> None:
        """Kill anvil at once (SIGKILL), as a crash would; does nothing if it is gone."""
        if self._process is not None:
            if self._process.returncode is None:
                self._process.kill()
            await self._process.wait()
            self._process = None
        if self._keeper is not None:
            self._stopping.set()
            await self._keeper
            self._keeper = None

    async def _started(self, log: IO[bytes]) -> asyncio.subprocess.Process:
        lock = None
        try:
            if self._state is not None:
                lock = self._state.lock()
                self._state.prepare()
            return await asyncio.create_subprocess_exec(
                self._anvil,
                *self._arguments(),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=() if lock is None else (lock,),
                # Ctrl-C in a terminal must not stop the chain before its users have finished.
                process_group=0,
            )
        except OSError as exc:
            raise ConfigError(f"the development chain cannot be started: {exc}") from exc
        finally:
            if lock is not None:
                os.close(lock)

    def _arguments(self) -> list[str]:
        arguments = ["--host", _HOST, "--port", str(self._port), "--chain-id", str(DEVELOPMENT_CHAIN_ID)]
        arguments += ["--slots-in-an-epoch", "1", "--block-time", str(self._block_time_s), "--silent"]
        if self._state is not None:
            # Without the interval a killed anvil would come back without anything it mined.
            arguments += ["--state", str(self._state.path), "--state-interval", "1"]
        return arguments

    async def _until_ready(self, process: asyncio.subprocess.Process, log: IO[bytes]) -> None:
        """Poll until anvil answers and its state is saved, at most for 20 s and three blocks."""
        chain = Web3Chain(rpc_url=self.rpc_url, contract=_ZERO_ADDRESS, retry=RetryPolicy(attempts=1))
        try:
            for _ in range(round((_START_TIMEOUT_S + 3 * self._block_time_s) / _POLL_INTERVAL_S)):
                if process.returncode is not None:
                    raise ConfigError(f"{self._anvil} exited with {process.returncode}: {_last_words(log)}")
                if await _answers(chain) and (self._state is None or self._state.keep_copy()):
                    return
                await asyncio.sleep(_POLL_INTERVAL_S)
        finally:
            await chain.close()
        raise ChainUnavailable(f"{self._anvil} does not answer at {self.rpc_url}: is the machine overloaded?")


async def _answers(chain: Web3Chain) -> bool:
    """Say whether state can be read as of the finalized block; after a restart that takes two new blocks."""
    try:
        finalized = await chain.block("finalized")
        if finalized is not None:
            await chain.code_hash(_ZERO_ADDRESS, finalized.hash)
    except ChainUnavailable:
        return False
    return finalized is not None


async def _keep_copies(state: StateFile, stopping: asyncio.Event) -> None:
    """Copy the state until told to stop, in a thread, since it is read and parsed as a whole."""
    while not stopping.is_set():
        # A full disk must not end the copying: the last copy stays, and the next may succeed.
        with contextlib.suppress(OSError):
            await asyncio.to_thread(state.keep_copy)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), _COPY_INTERVAL_S)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        return int(probe.getsockname()[1])


def _require_free(port: int) -> None:
    """Raise ConfigError where something else answers on the port: it would be taken for the chain."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError as exc:
            raise ConfigError(f"port {port} is not free ({exc.strerror}): choose another") from exc


def _last_words(log: IO[bytes]) -> str:
    log.seek(0)
    words = log.read(_LOG_BYTES).decode("utf-8", "replace")
    return " ".join(words.split()) or "no reason given"
