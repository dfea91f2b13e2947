"""Runs the service: opens its edges, serves HTTP, watches the background tasks, ends cleanly."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

import structlog

from anchor.api.app import make_app
from anchor.assembly import Edges, Parts, assemble
from anchor.chain.failover import connect
from anchor.chain.protocol import Chain, Signer
from anchor.chain.remote_signer import RemoteSigner
from anchor.chain.signer import LocalSigner
from anchor.clock import SystemClock
from anchor.config import Settings
from anchor.errors import ConfigError, FatalError
from anchor.server.assembly import make_connections
from anchor.server.http_server import http_server
from anchor.service.startup import check_chain
from anchor.service.supervisor import supervise
from anchor.store.sqlite import SqliteStore

log = structlog.get_logger()

SHUTDOWN_S = 5.0
"""How long requests under way may take to finish after SIGTERM."""


async def serve(
    settings: Settings,
    *,
    environment: Mapping[str, str] | None = None,
    on_ready: Callable[[str], None] | None = None,
    accepts_strangers: bool = False,
    finishes: bool = False,
) -> None:
    """
    Run the service until SIGTERM or SIGINT, then finish what is under way and return.

    One that `finishes` seals what waits, and nothing after it; it returns by itself once every sealed batch is final.

    Raises ConfigError where the settings contradict the chain or the database, and FatalError as soon as any
    background task ends: the process must then end too. `accepts_strangers` takes anchors of the publisher that the
    database does not know for another's.
    """
    signer = make_signer(settings, os.environ if environment is None else environment)
    clock = SystemClock()
    store = SqliteStore(settings.database, base_url=settings.server.base_url)
    chain = make_chain(settings)
    store.open()
    try:
        latest = await check_chain(
            store=store, chain=chain, signer=signer, settings=settings, accepts_strangers=accepts_strangers
        )
        parts = assemble(settings, Edges(store=store, chain=chain, signer=signer, clock=clock), latest=latest)
        # What was left unpublished at the last stop is published before anybody can ask for it.
        await parts.services.lists.publish_due()
        await _run(parts, settings, on_ready, finishes=finishes)
    finally:
        await signer.close()
        await chain.close()
        await store.close()


def make_chain(settings: Settings) -> Chain:
    """Return the chain that the settings name, behind its endpoints; ConfigError where they are none."""
    return connect(
        rpc_urls=settings.chain.reveal_rpc_urls(),
        contract=settings.chain.contract,
        quorum=settings.chain.quorum,
        request_timeout_s=settings.chain.request_timeout_s,
    )


def make_signer(settings: Settings, environment: Mapping[str, str]) -> Signer:
    """
    Return the publisher's signer: a remote one, or by a key from the environment or from the keystore.

    Raises ConfigError where none of them is set.
    """
    publisher = settings.publisher
    if publisher.remote_signer_url:
        return RemoteSigner(
            url=publisher.remote_signer_url.reveal(),
            address=publisher.address,
            request_timeout_s=settings.chain.request_timeout_s,
        )
    if publisher.private_key:
        name = "ANCHOR_PUBLISHER_PRIVATE_KEY"
        if not environment.get(name):
            raise ConfigError(f"a private key does not belong into the settings file: set {name} instead")
        return LocalSigner.from_environment(name, environment)
    if not publisher.keystore or not publisher.password_file:
        raise ConfigError(
            "publisher.keystore and publisher.password_file are missing: set both (see `anchor init`), or "
            "ANCHOR_PUBLISHER_PRIVATE_KEY in the environment"
        )
    return LocalSigner.from_keystore(
        settings.path(publisher.keystore), settings.path(publisher.password_file)
    )


async def _run(
    parts: Parts, settings: Settings, on_ready: Callable[[str], None] | None, *, finishes: bool
) -> None:
    services = parts.services
    if finishes:
        services.receipts.stop()
    connections = make_connections(
        services.limits, proxies=services.proxies, clock=services.clock, metrics=services.metrics
    )
    serving = http_server(
        make_app(services),
        connections,
        host=settings.server.host,
        port=settings.server.port,
        idle_timeout_s=settings.limits.idle_timeout_s,
        shutdown_s=SHUTDOWN_S,
    )
    async with serving, _stop_on_signals(services.stopping):
        log.info("service.ready", base_url=settings.server.base_url)
        if on_ready is not None:
            on_ready(settings.server.base_url)
        await supervise(
            {
                "sealer": (lambda: _finish(parts, poll_s=settings.poll_s)) if finishes else parts.sealer.run,
                "anchorer": parts.anchorer.run,
                "list publisher": services.lists.run,
                "webhooks": parts.deliveries.run,
                "connections": connections.run,
                "database": lambda: _raise_when_fatal(services.fatal),
            },
            stop=services.stopping,
        )
        # Event streams wait for news: this lets them end before the server closes.
        services.announcer.announce()
        log.info("service.stopping")


async def _finish(parts: Parts, *, poll_s: float) -> None:
    """Stand in for the sealer: seal what was promised, and let the service end once every sealed batch is final."""
    services = parts.services
    while not await parts.sealer.seal_last():  # noqa: ASYNC110 - the store tells no events
        await asyncio.sleep(poll_s)
    while await services.store.unfinished_batches():  # noqa: ASYNC110 - the store tells no events
        await asyncio.sleep(poll_s)
    log.info("service.finished")
    services.stopping.set()
    # A task that ends by itself would be taken for a failure.
    await asyncio.Event().wait()


async def _raise_when_fatal(fatal: asyncio.Event) -> None:
    await fatal.wait()
    raise FatalError(
        "a request met a failure of the database: start the service again, it recovers by itself"
    )


@asynccontextmanager
async def _stop_on_signals(stopping: asyncio.Event) -> AsyncIterator[None]:
    loop = asyncio.get_running_loop()
    signals = (signal.SIGTERM, signal.SIGINT)
    for number in signals:
        loop.add_signal_handler(number, stopping.set)
    try:
        yield
    finally:
        for number in signals:
            loop.remove_signal_handler(number)
