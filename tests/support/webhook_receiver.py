"""A real receiver of webhooks on loopback: it checks every signature as the specification says, and answers as told."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

WAIT_S = 60


@dataclass(frozen=True, slots=True)
class Told:
    """One request that came."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def id(self) -> str:
        """What names the publication."""
        return self.headers["webhook-id"]

    @property
    def data(self) -> dict[str, Any]:
        """What is told of it."""
        data: dict[str, Any] = json.loads(self.body)["data"]
        return data

    def is_signed_with(self, secret: str) -> bool:
        """Whether one of its signatures is by a secret (Standard Webhooks 1.0.0, signature scheme)."""
        prefix, _, text = secret.partition("_")
        assert prefix == "whsec"
        content = f"{self.id}.{self.headers['webhook-timestamp']}.".encode() + self.body
        digest = hmac.digest(base64.b64decode(text, validate=True), content, hashlib.sha256)
        expected = "v1," + base64.b64encode(digest).decode()
        return expected in self.headers["webhook-signature"].split(" ")


@dataclass(frozen=True, slots=True)
class Reply:
    """What the receiver answers; with `held`, only when that is set."""

    status: int = 204
    headers: Mapping[str, str] = field(default_factory=dict)
    held: asyncio.Event | None = None


@dataclass(slots=True)
class Receiver:
    """Answers each request with the next of `replies`, and 204 where there is none; keeps its port when restarted."""

    port: int = 0
    told: list[Told] = field(default_factory=list)
    replies: deque[Reply] = field(default_factory=deque)
    _runner: web.AppRunner | None = None
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def authority(self) -> str:
        """What an allow list calls it."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """Where it wants to be told; the token in it must show nowhere."""
        return f"http://{self.authority}/hook?token=s3cr3t"

    async def start(self) -> None:
        """Listen, again on the same port after a stop."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Go down."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def wait_for(self, count: int) -> list[Told]:
        """Return all requests once so many came."""
        async with asyncio.timeout(WAIT_S), self._news:
            await self._news.wait_for(lambda: len(self.told) >= count)
        return self.told

    async def wait_for_ids(self, count: int) -> list[Told]:
        """Return the first request of each publication once so many were told, however often."""
        async with asyncio.timeout(WAIT_S), self._news:
            await self._news.wait_for(lambda: len({message.id for message in self.told}) >= count)
        return list({message.id: message for message in reversed(self.told)}.values())[::-1]

    async def _answer(self, request: web.Request) -> web.Response:
        body = await request.read()
        reply = self.replies.popleft() if self.replies else Reply()
        async with self._news:
            self.told.append(Told(request.path, dict(request.headers), body))
            self._news.notify_all()
        if reply.held is not None:
            await reply.held.wait()
        return web.Response(status=reply.status, headers=reply.headers)


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """Run a receiver until the end of the block."""
    receiver = Receiver()
    await receiver.start()
    try:
        yield receiver
    finally:
        await receiver.stop()
