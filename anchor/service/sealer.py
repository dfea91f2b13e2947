"""Closes the open batch when it is time and seals it: header, tree, status summary, root."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from anchor.clock import Clock
from anchor.core.entries import BatchHeader, StatusSummary, join_root
from anchor.core.lifecycle import BatchState
from anchor.core.merkle import HASH_BYTES, Tree, leaf_hash, node_hash, root_from_inclusion
from anchor.core.spending import SEND, Move
from anchor.errors import Conflict, FatalError, Overloaded
from anchor.service.chain_status import ChainStatus
from anchor.service.due import DueTimes
from anchor.service.lists import ListPublisher
from anchor.store.protocol import Store
from anchor.store.records import AnchoredList, Backlog, Batch, Seal

log = structlog.get_logger()

CATCH_UP_LEAVES = 65_536
"""Leaves that are read and hashed at once: 2 MiB."""

IDLE_S = 60.0
"""How long to sleep while an anchor is on its way: whoever sees it mined wakes the sealer."""

PUBLISH_ATTEMPTS = 10
"""A list made between publishing and reading sends the sealer round again; it need not go on for ever."""

RETRY_S = 1.0
"""How long to wait before sealing is tried again."""

GENESIS_ROOT = bytes(HASH_BYTES)
"""Stands for the previous root in the first header of a publisher."""


class GrowingTree:
    """
    The tree of the batch that is being filled, grown from the stored leaves as they arrive.

    It holds nothing that the store does not: after a restart it grows again from leaf 0.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._batch: int | None = None
        self._tree = Tree()
        self._growing = asyncio.Lock()

    async def grow(self, batch: int, leaf_count: int) -> Tree:
        """Return the tree over the first `leaf_count` leaves of a batch, the header's place still empty."""
        async with self._growing:
            if self._batch != batch:
                self._batch, self._tree = batch, Tree()
            while (size := self._tree.size) < leaf_count:
                count = min(CATCH_UP_LEAVES, leaf_count - size)
                leaves = await self._store.nodes(batch, 0, size, count)
                if not leaves:
                    raise FatalError(f"batch {batch} has fewer leaves than it counts: restore a backup")
                await asyncio.to_thread(self._tree.extend, leaves)
            return self._tree

    def forget(self) -> None:
        """Let the memory go once a tree is stored."""
        self._batch, self._tree = None, Tree()


class Sealer:
    """Seals one batch at a time; the next only once the last is mined, so that one anchor is unmined at a time."""

    def __init__(
        self,
        *,
        store: Store,
        lists: ListPublisher,
        clock: Clock,
        due: DueTimes,
        status: ChainStatus,
        look_again_s: float,
        work: asyncio.Event,
        sealed: asyncio.Event,
    ) -> None:
        self._store = store
        self._lists = lists
        self._clock = clock
        self._due = due
        self._status = status
        self._look_again_s = look_again_s
        self._work = work
        self._sealed = sealed
        self._growing = GrowingTree(store)

    async def run(self) -> None:
        """Seal batches as they fall due, until cancelled."""
        while True:
            self._work.clear()
            wait_s = await self.step()
            try:
                await asyncio.wait_for(self._work.wait(), timeout=wait_s)
            except TimeoutError:
                continue

    async def step(self) -> float:
        """Seal what is due now and return after how many seconds to look again, unless there is work before."""
        if await self._has_unmined():
            await self._grow_open()
            return IDLE_S
        if await self._store.unsealed_batch() is None:
            waits_s = self._waits_s(await self._store.backlog())
            if waits_s > 0:
                await self._grow_open()
                return waits_s
        return 0.0 if await self._is_sealed_now() else RETRY_S

    async def seal_last(self) -> bool:
        """
        Seal at once what waits, before the anchorage is left; return whether nothing waits any more.

        False while an anchor is unmined, or where it cannot be sealed now: ask again.
        """
        if await self._has_unmined():
            return False
        backlog = await self._store.backlog()
        waits = backlog.open_entries or backlog.lists_waiting_since_ms is not None
        if not waits and await self._store.unsealed_batch() is None:
            return True
        return await self._is_sealed_now()

    async def _is_sealed_now(self) -> bool:
        """Seal; False where lists are made too fast, or a batch that a reorganisation freed took the sequence."""
        try:
            await self._seal()
        except (Overloaded, Conflict) as exc:
            log.warning("batch.not_sealed", reason=str(exc))
            self._status.sealing_failed(str(exc))
            return False
        self._status.sealed()
        return True

    async def _has_unmined(self) -> bool:
        return any(not batch.state.is_mined for batch in await self._store.unfinished_batches())

    def _waits_s(self, backlog: Backlog) -> float:
        """Return after how many seconds to look again; 0 where a batch is due and nothing holds it back."""
        due_in_s = self._due.due_in_s(backlog)
        ruling = SEND if due_in_s > 0 else self._due.rule(backlog)
        if ruling.move is Move.SEND:
            self._status.hold = None
            return due_in_s
        if self._status.hold is None:
            log.info("batch.held", move=ruling.move.value, reason=ruling.reason)
        self._status.hold = ruling
        return min(ruling.at_most_s, self._look_again_s)

    async def _grow_open(self) -> None:
        backlog = await self._store.backlog()
        if backlog.open_batch is not None:
            await self._growing.grow(backlog.open_batch, backlog.open_entries + 1)

    async def _seal(self) -> None:
        now_s = self._clock.now_ms() // 1000
        # Closed first: a list that an entry of this batch is bound to exists by then, so the root commits to it too.
        batch = await self._store.close_batch(now_s=now_s)
        states = await self._published_states()
        previous = await self._store.newest_sealed()
        header = BatchHeader(
            sequence=(previous.sequence or 0) + 1 if previous else 1,
            previous_root=previous.root or GENESIS_ROOT if previous else GENESIS_ROOT,
            created_s=now_s,
        )
        tree = await self._growing.grow(batch.id, batch.leaf_count)
        tree.replace(0, leaf_hash(header.encode()))
        summary = StatusSummary.of([state.entry for state in states])
        seal = _seal_of(header, credential_root=tree.root(), status_root=summary.status_root())
        await self._store.seal_batch(batch.id, seal, tree.levels, states)
        self._growing.forget()
        self._sealed.set()
        log.info("batch.sealed", sequence=seal.sequence, leaves=batch.leaf_count, root=seal.root.hex())

    async def _published_states(self) -> list[AnchoredList]:
        """Return all lists as published, after publishing what is due: a root commits to what verifiers can fetch."""
        for _ in range(PUBLISH_ATTEMPTS):
            await self._lists.publish_due()
            states = await self._store.list_states()
            if states is not None:
                return list(states)
        raise Overloaded("new status lists are made faster than they are published", retry_after_s=1)


async def reseal(
    store: Store,
    batch: Batch,
    *,
    sequence: int,
    previous_root: bytes,
    states: Sequence[AnchoredList],
    now_s: int,
) -> None:
    """
    Seal an unmined batch again under another sequence: a new header, the left edge hashed again, lists as they are now.

    Entries and positions stay. `states` must not be older than those of any lower sequence: the store refuses that.
    """
    if batch.state not in (BatchState.SEALED, BatchState.SENT):
        raise FatalError(f"batch {batch.id} is {batch.state.value}: it cannot be sealed again")
    header = BatchHeader(sequence=sequence, previous_root=previous_root, created_s=now_s)
    leaf = leaf_hash(header.encode())
    path = await store.inclusion_path(batch.id, 0, batch.leaf_count)
    credential_root = root_from_inclusion(leaf, index=0, tree_size=batch.leaf_count, path=path)
    status_root = StatusSummary.of([state.entry for state in states]).status_root()
    seal = _seal_of(header, credential_root=credential_root, status_root=status_root)
    await store.reseal_batch(batch.id, seal, _left_edge(leaf, path, batch.leaf_count), states)
    log.warning("batch.resealed", sequence=sequence, root=seal.root.hex())


def _left_edge(leaf: bytes, path: Sequence[bytes], leaf_count: int) -> list[bytes]:
    """Return the first complete node of each level, lowest first, when leaf 0 changes."""
    edge = [leaf]
    for level, sibling in enumerate(path, start=1):
        if leaf_count < 1 << level:
            break
        edge.append(node_hash(edge[-1], sibling))
    return edge


def _seal_of(header: BatchHeader, *, credential_root: bytes, status_root: bytes) -> Seal:
    return Seal(
        sequence=header.sequence,
        previous_root=header.previous_root,
        sealed_s=header.created_s,
        credential_root=credential_root,
        status_root=status_root,
        root=join_root(credential_root, status_root),
    )
