"""A database that an older version left in the midst of its work: taken over, and every batch goes to `final`."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_asyncio

from anchor.core.lifecycle import BatchState
from anchor.store.records import Batch
from tests.support.assembly import Running, make_settings, running
from tests.support.clock import FakeClock
from tests.support.fake_sending_chain import SendingChain
from tests.support.stored_first import check_everything
from tests.support.vector_files import load_vectors

STATES = [BatchState.FINAL, BatchState.FINAL, BatchState.MINED, BatchState.SENT, BatchState.ACCEPTED]
"""Of its batches; the second and the fourth have a payload that was replaced."""


async def _chain_of(older: dict[str, Any]) -> SendingChain:
    """Return the chain that the older version worked with, made again from the payloads of its blocks."""
    clock = FakeClock()
    chain = SendingChain(clock=clock, finality_lag=None)
    for number, block in enumerate(older["blocks"], start=1):
        clock.step(block["time_s"] - clock.now_ms() / 1000)
        for raw in block["raw"]:
            await chain.broadcast(bytes.fromhex(raw))
        chain.mine()
        if number == older["final"]:
            chain.finalize()
    clock.step((older["now_ms"] - clock.now_ms()) / 1000)
    return chain


@pytest_asyncio.fixture
async def service(tmp_path: Path) -> AsyncIterator[Running]:
    """Start this version on the files of the older one."""
    older = load_vectors("database_0004.json")
    settings = make_settings(tmp_path)
    settings.data_dir.mkdir(mode=0o700)
    for name, content in older["files"].items():
        path = settings.data_dir / name
        path.touch(mode=0o600)
        path.write_text(content, "utf-8")
    database = sqlite3.connect(settings.database)
    database.executescript("\n".join(older["sql"]))
    database.close()
    async with running(settings, await _chain_of(older)) as started:
        yield started


async def _batches(service: Running) -> list[Batch]:
    return [await service.batch(number) for number in range(1, len(STATES) + 1)]


async def test_batches_of_every_state_are_known_with_their_payloads_and_place(service: Running) -> None:
    """Nothing is counted of what was final before costs were kept; every other payload may still cost money."""
    batches = await _batches(service)
    payloads = [await service.store.payloads(batch.id) for batch in batches]

    assert [batch.state for batch in batches] == STATES
    assert [batch.anchorage for batch in batches] == [1, 1, 1, 1, None]
    mined = service.publisher
    assert [batch.publisher for batch in batches] == [mined, mined, mined, None, None]
    assert [len(each) for each in payloads] == [1, 2, 1, 2, 0]
    assert {payload.sender for each in payloads for payload in each} == {service.publisher}
    open_hashes = [cost.hash for cost in await service.store.open_costs()]
    assert open_hashes == [payload.hash for each in payloads[2:4] for payload in each]


async def test_service_goes_on_with_it_and_each_digest_is_anchored_once(service: Running) -> None:
    """What was sent is mined from the stored bytes, what waited goes into the next batch, costs are settled."""
    (issuer,) = await service.store.issuers()
    known = await service.submit(issuer, 1, 2, allocate=True)
    known = [*known, *await service.submit(issuer, 3, 4), *await service.submit(issuer, 5, allocate=True)]
    waiting = await service.submit(issuer, 6)
    assert not any(item.is_new for item in [*known, *waiting])
    service.chain.finality_lag = 2

    for _ in range(8):
        service.clock.advance(60)
        await service.mine(2)

    await check_everything(service, issuer, *known, *waiting)
    batches = await _batches(service)
    assert [batch.state for batch in batches] == [BatchState.FINAL] * 5
    assert [batch.sequence for batch in batches] == [1, 2, 3, 4, 5]
    assert len(service.chain.anchored_roots(service.publisher)) == 5
    assert service.chain.failed_transactions() == 0
    assert await service.store.open_costs() == []
    # One payload of a nonce was mined; what was final before costs were kept is not counted.
    receipts = [
        await service.chain.receipt(payload.hash)
        for batch in batches[2:]
        for payload in await service.store.payloads(batch.id)
    ]
    costs = [receipt.cost_wei for receipt in receipts if receipt is not None]
    assert len(costs) == 3
    assert (await service.store.spent_since(0)).spent_wei == sum(costs)
