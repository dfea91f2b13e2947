"""The composition root: settings → objects → HTTP server and background tasks."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog
from prometheus_client import CollectorRegistry

from anchor.api.app import make_app
from anchor.api.keys import Services
from anchor.chain.failover import connect
from anchor.chain.protocol import Chain, ChainIdentity, Signer
from anchor.chain.remote_signer import RemoteSigner
from anchor.chain.signer import LocalSigner
from anchor.clock import Clock, SystemClock
from anchor.config import Settings
from anchor.errors import ConfigError, FatalError
from anchor.server.addresses import TrustedProxies
from anchor.server.assembly import make_admission, make_connections
from anchor.server.body_budget import BodyBudget
from anchor.server.http_server import http_server
from anchor.service.anchorer import Anchorer, AnchorerSettings
from anchor.service.announcer import Announcer
from anchor.service.chain_status import ChainStatus
from anchor.service.evidence import EvidenceMaker
from anchor.service.intake import Intake
from anchor.service.issuers import Issuers
from anchor.service.keys import KeyVault, hash_api_key, load_or_create, new_api_key
from anchor.service.list_keys import ListKeys
from anchor.service.lists import ListPublisher
from anchor.service.proofs import Publications
from anchor.service.sealer import Sealer
from anchor.service.startup import check_chain
from anchor.service.supervisor import supervise
from anchor.service.webhook_delivery import WebhookDelivery
from anchor.service.webhook_post import WebhookPost
from anchor.service.webhooks import Webhooks
from anchor.store.sqlite import SqliteStore
from status_lists.multibase import decode_base64url, encode_base64url
from status_lists.publishing import PublishingPolicy

log = structlog.get_logger()

OPERATOR_KEY_FILE = "operator.key"
LIST_KEYS_FILE = "lists.key"
SHUTDOWN_S = 5.0
"""How long requests under way may take to finish after SIGTERM."""

GWEI = 10**9


@dataclass(frozen=True, slots=True)
class _Parts:
    """What runs, beside what handlers ask."""

    services: Services
    sealer: Sealer
    anchorer: Anchorer
    deliveries: WebhookDelivery


async def serve(
    settings: Settings,
    *,
    environment: Mapping[str, str] | None = None,
    on_ready: Callable[[str], None] | None = None,
    accepts_strangers: bool = False,
) -> None:
    """
    Run the service until SIGTERM or SIGINT, then finish what is under way and return.

    Raises ConfigError where the settings contradict the chain or the database, and FatalError as soon as any
    background task ends: the process must then end too. `accepts_strangers` takes anchors of the publisher that the
    database does not know for another's.
    """
    signer = make_signer(settings, os.environ if environment is None else environment)
    clock = SystemClock()
    store = SqliteStore(settings.database, base_url=settings.server.base_url)
    chain = connect(
        rpc_urls=settings.chain.reveal_rpc_urls(),
        contract=settings.chain.contract,
        quorum=settings.chain.quorum,
        request_timeout_s=settings.chain.request_timeout_s,
    )
    store.open()
    try:
        identity = await check_chain(
            store=store, chain=chain, signer=signer, settings=settings, accepts_strangers=accepts_strangers
        )
        parts = _assemble(settings, store=store, chain=chain, signer=signer, clock=clock, identity=identity)
        # What was left unpublished at the last stop is published before anybody can ask for it.
        await parts.services.lists.publish_due()
        await _run(parts, settings, on_ready)
    finally:
        await signer.close()
        await chain.close()
        await store.close()


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
        raise ConfigError("publisher.keystore and publisher.password_file are missing: see `anchor init`")
    return LocalSigner.from_keystore(
        settings.path(publisher.keystore), settings.path(publisher.password_file)
    )


def _assemble(
    settings: Settings,
    *,
    store: SqliteStore,
    chain: Chain,
    signer: Signer,
    clock: Clock,
    identity: ChainIdentity,
) -> _Parts:
    work, sealed = asyncio.Event(), asyncio.Event()
    wrapping_key = load_or_create(
        settings.data_dir / LIST_KEYS_FILE, encode_base64url(secrets.token_bytes(32))
    )
    operator_key = load_or_create(settings.data_dir / OPERATOR_KEY_FILE, new_api_key("operator"))
    vault = KeyVault(decode_base64url(wrapping_key, length=32))
    announcer = Announcer()
    lists = ListPublisher(
        store=store,
        vault=vault,
        clock=clock,
        base_url=settings.server.base_url,
        policy=PublishingPolicy(
            ttl_ms=settings.lists.ttl_s * 1000, validity_ms=settings.lists.validity_s * 1000
        ),
        announcer=announcer,
    )
    issuers = Issuers(
        store=store,
        vault=vault,
        clock=clock,
        base_url=settings.server.base_url,
        operator_key_hash=hash_api_key(operator_key),
    )
    post = WebhookPost(allowed_hosts=settings.limits.webhook_hosts)
    status = ChainStatus(
        clock=clock, on_clock_fault=lists.set_clock_fault, endpoint_problems=chain.endpoint_problems
    )
    publications = Publications(
        store=store,
        identity=identity,
        contract=settings.chain.contract,
        publisher=signer.address,
        from_block=settings.chain.from_block,
        base_url=settings.server.base_url,
    )
    services = Services(
        intake=Intake(
            store=store,
            lists=lists,
            clock=clock,
            list_length=settings.lists.length,
            backlog_entries=settings.limits.backlog_entries,
            work=work,
        ),
        issuers=issuers,
        list_keys=ListKeys(
            store=store,
            vault=vault,
            issuers=issuers,
            lists=lists,
            clock=clock,
            base_url=settings.server.base_url,
        ),
        webhooks=Webhooks(store=store, vault=vault, post=post, clock=clock),
        publications=publications,
        evidence=EvidenceMaker(store=store, publications=publications),
        lists=lists,
        announcer=announcer,
        store=store,
        status=status,
        clock=clock,
        limits=settings.limits,
        admission=make_admission(settings.limits, clock=clock),
        proxies=TrustedProxies(settings.server.trusted_proxies),
        bodies=BodyBudget(limit_bytes=settings.limits.bodies_in_memory_bytes),
        status_wait_s=settings.batching.status_wait_s,
        list_length=settings.lists.length,
        stopping=asyncio.Event(),
        fatal=asyncio.Event(),
        metrics=CollectorRegistry(),
    )
    sealer = Sealer(
        store=store, lists=lists, clock=clock, batching=settings.batching, work=work, sealed=sealed
    )
    anchorer = Anchorer(
        store=store,
        chain=chain,
        signer=signer,
        clock=clock,
        settings=_anchorer_settings(settings),
        status=status,
        sealed=sealed,
        work=work,
    )
    deliveries = WebhookDelivery(
        store=store, vault=vault, post=post, lists=lists, announcer=announcer, clock=clock
    )
    return _Parts(services=services, sealer=sealer, anchorer=anchorer, deliveries=deliveries)


def _anchorer_settings(settings: Settings) -> AnchorerSettings:
    return AnchorerSettings(
        chain_id=settings.chain_id,
        contract=settings.chain.contract,
        confirmations=settings.chain.confirmations,
        poll_s=settings.poll_s,
        max_fee_wei=int(settings.publisher.max_fee_gwei * GWEI),
        replace_after_s=settings.publisher.replace_after_s,
    )


async def _run(parts: _Parts, settings: Settings, on_ready: Callable[[str], None] | None) -> None:
    services = parts.services
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
                "sealer": parts.sealer.run,
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
