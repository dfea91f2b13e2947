"""Anchorages, lines of succession, calls, and the move of a database."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from sqlite_utils import Database

from anchor.core.lifecycle import BatchState
from anchor.errors import Conflict
from anchor.store.protocol import Store
from anchor.store.records import Issuer, Submission
from anchor.store.sqlite import SqliteStore
from anchor.store.sqlite.migrations import migrations
from anchor.store.sqlite.rebuilt import RebuiltPlace, add_missing_batch, missing_batches
from tests.support.store_values import (
    BASE_URL,
    NOW_S,
    PLAN,
    PUBLISHER,
    anchorage,
    digest,
    mined,
    payload,
    publish_due,
    seal_next,
)

SUCCESSOR = "0x" + "0b" * 20


async def _anchored(store: Store, issuer: Issuer, number: int) -> int:
    """Accept a digest and take its batch to `final`; return the batch."""
    (accepted,) = await store.accept(
        issuer.number, [Submission(4, digest(number))], plan=PLAN, now_s=NOW_S + number
    )
    await publish_due(store, version=NOW_S * 1000 + number)
    await seal_next(store)
    await store.add_payload(accepted.batch, payload(number, nonce=number))
    await store.mark_mined(accepted.batch, mined(number))
    await store.mark_final(accepted.batch)
    return accepted.batch


async def test_first_anchorage_is_the_first_that_is_given(store: Store) -> None:
    """A second start changes nothing, whatever it brings."""
    (first,) = await store.anchorages()
    again = await store.begin_anchorage(anchorage(9, publisher=SUCCESSOR))

    assert again == first
    assert (first.number, first.publishers, first.from_block) == (1, (PUBLISHER,), 1)


async def test_line_is_noted_and_taken_back(store: Store) -> None:
    """The line is what the chain last showed, longer or shorter."""
    contract = (await store.anchorages())[0].contract
    for line in ((PUBLISHER, SUCCESSOR), (PUBLISHER,), (PUBLISHER, SUCCESSOR)):
        await store.note_line(line, contract=contract, from_block=7)
        (noted,) = await store.anchorages()
        assert (noted.publishers, noted.from_block) == (line, 7)


async def test_move_begins_anew_and_keeps_what_was(store: Store, issuer: Issuer) -> None:
    """Sequences begin at 1; the batch of the former anchorage is found under that alone."""
    old = await _anchored(store, issuer, 1)
    await store.note_strangers(5)
    before = await store.batch(old)
    second = await store.move(anchorage(2), abandons=False)

    assert (second.number, [place.number for place in await store.anchorages()]) == (2, [1, 2])
    assert await store.batch(old) == before
    assert before is not None
    assert await store.former_batch(1, 1) == before
    assert [await store.newest_sealed(), await store.newest_mined(), await store.newest_final()] == [None] * 3
    assert await store.batch_by_sequence(1) is None
    assert await store.strangers_noted() == 0
    backlog = await store.backlog()
    assert (backlog.last_sealed_s, backlog.has_moved) == (None, True)

    new = await _anchored(store, issuer, 2)
    batch = await store.batch_by_sequence(1)
    assert batch is not None
    assert (batch.id, batch.anchorage, batch.previous_root) == (new, 2, bytes(32))
    assert await store.former_batch(1, 1) == before
    assert await store.former_batch(2, 1) is None
    assert await store.former_head(1) == (1, before.root)
    await store.move(anchorage(3), abandons=False)
    await store.move(anchorage(4), abandons=False)
    assert [await store.former_head(number) for number in (2, 3)] == [(1, batch.root), None]


async def test_anchorage_ends_with_what_was_anchored_last_though_a_rebuild_did_not_find_it(
    store: SqliteStore, issuer: Issuer
) -> None:
    """What is missing stays of the anchorage that was left, and is named as its end where it was that."""
    batches = [await store.batch(await _anchored(store, issuer, number)) for number in (1, 2)]
    await store.move(anchorage(2), abandons=False)
    assert batches[1] is not None
    assert await store.former_head(1) == (2, batches[1].root)
    await store._writer.run(
        lambda session: add_missing_batch(session, RebuiltPlace(9, 2, is_last=True), 3, digest(3))
    )

    await store.move(anchorage(3), abandons=False)

    assert await store.former_head(2) == (3, digest(3))
    missing = [
        await store._read(partial(missing_batches, anchorage=number, is_last=number == 3))
        for number in (1, 2, 3)
    ]
    assert missing == [{}, {3: digest(3)}, {}]


@pytest.mark.parametrize("state", ["sealed", "sent", "mined"])
async def test_move_of_what_is_not_final_needs_to_abandon_it(
    store: Store, issuer: Issuer, state: str
) -> None:
    """An abandoned batch waits to be sealed for the next anchorage, without block and without payloads."""
    (accepted,) = await store.accept(issuer.number, [Submission(4, digest(1))], plan=PLAN, now_s=NOW_S)
    sealed = await seal_next(store)
    if state != "sealed":
        await store.add_payload(accepted.batch, payload(1))
    if state == "mined":
        await store.mark_mined(accepted.batch, mined(1))
    with pytest.raises(Conflict, match=f"is {state}, not final"):
        await store.move(anchorage(2), abandons=False)
    assert len(await store.anchorages()) == 1

    await store.move(anchorage(2), abandons=True)
    (batch,) = await store.unfinished_batches()
    assert (batch.id, batch.state, batch.anchorage, batch.sequence) == (
        accepted.batch,
        BatchState.SEALED,
        1,
        1,
    )
    assert (batch.block_number, batch.publisher) == (None, None)

    # Sealed for the new anchorage under the same sequence, it has none of its old payloads.
    seal = replace(sealed.seal, root=digest(50))
    await store.reseal_batch(batch.id, seal, [], [])
    again = await store.batch_by_sequence(1)
    assert again is not None
    assert (again.id, again.anchorage) == (batch.id, 2)
    assert list(await store.payloads(batch.id)) == []


async def test_nonces_are_of_an_account_on_a_chain(store: Store, issuer: Issuer) -> None:
    """Payloads of another contract on the same chain count; those of another account or chain do not."""
    await _anchored(store, issuer, 1)
    assert [item.hash for item in await store.payloads_of_nonce(PUBLISHER, 1)] == [payload(1).hash]
    assert list(await store.payloads_of_nonce(SUCCESSOR, 1)) == []

    await store.move(anchorage(2), abandons=False)
    assert [item.hash for item in await store.payloads_of_nonce(PUBLISHER, 1)] == [payload(1).hash]

    await store.move(anchorage(2, chain=1), abandons=False)
    assert list(await store.payloads_of_nonce(PUBLISHER, 1)) == []


async def test_calls_are_kept_and_count_for_their_nonce(store: Store) -> None:
    """The signed forms of one call, oldest first; another call or account has its own."""
    for number in (1, 2, 1):
        await store.add_call(b"appoint", payload(number, nonce=4))
    await store.add_call(b"accept", payload(3, sender=SUCCESSOR))

    assert list(await store.calls(PUBLISHER, b"appoint")) == [payload(1, nonce=4), payload(2, nonce=4)]
    assert list(await store.calls(PUBLISHER, b"accept")) == []
    assert list(await store.payloads_of_nonce(PUBLISHER, 4)) == [payload(1, nonce=4), payload(2, nonce=4)]


async def test_database_of_one_publisher_is_taken_over(tmp_path: Path) -> None:
    """What a database was tied to becomes its first anchorage; batches and payloads learn where they belong."""
    path = tmp_path / "old.db"
    _write_database_of_one_publisher(path)

    store = SqliteStore(path, base_url=BASE_URL)
    store.open()
    try:
        (place,) = await store.anchorages()
        assert (place.chain_id, place.genesis_hash.hex(), place.publishers) == (
            31337,
            "ab" * 32,
            (PUBLISHER,),
        )
        first, open_batch = await store.batch(1), await store.batch(2)
        assert first is not None
        assert open_batch is not None
        assert (first.anchorage, first.publisher) == (1, PUBLISHER)
        assert (open_batch.anchorage, open_batch.publisher) == (None, None)
        (stored,) = await store.payloads(1)
        assert stored.sender == PUBLISHER
        assert await store.pin("base_url", "other") == BASE_URL
        assert await store.pin("publisher", "other") == PUBLISHER
    finally:
        await store.close()


def _write_database_of_one_publisher(path: Path) -> None:
    """Write what a service had before there were anchorages: facts, a final batch, an open one, a payload."""
    database = Database(path)
    migrations.apply(database, stop_before="0007 publishers and anchorages")
    facts = {
        "chain_id": "31337",
        "genesis_hash": "ab" * 32,
        "contract": "0x" + "c0" * 20,
        "publisher": PUBLISHER,
        "base_url": BASE_URL,
    }
    database.table("facts").insert_all({"name": name, "value": value} for name, value in facts.items())
    statements = (
        (
            "insert into batches (id, state, created_s, leaf_count, is_closed, sequence, previous_root, sealed_s, root,"
            " credential_root, status_root, mined_transaction, block_number, block_hash, block_time_s) values"
            " (1, 'final', 1, 2, 1, 1, zeroblob(32), 1, randomblob(32), randomblob(32), randomblob(32), randomblob(32),"
            " 3, randomblob(32), 4)"
        ),
        "insert into batches (id, state, created_s, leaf_count, is_closed) values (2, 'accepted', 1, 1, 0)",
        (
            "insert into payloads (hash, batch, sequence, nonce, gas_limit, max_fee_wei, priority_fee_wei, created_ms,"
            " raw) values (randomblob(32), 1, 1, 0, 1, 1, 1, 1, x'02')"
        ),
    )
    for statement in statements:
        database.execute(statement)
    database.conn.commit()
    database.close()
