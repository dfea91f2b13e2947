"""What payloads cost: counted from the moment they are stored, noted when mined, settled by finality."""

from __future__ import annotations

from pathlib import Path

from sqlite_utils import Database

from anchor.store.protocol import Store
from anchor.store.records import Issuer, PayloadCost, SpentPeriod
from anchor.store.sqlite.migrations import migrations
from tests.support.store_values import (
    NOW_S,
    PUBLISHER,
    OpenStore,
    accept,
    add_issuer,
    anchorage,
    payload,
    seal_next,
    submission,
)


async def sealed(store: Store, issuer: Issuer) -> int:
    """Seal a batch."""
    await accept(store, issuer, submission(1))
    return (await seal_next(store)).batch.id


def worst(number: int) -> int:
    """Return the most that a test's payload can cost."""
    return 120_000 * (10**9 + number)


async def test_payload_counts_from_the_moment_it_is_stored(store: Store, issuer: Issuer) -> None:
    """Before it is broadcast, at the most that it may cost; stored again it counts once."""
    batch = await sealed(store, issuer)
    for number in (1, 2, 1):
        await store.add_payload(batch, payload(number))

    assert await store.open_costs() == [
        PayloadCost(payload(1).hash, PUBLISHER, nonce=0, worst_wei=worst(1), cost_wei=None, mined_s=None),
        PayloadCost(payload(2).hash, PUBLISHER, nonce=0, worst_wei=worst(2), cost_wei=None, mined_s=None),
    ]
    assert await store.spent_since(0) == SpentPeriod(0, None)


async def test_noted_cost_is_of_one_payload_of_a_nonce(store: Store, issuer: Issuer) -> None:
    """After a reorganisation another payload of the nonce may be the one that is mined."""
    batch = await sealed(store, issuer)
    for number in (1, 2):
        await store.add_payload(batch, payload(number))
    await store.add_payload(batch, payload(3, nonce=1))

    await store.note_cost(payload(3).hash, 7, mined_s=NOW_S)
    await store.note_cost(payload(1).hash, 5, mined_s=NOW_S)
    await store.note_cost(payload(2).hash, 2**70, mined_s=NOW_S + 12)

    costs = {cost.hash: (cost.cost_wei, cost.mined_s) for cost in await store.open_costs()}
    assert costs == {
        payload(1).hash: (None, None),
        payload(2).hash: (2**70, NOW_S + 12),
        payload(3).hash: (7, NOW_S),
    }


async def test_settled_costs_stand_and_are_added_up_by_time(store: Store, issuer: Issuer) -> None:
    """A nonce is settled as a whole; nothing changes it any more; sums are exact beyond 64 bits."""
    batch = await sealed(store, issuer)
    for number in range(1, 5):
        await store.add_payload(batch, payload(number, nonce=number // 2))
    await store.note_cost(payload(1).hash, 100, mined_s=NOW_S)
    await store.note_cost(payload(2).hash, 2**70, mined_s=NOW_S + 1)
    await store.note_cost(payload(4).hash, 3, mined_s=NOW_S + 2)

    await store.settle_costs(PUBLISHER, 0)
    await store.settle_costs(PUBLISHER, 1)
    await store.note_cost(payload(2).hash, 1, mined_s=NOW_S)
    await store.note_cost(payload(3).hash, 1, mined_s=NOW_S)

    assert [cost.hash for cost in await store.open_costs()] == [payload(4).hash]
    assert await store.spent_since(NOW_S) == SpentPeriod(100 + 2**70, NOW_S)
    assert await store.spent_since(NOW_S + 1) == SpentPeriod(2**70, NOW_S + 1)
    assert await store.spent_since(NOW_S + 2) == SpentPeriod(0, None)


async def test_what_was_spent_on_a_chain_that_was_left_counts_for_nothing(
    store: Store, issuer: Issuer
) -> None:
    """Test ether must not use up the budget of the first root on another chain; of another contract it does."""
    batch = await sealed(store, issuer)
    await store.add_payload(batch, payload(1))
    await store.note_cost(payload(1).hash, 100, mined_s=NOW_S)
    await store.settle_costs(PUBLISHER, 0)

    await store.move(anchorage(2), abandons=True)
    assert await store.spent_since(NOW_S) == SpentPeriod(100, NOW_S)
    await store.move(anchorage(2, chain=1), abandons=True)
    assert await store.spent_since(NOW_S) == SpentPeriod(0, None)


async def test_costs_survive_a_restart(open_store: OpenStore, tmp_path: Path) -> None:
    """The budget of a day is not had twice by starting again."""
    store = await open_store(tmp_path)
    batch = await sealed(store, await add_issuer(store, "university"))
    await store.add_payload(batch, payload(1))
    await store.add_payload(batch, payload(2, nonce=1))
    await store.note_cost(payload(1).hash, 100, mined_s=NOW_S)
    await store.settle_costs(PUBLISHER, 0)
    await store.close()

    again = await open_store(tmp_path)
    try:
        assert await again.spent_since(NOW_S) == SpentPeriod(100, NOW_S)
        assert [cost.hash for cost in await again.open_costs()] == [payload(2).hash]
    finally:
        await again.close()


async def test_costs_of_an_older_database_are_taken_over(open_store: OpenStore, tmp_path: Path) -> None:
    """What was noted stands; calls that were sent before count from now on, until they are settled."""
    path = tmp_path / "anchor.db"
    database = Database(path)
    migrations.apply(database, stop_before="0010 what all transactions cost")
    transaction = "anchorage, sender, nonce, gas_limit, max_fee_wei, priority_fee_wei, created_ms, raw"
    values = f"1, '{PUBLISHER}', %d, 120000, 1000000001, 1, 1, x'02'"
    for statement in (
        "insert into anchorages values (1, 31337, zeroblob(32), '0x00', 0)",
        f"insert into publishers values (1, 0, '{PUBLISHER}')",
        "insert into batches (id, state, created_s, leaf_count, is_closed) values (1, 'accepted', 1, 1, 0)",
        f"insert into payloads (hash, batch, sequence, {transaction}) values (x'{'11' * 32}', 1, 1, {values % 0})",
        f"insert into payload_costs values (x'{'11' * 32}', '99', {NOW_S}, 1)",
        f"insert into calls (hash, calldata, {transaction}) values (x'{'22' * 32}', x'00', {values % 1})",
    ):
        database.execute(statement)
    database.conn.commit()
    database.close()

    store = await open_store(tmp_path)
    try:
        assert await store.spent_since(NOW_S) == SpentPeriod(99, NOW_S)
        assert await store.open_costs() == [
            PayloadCost(b"\x22" * 32, PUBLISHER, nonce=1, worst_wei=worst(1), cost_wei=None, mined_s=None)
        ]
    finally:
        await store.close()
