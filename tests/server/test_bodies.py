"""Faults 35 and 36: bodies are bounded in time and in what all of them take of memory."""

from __future__ import annotations

import asyncio
import gc
import gzip
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from anchor.api.app import make_app
from anchor.config import LimitSettings
from anchor.server.body_budget import BodyBudget
from anchor.server.connection import Reason
from anchor.server.connections import Caps
from tests.server.attacked import DEADLINES, PIECE_BYTES, Attacked, Raw, attacked, until
from tests.server.conftest import LIMITS, new_key
from tests.support.api_caller import JSON, PACKED, ApiCaller
from tests.support.assembly import Running, make_settings, new_chain, running

PATH = "/v1/digests?method=raw"
FULL_BYTES = LIMITS.packed_body_bytes
HELD_AT_ONCE = LIMITS.bodies_in_memory_bytes // FULL_BYTES
LARGE = LimitSettings(packed_body_bytes=4 * 1024 * 1024, bodies_in_memory_bytes=8 * 1024 * 1024)
DRIPPING = LimitSettings(head_timeout_s=0.2, body_timeout_s=600.0, min_bytes_per_s=100_000)


@pytest.fixture
def budget(service: Running) -> BodyBudget:
    """Return what the service keeps for bodies."""
    return service.services.bodies


async def upload(server: Attacked, key: str, body: bytes, *, sent_bytes: int | None = None) -> Raw:
    """Begin to send a packed body: so much of it, or all but its last 32 bytes."""
    part = memoryview(body)[: len(body) - 32 if sent_bytes is None else sent_bytes]
    client = await server.connect()
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: {PACKED}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    await client.send(head.encode())
    for at in range(0, len(part), 1 << 16):
        await client.send(bytes(part[at : at + (1 << 16)]))
    return client


def digests(number: int) -> bytes:
    """Return a packed body of full size; each number has its own."""
    return b"".join(number.to_bytes(16) + index.to_bytes(16) for index in range(1, FULL_BYTES // 32 + 1))


async def test_bodies_at_once_are_bounded(service: Running, key: str, budget: BodyBudget) -> None:
    """As many large bodies as fit are taken; the next is answered 503, and accepted once the others are done."""
    async with attacked(make_app(service.services)) as server:
        taken = [await upload(server, key, digests(number)) for number in range(HELD_AT_ONCE)]
        await until(lambda: budget.held_bytes == HELD_AT_ONCE * (FULL_BYTES - 32))
        refused = await upload(server, key, digests(9))
        answer = await asyncio.wait_for(refused.reader.readuntil(b"\r\n\r\n"), 20)

        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"Retry-After: 5\r\n" in answer
        for client in taken:
            await client.send(digests(0)[:32])
            assert await client.answer() == b"HTTP/1.1 200 OK"
        assert budget.held_bytes == 0
        again = await upload(server, key, digests(9))
        await again.send(bytes(31) + b"x")
        assert await again.answer() == b"HTTP/1.1 200 OK"


async def test_memory_does_not_grow_with_the_number_of_bodies(tmp_path: Path) -> None:
    """Four times the large bodies at once do not take twice the memory, since only so many are held."""
    body = bytes(LARGE.packed_body_bytes)
    async with (
        running(make_settings(tmp_path, limits=LARGE), new_chain()) as service,
        attacked(make_app(service.services), caps=Caps(total=100, per_address=100)) as server,
    ):
        key = await new_key(service)
        peaks = []
        for count in (4, 16):
            before = refusals(service)
            with peak_of() as peak:
                clients = await asyncio.gather(*(upload(server, key, body) for _ in range(count)))
                await until(lambda: held_or_refused(service, body, since=before) == count)  # noqa: B023 - at once
            peaks.append(peak[0])
            for client in clients:
                client.writer.transport.abort()
            await until(lambda: server.open == 0 and service.services.bodies.held_bytes == 0)

    assert LARGE.bodies_in_memory_bytes < peaks[0]
    assert peaks[1] < 2 * peaks[0]


@pytest.mark.parametrize("kind", [JSON, PACKED])
async def test_compressed_bomb_takes_no_memory(api: ApiCaller, key: str, kind: str) -> None:
    """A body that expands two-hundredfold is thrown away as it expands."""
    bomb = gzip.compress(bytes(200 * FULL_BYTES))
    await api.get("/healthz")
    with peak_of() as peak:
        answer = await api.call(
            "POST", PATH, key=key, headers={"Content-Type": kind, "Content-Encoding": "gzip"}, body=bomb
        )

    assert (answer.status, answer.problem) == (413, "too-large")
    assert peak[0] < 8 * FULL_BYTES


@pytest.mark.parametrize("coding", ["br, gzip", "gzip, gzip", "compress", "x-gzip", "aes128gcm"])
async def test_unknown_content_coding_is_refused(
    api: ApiCaller, key: str, service: Running, coding: str
) -> None:
    """Encoded bytes never pass for the digests that they encode."""
    headers = {"Content-Type": PACKED, "Content-Encoding": coding}
    answer = await api.call("POST", PATH, key=key, headers=headers, body=digests(1)[:64])

    assert (answer.status, answer.problem) == (400, "invalid-input")
    assert await service.store.unmined_entries() == 0


@pytest.mark.parametrize("coding", ["gzip, chunked", "Chunked, chunked", "chunked, identity"])
async def test_transfer_coding_beside_chunked_is_refused(service: Running, key: str, coding: str) -> None:
    """What aiohttp would hand on still encoded is refused, by it or by us."""
    async with attacked(make_app(service.services)) as server:
        client = await server.connect()
        await client.send(
            f"POST {PATH} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {key}\r\nContent-Type: {PACKED}\r\n"
            f"Transfer-Encoding: {coding}\r\n\r\n20\r\n".encode()
            + digests(1)[:32]
            + b"\r\n0\r\n\r\n"
        )

        assert (await client.answer())[9:12] == b"400"
    assert await service.store.unmined_entries() == 0


@pytest.mark.parametrize("first", [b"", b"\1"])
async def test_drip_is_cut_off_and_a_steady_sender_is_not(tmp_path: Path, first: bytes) -> None:
    """Each byte earns time at the least rate: who sends enough is awaited after who sends nothing is refused."""
    half = digests(1)
    async with (
        running(make_settings(tmp_path, limits=DRIPPING), new_chain()) as service,
        attacked(make_app(service.services)) as server,
    ):
        key = await new_key(service)
        steady = await upload(server, key, half + bytes(31) + b"x")
        await until(lambda: service.services.bodies.held_bytes == len(half))
        drip = await upload(server, key, first + half, sent_bytes=len(first))
        refused = await drip.whole_answer()
        await steady.send(bytes(31) + b"x")

        assert b" 400 Bad Request\r\n" in refused
        assert f"({len(first)} bytes came)".encode() in refused
        assert await steady.answer() == b"HTTP/1.1 200 OK"


async def test_memory_of_clients_that_do_not_read_comes_back() -> None:
    """Each of them costs a piece of its answer at most, until its deadline."""
    clients = 15
    deaf_ones: list[Raw] = []
    async with attacked() as server:
        await server.healthy()
        with peak_of() as peak:
            before = tracemalloc.get_traced_memory()[0]
            for _ in range(clients):
                deaf_ones.append(deaf := await server.connect(receive_bytes=4096))
                await deaf.send(b"GET /pieces HTTP/1.1\r\nHost: a\r\n\r\n")
            await until(lambda: all(map(server.pending, deaf_ones)))
            server.wait(0)
            server.wait(DEADLINES.write_s)
            await server.healthy()
            gc.collect()
            after = tracemalloc.get_traced_memory()[0]

        assert server.ended(Reason.WRITE_DEADLINE) == clients
        assert peak[0] < clients * 4 * PIECE_BYTES
        assert after - before < PIECE_BYTES


def refusals(service: Running) -> int:
    """Return how many submissions were answered 503."""
    labels = {"route": "/v1/digests", "status": "503"}
    return int(service.services.metrics.get_sample_value("anchor_request_seconds_count", labels) or 0)


def held_or_refused(service: Running, body: bytes, *, since: int) -> float:
    """Return how many uploads the service has refused, and how many it holds but for their last bytes."""
    return refusals(service) - since + service.services.bodies.held_bytes / (len(body) - 32)


@contextmanager
def peak_of() -> Iterator[list[int]]:
    """Measure the most memory that the block has at once, beyond what there was before."""
    peak: list[int] = []
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        yield peak
        peak.append(tracemalloc.get_traced_memory()[1] - before)
    finally:
        tracemalloc.stop()
