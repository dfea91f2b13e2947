"""Liveness, readiness and metrics."""

from __future__ import annotations

import asyncio
import math

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest

from anchor.api.keys import SERVICES, Services
from anchor.core.spending import ether_text
from anchor.service.spending import Funds

FEW_ANCHORS = 100
"""Where nothing was spent yet, readiness warns when the balance pays for fewer anchors than this at the present fee."""

MAX_UNMINED_S = 3600
"""A sealed batch that no block holds after an hour needs a person."""


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
    problems += status.anchoring_problems()
    problems += await _delay(services)
    if backlog >= services.limits.backlog_entries:
        problems.append(f"{backlog} digests wait for the chain")
    warnings = [f"RPC endpoint {problem}" for problem in status.endpoint_problems()]
    warnings += [status.final_problem] if status.final_problem else []
    warnings += _funds_warnings(status.funds, warn_days=services.warn_days)
    body = {
        "ready": not problems,
        "problems": problems,
        "warnings": warnings,
        "chain": {
            "latestBlock": status.latest.number if status.latest else None,
            "finalizedBlock": status.final_number,
        },
        "balanceWei": str(status.balance_wei) if status.balance_wei is not None else None,
        "funds": _funds_json(status.funds),
        "held": status.hold.reason if status.hold is not None else None,
        "backlog": backlog,
    }
    return web.json_response(body, status=200 if not problems else 503)


def _funds_warnings(funds: Funds | None, *, warn_days: float) -> list[str]:
    """Return what to say of an account that can still pay, while there is time to fill it."""
    if funds is None or funds.pause:
        return []
    if funds.days_left is not None and funds.days_left < warn_days:
        rate = f"{ether_text(funds.spent_per_day_wei)} a day"
        left = f"gas for {funds.days_left:.1f} days at the present rate of {rate}"
    elif funds.days_left is None and funds.anchors_left < FEW_ANCHORS:
        left = f"gas for {funds.anchors_left} anchors at the most that one may cost now"
    else:
        return []
    return [f"the publisher's account has {ether_text(funds.purse.balance_wei)}, {left}: send it some ether"]


def _funds_json(funds: Funds | None) -> dict[str, object] | None:
    if funds is None:
        return None
    return {
        "spent24hWei": str(funds.purse.spent_wei),
        "unminedAtMostWei": str(funds.purse.open_wei),
        "spentPerDayWei": str(funds.spent_per_day_wei),
        "daysLeft": None if funds.days_left is None else round(funds.days_left, 1),
    }


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
        self._spent = Gauge(
            "anchor_spent_24h_wei", "What anchors mined in the last 24 hours cost", registry=registry
        )
        self._days = Gauge(
            "anchor_gas_days_left", "Days for which the balance lasts at the present rate", registry=registry
        )
        self._held = Gauge(
            "anchor_held",
            "1 while a batch that is due waits for a cheap block or for money",
            registry=registry,
        )
        # Not 0 before there is a rate: that would read as an alarm.
        self._days.set(math.inf)
        self._ready = Gauge("anchor_chain_ok", "1 while looks at the chain succeed", registry=registry)

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
        if status.funds is not None:
            self._spent.set(status.funds.purse.spent_wei)
            left = status.funds.days_left
            self._days.set(math.inf if left is None else left)
        self._held.set(status.hold is not None or status.unpaid is not None)


METRICS = web.AppKey("metrics", Metrics)


async def metrics(request: web.Request) -> web.Response:
    """GET /metrics: Prometheus text."""
    services = request.app[SERVICES]
    await request.app[METRICS].refresh(services)
    body = await asyncio.to_thread(generate_latest, services.metrics)
    return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})
