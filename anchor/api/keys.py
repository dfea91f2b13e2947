"""The typed places where the application keeps what handlers need."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from aiohttp import web
from prometheus_client import CollectorRegistry

from anchor.clock import Clock
from anchor.config import LimitSettings
from anchor.server.addresses import TrustedProxies
from anchor.server.admission import Admission
from anchor.server.body_budget import BodyBudget
from anchor.service.announcer import Announcer
from anchor.service.chain_status import ChainStatus
from anchor.service.evidence import EvidenceMaker
from anchor.service.expectations import Expectations
from anchor.service.intake import Intake
from anchor.service.issuers import Issuers
from anchor.service.linked_data_worker import LinkedDataWorker
from anchor.service.list_keys import ListKeys
from anchor.service.lists import ListPublisher
from anchor.service.proofs import Publications
from anchor.service.receipts import Receipts
from anchor.service.vc_verifying import CredentialVerifying
from anchor.service.webhooks import Webhooks
from anchor.store.protocol import Store


@dataclass(frozen=True, slots=True)
class Services:
    """What handlers may ask."""

    intake: Intake
    issuers: Issuers
    list_keys: ListKeys
    webhooks: Webhooks
    publications: Publications
    receipts: Receipts
    expectations: Expectations
    evidence: EvidenceMaker
    lists: ListPublisher
    announcer: Announcer
    store: Store
    status: ChainStatus
    clock: Clock
    limits: LimitSettings
    verifying: CredentialVerifying
    linked_data: LinkedDataWorker
    admission: Admission
    proxies: TrustedProxies
    bodies: BodyBudget
    status_wait_s: float
    warn_days: float
    list_length: int
    stopping: asyncio.Event
    fatal: asyncio.Event
    metrics: CollectorRegistry


SERVICES = web.AppKey("services", Services)
