"""Faults 35 and 36: what is no HTTP, or could mean two things, is refused before any handler, and leaks into no log."""

from __future__ import annotations

import json

import pytest
from structlog.testing import capture_logs

from anchor.server.connection import Reason
from tests.server.attacked import REQUEST, WAITING, attacked, trivial_app, until

POST = b"POST /read HTTP/1.1\r\nHost: a\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n"
SECRET = b"anchor_issuer_key_that_nobody_may_log"

REFUSED = {
    "length and chunked": POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked and length": CHUNKED + b"Content-Length: 5\r\n\r\n0\r\n\r\n",
    "length twice": POST + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\nx",
    "two lengths": POST + b"Content-Length: 1\r\nContent-Length: 40\r\n\r\nx",
    "list of lengths": POST + b"Content-Length: 1, 1\r\n\r\nx",
    "length with sign": POST + b"Content-Length: +1\r\n\r\nx",
    "negative length": POST + b"Content-Length: -1\r\n\r\nx",
    "length in hex": POST + b"Content-Length: 0x1\r\n\r\nx",
    "length with underscore": POST + b"Content-Length: 1_0\r\n\r\nx",
    "length beyond 64 bits": POST + b"Content-Length: 99999999999999999999\r\n\r\nx",
    "space before colon": POST + b"Content-Length : 1\r\n\r\nx",
    "space before colon, chunked": POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "unknown transfer coding": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "identity": POST + b"Transfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "chunked not last": POST + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "chunked twice": CHUNKED + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "control before chunked": POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "chunk size with 0x": CHUNKED + b"\r\n0x1\r\nx\r\n0\r\n\r\n",
    "negative chunk size": CHUNKED + b"\r\n-1\r\nx\r\n0\r\n\r\n",
    "chunk size beyond 64 bits": CHUNKED + b"\r\nfffffffffffffffff\r\nx\r\n0\r\n\r\n",
    "chunk longer than its size": CHUNKED + b"\r\n1\r\nxyz\r\n0\r\n\r\n",
    "chunk lines with LF only": CHUNKED + b"\r\n1\nx\n0\n\n",
    "LF in a chunk extension": CHUNKED + b"\r\n1;\nx\r\n0\r\n\r\n",
    "length as trailer": CHUNKED + b"\r\n0\r\nContent-Length: 5\r\n\r\n",
    "flood of trailers": CHUNKED + b"\r\n0\r\n" + b"x: y\r\n" * 1000 + b"\r\n",
    "folded line": b"GET /hello HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n",
    "LF only": b"GET /hello HTTP/1.1\nHost: a\n\n",
    "CR alone": b"GET /hello HTTP/1.1\r\nHost: a\rX: b\r\n\r\n",
    "NUL in a header": b"GET /hello HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n",
    "space in a name": b"GET /hello HTTP/1.1\r\nHost: a\r\nX Y: a\r\n\r\n",
    "no host": b"GET /hello HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /hello HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/1.2": b"GET /hello HTTP/1.2\r\nHost: a\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"a" * 50,
    "unknown method": b"STEAL /hello HTTP/1.1\r\nHost: a\r\n\r\n",
    "long address": b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    "long value": b"GET /hello HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 9000 + b"\r\n\r\n",
    "long name": b"GET /hello HTTP/1.1\r\nHost: a\r\n" + b"a" * 9000 + b": x\r\n\r\n",
    "too many headers": b"GET /hello HTTP/1.1\r\nHost: a\r\n" + b"x: y\r\n" * 64 + b"\r\n",
}


@pytest.mark.parametrize("raw", REFUSED.values(), ids=REFUSED)
async def test_malformed_request_is_refused_with_all_that_follows(raw: bytes) -> None:
    """The answer is one 400, and the request that follows on the same connection, smuggled or not, has no answer."""
    async with attacked() as server:
        healthy = await server.healthy()
        client = await server.connect()
        await client.send(raw + REQUEST)
        got = await client.rest()

        assert got.startswith((b"HTTP/1.0 400 ", b"HTTP/1.1 400 "))
        assert b"\r\n\r\nhello" not in got
        await server.ask(healthy)


async def test_malformed_request_is_logged_without_its_text() -> None:
    """What a client sends, its key perhaps, gets into no log; the log says that something was malformed, no more."""
    raw = b"GET /hello HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " + SECRET + b"\x00\r\n\r\n"
    async with attacked() as server:
        with capture_logs() as logs:
            client = await server.connect()
            await client.send(raw)
            await client.rest()

    assert [entry["event"] for entry in logs] == ["request.malformed"]
    assert SECRET.decode() not in json.dumps(logs)


async def test_head_of_many_large_headers_is_refused() -> None:
    """Each header is within its bound, all together are not."""
    async with attacked() as server:
        client = await server.connect()
        await client.send(b"GET /hello HTTP/1.1\r\nHost: a\r\n")
        for number in range(12):
            await client.send(b"x%d: " % number + b"y" * 8000 + b"\r\n")
        got = await client.rest()

        assert got.startswith(b"HTTP/1.1 431 ")
        assert server.ended(Reason.HEAD_SIZE) == 1


@pytest.mark.parametrize("before", [b"", b"\r\n\r\n", b"\r\n" * 50_000])
async def test_head_is_measured_whatever_comes_before_it(before: bytes) -> None:
    """Neither empty lines nor a head that comes in one piece get round its bound."""
    head = b"GET /hello HTTP/1.1\r\nHost: a\r\n" + b"".join(
        b"x%d: %s\r\n" % (n, b"y" * 8000) for n in range(12)
    )
    async with attacked() as server:
        client = await server.connect()
        await client.send(before + head + b"\r\n")

        assert (await client.rest()).startswith(b"HTTP/1.1 431 ")
        assert server.ended(Reason.HEAD_SIZE) == 1


async def test_body_is_not_measured_as_a_head() -> None:
    """A large body without line ends, sent with its head or after it, is no large head."""
    async with attacked() as server:
        client = await server.connect()
        for _ in range(2):
            head = b"POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 500000\r\n\r\n"
            await client.send(head + bytes(200_000))
            await client.send(bytes(300_000))
            assert await client.answer() == b"HTTP/1.1 200 OK"

        assert server.ended(Reason.HEAD_SIZE) == 0


@pytest.mark.parametrize("cut", [1, 2, 3])
async def test_end_of_a_head_is_seen_where_it_is_cut(cut: int) -> None:
    """The four bytes that end a head may come apart: what follows them is the body all the same."""
    head = b"POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n"
    async with attacked() as server:
        healthy = await server.healthy()
        client = await server.connect()
        await client.send(head[:-cut])
        for _ in range(3):
            await server.ask(healthy)
        await client.send(head[-cut:] + bytes(200_000))

        assert await client.answer() == b"HTTP/1.1 200 OK"


@pytest.mark.parametrize("protocol", [b"h2c", b"websocket", b"TLS/1.0"])
async def test_upgrade_is_declined_and_its_connection_ended(protocol: bytes) -> None:
    """What follows a request for another protocol is never read as a request, whole or cut."""
    upgrade = REQUEST[:-2] + b"Connection: upgrade\r\nUpgrade: " + protocol + b"\r\n\r\n"
    async with attacked() as server:
        client = await server.connect()
        await client.send(upgrade + b"POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 31\r\n\r\n")
        await client.send(REQUEST)
        got = await client.rest()

        assert got.startswith(b"HTTP/1.1 200 OK\r\n")
        assert got.count(b"HTTP/1.1") == 1


async def test_pipelined_flood_runs_one_handler_and_reads_no_further() -> None:
    """Of ten thousand requests on one connection one is handled at a time, and few are kept; the rest stay unread."""
    app = trivial_app()
    flood = b"GET /wait HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 1000 + b"\r\n\r\n"
    async with attacked(app) as server:
        healthy = await server.healthy()
        client = await server.connect()
        client.writer.write(flood * 10_000)
        await until(lambda: bool(app[WAITING]))
        for _ in range(50):
            await server.ask(healthy)
        # What the kernel holds between both ends may be some megabytes; what is left here is what nobody read.
        unread = client.writer.transport.get_write_buffer_size()

        assert len(app[WAITING]) == 1
        assert unread > len(flood) * 1000
