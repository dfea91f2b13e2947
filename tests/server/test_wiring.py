"""The service as it is started uses all of it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from anchor.app import _run
from anchor.assembly import Parts
from anchor.config import LimitSettings, ServerSettings, load_settings
from anchor.errors import ConfigError
from anchor.server.addresses import TrustedProxies
from anchor.server.assembly import make_connections
from anchor.server.connection import Reason
from anchor.server.connections import Connections
from tests.server.attacked import until
from tests.support.assembly import Running, make_settings, new_chain, running

SHORT = LimitSettings(connections=16, connections_per_address=2)


@asynccontextmanager
async def served(folder: Path, limits: LimitSettings, *, port: int) -> AsyncIterator[Running]:
    """Run a service with its server and its background tasks, as `anchor serve` does."""
    settings = make_settings(folder, limits=limits)
    server = ServerSettings(port=port, base_url=f"http://127.0.0.1:{port}", trusted_proxies=())
    settings = replace(settings, server=server)
    async with running(settings, new_chain()) as service:
        ready = asyncio.Event()
        parts = Parts(
            services=service.services,
            sealer=service.sealer,
            anchorer=service.anchorer,
            deliveries=service.deliveries,
        )
        task = asyncio.create_task(_run(parts, settings, lambda _url: ready.set(), finishes=False))
        waiting = asyncio.create_task(ready.wait())
        await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        try:
            if task.done():
                await task
            yield service
        finally:
            service.services.stopping.set()
            await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
def port() -> int:
    """Return a port that is free."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
        return number


async def test_service_ends_what_is_overdue_and_one_too_many(tmp_path: Path, port: int) -> None:
    """Deadlines, caps and their metrics come from the settings, and the sweeping runs with the service."""
    async with served(tmp_path, SHORT, port=port) as service:
        pairs = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
        await until(lambda: sample(service, "anchor_connections") == 2)
        service.clock.advance(SHORT.head_timeout_s)
        for reader, _ in pairs:
            assert await asyncio.wait_for(_rest(reader), 20) == b""
        ended = {
            reason: sample(service, "anchor_connections_ended_total", reason=reason.value)
            for reason in (Reason.HEAD_DEADLINE, Reason.ADDRESS_FULL)
        }
        for _, writer in pairs:
            writer.transport.abort()

    assert ended == {Reason.HEAD_DEADLINE: 2.0, Reason.ADDRESS_FULL: 1.0}


async def test_port_that_is_taken_is_named(tmp_path: Path, port: int) -> None:
    """A second service on the port does not start, and says why."""
    async with served(tmp_path / "first", SHORT, port=port):
        with pytest.raises(ConfigError, match=f"cannot listen on 127.0.0.1:{port}"):
            async with served(tmp_path / "second", SHORT, port=port):
                pass


BAD_SETTINGS = {
    "server.trusted_proxies": ('[server]\ntrusted_proxies = ["proxy.example.org"]', "trusted_proxies"),
    "limits.bodies_in_memory_bytes": ("[limits]\nbodies_in_memory_bytes = 1000", "packed_body_bytes"),
    "limits.json_body_bytes": (f"[limits]\njson_body_bytes = {'9' * 400}", "not 99999999999999999999"),
    "limits.connections": ("[limits]\nconnections = 15", "must be from 16 to"),
    "limits.head_timeout_s": ("[limits]\nhead_timeout_s = 0.0", "must be from"),
    "limits.min_bytes_per_s": ("[limits]\nmin_bytes_per_s = 0", "must be from 1 to"),
    "limits.key_requests_per_s": ("[limits]\nkey_requests_per_s = 0", "must be from"),
    "limits.failed_keys_per_minute": ("[limits]\nfailed_keys_per_minute = 0", "must be from 1 to"),
}


@pytest.mark.parametrize(("name", "text", "words"), [(name, *pair) for name, pair in BAD_SETTINGS.items()])
def test_setting_that_would_lock_everyone_out_is_refused(
    tmp_path: Path, name: str, text: str, words: str
) -> None:
    """Each setting has bounds, and the message names it."""
    path = tmp_path / "anchor.toml"
    path.write_text(
        f'[chain]\nrpc_url = "http://127.0.0.1:1"\nchain_id = 1\ncontract = "0x{"c0" * 20}"\n{text}\n',
        "utf-8",
    )
    with pytest.raises(ConfigError) as failure:
        load_settings(path, {})

    assert name in str(failure.value)
    assert words in str(failure.value)


async def test_connections_take_their_limits_from_the_settings(service: Running) -> None:
    """Every limit arrives where it counts."""
    limits = LimitSettings(
        connections=17, connections_per_address=3, head_timeout_s=1, idle_timeout_s=2, write_timeout_s=3
    )
    services = service.services
    made: Connections = make_connections(
        limits, proxies=TrustedProxies([]), clock=services.clock, metrics=services.metrics
    )
    deadlines, caps = made._deadlines, made._caps

    assert (deadlines.head_s, deadlines.idle_s, deadlines.write_s) == (1, 2, 3)
    assert deadlines.min_bytes_per_s == limits.min_bytes_per_s
    assert (caps.total, caps.per_address) == (17, 3)


def sample(service: Running, name: str, **labels: str) -> float | None:
    """Return what a metric says."""
    return service.services.metrics.get_sample_value(name, labels)


async def _rest(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read()
    except ConnectionError:
        return b""
