"""A server with a trivial application, raw connections that attack it, and the healthy client that it serves."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web
from prometheus_client import CollectorRegistry

from anchor.clock import Clock
from anchor.server.addresses import TrustedProxies
from anchor.server.connection import Deadlines, Reason
from anchor.server.connections import Caps, Connections
from anchor.server.http_server import http_server
from tests.support.clock import FakeClock

DEADLINES = Deadlines(head_s=10.0, idle_s=75.0, write_s=30.0, min_bytes_per_s=1024)
CAPS = Caps(total=50, per_address=20)
REQUEST = b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"
HEALTHY_ADDRESS = "127.0.0.1"
ATTACKER = "127.0.0.2"
LARGE_BYTES = 24 * 1024 * 1024
PIECE_BYTES = 1024 * 1024


async def until(condition: Callable[[], bool]) -> None:
    """Let the server run until something has come to it; fail where it never does."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - the kernel tells nobody what it has delivered
            await asyncio.sleep(0.001)


@dataclass(slots=True)
class Raw:
    """A connection of which a test writes every byte."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        """Send bytes."""
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self) -> bytes:
        """Return the status line of the next answer, whose body is read too."""
        return (await self.whole_answer()).partition(b"\r\n")[0]

    async def whole_answer(self) -> bytes:
        """Return the next answer, head and body."""
        head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 20)
        length = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
        return head + await self.reader.readexactly(int(length[0].partition(b":")[2]))

    async def some(self, size_bytes: int) -> int:
        """Read so many bytes at most, and return how many came; an end of the connection is a failure."""
        part = await self.reader.read(size_bytes)
        assert part, "the server has ended the connection"
        return len(part)

    async def rest(self) -> bytes:
        """Return all that comes until the server ends the connection, in whatever way."""
        got = b""
        try:
            async with asyncio.timeout(20):
                while part := await self.reader.read(1 << 16):
                    got += part
        except ConnectionError:
            pass
        return got


@dataclass(slots=True)
class Attacked:
    """A running server: what it counts, the clock of its deadlines, and ways to connect."""

    port: int
    connections: Connections
    metrics: CollectorRegistry
    clock: FakeClock
    writers: list[asyncio.StreamWriter]

    @property
    def open(self) -> int:
        """How many connections the server has."""
        return int(self.metrics.get_sample_value("anchor_connections") or 0)

    def ended(self, reason: Reason) -> int:
        """How many it has ended for a reason."""
        sample = self.metrics.get_sample_value("anchor_connections_ended_total", {"reason": reason.value})
        return int(sample or 0)

    def pending(self, client: Raw) -> int:
        """How many bytes the server has for a client that the kernel does not take any more."""
        address = client.writer.get_extra_info("sockname")
        sizes = [
            transport.get_write_buffer_size()
            for transport in self.connections._open
            if isinstance(transport, asyncio.WriteTransport)
            and transport.get_extra_info("peername") == address
        ]
        return sizes[0] if sizes else 0

    async def connect(self, address: str = ATTACKER, *, receive_bytes: int | None = None) -> Raw:
        """Connect from an address of this machine; `receive_bytes` keeps the kernel from reading much ahead."""
        client = socket.socket()
        client.settimeout(0)
        if receive_bytes is not None:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        client.bind((address, 0))
        await asyncio.get_running_loop().sock_connect(client, ("127.0.0.1", self.port))
        reader, writer = await asyncio.open_connection(sock=client, limit=1 << 12)
        self.writers.append(writer)
        return Raw(reader, writer)

    async def healthy(self) -> Raw:
        """Connect as an honest client, whose first request is answered."""
        client = await self.connect(HEALTHY_ADDRESS)
        await self.ask(client)
        return client

    async def ask(self, client: Raw) -> None:
        """Ask once more over the same connection and expect the answer."""
        await client.send(REQUEST)
        assert await client.answer() == b"HTTP/1.1 200 OK"

    def wait(self, seconds: float) -> None:
        """Let time pass for the server's deadlines, and let it look at them."""
        self.clock.advance(seconds)
        self.connections.sweep()


def trivial_app() -> web.Application:
    """Return an application that answers at once, with much, piece by piece, or when an event is set."""
    app = web.Application()
    app.add_routes(
        [
            web.get("/hello", _hello),
            web.post("/hello", _hello),
            web.get("/large", _large),
            web.get("/pieces", _pieces),
            web.post("/read", _read),
            web.get("/wait", _wait),
        ]
    )
    app[RELEASE] = asyncio.Event()
    app[WAITING] = []
    return app


RELEASE = web.AppKey("release", asyncio.Event)
WAITING = web.AppKey("waiting", list[str])


async def _hello(_request: web.Request) -> web.Response:
    return web.Response(text="hello")


async def _large(_request: web.Request) -> web.Response:
    return web.Response(body=bytes(LARGE_BYTES))


async def _pieces(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    response.content_length = LARGE_BYTES
    try:
        await response.prepare(request)
        for _ in range(LARGE_BYTES // PIECE_BYTES):
            await response.write(bytes(PIECE_BYTES))
    except ConnectionError:
        pass  # What the test looks at is the connection.
    return response


async def _read(request: web.Request) -> web.Response:
    return web.Response(text=str(len(await request.read())))


async def _wait(request: web.Request) -> web.Response:
    request.app[WAITING].append(request.path)
    await request.app[RELEASE].wait()
    return web.Response(text="released")


@asynccontextmanager
async def attacked(
    app: web.Application | None = None,
    *,
    caps: Caps = CAPS,
    deadlines: Deadlines = DEADLINES,
    proxies: tuple[str, ...] = (),
    clock: Clock | None = None,
) -> AsyncIterator[Attacked]:
    """Serve until the end of the block; deadlines pass when the test says so, or by a clock that is given."""
    fake, metrics = FakeClock(), CollectorRegistry()
    connections = Connections(
        caps=caps,
        deadlines=deadlines,
        proxies=TrustedProxies(proxies),
        clock=clock or fake,
        metrics=metrics,
    )
    serving = http_server(
        app or trivial_app(), connections, host="127.0.0.1", port=0, idle_timeout_s=600, shutdown_s=0.1
    )
    writers: list[asyncio.StreamWriter] = []
    try:
        async with serving as (_, port):
            yield Attacked(port, connections, metrics, fake, writers)
    finally:
        for writer in writers:
            writer.transport.abort()
