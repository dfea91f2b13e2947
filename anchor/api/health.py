"""Liveness, readiness and metrics."""

from __future__ import annotations

import asyncio

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest

from anchor.api.keys import SERVICES, Services

LOW_BALANCE_ANCHORS = 100
"""Below the cost of so many anchors at 10 gwei, readiness warns."""

MAX_UNMINED_S = 3600
"""A sealed batch that no block holds after an hour needs a person."""

_ANCHOR_COST_WEI = 56_000 * 10 * 10**9


async def healthz(request: web.Request) -> web.Response:
    """GET /healthz: 200 while every background task runs."""
    services = request.app[SERVICES]
    stopping = services.stopping.is_set() or services.fatal.is_set()
    return web.json_response({"status": "stopping" if stopping else "ok"}, status=503 if stopping else 200)


async def readyz(request: web.Request) -> web.Response:
    """GET /readyz: 200 when digests can be taken and anchored; otherwise 503 with what is wrong."""
    services = request.app[SERVICES]
    status = services.status
    backlog = await services.store.unmined_entries()
    problems = [problem for problem in (status.problem, status.clock_fault) if problem]
    if status.balance_wei == 0:
        problems.append("the publisher's account is empty: send it some ether")
    problems += status.anchoring_problems()
    problems += await _delay(services)
    if backlog >= services.limits.backlog_entries:
        problems.append(f"{backlog} digests wait for the chain")
    warnings = [f"RPC endpoint {problem}" for problem in status.endpoint_problems()]
    if status.balance_wei is not None and 0 < status.balance_wei < LOW_BALANCE_ANCHORS * _ANCHOR_COST_WEI:
        warnings.append("the publisher's balance is low")
    body = {
        "ready": not problems,
        "problems": problems,
        "warnings": warnings,
        "chain": {
            "latestBlock": status.latest.number if status.latest else None,
            "finalizedBlock": status.final_number,
        },
        "balanceWei": str(status.balance_wei) if status.balance_wei is not None else None,
        "backlog": backlog,
    }
    return web.json_response(body, status=200 if not problems else 503)


async def _delay(services: Services) -> list[str]:
    """Return what to say of the oldest batch that is sealed and in no block, where it has waited too long."""
    sealed_s = [
        batch.sealed_s
        for batch in await services.store.unfinished_batches()
        if not batch.state.is_mined and batch.sealed_s is not None
    ]
    waited_s = services.clock.now_ms() // 1000 - min(sealed_s, default=services.clock.now_ms() // 1000)
    if waited_s <= MAX_UNMINED_S:
        return []
    return [
        f"a batch has waited {waited_s // 60} minutes for its block: see anchor.* in the log for the reason"
    ]


class Metrics:
    """The gauges of /metrics, filled from the store and the chain's status when they are asked for."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._backlog = Gauge("anchor_backlog_entries", "Digests accepted and not mined", registry=registry)
        self._block = Gauge("anchor_chain_block", "Newest block seen", registry=registry)
        self._final = Gauge("anchor_chain_finalized_block", "Newest finalized block seen", registry=registry)
        self._balance = Gauge("anchor_publisher_balance_wei", "The publisher's balance", registry=registry)
        self._sequence = Gauge(
            "anchor_head_sequence", "Sequence of the newest mined batch", registry=registry
        )
        self._ready = Gauge("anchor_chain_ok", "1 while the chain answers", registry=registry)

    async def refresh(self, services: Services) -> None:
        """Read the present values."""
        self._backlog.set(await services.store.unmined_entries())
        head = await services.store.newest_mined()
        self._sequence.set(head.sequence or 0 if head else 0)
        status = services.status
        self._ready.set(status.problem is None)
        if status.latest is not None:
            self._block.set(status.latest.number)
        if status.final_number is not None:
            self._final.set(status.final_number)
        if status.balance_wei is not None:
            self._balance.set(status.balance_wei)


METRICS = web.AppKey("metrics", Metrics)


async def metrics(request: web.Request) -> web.Response:
    """GET /metrics: Prometheus text."""
    services = request.app[SERVICES]
    await request.app[METRICS].refresh(services)
    body = await asyncio.to_thread(generate_latest, services.metrics)
    return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})
