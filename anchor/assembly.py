"""Puts the service together: settings and edges → the objects that run and the ones that handlers ask."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass

from prometheus_client import CollectorRegistry

from anchor.api.keys import Services
from anchor.chain.protocol import Block, Chain, Signer
from anchor.clock import Clock
from anchor.config import Settings
from anchor.core.spending import SpendingPolicy
from anchor.server.addresses import TrustedProxies
from anchor.server.assembly import make_admission
from anchor.server.body_budget import BodyBudget
from anchor.service.anchorer import Anchorer, AnchorerSettings
from anchor.service.announcer import Announcer
from anchor.service.chain_status import ChainStatus
from anchor.service.due import DueTimes
from anchor.service.evidence import EvidenceMaker
from anchor.service.expectations import Expectations
from anchor.service.foreign_documents import ForeignDocuments
from anchor.service.intake import Intake
from anchor.service.issuers import Issuers
from anchor.service.keys import KeyVault, hash_api_key, load_or_create, new_api_key
from anchor.service.linked_data_worker import LinkedDataWorker
from anchor.service.list_keys import ListKeys
from anchor.service.lists import ListPublisher
from anchor.service.proofs import Publications
from anchor.service.receipts import Receipts, open_receipt_key
from anchor.service.related_resources import LIMITS as RESOURCE_LIMITS
from anchor.service.related_resources import RelatedResources
from anchor.service.sealer import Sealer
from anchor.service.sending import AnchorSender, SendingLimits
from anchor.service.spending import Spending
from anchor.service.vc_status import CredentialStatus
from anchor.service.vc_verifying import CredentialVerifying
from anchor.service.webhook_delivery import WebhookDelivery
from anchor.service.webhook_post import WebhookPost
from anchor.service.webhooks import Webhooks
from anchor.store.sqlite import SqliteStore
from anchor.vc.linked_data import LinkedData
from status_lists.multibase import decode_base64url, encode_base64url
from status_lists.publishing import PublishingPolicy

OPERATOR_KEY_FILE = "operator.key"
LIST_KEYS_FILE = "lists.key"

GWEI = 10**9
ETHER = 10**18


@dataclass(frozen=True, slots=True)
class Edges:
    """What the service stands on: its database, its chain, the publisher's key, the clock."""

    store: SqliteStore
    chain: Chain
    signer: Signer
    clock: Clock


@dataclass(frozen=True, slots=True)
class Parts:
    """What runs, beside what handlers ask."""

    services: Services
    sealer: Sealer
    anchorer: Anchorer
    deliveries: WebhookDelivery


@dataclass(frozen=True, slots=True)
class _Signals:
    """How the parts wake each other: new work for the sealer, a sealed batch for the anchorer, news for listeners."""

    work: asyncio.Event
    sealed: asyncio.Event
    announcer: Announcer


def assemble(settings: Settings, edges: Edges, *, latest: Block) -> Parts:
    """Return the service, ready to run; makes its keys, but for the publisher's, at the first start."""
    signals = _Signals(work=asyncio.Event(), sealed=asyncio.Event(), announcer=Announcer())
    vault = open_vault(settings)
    lists = _list_publisher(settings, edges, vault, signals.announcer)
    post = WebhookPost(allowed_hosts=settings.limits.webhook_hosts)
    policy = _spending_policy(settings)
    status = ChainStatus(
        clock=edges.clock,
        on_clock_fault=lists.set_clock_fault,
        endpoint_problems=edges.chain.endpoint_problems,
        # The block that the chain was checked at: promises before the first look count from its time.
        latest=latest,
    )
    due = DueTimes(batching=settings.batching, policy=policy, status=status, clock=edges.clock)
    services = _services(
        settings, edges, signals, vault=vault, lists=lists, post=post, status=status, due=due
    )
    sealer = Sealer(
        store=edges.store,
        lists=lists,
        clock=edges.clock,
        due=due,
        status=status,
        look_again_s=settings.poll_s,
        work=signals.work,
        sealed=signals.sealed,
    )
    spending = _spending(settings, edges, policy)
    anchorer = Anchorer(
        store=edges.store,
        chain=edges.chain,
        publisher=edges.signer.address,
        sender=_sender(settings, edges, spending, status),
        clock=edges.clock,
        settings=_anchorer_settings(settings),
        spending=spending,
        status=status,
        sealed=signals.sealed,
        work=signals.work,
    )
    deliveries = WebhookDelivery(
        store=edges.store,
        vault=vault,
        post=post,
        lists=lists,
        announcer=signals.announcer,
        clock=edges.clock,
    )
    return Parts(services=services, sealer=sealer, anchorer=anchorer, deliveries=deliveries)


def _services(
    settings: Settings,
    edges: Edges,
    signals: _Signals,
    *,
    vault: KeyVault,
    lists: ListPublisher,
    post: WebhookPost,
    status: ChainStatus,
    due: DueTimes,
) -> Services:
    store, clock = edges.store, edges.clock
    issuers = _issuers(settings, edges, vault)
    publications = Publications(store=store, base_url=settings.server.base_url)
    linked_data = LinkedDataWorker(linked_data=LinkedData())
    return Services(
        intake=Intake(
            store=store,
            lists=lists,
            clock=clock,
            list_length=settings.lists.length,
            backlog_entries=settings.limits.backlog_entries,
            work=signals.work,
        ),
        issuers=issuers,
        list_keys=_list_keys(settings, edges, vault=vault, issuers=issuers, lists=lists),
        webhooks=Webhooks(store=store, vault=vault, post=post, clock=clock),
        publications=publications,
        receipts=_receipts(settings, edges, status),
        expectations=Expectations(store=store, due=due, status=status, clock=clock),
        evidence=EvidenceMaker(store=store, publications=publications),
        lists=lists,
        announcer=signals.announcer,
        store=store,
        status=status,
        clock=clock,
        limits=settings.limits,
        verifying=_verifying(settings, edges, lists=lists, linked_data=linked_data),
        linked_data=linked_data,
        admission=make_admission(settings.limits, clock=clock),
        proxies=TrustedProxies(settings.server.trusted_proxies),
        bodies=BodyBudget(limit_bytes=settings.limits.bodies_in_memory_bytes),
        status_wait_s=settings.batching.status_wait_s,
        warn_days=settings.anchoring.warn_days,
        list_length=settings.lists.length,
        stopping=asyncio.Event(),
        fatal=asyncio.Event(),
        metrics=CollectorRegistry(),
    )


def open_vault(settings: Settings) -> KeyVault:
    """Return the vault of list keys; its key is made in the data folder at the first call."""
    wrapping_key = load_or_create(
        settings.data_dir / LIST_KEYS_FILE, encode_base64url(secrets.token_bytes(32))
    )
    return KeyVault(decode_base64url(wrapping_key, length=32))


def _list_publisher(settings: Settings, edges: Edges, vault: KeyVault, announcer: Announcer) -> ListPublisher:
    return ListPublisher(
        store=edges.store,
        vault=vault,
        clock=edges.clock,
        base_url=settings.server.base_url,
        policy=PublishingPolicy(
            ttl_ms=settings.lists.ttl_s * 1000, validity_ms=settings.lists.validity_s * 1000
        ),
        announcer=announcer,
    )


def _issuers(settings: Settings, edges: Edges, vault: KeyVault) -> Issuers:
    operator_key = load_or_create(settings.data_dir / OPERATOR_KEY_FILE, new_api_key("operator"))
    return Issuers(
        store=edges.store,
        vault=vault,
        clock=edges.clock,
        base_url=settings.server.base_url,
        operator_key_hash=hash_api_key(operator_key),
    )


def _list_keys(
    settings: Settings, edges: Edges, *, vault: KeyVault, issuers: Issuers, lists: ListPublisher
) -> ListKeys:
    return ListKeys(
        store=edges.store,
        vault=vault,
        issuers=issuers,
        lists=lists,
        clock=edges.clock,
        base_url=settings.server.base_url,
    )


def _verifying(
    settings: Settings, edges: Edges, *, lists: ListPublisher, linked_data: LinkedDataWorker
) -> CredentialVerifying:
    allowed = settings.verify
    status = CredentialStatus(
        store=edges.store,
        lists=lists,
        worker=linked_data,
        clock=edges.clock,
        source=ForeignDocuments(
            hosts=allowed.list_hosts, local_hosts=allowed.local_hosts, setting="verify.list_hosts"
        ),
        min_entries=allowed.min_list_entries,
    )
    resources = ForeignDocuments(
        hosts=allowed.resource_hosts,
        local_hosts=allowed.local_hosts,
        limits=RESOURCE_LIMITS,
        setting="verify.resource_hosts",
    )
    return CredentialVerifying(
        store=edges.store,
        worker=linked_data,
        status=status,
        resources=RelatedResources(source=resources),
        clock=edges.clock,
    )


def _receipts(settings: Settings, edges: Edges, status: ChainStatus) -> Receipts:
    return Receipts(
        store=edges.store,
        key=open_receipt_key(settings.data_dir),
        base_url=settings.server.base_url,
        promise_s=settings.receipts.promise_s,
        status=status,
        clock=edges.clock,
    )


def _spending(settings: Settings, edges: Edges, policy: SpendingPolicy) -> Spending:
    return Spending(
        store=edges.store,
        chain=edges.chain,
        publisher=edges.signer.address,
        policy=policy,
        max_fee_wei=_max_fee_wei(settings),
    )


def _spending_policy(settings: Settings) -> SpendingPolicy:
    anchoring = settings.anchoring
    return SpendingPolicy(
        daily_budget_wei=int(anchoring.daily_budget_ether * ETHER),
        cheap_base_fee_wei=int(anchoring.cheap_base_fee_gwei * GWEI),
        cheap_wait_s=anchoring.cheap_wait_s,
    )


def _max_fee_wei(settings: Settings) -> int:
    return int(settings.publisher.max_fee_gwei * GWEI)


def _anchorer_settings(settings: Settings) -> AnchorerSettings:
    return AnchorerSettings(
        confirmations=settings.chain.confirmations,
        poll_s=settings.poll_s,
        replace_after_s=settings.publisher.replace_after_s,
    )


def _sender(settings: Settings, edges: Edges, spending: Spending, status: ChainStatus) -> AnchorSender:
    return AnchorSender(
        store=edges.store,
        chain=edges.chain,
        signer=edges.signer,
        clock=edges.clock,
        limits=SendingLimits(
            chain_id=settings.chain_id,
            contract=settings.chain.contract,
            max_fee_wei=_max_fee_wei(settings),
        ),
        spending=spending,
        status=status,
    )
