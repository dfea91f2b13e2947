"""Calls to receivers cannot be turned against this machine, and cost what they may cost at most."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from anchor.errors import InvalidInput, ServiceUnavailable
from anchor.service.webhook_post import Answer, WebhookPost
from tests.status_lists.served import Answer as ServedAnswer
from tests.status_lists.served import FakeResolver, Visit, certificates_for, ok, saying, serving

SECRET = "s3cr3t"
BODY = b'{"type":"test"}'


async def post(url: str, sender: WebhookPost) -> Answer:
    """Post to a URL whose query is a secret."""
    return await sender.post(f"{url}?token={SECRET}", BODY, {"webhook-id": "pub_1"})


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "[::ffff:127.0.0.1]", "localhost", "127.1"])
async def test_post_to_this_machine_reaches_nothing(host: str) -> None:
    """No spelling of loopback opens a connection to the server that listens there."""
    async with serving(ok(b"")) as served:
        with pytest.raises(
            ServiceUnavailable, match=r"private, local or reserved|no ordinary way"
        ) as refused:
            await post(f"https://{host}:{served.port}/hook", WebhookPost())

        assert served.connections == 0
        assert SECRET not in str(refused.value)


async def test_post_name_that_leads_to_a_neighbour_is_refused() -> None:
    """A public name is judged by the address that it has when it is called."""
    names = FakeResolver({"receiver.example": [["127.0.0.1"]], "cloud.example": [["169.254.169.254"]]})
    async with serving(ok(b"")) as served:
        for name in ("receiver.example", "cloud.example"):
            with pytest.raises(ServiceUnavailable, match="private, local or reserved"):
                await post(f"https://{name}:{served.port}/hook", WebhookPost(resolver=names))

        assert served.connections == 0


async def test_post_http_only_to_hosts_allowed_by_name() -> None:
    """The allowed server is reached over http; its neighbour on another port is not, nor accepted."""
    async with serving(ok(b"")) as allowed, serving(ok(b"")) as other:
        sender = WebhookPost(allowed_hosts=[f"127.0.0.1:{allowed.port}"])
        sender.check(f"http://127.0.0.1:{allowed.port}/hook")
        answer = await post(f"http://127.0.0.1:{allowed.port}/hook", sender)
        with pytest.raises(InvalidInput, match="not https"):
            sender.check(f"http://127.0.0.1:{other.port}/hook")
        with pytest.raises(ServiceUnavailable, match="not https"):
            await post(f"http://127.0.0.1:{other.port}/hook", sender)

        assert answer == Answer(200, None)
        assert allowed.requests[0].startswith(f"POST /hook?token={SECRET} HTTP/1.1\r\n".encode())
        assert b"\r\nwebhook-id: pub_1\r\n" in allowed.requests[0]
        assert other.connections == 0


async def test_post_https_needs_a_trusted_certificate(tmp_path: Path) -> None:
    """A receiver shows a certificate of its own name, or is told nothing."""
    certificates = certificates_for("receiver.example", tmp_path)
    names = FakeResolver({"receiver.example": [["127.0.0.1"]], "other.example": [["127.0.0.1"]]})
    async with serving(ok(b""), tls=certificates.server) as served:
        sender = partial(WebhookPost, resolver=names, is_allowed_address=lambda _: True)

        friend = sender(ssl_context=certificates.client)
        assert (await post(f"https://receiver.example:{served.port}/hook", friend)).status == 200
        for name, stranger in (("receiver.example", sender()), ("other.example", friend)):
            with pytest.raises(ServiceUnavailable, match="certificate"):
                await post(f"https://{name}:{served.port}/hook", stranger)

        assert len(served.requests) == 1


async def _endless(visit: Visit) -> None:
    await visit.send(b"HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\n")
    while not visit.reader.at_eof():
        await visit.send(b"1000\r\n" + b"x" * 4_096 + b"\r\n")


async def _silent(visit: Visit) -> None:
    await visit.until_left()


async def _dripping(visit: Visit) -> None:
    await visit.send(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not visit.reader.at_eof():
        await visit.send(b"x")
        with suppress(TimeoutError):
            await asyncio.wait_for(visit.until_left(), 0.01)


async def test_post_body_of_the_answer_is_not_read() -> None:
    """A receiver may answer without end: its status is all that counts, and the connection is closed."""
    async with serving(_endless) as served:
        sender = WebhookPost(allowed_hosts=[f"127.0.0.1:{served.port}"], timeout_s=300)

        assert (await post(f"http://127.0.0.1:{served.port}/", sender)).status == 202


@pytest.mark.parametrize("answer", [_silent, _dripping])
async def test_post_slow_answer_ends_with_the_time(answer: ServedAnswer) -> None:
    """One limit for everything together, which a byte now and then does not move."""
    async with serving(answer) as served:
        sender = WebhookPost(allowed_hosts=[f"127.0.0.1:{served.port}"], timeout_s=0.3)
        with pytest.raises(ServiceUnavailable, match=r"no complete answer within 0\.3 s") as late:
            await post(f"http://127.0.0.1:{served.port}/", sender)

        assert SECRET not in str(late.value)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("120", 120), ("0", 0), ("", None), ("-5", None), ("1e3", None), ("9999999", None), ("٣", None)],
)
async def test_post_retry_after_is_read_as_seconds(header: str, seconds: int | None) -> None:
    """A number of seconds is passed on; anything else counts as not said."""
    reply = saying(f"HTTP/1.1 429 Slow down\nRetry-After: {header}\nContent-Length: 0\nConnection: close")
    async with serving(reply) as served:
        sender = WebhookPost(allowed_hosts=[f"127.0.0.1:{served.port}"])

        assert await post(f"http://127.0.0.1:{served.port}/", sender) == Answer(429, seconds)
