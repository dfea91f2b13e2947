"""Runs a service under load and faults for some minutes, then lets it come to rest and checks every promise."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from tests.soak.blocks import running_blocks
from tests.soak.injections import Injections
from tests.soak.load import Load
from tests.soak.outcome import Outcome
from tests.support.anvil import AnvilChain, running_chain
from tests.support.promises import PromiseCheck
from tests.support.rpc_proxy import RpcProxy
from tests.support.running_service import RunningService

ISSUERS = 4
BLOCK_TIME_S = 0.25
MAX_REST_POLLS = 1200
REST_POLL_S = 0.25
SETTINGS = """
[publisher]
replace_after_s = 3.0
max_fee_gwei = 500.0
"""

Progress = Callable[[float], None]


async def soak(*, folder: Path, seconds: float, seed: int, on_progress: Progress) -> Outcome:
    """Run for so many seconds, with faults and load drawn from a seed, and return what came of it."""
    started = time.monotonic()
    async with (
        running_chain(block_time_s=BLOCK_TIME_S) as chain,
        running_blocks(chain, every_s=BLOCK_TIME_S) as blocks,
        RpcProxy(upstream_url=chain.rpc_url) as proxy,
    ):
        service = RunningService(
            folder=folder,
            chain=chain,
            rpc_url=proxy.url,
            extra_settings=SETTINGS,
            extra_chain_settings="request_timeout_s = 2.0",
        )
        await service.start()
        try:
            injections = Injections(service, chain, blocks, proxy, random.Random(seed))
            loads = [
                Load(
                    service,
                    await service.add_issuer(name=f"issuer {number}"),
                    random.Random(f"{seed}-{number}"),
                )
                for number in range(ISSUERS)
            ]
            await _disturb(injections, loads, seconds, on_progress)
            await _come_to_rest(service, loads)
            return await _outcome(service, chain, injections, loads, seed=seed, started=started)
        finally:
            await service.kill()


async def _disturb(
    injections: Injections, loads: Sequence[Load], seconds: float, on_progress: Progress
) -> None:
    """Run load and faults side by side for so long; then heal, and let the last requests be acknowledged."""
    until = time.monotonic() + seconds
    injecting = asyncio.create_task(injections.run())
    tasks = [injecting, *(asyncio.create_task(load.run()) for load in loads)]
    while (left := until - time.monotonic()) > 0 and not any(task.done() for task in tasks):
        on_progress(seconds - left)
        await asyncio.wait(tasks, timeout=min(left, 1.0), return_when=asyncio.FIRST_COMPLETED)
    injections.is_over = True
    await injecting
    await injections.heal()
    for load in loads:
        load.is_over = True
    await asyncio.gather(*tasks)
    for load in loads:
        await load.finish()


async def _come_to_rest(service: RunningService, loads: Sequence[Load]) -> None:
    """Wait until the database has no digest and no list that is not behind a finalized block."""
    for load in loads:
        await service.wait_for_state(load.issuer, load.acknowledged[-1].digest.hex(), "final")
    for _ in range(MAX_REST_POLLS):
        if _unfinished(service.database) == 0:
            return
        await asyncio.sleep(REST_POLL_S)
    raise AssertionError(f"the service does not come to rest: {service.log[-2000:]}")


def _unfinished(database: Path) -> int:
    """Count batches with digests that are not final, and lists whose newest version no final batch holds."""
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
        (batches,) = connection.execute(
            "select count(*) from batches where state != 'final' and leaf_count > 1"
        ).fetchone()
        (lists,) = connection.execute(
            "select count(*) from list_versions as newest left join batches on batches.id = newest.batch "
            "where version = (select max(version) from list_versions where list = newest.list) "
            "and state is not 'final'"
        ).fetchone()
    return int(batches) + int(lists)


async def _outcome(
    service: RunningService,
    chain: AnvilChain,
    injections: Injections,
    loads: Sequence[Load],
    *,
    seed: int,
    started: float,
) -> Outcome:
    acknowledged = [item for load in loads for item in load.acknowledged]
    check = PromiseCheck(service=service, chain=chain)
    violations = await check.violations(acknowledged)
    times = check.times_anchored(acknowledged)
    anchors, transactions = await check.anchors_and_transactions()
    return Outcome(
        seed=seed,
        faults=dict(injections.counts),
        starts=injections.restarts + 1,
        requests=sum(load.requests for load in loads),
        repeats=sum(load.repeats for load in loads),
        digests=len(acknowledged),
        lost=times.count(0),
        twice=sum(count > 1 for count in times),
        changes=sum(len(load.statuses) for load in loads),
        changes_lost=sum([await _changes_lost(service, load) for load in loads]),
        sequences=anchors,
        reverted=transactions - anchors,
        fsck=await _fsck(service),
        audit=await _audit(service, chain),
        violations=tuple(violations),
        seconds=time.monotonic() - started,
    )


async def _changes_lost(service: RunningService, load: Load) -> int:
    lost = 0
    for entry, expected in load.statuses.items():
        path = f"/v1/status-entries/{entry.list_number}/{entry.index}"
        _, body = await service.request("GET", path, headers=load.issuer.headers)
        lost += (body["revoked"], body["suspended"]) != expected
    return lost


async def _fsck(service: RunningService) -> int:
    config = str(service.folder / "anchor.toml")
    return await _exit_code(service, "fsck", "--config", config, "--service", service.base_url)


async def _audit(service: RunningService, chain: AnvilChain) -> int:
    trust = str(service.folder / "trust.toml")
    exported = await _exit_code(
        service, "trust", "export", "--service", service.base_url, "--rpc", chain.rpc_url, "-o", trust
    )
    return exported or await _exit_code(service, "audit", "--trust", trust)


async def _exit_code(service: RunningService, *arguments: str) -> int:
    """Run the `anchor` command and return its exit code; what it prints goes into a file beside the service."""
    with (service.folder / "checks.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "anchor.cli", *arguments, env=service.environment, stdout=log, stderr=log
        )
    return await process.wait()
