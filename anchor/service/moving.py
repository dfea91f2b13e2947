"""What must hold before a database goes to another chain or contract, and what becomes of its batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from anchor.chain.protocol import Chain, ChainIdentity
from anchor.chain.registry import code_hash
from anchor.core.lifecycle import BatchState
from anchor.errors import ConfigError
from anchor.service.look import latest_block
from anchor.store.protocol import Store
from anchor.store.records import Anchorage, Batch, NewAnchorage


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """
    A move that may be made: where from and where to.

    `last_sequence` is the highest that is final where the database comes from; `unfinished` are the batches that are
    not, and `waiting_entries` the digests that are in no sealed batch yet.
    """

    leaves: Anchorage
    place: NewAnchorage
    last_sequence: int
    unfinished: Sequence[Batch]
    waiting_entries: int
    balance_wei: int

    @property
    def unfinished_entries(self) -> int:
        """The digests of the unfinished batches."""
        return sum(batch.leaf_count - 1 for batch in self.unfinished)


async def plan_move(store: Store, chain: Chain, place: NewAnchorage) -> Move | None:
    """
    Return what a move to a place would do; None where the database anchors there already.

    Raises ConfigError where the database has not begun, has been at that contract before, or where the contract is no
    AnchorRegistry or knows the account already: sequences must begin at 1 there.
    """
    anchorages = await store.anchorages()
    if not anchorages:
        raise ConfigError("no service has worked with the database yet: start `anchor serve` there at once")
    if _is_at(anchorages[-1], place):
        return None
    if any(_is_at(anchorage, place) for anchorage in anchorages):
        raise ConfigError(
            f"the database has left the contract {place.contract} of chain {place.chain_id}: sequences cannot go on "
            "there; deploy another with `anchor deploy --again`"
        )
    await _require_fresh(chain, place)
    newest = await store.newest_final()
    backlog = await store.backlog()
    unsealed = await store.unsealed_batch()
    return Move(
        leaves=anchorages[-1],
        place=place,
        last_sequence=newest.sequence or 0 if newest else 0,
        unfinished=await store.unfinished_batches(),
        waiting_entries=backlog.open_entries + (unsealed.leaf_count - 1 if unsealed else 0),
        balance_wei=await chain.balance_wei(place.publisher),
    )


def require_finished(move: Move) -> None:
    """Raise ConfigError where a sealed batch is not final yet, with both ways on."""
    if not move.unfinished:
        return
    batch = move.unfinished[0]
    state = batch.state.value if batch.state is not BatchState.SEALED else "sealed, not sent"
    raise ConfigError(
        f"batch {batch.sequence} is {state}, not final where it was anchored: run `anchor serve --finish` with the "
        "former settings until it ends; only where that chain is gone for good, give --abandon"
    )


def place_of(identity: ChainIdentity, *, contract: str, publisher: str, from_block: int) -> NewAnchorage:
    """Return the place that settings and endpoint name."""
    return NewAnchorage(
        chain_id=identity.chain_id,
        genesis_hash=identity.genesis_hash,
        contract=contract,
        publisher=publisher,
        from_block=from_block,
    )


def _is_at(anchorage: Anchorage, place: NewAnchorage) -> bool:
    there = (place.chain_id, place.genesis_hash, place.contract.lower())
    return (anchorage.chain_id, anchorage.genesis_hash, anchorage.contract.lower()) == there


async def _require_fresh(chain: Chain, place: NewAnchorage) -> None:
    latest = await latest_block(chain)
    found = await chain.code_hash(place.contract, latest.hash)
    if found != code_hash():
        what = "nothing" if found is None else "another contract"
        raise ConfigError(
            f"{what} stands at {place.contract}, no AnchorRegistry: deploy it with `anchor deploy`, or correct it"
        )
    head = await chain.head(place.publisher, latest.hash)
    if head is not None or await chain.successor(place.publisher, latest.hash) is not None:
        raise ConfigError(
            f"{place.publisher} has anchored at {place.contract} before: sequences begin at 1 after a move, so take "
            "another account (`anchor key new`) or another contract"
        )
