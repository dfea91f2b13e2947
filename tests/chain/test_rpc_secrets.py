"""The API key of an RPC endpoint is in no log, message, repr or traceback (fault 48)."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web

from anchor.chain.client import Web3Chain
from anchor.chain.rpc import RetryPolicy
from anchor.errors import ChainUnavailable
from tests.support import rpc_proxy
from tests.support.anvil import ZERO_ADDRESS
from tests.support.rpc_proxy import Fault, RpcProxy

PATH_KEY = "pathkey0123456789"
QUERY_KEY = "querykey0123456789"
USER = "username77"
PASSWORD = "password0123456789"
SECRETS = (PATH_KEY, QUERY_KEY, USER, PASSWORD)
ECHO = f"invalid project id {PATH_KEY} / {QUERY_KEY} for {USER}:{PASSWORD}"

FAULTS: dict[str, Fault] = {
    "connection closed": rpc_proxy.drop_before(),
    "silence": rpc_proxy.hang_before(),
    "401 that quotes the key": rpc_proxy.http_answer(status=401, body=ECHO.encode()),
    "500 that quotes the key": rpc_proxy.http_answer(status=500, body=ECHO.encode()),
    "429": rpc_proxy.http_answer(status=429),
    "redirect with the key": rpc_proxy.http_answer(status=302, headers={"Location": f"/{PATH_KEY}/login"}),
    "redirect to nonsense": rpc_proxy.http_answer(status=302, headers={"Location": f"http://[{PATH_KEY}"}),
    "html": rpc_proxy.html_page(),
    "broken gzip": rpc_proxy.http_answer(body=b"x", headers={"Content-Encoding": "gzip"}),
    "wrong id": rpc_proxy.http_answer(body=b'{"jsonrpc": "2.0", "id": 99, "result": "0x1"}'),
    "error that quotes the key": rpc_proxy.rpc_error(-32000, ECHO),
    "error under 403 that quotes the key": rpc_proxy.rpc_error(-32000, ECHO, status=403),
    "result that quotes the key": rpc_proxy.result(ECHO),
}

Call = Callable[[Web3Chain], Awaitable[object]]

CALLS: dict[str, Call] = {
    "read": lambda chain: chain.identity(),
    "view": lambda chain: chain.head(ZERO_ADDRESS, bytes(32)),
    "events": lambda chain: chain.anchored_events(ZERO_ADDRESS, from_block=0, to_block=1),
    "broadcast": lambda chain: chain.broadcast(b"\x02"),
}


async def _outcome(call: Awaitable[object]) -> str:
    """Return everything that the caller gets to see."""
    try:
        return repr(await call)
    except ChainUnavailable as exc:
        seen = [str(exc), repr(exc), *traceback.format_exception(exc), repr(vars(exc))]
        if exc.__context__ is not None:
            seen += [repr(exc.__context__), repr(vars(exc.__context__))]
        return "\n".join(seen)


def _client(url: str) -> Web3Chain:
    with_secrets = url.replace("http://", f"http://{USER}:{PASSWORD}@")
    return Web3Chain(
        rpc_url=f"{with_secrets}/v3/{PATH_KEY}?apikey={QUERY_KEY}",
        contract=ZERO_ADDRESS,
        request_timeout_s=0.3,
        retry=RetryPolicy(attempts=2, first_delay_s=0.0),
    )


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("fault", FAULTS)
async def test_failing_endpoint_never_gives_the_key_away(
    caplog: pytest.LogCaptureFixture, fault: str, call: str
) -> None:
    """With all loggers at DEBUG, nothing logged, raised or returned holds more of the URL than its origin."""
    caplog.set_level(logging.DEBUG)
    async with RpcProxy(upstream_url="http://127.0.0.1:1") as proxy:
        proxy.fail("*", FAULTS[fault])
        chain = _client(proxy.url)
        outcome = await _outcome(CALLS[call](chain))
        shown = "\n".join([outcome, repr(chain), str(chain), caplog.text])
        origin = proxy.url
        await chain.close()

    assert [secret for secret in SECRETS if secret in shown] == []
    assert origin in shown
    assert proxy.calls != []


async def test_unreachable_endpoint_never_gives_the_key_away(caplog: pytest.LogCaptureFixture) -> None:
    """A refused connection and a name that cannot be resolved are described without the URL."""
    caplog.set_level(logging.DEBUG)
    for url in ("http://127.0.0.1:1", "http://no-such-host.invalid"):
        chain = _client(url)
        shown = await _outcome(chain.identity()) + caplog.text
        await chain.close()

        assert [secret for secret in SECRETS if secret in shown] == []
        assert url in shown


async def test_key_reaches_the_endpoint() -> None:
    """The control: the key is sent, so that the tests above look for something that was there."""
    heard: list[tuple[str, str | None]] = []

    async def listen(exchange: rpc_proxy.Exchange) -> web.StreamResponse:
        heard.append((exchange.request.path_qs, exchange.request.headers.get("Authorization")))
        return await rpc_proxy.result("0x1")(exchange)

    async with RpcProxy(upstream_url="http://127.0.0.1:1") as proxy:
        proxy.fail("*", listen)
        chain = _client(proxy.url)
        await chain.balance_wei(ZERO_ADDRESS)
        await chain.close()

    assert heard[0][0] == f"/v3/{PATH_KEY}?apikey={QUERY_KEY}"
    assert (heard[0][1] or "").startswith("Basic ")
