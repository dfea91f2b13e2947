"""Fault 36: slow heads, idle connections and clients that do not read are ended; honest clients notice nothing."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from anchor.clock import SystemClock
from anchor.server.connection import Deadlines, Reason
from tests.server.attacked import (
    DEADLINES,
    LARGE_BYTES,
    PIECE_BYTES,
    RELEASE,
    WAITING,
    attacked,
    trivial_app,
    until,
)

A_PIECE_IN_EACH_WINDOW = replace(DEADLINES, min_bytes_per_s=round(PIECE_BYTES / DEADLINES.write_s))

SLOW_HEADS = {
    "nothing": b"",
    "half a line": b"GET /hel",
    "half a head": b"GET /hello HTTP/1.1\r\nHost: a\r\nX-A: b\r\n",
    "empty lines": b"\r\n\r\n\r\n",
}


@pytest.mark.parametrize("head", SLOW_HEADS.values(), ids=SLOW_HEADS)
async def test_slow_head_is_ended_at_its_deadline(head: bytes) -> None:
    """A head that is not complete in time ends its connection, at the deadline and not before."""
    async with attacked() as server:
        healthy = await server.healthy()
        slow = await server.connect()
        await slow.send(head)
        await until(lambda: server.open == 2)

        server.wait(DEADLINES.head_s - 0.1)
        await server.ask(healthy)
        before = (server.open, server.ended(Reason.HEAD_DEADLINE))
        server.wait(0.1)

        assert before == (2, 0)
        assert await slow.rest() == b""
        assert (server.open, server.ended(Reason.HEAD_DEADLINE)) == (1, 1)
        await server.ask(healthy)


async def test_dripping_head_gains_no_time() -> None:
    """One byte a second, as slowloris sends it, ends as early as silence."""
    async with attacked() as server:
        healthy = await server.healthy()
        slow = await server.connect()
        await slow.send(b"GET /hello HTTP/1.1\r\nX: ")
        await until(lambda: server.open == 2)
        for _ in range(9):
            await slow.send(b"a")
            server.wait(1)
            await server.ask(healthy)

        assert server.open == 2
        server.wait(1)

        assert await slow.rest() == b""
        assert server.ended(Reason.HEAD_DEADLINE) == 1


async def test_next_request_has_the_head_deadline_from_its_first_byte() -> None:
    """A kept connection may rest for long, but once a request begins its head must come in time."""
    async with attacked() as server:
        client = await server.healthy()
        server.wait(DEADLINES.idle_s - 1)
        rested = server.open
        await client.send(b"GET /he")
        # Another client's answer shows that the server has seen those bytes.
        await server.healthy()
        server.wait(DEADLINES.head_s - 1)
        begun = server.open
        server.wait(1)

        assert (rested, begun) == (1, 2)
        assert await client.rest() == b""
        assert server.ended(Reason.HEAD_DEADLINE) == 1


async def test_idle_connection_is_ended_at_its_own_deadline() -> None:
    """A connection that is kept alive is ended after the idle deadline, which each request begins anew."""
    async with attacked() as server:
        client = await server.healthy()
        for _ in range(3):
            server.wait(DEADLINES.idle_s - 1)
            await server.ask(client)

        assert server.ended(Reason.IDLE_DEADLINE) == 0
        server.wait(DEADLINES.idle_s)

        assert await client.rest() == b""
        assert (server.open, server.ended(Reason.IDLE_DEADLINE)) == (0, 1)


async def test_handler_may_take_longer_than_any_deadline() -> None:
    """Deadlines are the client's: a request under way is never ended for the service's own slowness."""
    app = trivial_app()
    async with attacked(app) as server:
        client = await server.connect()
        await client.send(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
        await until(lambda: bool(app[WAITING]))
        server.wait(10_000)
        app[RELEASE].set()

        assert await client.answer() == b"HTTP/1.1 200 OK"


@pytest.mark.parametrize("path", ["large", "pieces"])
async def test_client_that_never_reads_is_ended(path: str) -> None:
    """An answer that nobody takes ends its connection, whether it is sent at once or piece by piece."""
    async with attacked() as server:
        healthy = await server.healthy()
        deaf = await server.connect(receive_bytes=4096)
        await deaf.send(b"GET /%s HTTP/1.1\r\nHost: a\r\n\r\n" % path.encode())
        await until(lambda: server.pending(deaf) > 0)
        server.wait(1)
        for _ in range(29):
            server.wait(1)
            await server.ask(healthy)

        before = server.ended(Reason.WRITE_DEADLINE)
        server.wait(1)

        assert (before, server.ended(Reason.WRITE_DEADLINE), server.open) == (0, 1, 1)
        await server.ask(healthy)


async def test_client_that_closes_after_asking_and_never_reads_is_ended() -> None:
    """`Connection: close` does not help: closing waits for the client to read, ending does not."""
    async with attacked() as server:
        deaf = await server.connect(receive_bytes=4096)
        await deaf.send(b"GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        await until(lambda: server.pending(deaf) > 0)
        server.wait(0)
        server.wait(DEADLINES.write_s)

        assert (server.open, server.ended(Reason.WRITE_DEADLINE)) == (0, 1)


async def test_drip_reader_is_ended() -> None:
    """A client that takes less than the least rate is no better than one that takes nothing."""
    async with attacked(deadlines=A_PIECE_IN_EACH_WINDOW) as server:
        drip = await server.connect(receive_bytes=4096)
        await drip.send(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
        await until(lambda: server.pending(drip) > 0)
        server.wait(0)
        first = server.pending(drip)
        while server.pending(drip) == first:
            await drip.some(4096)
        left = server.pending(drip)
        server.wait(DEADLINES.write_s)

        assert first - PIECE_BYTES < left < first
        assert server.ended(Reason.WRITE_DEADLINE) == 1


async def test_slow_reader_that_keeps_the_rate_gets_everything() -> None:
    """Who takes the least rate keeps the connection for as long as the answer is long."""
    async with attacked(deadlines=A_PIECE_IN_EACH_WINDOW) as server:
        slow = await server.connect(receive_bytes=4096)
        await slow.send(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
        await until(lambda: server.pending(slow) > 0)
        await slow.reader.readuntil(b"\r\n\r\n")
        got, windows = 0, 0
        server.wait(0)
        while server.pending(slow):
            goal = server.pending(slow) - 2 * PIECE_BYTES
            while server.pending(slow) > max(0, goal):
                got += await slow.some(1 << 16)
            server.wait(DEADLINES.write_s)
            windows += 1
        while got < LARGE_BYTES:
            got += await slow.some(1 << 16)

        assert windows > 3
        assert (got, server.ended(Reason.WRITE_DEADLINE), server.open) == (LARGE_BYTES, 0, 1)
        await server.ask(slow)


async def test_slow_reader_of_a_stream_is_judged_by_what_it_takes() -> None:
    """A stream that goes on as fast as it is read has as much waiting as before: that is no lack of progress."""
    small_share = replace(DEADLINES, min_bytes_per_s=1024)
    async with attacked(deadlines=small_share) as server:
        slow = await server.connect(receive_bytes=4096)
        await slow.send(b"GET /pieces HTTP/1.1\r\nHost: a\r\n\r\n")
        await until(lambda: server.pending(slow) > 0)
        await slow.reader.readuntil(b"\r\n\r\n")
        got = 0
        for window in range(1, LARGE_BYTES // PIECE_BYTES // 2 + 1):
            while got < window * 2 * PIECE_BYTES:
                got += await slow.some(1 << 16)
            server.wait(DEADLINES.write_s)

        assert (got, server.ended(Reason.WRITE_DEADLINE), server.open) == (LARGE_BYTES, 0, 1)
        await server.ask(slow)


async def test_rest_of_an_unwanted_body_is_no_request() -> None:
    """A client that sends on after an early answer can read that answer, and the connection ends by itself."""
    async with attacked() as server:
        client = await server.connect()
        await client.send(b"POST /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 400000\r\n\r\n")
        status = await client.answer()
        for _ in range(4):
            await client.send(bytes(100_000))
        await server.ask(client)

        assert status == b"HTTP/1.1 200 OK"
        assert server.ended(Reason.HEAD_SIZE) == 0


async def test_unfinished_unwanted_body_is_ended() -> None:
    """The rest of a body is awaited no longer than an idle connection."""
    async with attacked() as server:
        client = await server.connect()
        await client.send(b"POST /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 400000\r\n\r\n")
        await client.answer()
        await client.send(b"x")
        server.wait(DEADLINES.idle_s)

        assert await client.rest() == b""
        assert server.ended(Reason.IDLE_DEADLINE) == 1


async def test_deadlines_pass_by_themselves() -> None:
    """With the machine's clock and the task that sweeps, nobody needs to help."""
    short = Deadlines(head_s=0.05, idle_s=0.05, write_s=0.05, min_bytes_per_s=1024)
    async with attacked(deadlines=short, clock=SystemClock()) as server:
        sweeping = asyncio.create_task(server.connections.run())
        slow, deaf = await server.connect(), await server.connect(receive_bytes=4096)
        await deaf.send(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n")

        assert await slow.rest() == b""
        await until(lambda: server.open == 0)
        assert (server.ended(Reason.HEAD_DEADLINE), server.ended(Reason.WRITE_DEADLINE)) == (1, 1)
        sweeping.cancel()
