"""The real service as a process of its own: started, killed, started again on the same data."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp

from tests.support import forked
from tests.support.anvil import AnvilChain
from tests.support.forked import Forked, Program, fork
from tests.support.secret_watch import secrets_in

ROOT = Path(__file__).parents[2]
POLL_S = 0.05
MAX_POLLS = 1200
STOP_TIMEOUT_S = 60.0
COMMAND_TIMEOUT_S = 120.0
TOO_MANY_REQUESTS = 429


@dataclass(frozen=True, slots=True)
class IssuerAccess:
    """An issuer of a running service and its API key."""

    identifier: str
    api_key: str = field(repr=False)

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.api_key}"}


class RunningService:
    """
    One installation: a folder with settings and data, a port, and at most one process.

    Everything goes over HTTP and the command line, as users go. Processes are forked, since an interpreter's imports
    take longer than most tests. `program` is what serves; with None an interpreter of its own runs the command, for
    tests of how a process begins or what it may have. `extra_environment` goes to the service's process alone.
    """

    def __init__(
        self,
        *,
        folder: Path,
        chain: AnvilChain,
        rpc_url: str | None = None,
        max_age_s: float = 0.2,
        private_key: bytes | None = None,
        program: Program | None = forked.anchor,
        extra_environment: Mapping[str, str] | None = None,
        extra_chain_settings: str = "",
        extra_settings: str = "",
    ) -> None:
        self.folder = folder
        self.port = _free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        self._program = program
        self._commands = count(1)
        self.extra_environment = dict(extra_environment or {})
        self.private_key = private_key or chain.development.private_key
        self._process: asyncio.subprocess.Process | Forked | None = None
        self._chain_settings = extra_chain_settings
        self._settings = f"[batching]\nmax_age_s = {max_age_s}\nstatus_wait_s = {max_age_s}\n{extra_settings}"
        folder.mkdir(parents=True, exist_ok=True)
        self.settle_on(chain, rpc_url=rpc_url)

    def settle_on(self, chain: AnvilChain, *, rpc_url: str | None = None) -> None:
        """Write settings that name a chain and its contract."""
        self.chain = chain
        (self.folder / "anchor.toml").write_text(
            f"""
data_dir = "data"
[server]
port = {self.port}
base_url = "{self.base_url}"
[chain]
rpc_url = "{rpc_url or chain.rpc_url}"
preset = "anvil"
contract = "{chain.contract}"
from_block = {chain.deployed_at}
poll_s = 0.1
{self._chain_settings}
{self._settings}
""",
            "utf-8",
        )

    def moved_to(self, folder: Path) -> RunningService:
        """Return the same installation in another folder that holds its settings: same port, same publisher."""
        moved = object.__new__(RunningService)
        moved.folder, moved.port, moved.base_url = folder, self.port, self.base_url
        moved.private_key, moved._process = self.private_key, None
        moved._program, moved.extra_environment = self._program, self.extra_environment
        moved._commands = self._commands
        moved._chain_settings, moved._settings = self._chain_settings, self._settings
        return moved

    def lost(self, folder: Path) -> RunningService:
        """Return the installation with its settings in another folder, and without its data."""
        shutil.copytree(self.folder, folder, ignore=lambda _path, _names: ["data", "service.log"])
        return self.moved_to(folder)

    @property
    def environment(self) -> dict[str, str]:
        """The environment of the service's process: the publisher's key is in it."""
        return {
            **os.environ,
            "ANCHOR_PUBLISHER_PRIVATE_KEY": self.private_key.hex(),
            **self.extra_environment,
        }

    @property
    def database(self) -> Path:
        return self.folder / "data" / "anchor.db"

    def use_key(self, private_key: bytes) -> None:
        """Sign with another key from the next start on."""
        self.private_key = private_key

    async def command(
        self, *arguments: str, code: int = 0, environment: Mapping[str, str] | None = None
    ) -> str:
        """Run an `anchor` command in this installation and return what it printed; it must end with the exit code."""
        process = await self.begin_command(*arguments, environment=environment)
        printed, errors = await asyncio.wait_for(process.communicate(), COMMAND_TIMEOUT_S)
        assert process.returncode == code, (printed.decode(), errors.decode())
        return printed.decode() if code == 0 else errors.decode()

    async def begin_command(self, *arguments: str, environment: Mapping[str, str] | None = None) -> Forked:
        """Start an `anchor` command in this installation."""
        return await fork(
            forked.anchor,
            list(arguments),
            environment={**self.environment, "ANCHOR_CONFIG": "anchor.toml", **(environment or {})},
            errors=self.folder / f"command-{next(self._commands)}.log",
            folder=self.folder,
        )

    @property
    def operator_key(self) -> str:
        return (self.folder / "data" / "operator.key").read_text("utf-8").strip()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def memory_mib(self) -> float:
        """What the process holds in memory now, in MiB."""
        lines = Path(f"/proc/{self.pid}/status").read_text("ascii").splitlines()
        (kib,) = [line.split()[1] for line in lines if line.startswith("VmRSS:")]
        return int(kib) / 1024

    @property
    def is_running(self) -> bool:
        """Whether a process runs, as far as is known: one that was just killed may still count."""
        return self._process is not None and self._process.returncode is None

    @property
    def log(self) -> str:
        return self._log_path.read_text("utf-8") if self._log_path.exists() else ""

    @property
    def _log_path(self) -> Path:
        return self.folder / "service.log"

    async def start(self) -> None:
        """Start the process and wait until it is ready; AssertionError with its log where it ends instead."""
        assert await self.begins(), self.log

    async def begins(self) -> bool:
        """Start the process and wait until it is ready or gone; return whether it is ready."""
        output = await self._launch()
        return (await output.readline()).startswith(b"ready")

    async def _launch(self) -> asyncio.StreamReader:
        arguments = ["serve", "--config", str(self.folder / "anchor.toml")]
        if self._program is not None:
            self._process = process = await fork(
                self._program, arguments, environment=self.environment, errors=self._log_path
            )
            return process.output
        with self._log_path.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "anchor.cli",
                *arguments,
                cwd=ROOT,
                env=self.environment,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
            )
        assert self._process.stdout is not None
        return self._process.stdout

    async def wait_for_exit(self) -> int:
        """Wait until the process ends by itself and return its exit code; its log must tell no key."""
        assert self._process is not None
        code = await asyncio.wait_for(self._process.wait(), STOP_TIMEOUT_S)
        self._process = None
        assert secrets_in(self.log) == []
        return code

    async def stop(self) -> int:
        """Ask the process to finish and return its exit code; 0 where none runs."""
        return await self._end(signal.SIGTERM)

    def kill_now(self) -> None:
        """Send SIGKILL and do not wait: for use inside a hook of the RPC proxy."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGKILL)

    async def kill(self) -> None:
        """Kill -9 and wait for the end."""
        await self._end(signal.SIGKILL)

    async def _end(self, number: int) -> int:
        if self._process is None:
            return 0
        if self._process.returncode is None:
            self._process.send_signal(number)
        return await self.wait_for_exit()

    async def request(
        self, method: str, path: str, *, headers: dict[str, str] | None = None, **arguments: Any
    ) -> tuple[int, Any]:
        """
        Send one request and return the status and the JSON body, which tells a key only where one is made.

        Asked too often, as a check of many thousand digests does, the service is asked again when it says.
        """
        async with aiohttp.ClientSession() as session:
            while True:
                async with session.request(
                    method, self.base_url + path, headers=headers, **arguments
                ) as response:
                    makes_key = path == "/v1/issuers" or path.endswith("/rotate-key")
                    assert makes_key or secrets_in(await response.text()) == []
                    if response.status != TOO_MANY_REQUESTS:
                        return response.status, await response.json(content_type=None)
                    await asyncio.sleep(float(response.headers["Retry-After"]))

    async def read_text(self, path: str) -> str:
        """GET a path and return its text."""
        async with aiohttp.ClientSession() as session, session.get(self.base_url + path) as response:
            assert response.status == 200
            return await response.text()

    async def add_issuer(self, identifier: str | None = None, name: str = "Test issuer") -> IssuerAccess:
        """Add an issuer: managed by the service where no identifier is given."""
        kind: dict[str, Any] = {"listSigner": "managed"} if identifier is None else {"id": identifier}
        status, body = await self.request(
            "POST",
            "/v1/issuers",
            headers={"Authorization": f"Bearer {self.operator_key}"},
            json={"name": name, **kind},
        )
        assert status == 201, body
        return IssuerAccess(identifier=body["id"], api_key=body["apiKey"])

    async def wait_for_state(self, issuer: IssuerAccess, digest: str, state: str, **query: str) -> Any:
        """Poll until a digest has reached a state and return its receipt."""
        order = ["accepted", "sealed", "sent", "mined", "final"]
        for _ in range(MAX_POLLS):
            status, body = await self.request(
                "GET", f"/v1/digests/{digest}", headers=issuer.headers, params=query
            )
            assert status == 200, body
            if order.index(body["state"]) >= order.index(state):
                return body
            await asyncio.sleep(POLL_S)
        raise AssertionError(f"{digest} did not become {state}: {self.log[-2000:]}")

    async def wait_for_sequence(self, sequence: int) -> Any:
        """Poll until a batch is mined and return its document."""
        for _ in range(MAX_POLLS):
            status, body = await self.request("GET", f"/v1/batches/{sequence}")
            if status == 200:
                return body
            await asyncio.sleep(POLL_S)
        raise AssertionError(f"batch {sequence} was not mined: {self.log[-2000:]}")

    async def wait_for_anchored_version(self, number: int, version: int) -> Any:
        """Poll until the head commits to a list's version or a later one, and return the head's document."""
        for _ in range(MAX_POLLS):
            _, publisher = await self.request("GET", "/v1/publisher")
            if publisher["head"]:
                _, batch = await self.request("GET", f"/v1/batches/{publisher['head']['sequence']}")
                listed = {item["number"]: item["version"] for item in batch["lists"]}
                if listed.get(number, -1) >= version:
                    return batch
            await asyncio.sleep(POLL_S)
        raise AssertionError(f"list {number} was not anchored: {self.log[-2000:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
