"""A service's public files over HTTP on loopback, from the folder of a publisher in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web
from aiohttp.test_utils import TestServer


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[str]:
    """Serve a folder under a service's names; yields the base URL."""

    def route(name: str) -> web.AbstractRouteDef:
        async def handler(request: web.Request) -> web.StreamResponse:
            path = folder / _FILES[name].format(**request.match_info)
            # Read off the loop: other requests go on meanwhile.
            if not await asyncio.to_thread(path.exists):
                raise web.HTTPNotFound
            return web.Response(body=await asyncio.to_thread(path.read_bytes))

        return web.get(name, handler)

    app = web.Application()
    app.add_routes([route(name) for name in _FILES])
    async with running(app) as url:
        yield url


@asynccontextmanager
async def running(app: web.Application) -> AsyncIterator[str]:
    """Run an application on loopback; yields its base URL."""
    async with TestServer(app, host="127.0.0.1") as server:
        yield str(server.make_url("")).rstrip("/")


_FILES = {
    "/v1/publisher": "publisher.json",
    r"/v1/batches/{sequence:\d+}": "batches/{sequence}.json",
    r"/v1/batches/{sequence:\d+}/leaves": "batches/{sequence}.leaves",
    r"/status-lists/{number:\d+}": "status-lists/{number}.json",
    r"/status-lists/{number:\d+}/versions/{version:\d+}": "status-lists/{number}/{version}.json",
}
