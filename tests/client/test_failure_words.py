"""What is said of connections that failed, over every way by which this package connects."""

from __future__ import annotations

import socket
import zlib
from collections.abc import Iterator

import aiohttp
import pytest

from anchor.chain.endpoint import Endpoint
from anchor.chain.failures import EndpointFailure
from anchor.chain.rpc import RetryPolicy, RpcClient
from anchor.errors import ServiceUnavailable
from anchor.failure_words import failure_words
from anchor.verify.http_source import HttpSource, client_session
from anchor.verify.layout import SERVICE


@pytest.fixture
def unheard() -> Iterator[str]:
    """Return an address on this machine at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{taken.getsockname()[1]}"


async def test_published_files_of_nobody_are_told_with_address(unheard: str) -> None:
    """A verifier reads which connection was refused, not what a library calls that."""
    async with client_session() as session:
        source = HttpSource(session=session, base_url=f"http://{unheard}/secret", layout=SERVICE)
        with pytest.raises(ServiceUnavailable) as caught:
            await source.publisher()

    assert str(caught.value).endswith(f": connection refused at {unheard}")
    assert "secret" not in str(caught.value)


async def test_endpoint_of_nobody_is_told_with_address(unheard: str) -> None:
    """An operator reads which connection was refused, without the URL's key."""
    endpoint = Endpoint.parse(f"http://{unheard}/v3/secret")
    client = RpcClient(endpoint=endpoint, request_timeout_s=5.0, retry=RetryPolicy(attempts=1))
    try:
        with pytest.raises(EndpointFailure) as caught:
            await client.read("eth_chainId", [])
    finally:
        await client.close()

    assert str(caught.value).endswith(f"failed at eth_chainId: connection refused at {unheard}")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("exc", "words"),
    [
        (TimeoutError(), "time ran out"),
        (aiohttp.ServerTimeoutError(), "time ran out"),
        (aiohttp.ServerDisconnectedError(), "it closed the connection"),
        (aiohttp.ClientPayloadError("secret"), "the answer broke off or cannot be unpacked"),
        (zlib.error("secret"), "the answer broke off or cannot be unpacked"),
        (ConnectionResetError(104, "secret"), "connection reset by peer"),
        (aiohttp.ClientOSError(104, "secret"), "connection reset by peer"),
        (aiohttp.InvalidURL("http://secret"), "the address or the answer is malformed"),
        (aiohttp.ClientError("secret"), "the connection broke"),
    ],
)
def test_failure_words_name_neither_class_nor_text(exc: Exception, words: str) -> None:
    """Whatever fails: a few words of ours or the system's."""
    assert failure_words(exc) == words
