"""Serves an aiohttp application behind caps and deadlines; aiohttp alone has neither."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog
from aiohttp import hdrs, web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.typedefs import Middleware

from anchor.errors import ConfigError
from anchor.server.connections import Connections

LINGER_S = 5.0
"""How long the rest of a body is awaited that no handler wanted, so that its sender can read the answer."""

MAX_HEADERS = 64
"""aiohttp takes 128. Browsers send 20, a chain of proxies adds a handful."""

MAX_LINE_BYTES = 32 * 1024
"""A credential's id of 2,048 characters, each written as twelve bytes of `%F0%90%8D%88`, and the rest of the path."""

BACKLOG = 1024
"""Connections that wait to be taken in. Beyond it the kernel drops them, and an honest client tries again after 1 s."""

log = structlog.get_logger()

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def http_server(
    app: web.Application,
    connections: Connections,
    *,
    host: str,
    port: int,
    idle_timeout_s: float,
    shutdown_s: float,
) -> AsyncIterator[tuple[str, int]]:
    """
    Serve an application until the end of the block; gives the address and port that were bound.

    The caller lets `connections.run()` go on meanwhile. At the end requests under way may take `shutdown_s` to finish;
    then every connection is closed, also those whose clients do not read. Raises ConfigError where the address cannot
    be listened on.
    """
    app.middlewares.insert(0, _told_to(connections))
    runner = web.AppRunner(
        app,
        access_log=None,
        shutdown_timeout=shutdown_s,
        keepalive_timeout=idle_timeout_s,
        lingering_time=LINGER_S,
        max_headers=MAX_HEADERS,
        max_line_size=MAX_LINE_BYTES,
        logger=_quiet_logger(),
    )
    await runner.setup()
    try:
        listener = await _listen(runner, connections, host, port)
        try:
            bound: tuple[str, int] = listener.sockets[0].getsockname()[:2]
            yield bound
        finally:
            listener.close()
    finally:
        # Lets requests under way finish; background tasks have ended by then.
        await runner.cleanup()
        connections.abort_all()


async def _listen(runner: web.AppRunner, connections: Connections, host: str, port: int) -> asyncio.Server:
    """Listen with aiohttp's own protocol factory, wrapped: what TCPSite does, but for the wrapping."""
    make_inner = runner.server
    if make_inner is None:
        raise AssertionError("a runner that is set up has a server")
    try:
        return await asyncio.get_running_loop().create_server(
            lambda: connections.around(make_inner), host, port, backlog=BACKLOG
        )
    except OSError as exc:
        raise ConfigError(f"cannot listen on {host}:{port}: {exc.strerror}") from exc


def _told_to(connections: Connections) -> Middleware:
    """
    Return a middleware that tells each connection when a request begins and ends.

    It also ends connections whose client asks for another protocol: aiohttp's parser skips what follows such a request
    in the same segment, and would take the rest of a request that is cut there for a new one.
    """

    @web.middleware
    async def tell(request: web.Request, handler: Handler) -> web.StreamResponse:
        connection = connections.of(request.transport)
        if connection is None:
            return await handler(request)
        connection.request_began()
        try:
            response = await handler(request)
            if hdrs.UPGRADE in request.headers:
                response.force_close()
            return response
        finally:
            connection.request_ended(is_body_complete=request.content.is_eof())

    return tell


def _quiet_logger() -> logging.Logger:
    """
    Return the logger for aiohttp: one line an event, without the traceback of what is the client's fault.

    aiohttp logs each malformed request at level ERROR, with a traceback that quotes the line, keys in it included.
    """
    logger = logging.Logger("anchor.server")
    logger.addFilter(_log_plainly)
    return logger


def _log_plainly(record: logging.LogRecord) -> bool:
    """Log a record of aiohttp in our own way, and drop it."""
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, HttpProcessingError | ConnectionError):
        log.info("request.malformed", error=type(error).__name__)
    elif record.levelno >= logging.WARNING:
        log.error("server.error", message=record.msg, exc_info=record.exc_info)
    return False
