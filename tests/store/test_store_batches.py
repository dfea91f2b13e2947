"""Batches from open to final and their trees, in every store."""

from __future__ import annotations

import pytest

from anchor.core.entries import BatchHeader
from anchor.core.lifecycle import BatchState
from anchor.core.merkle import leaf_hash, node_hash, root_from_inclusion
from anchor.errors import Conflict
from anchor.store.protocol import Store
from anchor.store.records import Batch, Issuer, Seal
from tests.support.store_values import (
    NOW_S,
    PLAN,
    SealedTree,
    accept,
    digest,
    mined,
    payload,
    seal_next,
    seal_of,
    submission,
    tree_of,
)

TILE_SIZES = (1, 2, 3, 255, 256, 257, 511, 512, 513, 600)


async def seal_tree_of(store: Store, issuer: Issuer, size: int, *, first_digest: int = 0) -> SealedTree:
    """Seal a batch of `size` leaves, the header among them."""
    if size > 1:
        body = b"".join(digest(first_digest + number) for number in range(size - 1))
        await store.accept_packed(issuer.number, 1, body, now_s=NOW_S)
    return await seal_next(store)


async def read_batch(store: Store, batch: int) -> Batch:
    """Return a batch that exists."""
    found = await store.batch(batch)
    assert found is not None
    return found


async def test_backlog_tells_what_is_open(store: Store, issuer: Issuer) -> None:
    """An empty store has nothing open; entries count without the header."""
    empty = await store.backlog()
    assert (empty.open_batch, empty.open_entries, empty.open_since_s, empty.last_sealed_s) == (
        None,
        0,
        None,
        None,
    )

    (first, _) = await accept(store, issuer, submission(1), submission(2))
    await store.accept(issuer.number, [submission(3)], plan=PLAN, now_s=NOW_S + 9)

    backlog = await store.backlog()
    assert (backlog.open_batch, backlog.open_entries, backlog.open_since_s) == (first.batch, 3, NOW_S)


async def test_close_batch_later_digests_go_to_the_next(store: Store, issuer: Issuer) -> None:
    """After closing, the batch takes nothing more; a new one does."""
    (first,) = await accept(store, issuer, submission(1))

    closed = await store.close_batch(now_s=NOW_S)
    (second,) = await accept(store, issuer, submission(2))

    assert closed.id == first.batch
    assert (closed.is_closed, closed.state, closed.leaf_count) == (True, BatchState.ACCEPTED, 2)
    assert second.batch != first.batch
    assert await store.unsealed_batch() == closed
    assert (await store.backlog()).open_batch == second.batch


async def test_close_batch_again_same_batch_until_sealed(store: Store, issuer: Issuer) -> None:
    """There is at most one batch that is closed and not sealed."""
    await accept(store, issuer, submission(1))
    closed = await store.close_batch(now_s=NOW_S)
    await accept(store, issuer, submission(2))

    assert await store.close_batch(now_s=NOW_S + 1) == closed
    await seal_next(store)
    assert await store.unsealed_batch() is None
    assert (await store.close_batch(now_s=NOW_S + 2)).id != closed.id


async def test_close_batch_nothing_open_an_empty_one(store: Store) -> None:
    """A silent service closes an empty batch: nothing but the header's place."""
    closed = await store.close_batch(now_s=NOW_S)

    assert (closed.leaf_count, closed.created_s) == (1, NOW_S)


async def test_seal_batch_fixes_everything(store: Store, issuer: Issuer) -> None:
    """A sealed batch tells its seal, and is found by sequence and as the newest."""
    await accept(store, issuer, submission(1))

    sealed = await seal_next(store)

    batch, seal = sealed.batch, sealed.seal
    assert batch.state is BatchState.SEALED
    assert (batch.sequence, batch.previous_root, batch.sealed_s) == (1, bytes(32), NOW_S)
    assert (batch.root, batch.credential_root, batch.status_root) == (
        seal.root,
        seal.credential_root,
        seal.status_root,
    )
    assert (batch.transaction, batch.block_number, batch.block_hash, batch.block_time_s) == (None,) * 4
    assert await store.batch_by_sequence(1) == await store.newest_sealed() == batch
    assert list(await store.unfinished_batches()) == [batch]
    assert (await store.backlog()).last_sealed_s == NOW_S


async def test_unknown_batches_are_none(store: Store) -> None:
    """What does not exist is None, not an error."""
    assert await store.batch(9) is None
    assert await store.batch_by_sequence(1) is None
    assert await store.newest_sealed() is None
    assert await store.newest_mined() is None
    assert await store.unsealed_batch() is None
    assert list(await store.unfinished_batches()) == []
    assert await store.unmined_entries() == 0


@pytest.mark.parametrize("state", ["open", "sealed"])
async def test_seal_batch_not_waiting_conflict(store: Store, issuer: Issuer, state: str) -> None:
    """Only a batch that is closed and not sealed can be sealed, and a refusal changes nothing."""
    (accepted,) = await accept(store, issuer, submission(1))
    if state == "sealed":
        await seal_next(store)
    before = await read_batch(store, accepted.batch)
    seal = Seal(9, bytes(32), NOW_S, digest(1), digest(2), digest(3))

    with pytest.raises(Conflict):
        await store.seal_batch(accepted.batch, seal, [bytes(64), bytes(32)], [])

    assert await read_batch(store, accepted.batch) == before


@pytest.mark.parametrize("size", [*range(1, 71), *TILE_SIZES[3:]])
async def test_nodes_and_paths_equal_the_tree(store: Store, issuer: Issuer, size: int) -> None:
    """Every stored node is the tree's, and every path leads from its leaf to the credential root."""
    sealed = await seal_tree_of(store, issuer, size)
    tree, batch = sealed.tree, sealed.batch

    for level, nodes in enumerate(tree.levels):
        assert await store.nodes(batch.id, level, 0, size + 5) == bytes(nodes)
    assert await store.nodes(batch.id, len(tree.levels), 0, 1) == b""
    for index in {0, 1, size // 2, size - 2, size - 1} & set(range(size)):
        path = await store.inclusion_path(batch.id, index, size)
        leaf = await store.nodes(batch.id, 0, index, 1)
        assert list(path) == tree.inclusion_path(index)
        assert root_from_inclusion(leaf, index=index, tree_size=size, path=path) == batch.credential_root


async def test_nodes_ranges_across_tiles(store: Store, issuer: Issuer) -> None:
    """Any range of leaves is returned, short where the level ends and empty beyond."""
    sealed = await seal_tree_of(store, issuer, 600)
    leaves = bytes(sealed.tree.levels[0])

    for start, count in ((0, 1), (255, 2), (256, 256), (100, 450), (599, 1), (590, 99), (600, 1), (5000, 10)):
        assert (
            await store.nodes(sealed.batch.id, 0, start, count) == leaves[32 * start : 32 * (start + count)]
        )


async def test_leaves_of_an_open_batch_grow_over_tile_borders(store: Store, issuer: Issuer) -> None:
    """Appending in pieces of any size gives the same leaves as appending at once."""
    numbers = iter(range(1000))
    for piece in (1, 254, 1, 1, 100, 300):
        body = b"".join(digest(next(numbers)) for _ in range(piece))
        await store.accept_packed(issuer.number, 1, body, now_s=NOW_S)
    pieces = await seal_next(store)
    body = b"".join(digest(number) for number in range(657))
    await store.accept_packed(issuer.number, 4, body, now_s=NOW_S)
    whole = await seal_next(store)

    assert pieces.batch.leaf_count == whole.batch.leaf_count == 658
    first, last = pieces.tree.levels[0], whole.tree.levels[0]
    assert len(first) == len(last) == 658 * 32
    assert await store.nodes(pieces.batch.id, 0, 0, 700) == bytes(first)


async def reseal(store: Store, sealed: SealedTree, *, sequence: int) -> None:
    """Seal a batch again by the left edge, and compare every node with a tree that is built anew."""
    batch = sealed.batch
    header = BatchHeader(sequence=sequence, previous_root=digest(sequence), created_s=NOW_S + sequence)
    leaf = leaf_hash(header.encode())
    path = await store.inclusion_path(batch.id, 0, batch.leaf_count)
    edge = [leaf]
    while 1 << len(edge) <= batch.leaf_count:
        edge.append(node_hash(edge[-1], path[len(edge) - 1]))
    rebuilt = await tree_of(store, batch, header)
    seal = seal_of(header, rebuilt, sealed.seal.status_root)

    await store.reseal_batch(batch.id, seal, edge, [])

    for level, nodes in enumerate(rebuilt.levels):
        assert await store.nodes(batch.id, level, 0, batch.leaf_count) == bytes(nodes)
    found = await read_batch(store, batch.id)
    assert (found.sequence, found.root, found.state) == (sequence, seal.root, BatchState.SEALED)
    last = await store.inclusion_path(batch.id, batch.leaf_count - 1, batch.leaf_count)
    assert list(last) == rebuilt.inclusion_path(batch.leaf_count - 1)


async def test_reseal_left_edge_equals_a_rebuilt_tree(store: Store, issuer: Issuer) -> None:
    """For every size up to 70 and around a tile's, sealing again gives the tree that the new header gives."""
    sequence, first_digest = 1000, 0
    for size in (*range(1, 71), *TILE_SIZES[3:]):
        sealed = await seal_tree_of(store, issuer, size, first_digest=first_digest)
        first_digest += size
        # Sequences only rise, so that the next batch follows on.
        await reseal(store, sealed, sequence=sequence)
        sequence += 1000


async def test_reseal_sent_batch_old_payloads_count_no_more(store: Store, issuer: Issuer) -> None:
    """A batch that was sent goes back to sealed, and only payloads of its new sequence are its own."""
    sealed = await seal_tree_of(store, issuer, 3)
    await store.add_payload(sealed.batch.id, payload(1))

    await reseal(store, sealed, sequence=7)

    assert list(await store.payloads(sealed.batch.id)) == []
    await store.add_payload(sealed.batch.id, payload(2))
    assert list(await store.payloads(sealed.batch.id)) == [payload(2)]
    assert await store.batch_by_sequence(1) is None


@pytest.mark.parametrize("state", ["open", "closed", "mined", "final"])
async def test_reseal_batch_not_unmined_conflict(store: Store, issuer: Issuer, state: str) -> None:
    """Only a sealed batch that no block holds is sealed again."""
    (accepted,) = await accept(store, issuer, submission(1))
    if state == "closed":
        await store.close_batch(now_s=NOW_S)
    if state in ("mined", "final"):
        await seal_next(store)
        await store.mark_mined(accepted.batch, mined(5))
    if state == "final":
        await store.mark_final(accepted.batch)
    before = await read_batch(store, accepted.batch)

    with pytest.raises(Conflict):
        await store.reseal_batch(
            accepted.batch, Seal(9, bytes(32), NOW_S, digest(1), digest(2), digest(3)), [digest(1)], []
        )

    assert await read_batch(store, accepted.batch) == before


async def test_payloads_in_the_order_they_were_added(store: Store) -> None:
    """Payloads come back oldest first, in the order of insertion where their times are equal; twice is once."""
    batch = (await seal_next(store)).batch.id
    given = [payload(3), payload(1), payload(2, created_ms=NOW_S * 1000 + 1)]

    for item in (*given, given[0]):
        await store.add_payload(batch, item)

    assert list(await store.payloads(batch)) == given
    assert (await read_batch(store, batch)).state is BatchState.SENT


async def test_add_payload_batch_not_sealed_or_mined_conflict(store: Store, issuer: Issuer) -> None:
    """Nothing is signed for a batch without a root, or for one that is mined."""
    (accepted,) = await accept(store, issuer, submission(1))
    with pytest.raises(Conflict):
        await store.add_payload(accepted.batch, payload(1))
    await seal_next(store)
    await store.mark_mined(accepted.batch, mined(5))

    with pytest.raises(Conflict):
        await store.add_payload(accepted.batch, payload(1))

    assert list(await store.payloads(accepted.batch)) == []


async def test_mark_mined_then_elsewhere_then_unmined(store: Store, issuer: Issuer) -> None:
    """A block can be recorded, replaced by another, and forgotten; the payloads stay."""
    (accepted,) = await accept(store, issuer, submission(1))
    batch = (await seal_next(store)).batch.id
    await store.add_payload(batch, payload(1))

    for number in (5, 6):
        await store.mark_mined(batch, mined(number))
        found = await read_batch(store, accepted.batch)
        assert found.state is BatchState.MINED
        assert (found.transaction, found.block_number, found.block_hash, found.block_time_s) == (
            mined(number).transaction,
            number,
            mined(number).block_hash,
            mined(number).block_time_s,
        )
        assert await store.newest_mined() == found
    await store.mark_unmined(batch)

    found = await read_batch(store, batch)
    assert (found.state, found.block_hash, found.transaction) == (BatchState.SENT, None, None)
    assert await store.newest_mined() is None
    assert list(await store.payloads(batch)) == [payload(1)]


async def test_mark_final_nothing_changes_any_more(store: Store) -> None:
    """A final batch ignores every later mark."""
    batch = (await seal_next(store)).batch.id
    await store.mark_mined(batch, mined(5))
    await store.mark_final(batch)
    final = await read_batch(store, batch)
    assert final.state is BatchState.FINAL

    await store.mark_unmined(batch)
    await store.mark_mined(batch, mined(6))
    await store.mark_final(batch)

    assert await read_batch(store, batch) == final
    assert await store.newest_mined() == final
    assert list(await store.unfinished_batches()) == []


async def test_mark_final_batch_not_mined_changes_nothing(store: Store) -> None:
    """What no block holds is never final."""
    sealed = (await seal_next(store)).batch

    await store.mark_final(sealed.id)
    await store.mark_unmined(sealed.id)

    assert await read_batch(store, sealed.id) == sealed


async def test_unfinished_batches_lowest_sequence_first(store: Store) -> None:
    """Unfinished batches come in sequence order; newest ones are told by sequence."""
    batches = [(await seal_next(store)).batch for _ in range(3)]
    await store.mark_mined(batches[0].id, mined(1))
    await store.mark_mined(batches[1].id, mined(2))
    await store.mark_final(batches[0].id)

    unfinished = await store.unfinished_batches()
    newest = await store.newest_sealed()
    newest_mined = await store.newest_mined()

    assert [item.sequence for item in unfinished] == [2, 3]
    assert newest is not None
    assert newest_mined is not None
    assert (newest.sequence, newest_mined.sequence) == (3, 2)


async def test_unmined_entries_counts_without_headers_until_mined(store: Store, issuer: Issuer) -> None:
    """Open, closed, sealed and sent entries count; mined ones do not, and do again after a reorganisation."""
    await accept(store, issuer, submission(1), submission(2))
    batch = (await seal_next(store)).batch.id
    await accept(store, issuer, submission(3))
    assert await store.unmined_entries() == 3
    await store.add_payload(batch, payload(1))
    assert await store.unmined_entries() == 3
    await store.mark_mined(batch, mined(1))
    assert await store.unmined_entries() == 1
    await store.mark_unmined(batch)

    assert await store.unmined_entries() == 3


async def test_seals_chain_by_previous_root(store: Store) -> None:
    """Each seal names the root before it, so roots are unique even where batches are empty."""
    first, second = await seal_next(store), await seal_next(store)

    assert second.batch.previous_root == first.batch.root
    assert second.batch.root != first.batch.root
