"""Fault 36: a flood of connections stays within its caps, and keeps no honest client out."""

from __future__ import annotations

import resource

import pytest

from anchor.server.connection import Reason
from anchor.server.connections import Caps
from tests.server.attacked import (
    ATTACKER,
    RELEASE,
    REQUEST,
    WAITING,
    Attacked,
    Raw,
    attacked,
    trivial_app,
    until,
)

FLOOD = 2000
DESCRIPTORS_PER_CONNECTION = 2
"""Both ends are in this process."""


async def test_flood_of_idle_connections_keeps_nobody_out() -> None:
    """Two thousand silent connections take the places of one another; new and known clients are answered throughout."""
    room = resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 400
    flood = min(FLOOD, room // DESCRIPTORS_PER_CONNECTION)
    caps = Caps(total=300, per_address=100)
    async with attacked(caps=caps) as server:
        known = await server.healthy()
        for number in range(flood):
            await server.connect(f"127.0.1.{number % 250 + 1}")
            if number % 100 == 99:
                await server.ask(known)
                await (await server.healthy()).send(REQUEST)
                assert server.open <= caps.total
        await until(lambda: server.open + server.ended(Reason.EVICTED) == flood + flood // 100 + 1)

        assert server.open == caps.total
        assert server.ended(Reason.EVICTED) > flood / 2
        assert (server.ended(Reason.FULL), server.ended(Reason.ADDRESS_FULL)) == (0, 0)
        await server.ask(known)
        await server.healthy()


async def test_one_address_has_its_cap() -> None:
    """Connections of one address beyond its cap are ended at once; others are not touched; places become free again."""
    async with attacked(caps=Caps(total=100, per_address=5)) as server:
        kept = [await opened(server) for _ in range(5)]
        refused = await server.connect()

        assert await refused.rest() == b""
        assert (server.open, server.ended(Reason.ADDRESS_FULL)) == (5, 1)
        await server.healthy()
        kept[0].writer.transport.abort()
        await until(lambda: server.open == 5)
        await server.ask(await server.connect())
        assert server.ended(Reason.ADDRESS_FULL) == 1


async def test_trusted_proxy_has_no_cap_of_its_own() -> None:
    """All clients come through the proxy: only the cap of all connections counts for it."""
    async with attacked(caps=Caps(total=30, per_address=5), proxies=("127.0.0.2/32",)) as server:
        for _ in range(30):
            await opened(server)

        assert server.ended(Reason.ADDRESS_FULL) == 0
        stranger = [await opened(server, "127.0.0.3") for _ in range(5)]
        await (await server.connect("127.0.0.3")).rest()
        assert (len(stranger), server.ended(Reason.ADDRESS_FULL), server.ended(Reason.EVICTED)) == (5, 1, 5)


async def test_room_is_made_first_by_those_that_never_asked_anything() -> None:
    """A client that has been served before keeps its connection while there are others that only hold theirs."""
    async with attacked(caps=Caps(total=3, per_address=3)) as server:
        served = await server.healthy()
        server.wait(1)
        silent = [await opened(server) for _ in range(2)]
        server.wait(1)
        newcomer = await server.connect("127.0.0.3")
        await server.ask(newcomer)

        assert await silent[0].rest() == b""
        assert server.open == 3
        await server.ask(served)


async def test_connections_with_requests_under_way_are_never_given_away() -> None:
    """Where handlers run on every connection, a new one is refused and the others are answered."""
    app = trivial_app()
    async with attacked(app, caps=Caps(total=4, per_address=4)) as server:
        busy = [await server.connect() for _ in range(4)]
        for client in busy:
            await client.send(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
        await until(lambda: len(app[WAITING]) == 4)
        newcomer = await server.connect("127.0.0.3")

        assert await newcomer.rest() == b""
        assert (server.ended(Reason.FULL), server.ended(Reason.EVICTED)) == (1, 0)
        app[RELEASE].set()
        assert [await client.answer() for client in busy] == [b"HTTP/1.1 200 OK"] * 4


async def test_counts_return_to_nothing() -> None:
    """Whatever way connections end, none is counted for ever."""
    async with attacked(caps=Caps(total=10, per_address=10)) as server:
        clients = [await opened(server, f"127.0.0.{2 + number % 3}") for number in range(25)]
        server.wait(5)
        clients[-1].writer.transport.abort()
        clients[-2].writer.write_eof()
        await until(lambda: server.open == 8)
        server.wait(5)

        await until(lambda: server.open == 0)
        assert not server.connections._per_address


@pytest.mark.parametrize("path", ["/large", "/hello", "/wait"])
async def test_stop_ends_every_connection(path: str) -> None:
    """When the server stops, nothing stays open: no idle client, none that does not read, none that waits."""
    async with attacked() as server:
        client = await server.connect(receive_bytes=4096)
        await client.send(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        await client.reader.read(1) if path == "/hello" else await until(lambda: server.open == 1)
        await opened(server)

    assert server.open == 0


async def opened(server: Attacked, address: str = ATTACKER) -> Raw:
    """Connect, and wait until the server knows."""
    before = server.open + server.ended(Reason.EVICTED)
    client = await server.connect(address)
    await until(lambda: server.open + server.ended(Reason.EVICTED) > before)
    return client
