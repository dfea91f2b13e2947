"""
A JSON-RPC proxy that injects faults between a client and anvil.

A fault is an async function of an `Exchange`; the functions below make the usual ones. `before` and `after`
hooks are awaited round every call that is forwarded: a crash test kills a process there. One that raises
ConnectionAbortedError ends the exchange: what is not forwarded yet never is, and nobody gets an answer.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Self

import aiohttp
from aiohttp import web

BeforeHook = Callable[[str, list[Any]], Awaitable[None]]
AfterHook = Callable[[str, list[Any], Any], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request on its way; `forward` sends it on, hooks included, and returns the upstream's answer."""

    request: web.Request
    document: dict[str, Any]
    forward: Callable[[], Awaitable[dict[str, Any]]]
    closing: asyncio.Event


Fault = Callable[[Exchange], Awaitable[web.StreamResponse]]


class RpcProxy:
    """
    Forwards JSON-RPC calls to `upstream_url`, except where a fault is set for the method.

    An async context manager. Any path and query under `url` is accepted, so that a test can put an API key
    there.
    """

    def __init__(self, *, upstream_url: str) -> None:
        self._upstream_url = upstream_url
        self._faults: dict[str, tuple[Fault, int | None]] = {}
        self._closing = asyncio.Event()
        self._session: aiohttp.ClientSession | None = None
        self._runner: web.AppRunner | None = None
        self.url = ""
        self.calls: list[tuple[str, list[Any]]] = []
        self.before: BeforeHook | None = None
        self.after: AfterHook | None = None

    async def __aenter__(self) -> Self:
        application = web.Application(client_max_size=64 * 1024 * 1024)
        application.router.add_post("/{path:.*}", self._answer)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self._session = aiohttp.ClientSession()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closing.set()
        assert self._runner is not None
        assert self._session is not None
        await self._runner.cleanup()
        await self._session.close()

    def fail(self, method: str, fault: Fault, *, times: int | None = None) -> None:
        """Apply a fault to a method (`"*"` for all others), to the next `times` calls or until `heal`."""
        self._faults[method] = (fault, times)

    def heal(self) -> None:
        """Forward everything again and forget the calls counted; the hooks stay."""
        self._faults.clear()
        self.calls.clear()

    def count(self, method: str) -> int:
        """Return how many calls of a method arrived, faulty ones included."""
        return sum(1 for called, _ in self.calls if called == method)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        document = json.loads(await request.read())
        method, params = document["method"], document.get("params", [])
        self.calls.append((method, params))

        async def forward() -> dict[str, Any]:
            if self.before is not None:
                await self.before(method, params)
            answer = await self._forwarded(document)
            if self.after is not None:
                await self.after(method, params, answer.get("result"))
            return answer

        fault = self._next_fault(method)
        exchange = Exchange(request, document, forward, self._closing)
        try:
            return web.json_response(await forward()) if fault is None else await fault(exchange)
        except ConnectionAbortedError:
            return _aborted(exchange)

    async def _forwarded(self, document: dict[str, Any]) -> dict[str, Any]:
        assert self._session is not None
        async with self._session.post(self._upstream_url, json=document) as response:
            answer: dict[str, Any] = await response.json(content_type=None)
            return answer

    def _next_fault(self, method: str) -> Fault | None:
        name = method if method in self._faults else "*"
        if name not in self._faults:
            return None
        fault, times = self._faults[name]
        if times is not None:
            if times <= 1:
                del self._faults[name]
            else:
                self._faults[name] = (fault, times - 1)
        return fault


def _aborted(exchange: Exchange) -> web.StreamResponse:
    # A client that was cancelled is gone already.
    if exchange.request.transport is not None:
        exchange.request.transport.abort()
    return web.Response()


def reply(exchange: Exchange, **members: Any) -> web.StreamResponse:
    """Answer with these members, under the id of the request."""
    return web.json_response({"jsonrpc": "2.0", "id": exchange.document["id"], **members})


def drop_before() -> Fault:
    """Close the connection; the upstream never hears of the call."""

    async def fault(exchange: Exchange) -> web.StreamResponse:
        return _aborted(exchange)

    return fault


def drop_after() -> Fault:
    """Forward the call, then close the connection instead of answering."""

    async def fault(exchange: Exchange) -> web.StreamResponse:
        await exchange.forward()
        return _aborted(exchange)

    return fault


def hang_before() -> Fault:
    """Neither forward nor answer until the proxy closes."""

    async def fault(exchange: Exchange) -> web.StreamResponse:
        await exchange.closing.wait()
        return _aborted(exchange)

    return fault


def hang_after() -> Fault:
    """Forward the call, then say nothing until the proxy closes."""

    async def fault(exchange: Exchange) -> web.StreamResponse:
        await exchange.forward()
        await exchange.closing.wait()
        return _aborted(exchange)

    return fault


def drip() -> Fault:
    """Answer one byte at a time, for ever: each read succeeds, the answer is never complete."""

    async def fault(exchange: Exchange) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(exchange.request)
        transport = exchange.request.transport
        while not exchange.closing.is_set() and transport is not None and not transport.is_closing():
            await response.write(b" ")
            await asyncio.sleep(0.01)
        return response

    return fault


def http_answer(*, status: int = 200, body: bytes = b"", headers: dict[str, str] | None = None) -> Fault:
    """Answer with this status, body and headers instead of forwarding."""

    async def fault(_: Exchange) -> web.StreamResponse:
        return web.Response(status=status, body=body, headers=headers)

    return fault


def html_page() -> Fault:
    """Answer 200 with a web page, as a captive portal or a misconfigured balancer does."""
    return http_answer(body=b"<html><body>sign in</body></html>", headers={"Content-Type": "text/html"})


def truncated() -> Fault:
    """Forward the call and answer with the first half of the document, as if it were all."""

    async def fault(exchange: Exchange) -> web.StreamResponse:
        body = json.dumps(await exchange.forward()).encode()
        return web.Response(body=body[: len(body) // 2], content_type="application/json")

    return fault


def cut_off() -> Fault:
    """Announce a longer body than is sent, then close the connection."""

    async def fault(exchange: Exchange) -> web.StreamResponse:
        body = json.dumps(await exchange.forward()).encode()
        response = web.StreamResponse(headers={"Content-Length": str(len(body) + 100)})
        await response.prepare(exchange.request)
        await response.write(body)
        return _aborted(exchange)

    return fault


def wrong_id() -> Fault:
    """Forward the call and answer under another request's id."""

    async def fault(exchange: Exchange) -> web.StreamResponse:
        answer = await exchange.forward()
        return web.json_response({**answer, "id": exchange.document["id"] + 1})

    return fault


def result(value: Any) -> Fault:
    """Answer with this result without forwarding; None is JSON's null."""

    async def fault(exchange: Exchange) -> web.StreamResponse:
        return reply(exchange, result=value)

    return fault


def changed(change: Callable[[Any], Any]) -> Fault:
    """Forward the call and answer with `change` of its result."""

    async def fault(exchange: Exchange) -> web.StreamResponse:
        answer = await exchange.forward()
        return reply(exchange, result=change(answer.get("result")))

    return fault


def rpc_error(code: int, message: str, *, status: int = 200) -> Fault:
    """Answer with this JSON-RPC error without forwarding."""

    async def fault(exchange: Exchange) -> web.StreamResponse:
        error = {"code": code, "message": message}
        return web.json_response(
            {"jsonrpc": "2.0", "id": exchange.document["id"], "error": error}, status=status
        )

    return fault


def huge_body(size_bytes: int, *, compressed: bool = False) -> Fault:
    """Answer with that many bytes, sent (or gzipped) in pieces, so that no side need hold them."""

    async def fault(exchange: Exchange) -> web.StreamResponse:
        response = web.StreamResponse()
        if compressed:
            response.enable_compression(web.ContentCoding.gzip)
        await response.prepare(exchange.request)
        piece = b" " * (1024 * 1024)
        try:
            for _ in range(size_bytes // len(piece)):
                await response.write(piece)
            await response.write_eof()
        except ConnectionResetError:
            pass  # the client has seen enough
        return response

    return fault
