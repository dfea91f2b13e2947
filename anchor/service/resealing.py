"""Seals a batch again whose sequence went to another root, and with which lists."""

from __future__ import annotations

from collections.abc import Sequence

from anchor.errors import Overloaded
from anchor.service.look import Look
from anchor.service.sealer import reseal
from anchor.store.protocol import Store
from anchor.store.records import AnchoredList, Batch


async def reseal_on_head(store: Store, batch: Batch, look: Look, *, now_s: int) -> None:
    """
    Seal a batch again on the head; requires that the head is final.

    Later batches that were mined and dropped keep their seals, since their payloads may be in a pool, until this one
    is final; so the oldest goes first, and no batch can ever be anchored under two roots.
    """
    await reseal(
        store,
        batch,
        sequence=look.next_sequence,
        previous_root=look.head_root or bytes(32),
        states=await _states(store, batch, look),
        now_s=now_s,
    )


async def _states(store: Store, batch: Batch, look: Look) -> Sequence[AnchoredList]:
    """
    Return the lists that a batch commits to when it is sealed again: as published now.

    Where a former seal of a later batch can still be mined, those of that seal: never newer, or versions could fall
    from one sequence to the next.
    """
    present = (await store.anchorages())[-1].number
    for other in await store.unfinished_batches():
        is_later = other.anchorage == present and (other.sequence or 0) >= look.next_sequence
        if other.id != batch.id and is_later:
            return await store.list_states_at(other.id)
    states = await store.list_states()
    if states is None:
        raise Overloaded("a new status list is not published yet", retry_after_s=1)
    return states
