"""Downloads from real servers on loopback: what comes back, and every way in which a body or an answer is bad."""

from __future__ import annotations

import asyncio
import gzip
import tracemalloc
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from status_lists.errors import RetrievalFailed
from status_lists.fetch import FetchedList, FetchLimits, ListFetcher
from tests.status_lists.served import Answer, FakeResolver, Visit, certificates_for, ok, saying, serving

BODY = b'{"type": "BitstringStatusListCredential"}'
LIMIT_BYTES = 100_000
SECRET = "s3cr3t"


async def _fetch(
    answer: Answer, *, path: str = f"/lists/3?token={SECRET}", total_s: float = 20, redirects: int = 3
) -> FetchedList:
    """Fetch from a server that answers like this, which is allowed by name."""
    async with serving(answer) as served:
        fetcher = ListFetcher(
            allowed_hosts=[f"127.0.0.1:{served.port}"],
            limits=FetchLimits(total_s=total_s, body_bytes=LIMIT_BYTES, redirects=redirects),
        )
        return await fetcher.fetch(f"http://127.0.0.1:{served.port}{path}")


@contextmanager
def _refused(words: str) -> Iterator[None]:
    """Expect RetrievalFailed with these words, and no part of the URL's query."""
    with pytest.raises(RetrievalFailed, match=words) as refused:
        yield
    assert SECRET not in str(refused.value)


async def test_fetch_allowed_server_gives_body_and_media_type() -> None:
    """The bytes as served, and the media type in lower case without its parameters."""
    fetched = await _fetch(ok(BODY, "Content-Type: Application/VC; charset=utf-8"))

    assert fetched == FetchedList(body=BODY, media_type="application/vc")


@pytest.mark.parametrize("header", ["", "Content-Type:", "Content-Type: ;;;", "Content-Type: nonsense"])
async def test_fetch_no_sound_media_type_is_plain_bytes(header: str) -> None:
    """What names no media type is still read; the parser decides what it is."""
    fetched = await _fetch(ok(BODY, *([header] if header else [])))

    assert fetched.body == BODY
    assert fetched.media_type in ("application/octet-stream", "text/plain")


async def test_fetch_request_names_media_types_and_carries_nothing_of_ours() -> None:
    """The Accept header names what is read; path and query are sent as written; no cookie, no credentials."""
    async with serving(ok(BODY, "Set-Cookie: a=b")) as served:
        fetcher = ListFetcher(allowed_hosts=[f"localhost:{served.port}"])
        url = f"http://LOCALHOST:{served.port}/a%2Fb/%7e?x=%41&y=+#list"
        await fetcher.fetch(url)
        await fetcher.fetch(url, accept="application/statuslist+jwt")
    first, second = (request.decode().splitlines() for request in served.requests)

    assert first[0] == "GET /a%2Fb/%7e?x=%41&y=+ HTTP/1.1"
    assert "Accept: application/vc, application/vc+jwt, application/json;q=0.9, */*;q=0.1" in first
    assert "Accept: application/statuslist+jwt" in second
    for line in first + second:
        assert not line.lower().startswith(("cookie:", "authorization:", "referer:"))


async def test_fetch_gzip_coding_is_expanded() -> None:
    """A server that compresses its answers is understood."""
    fetched = await _fetch(ok(gzip.compress(BODY), "Content-Encoding: GZIP"))

    assert fetched.body == BODY


async def test_fetch_body_at_the_limit_passes_and_beyond_fails() -> None:
    """The limit is exact to the byte, with and without compression."""
    largest = bytes(LIMIT_BYTES)

    assert (await _fetch(ok(largest))).body == largest
    assert (await _fetch(ok(gzip.compress(largest), "Content-Encoding: gzip"))).body == largest
    with _refused("more than 100000 bytes"):
        await _fetch(ok(largest + b"0"))
    with _refused("more than 100000 bytes"):
        await _fetch(ok(gzip.compress(largest + b"0"), "Content-Encoding: gzip"))


@pytest.mark.parametrize(
    "status",
    ["204 No Content", "206 Partial Content", "304 Not Modified", "400 Bad", "404 Not Found", "500 Bad"],
)
async def test_fetch_status_other_than_200_is_refused(status: str) -> None:
    """A list is what comes with 200, and the message gives the number."""
    with _refused(status[:3]):
        await _fetch(saying(f"HTTP/1.1 {status}\nConnection: close\nContent-Length: 0"))


async def _endless(visit: Visit) -> None:
    await visit.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        await visit.send(b"1000\r\n" + b"x" * 4_096 + b"\r\n")


async def _endless_without_length(visit: Visit) -> None:
    await visit.send(b"HTTP/1.0 200 OK\r\n\r\n")
    while True:
        await visit.send(b"x" * 4_096)


async def _endless_header(visit: Visit) -> None:
    await visit.send(b"HTTP/1.1 200 OK\r\nX-Long: ")
    while True:
        await visit.send(b"x" * 4_096)


async def _endless_headers(visit: Visit) -> None:
    await visit.send(b"HTTP/1.1 200 OK\r\n")
    while True:
        await visit.send(b"X-More: x\r\n" * 100)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (_endless, "more than 100000 bytes"),
        (_endless_without_length, "more than 100000 bytes"),
        (_endless_header, "no sound http answer"),
        (_endless_headers, "no sound http answer"),
    ],
)
async def test_fetch_endless_answer_ends_at_a_limit(answer: Answer, words: str) -> None:
    """A body or a header without end is given up at the limit, long before the time is."""
    with _refused(words):
        await _fetch(answer, total_s=300)


async def _silent(visit: Visit) -> None:
    await visit.until_left()


async def _head_only(visit: Visit) -> None:
    await visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
    await visit.until_left()


async def _dripping(visit: Visit) -> None:
    await visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\n")
    while not visit.reader.at_eof():
        await visit.send(b"x")
        with suppress(TimeoutError):
            await asyncio.wait_for(visit.until_left(), 0.01)


async def _dripping_headers(visit: Visit) -> None:
    await visit.send(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not visit.reader.at_eof():
        await visit.send(b"x")
        with suppress(TimeoutError):
            await asyncio.wait_for(visit.until_left(), 0.01)


async def _dripping_redirects(visit: Visit) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(visit.until_left(), 0.05)
    await visit.send(b"HTTP/1.1 302 Found\r\nLocation: /next\r\nContent-Length: 0\r\n\r\n")


@pytest.mark.parametrize("answer", [_silent, _head_only, _dripping, _dripping_headers])
async def test_fetch_slow_answer_ends_with_the_time(answer: Answer) -> None:
    """The limit is on everything together, so that one byte now and then does not move it."""
    with _refused("no complete answer within 0.3 s"):
        await _fetch(answer, total_s=0.3)


async def test_fetch_slow_redirects_share_one_time_limit() -> None:
    """Each redirect does not start the time anew."""
    with _refused("no complete answer within 0.3 s"):
        await _fetch(_dripping_redirects, total_s=0.3, redirects=1_000)


async def _one_chunk_of_two(visit: Visit) -> None:
    await visit.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")


async def _hangs_up(visit: Visit) -> None:
    visit.writer.close()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (saying("HTTP/1.1 200 OK\nContent-Length: 100", b"{}"), "cut short"),
        (_one_chunk_of_two, "cut short"),
        (saying("HTTP/1.1 200 OK\nTransfer-Encoding: chunked", b"zz\r\n{}\r\n0\r\n\r\n"), "."),
        (ok(gzip.compress(BODY)[:-1], "Content-Encoding: gzip"), "cut short"),
        (ok(gzip.compress(BODY)[:12], "Content-Encoding: gzip"), "cut short"),
        (ok(b"", "Content-Encoding: gzip"), "cut short"),
        (ok(gzip.compress(BODY) * 2, "Content-Encoding: gzip"), "after its end"),
        (ok(BODY, "Content-Encoding: gzip"), "not the gzip"),
        (ok(zlib.compress(BODY), "Content-Encoding: deflate"), "coding"),
        (ok(BODY, "Content-Encoding: br"), "coding"),
        (ok(BODY, "Content-Encoding: gzip, gzip"), "coding"),
        (_hangs_up, "no sound http answer"),
        (saying("SSH-2.0-OpenSSH_9.6"), "no sound http answer"),
        (saying("HTTP/1.1 200 OK\nContent-Length: -1"), "no sound http answer"),
        (saying("HTTP/1.1 200 OK\nContent-Length: 2\nContent-Length: 4", b"{}{}"), "no sound http answer"),
        (saying("HTTP/1.1 999999 OK"), "no sound http answer"),
    ],
)
async def test_fetch_broken_answer_is_refused(answer: Answer, words: str) -> None:
    """Cut short, not the coding it names, or no HTTP at all: nothing is handed on as a list."""
    with _refused(words):
        await _fetch(answer)


async def test_fetch_gzip_bomb_is_refused_in_flat_memory() -> None:
    """A hundred megabytes in a hundred kilobytes are given up at the limit."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(packer.compress(bytes(2**20)) for _ in range(96)) + packer.flush()
    assert len(bomb) <= LIMIT_BYTES
    answer = ok(bomb, "Content-Encoding: gzip")
    tracemalloc.start()
    try:
        with _refused("more than 100000 bytes"):
            await _fetch(answer)
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak_bytes < 30 * LIMIT_BYTES


def _redirecting(location: str, status: str = "302 Found") -> Answer:
    """Redirect every path but /there, which is the list."""

    async def answer(visit: Visit) -> None:
        if visit.request.startswith(b"GET /there "):
            await ok(BODY)(visit)
        else:
            await saying(f"HTTP/1.1 {status}\nLocation: {location}\nContent-Length: 0")(visit)

    return answer


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 Other", "307 Same", "308 Same"])
async def test_fetch_redirect_within_the_server_is_followed(status: str) -> None:
    """A list that moved on its own server is found."""
    assert (await _fetch(_redirecting("/there", status))).body == BODY


async def test_fetch_redirects_are_counted() -> None:
    """As many as are allowed, and not one more."""
    steps = {b"/": b"/2", b"/2": b"/3", b"/3": b"/4"}

    async def answer(visit: Visit) -> None:
        path = visit.request.split()[1]
        if path in steps:
            await saying(f"HTTP/1.1 302 Found\nLocation: {steps[path].decode()}\nContent-Length: 0")(visit)
        else:
            await ok(BODY)(visit)

    assert (await _fetch(answer, path="/", redirects=3)).body == BODY
    with _refused("more than 2 times"):
        await _fetch(answer, path="/", redirects=2)
    with _refused("more than 3 times"):
        await _fetch(saying("HTTP/1.1 302 Found\nContent-Length: 0"))


async def test_fetch_redirect_to_another_server_is_not_asked() -> None:
    """Another port of the same machine is another server; it hears nothing."""
    async with serving(ok(BODY)) as other:
        places = [
            f"http://127.0.0.1:{other.port}/there",
            f"//127.0.0.1:{other.port}/there",
            f"http://localhost:{other.port}/there",
            f"https://127.0.0.1:{other.port}/there",
            f"http://user@127.0.0.1:{other.port}/there",
            "file:///etc/passwd",
            "data:application/vc,{}",
            f"http://127.0.0.1\\@127.0.0.1:{other.port}/there",
        ]
        for place in places:
            with _refused("another host|no plain https URL"):
                await _fetch(_redirecting(place))

        assert other.connections == 0


async def test_fetch_http_beyond_allowed_servers_is_refused() -> None:
    """Plain http is for servers allowed by name and port; nothing is asked of another one."""
    async with serving(ok(BODY)) as served:
        fetcher = ListFetcher(allowed_hosts=["127.0.0.1:1"])
        with _refused("not https"):
            await fetcher.fetch(f"http://127.0.0.1:{served.port}/there")

        assert served.connections == 0


async def test_fetch_https_with_trusted_certificate_is_read(tmp_path: Path) -> None:
    """Over TLS, by name, with the certificate checked."""
    certificates = certificates_for("lists.example", tmp_path)
    async with serving(ok(BODY), tls=certificates.server) as served:
        fetcher = ListFetcher(
            allowed_hosts=[f"lists.example:{served.port}"],
            resolver=FakeResolver({"lists.example": [["127.0.0.1"]]}),
            ssl_context=certificates.client,
        )
        fetched = await fetcher.fetch(f"https://lists.example:{served.port}/3")

    assert fetched.body == BODY


async def test_fetch_https_with_wrong_certificate_is_refused(tmp_path: Path) -> None:
    """A certificate of nobody known, one of another name, and a server that speaks no TLS."""
    certificates = certificates_for("lists.example", tmp_path)
    names = FakeResolver({"lists.example": [["127.0.0.1"]], "other.example": [["127.0.0.1"]]})
    async with serving(ok(BODY), tls=certificates.server) as served, serving(ok(BODY)) as plain:
        allowed = [
            f"lists.example:{served.port}",
            f"other.example:{served.port}",
            f"lists.example:{plain.port}",
        ]
        stranger = ListFetcher(allowed_hosts=allowed, resolver=names)
        friend = ListFetcher(allowed_hosts=allowed, resolver=names, ssl_context=certificates.client)
        for fetcher, authority in ((stranger, allowed[0]), (friend, allowed[1]), (friend, allowed[2])):
            with _refused("certificate"):
                await fetcher.fetch(f"https://{authority}/3?token={SECRET}")

        assert served.requests == []


async def test_fetch_server_that_is_not_there_is_refused() -> None:
    """A closed port, a name that does not exist, and a number that is no address each say so."""
    async with serving(ok(BODY)) as served:
        closed_port = served.port
    fetcher = ListFetcher(
        allowed_hosts=[f"127.0.0.1:{closed_port}", "nobody.example:80", "127.1:80"],
        resolver=FakeResolver({}),
    )
    for authority, words in (
        (f"127.0.0.1:{closed_port}", "cannot be reached"),
        ("nobody.example:80", "no address in DNS"),
        ("127.1:80", "no ordinary way"),
    ):
        with _refused(words):
            await fetcher.fetch(f"http://{authority}/3?token={SECRET}")
