"""Liveness, readiness and metrics as those who watch the service see them."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from anchor.errors import Overloaded
from anchor.service.chain_status import UNSEALED_AFTER_FAILURES
from anchor.service.sealer import RETRY_S
from anchor.store.sqlite.writer import Session
from tests.support.api_caller import ApiCaller, serving
from tests.support.assembly import Running, digest, make_settings, new_chain, running, until
from tests.support.fake_sending_chain import GAS_USED


def metric(text: str, name: str) -> float:
    """Return the value of a metric without labels."""
    found = re.search(rf"^{name} (\S+)$", text, re.MULTILINE)
    assert found, name
    return float(found[1])


async def test_ready_once_the_chain_was_seen(api: ApiCaller, service: Running) -> None:
    """Before the first look the service lives and is not ready; after it, it is."""
    assert (await api.get("/healthz")).status == 200
    before = await api.get("/readyz")
    await service.anchorer.step()
    service.services.status.answered()
    after = await api.get("/readyz")

    assert (before.status, before.json["ready"]) == (503, False)
    assert before.json["problems"]
    assert (after.status, after.json["ready"], after.json["problems"]) == (200, True, [])
    assert after.json["chain"] == {"latestBlock": 0, "finalizedBlock": 0}
    assert after.json["balanceWei"] == str(10**18)


async def test_not_ready_says_why(api: ApiCaller, service: Running) -> None:
    """Chain, clock and balance are each told, together."""
    await service.mine(2)
    service.chain.balances_wei[service.publisher] = 0
    service.chain.clock_offset_s = 4000
    await service.mine()
    for _ in range(3):
        service.services.status.failed("no answer from the endpoint")

    answer = await api.get("/readyz")

    assert answer.status == 503
    told = " ".join(answer.json["problems"])
    assert "no answer from the endpoint" in told
    assert "set the clock" in told
    assert "send it some ether" in told


async def test_anchor_that_does_not_get_on_is_not_ready(api: ApiCaller, service: Running, key: str) -> None:
    """A balance below the cost of one anchor, and an hour without a block for a batch, are told with advice."""
    service.chain.unaffordable = True
    await api.post("/v1/digests", {"digest": digest(1).hex(), "method": "raw"}, key=key)
    service.clock.advance(60)
    await service.mine(2)
    service.services.status.answered()
    first = await api.get("/readyz")
    service.clock.advance(3600)
    await service.mine()
    second = await api.get("/readyz")

    assert first.status == second.status == 503
    assert first.json["problems"] == [
        "the endpoint says that the publisher's account cannot pay for an anchor: send it some ether"
    ]
    assert "a batch has waited 6" in second.json["problems"][1]

    service.chain.unaffordable = False
    await service.mine(2)
    assert (await api.get("/readyz")).json["problems"] == []


async def test_full_disk_is_not_ready_until_there_is_space(
    api: ApiCaller, service: Running, key: str
) -> None:
    """Fault 4: what was acknowledged is due and cannot be sealed; nobody may find that out by a broken promise."""
    await service.mine()
    digests = b"".join(digest(number) for number in range(1000))
    sent = await api.post("/v1/digests?method=raw", key=key, body=digests, kind="application/octet-stream")
    service.services.status.answered()
    unlimited = await _pragma(service, "max_page_count")
    await _pragma(service, f"max_page_count = {await _pragma(service, 'page_count')}")
    await service.sealer.step()
    first = await api.get("/readyz")
    for _ in range(UNSEALED_AFTER_FAILURES):
        assert await service.sealer.step() == RETRY_S
    later = await api.get("/readyz")
    await _pragma(service, f"max_page_count = {unlimited}")
    await service.mine(2)
    mended = await api.get("/readyz")

    assert sent.status == 200
    assert (first.status, later.status, mended.status) == (200, 503, 200)
    assert "cannot be sealed: the disk is full" in later.json["problems"][0]
    assert mended.json["backlog"] == 0


async def test_looks_that_cannot_be_stored_are_not_ready(api: ApiCaller, service: Running, key: str) -> None:
    """Fault 4: the chain answers, and what it shows cannot be written down."""

    async def refuse() -> None:
        service.hooks.before["mark_mined"] = refuse
        raise Overloaded("the disk is full: free some space", retry_after_s=60)

    await api.post("/v1/digests", {"digest": digest(1).hex(), "method": "raw"}, key=key)
    service.clock.advance(60)
    await service.turn()
    service.hooks.before["mark_mined"] = refuse
    service.chain.mine()
    anchoring = asyncio.create_task(service.anchorer.run())

    async def is_told() -> bool:
        return "the disk is full: free some space" in (await api.get("/readyz")).json["problems"]

    async def is_ready() -> bool:
        return (await api.get("/readyz")).status == 200

    await until(is_told)
    service.hooks.clear()
    await until(is_ready)
    anchoring.cancel()


async def _pragma(service: Running, sql: str) -> int:
    """Run a PRAGMA on the writing connection and return its value."""

    def operation(session: Session) -> int:
        row = session.one(f"pragma {sql}")
        assert row is not None
        return int(row[0])

    return await service.store._writer.run(operation)


async def test_fee_cap_that_is_reached_is_not_ready(tmp_path: Path) -> None:
    """Where the settings allow no dearer transaction, a person is asked to wait or to raise them."""
    async with (
        running(make_settings(tmp_path, max_fee_gwei=2.2), new_chain()) as service,
        serving(service) as api,
    ):
        await service.seal(await service.add_issuer(), 1)
        service.services.status.answered()
        await service.turn()
        service.chain.base_fee_wei *= 5
        await service.mine(20)
        answer = await api.get("/readyz")

    assert answer.status == 503
    assert "publisher.max_fee_gwei" in answer.json["problems"][0]


async def test_few_anchors_left_is_a_warning_before_there_is_a_rate(api: ApiCaller, service: Running) -> None:
    """A new account that is nearly empty is told while there is time."""
    service.chain.balances_wei[service.publisher] = 5 * 252 * 10**12
    await service.anchorer.step()
    service.services.status.answered()

    answer = await api.get("/readyz")

    assert answer.status == 200
    (warning,) = answer.json["warnings"]
    assert "has 0.00126 ether, gas for 5 anchors at the most that one may cost now: send it" in warning
    assert answer.json["funds"]["daysLeft"] is None


async def test_days_of_gas_left_are_those_at_the_measured_rate(
    api: ApiCaller, service: Running, key: str
) -> None:
    """What anchors really cost, spread over the days; below two weeks it is a warning."""
    for number in range(3):
        await api.post("/v1/digests", {"digest": digest(number).hex(), "method": "raw"}, key=key)
        service.clock.advance(60)
        await service.turn()
        await service.mine(4)
    cost_wei = 3 * GAS_USED * 1_100_000_000
    service.chain.balances_wei[service.publisher] = 10 * cost_wei
    await service.mine()
    service.services.status.answered()
    few = await api.get("/readyz")
    text = (await api.get("/metrics")).body.decode()
    service.chain.balances_wei[service.publisher] = 15 * cost_wei
    await service.mine()
    enough = await api.get("/readyz")

    assert (few.status, few.json["funds"]["daysLeft"]) == (200, 10.0)
    (warning,) = few.json["warnings"]
    assert (
        "has 0.001812492 ether, gas for 10.0 days at the present rate of 0.0001812492 ether a day" in warning
    )
    assert few.json["funds"]["spent24hWei"] == str(cost_wei)
    assert metric(text, "anchor_spent_24h_wei") == cost_wei
    assert metric(text, "anchor_gas_days_left") == 10
    assert enough.json["warnings"] == []


async def test_empty_account_pauses_and_goes_on_by_itself(api: ApiCaller, service: Running, key: str) -> None:
    """The reason names the balance; digests are taken meanwhile; a refill needs nobody else (fault 29)."""
    service.chain.balances_wei[service.publisher] = 10**12
    await api.post("/v1/digests", {"digest": digest(1).hex(), "method": "raw"}, key=key)
    await service.anchorer.step()
    service.services.status.answered()
    service.clock.advance(60)
    await service.turn()
    paused = await api.get("/readyz")
    taken = await api.post("/v1/digests", {"digest": digest(2).hex(), "method": "raw"}, key=key)
    held = metric((await api.get("/metrics")).body.decode(), "anchor_held")
    service.chain.balances_wei[service.publisher] = 10**18
    await service.mine(4)
    resumed = await api.get("/readyz")

    assert paused.status == 503
    assert paused.json["problems"] == [paused.json["held"]]
    assert "the publisher's account has 0.000001 ether" in paused.json["held"]
    assert "goes on by itself" in paused.json["held"]
    assert (taken.status, taken.json["expected"], held) == (201, None, 1)
    assert (resumed.status, resumed.json["held"]) == (200, None)
    assert service.chain.next_sequence(service.publisher) == 2, "one anchor for both"


async def test_full_backlog_is_not_ready(api: ApiCaller, service: Running, key: str) -> None:
    """A service that can take nothing more says so."""
    await service.anchorer.step()
    service.services.status.answered()
    for method, count in (("raw", 2000), ("jcs", 2000), ("jwt", 1000)):
        body = b"".join(digest(number) for number in range(count))
        await api.post(f"/v1/digests?method={method}", key=key, body=body, kind="application/octet-stream")

    answer = await api.get("/readyz")

    assert (answer.status, answer.json["backlog"]) == (503, 5000)


async def test_unhealthy_while_stopping_or_after_a_fatal_error(service: Running) -> None:
    """Fault 12: A process that is about to end is not given new work."""
    async with serving(service) as api:
        service.services.fatal.set()
        failed = await api.get("/healthz")
        service.services.fatal.clear()
        service.services.stopping.set()
        stopping = await api.get("/healthz")

    assert (failed.status, stopping.status) == (503, 503)
    assert stopping.json == {"status": "stopping"}


async def test_fatal_error_in_a_request_ends_the_service(api: ApiCaller, service: Running, key: str) -> None:
    """Fault 3: A failing database is answered without internals, and the process is told to end."""
    service.services.store._store._writer.close()  # type: ignore[attr-defined]  # inside the store that counts
    connection = service.store._read_connections
    await api.get("/metrics")
    for each in connection:
        each.close()

    answer = await api.get("/status-lists/0")

    assert (answer.status, answer.problem) == (503, "stopping")
    assert "sqlite" not in answer.body.decode().lower()
    assert "database" not in answer.json["detail"]
    assert service.services.fatal.is_set()
    assert key


async def test_metrics_count_what_there_is(api: ApiCaller, service: Running, key: str) -> None:
    """Backlog, head, blocks, balance, and how long requests took by route and status."""
    await api.post("/v1/digests", {"digest": digest(1).hex(), "method": "raw"}, key=key)
    first = (await api.get("/metrics")).body.decode()
    service.clock.advance(60)
    await service.turn()
    await service.mine(3)
    await api.get("/v1/batches/7")
    text = (await api.get("/metrics")).body.decode()

    assert metric(first, "anchor_backlog_entries") == 1
    assert metric(text, "anchor_backlog_entries") == 0
    assert metric(text, "anchor_head_sequence") == 1
    assert metric(text, "anchor_chain_block") == 3
    assert metric(text, "anchor_chain_finalized_block") == 1
    assert metric(text, "anchor_publisher_balance_wei") == 10**18
    assert 'anchor_request_seconds_count{route="/v1/digests",status="201"} 1.0' in text
    assert 'anchor_request_seconds_count{route="/v1/batches/{sequence}",status="404"} 1.0' in text


async def test_metrics_have_no_label_of_a_callers_making(api: ApiCaller) -> None:
    """Unknown paths share one label, so that nobody fills the memory with labels."""
    for number in range(5):
        await api.get(f"/probe-{number}")

    text = (await api.get("/metrics")).body.decode()

    assert 'anchor_request_seconds_count{route="unknown",status="404"} 5.0' in text
    assert "probe" not in text


async def test_passed_over_endpoints_are_warnings(api: ApiCaller, service: Running) -> None:
    """An RPC endpoint that others stand in for is told by its origin, and does not make the service unready."""
    await service.anchorer.step()
    service.services.status.answered()
    service.chain.passed_over = ["https://rpc.example.org is behind the other endpoints"]

    answer = await api.get("/readyz")

    assert answer.status == 200
    assert answer.json["warnings"] == ["RPC endpoint https://rpc.example.org is behind the other endpoints"]


async def test_final_block_that_nobody_can_read_is_a_warning(api: ApiCaller, service: Running) -> None:
    """Anchoring goes on, so the service is ready; that nothing becomes final, and why, is told."""
    service.chain.finality_lag = None
    service.chain.mine()
    service.chain.oldest_state = 1
    await service.seal(await service.add_issuer("academy"), 1)
    await service.anchorer.step()
    service.services.status.answered()

    answer = await api.get("/readyz")

    assert answer.status == 200
    (warning,) = answer.json["warnings"]
    assert "the state at the final block 0 cannot be read, so nothing is called final" in warning
