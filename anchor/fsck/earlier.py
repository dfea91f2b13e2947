"""Anchorages that were left, each held against its own chain as long as that can be read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager

from anchor.chain.presets import chain_name
from anchor.chain.protocol import ChainReader
from anchor.errors import ChainUnavailable
from anchor.fsck.chain import check_anchors
from anchor.fsck.findings import Check
from anchor.store.records import Anchorage, Batch
from anchor.store.sqlite.rebuilt import missing_batches
from anchor.store.sqlite.writer import Session

OpenEarlier = Callable[[Anchorage], AbstractAsyncContextManager[ChainReader] | None]
"""Opens the chain of an anchorage that was left; None where no endpoint of it is known."""


def no_endpoint(_place: Anchorage) -> None:
    """Return None: no anchorage that was left can be looked at."""


async def check_earlier(
    session: Session,
    batches: Sequence[Batch],
    place: Anchorage,
    *,
    open_chain: OpenEarlier,
    confirmations: int,
) -> Check:
    """
    Compare the batches of an anchorage that was left with its contract, as those of the last are.

    What an abandoned batch had sent may have been mined there all the same: such an anchor is known by its
    transaction. An anchorage whose chain cannot be read stays open, and so does the whole.
    """
    check = Check(f"chain {place.number}")
    opened = open_chain(place)
    if opened is None:
        check.leave_open(
            f"anchorage {place.number} ({chain_name(place.chain_id)}, {place.contract}) was left, and no endpoint of "
            f"its chain is known: give --earlier-rpc {place.number}=URL or, where that chain is gone, "
            f"--without-anchorage {place.number}"
        )
        return check
    async with opened as chain:
        try:
            await _require_chain(chain, place)
        except ChainUnavailable as exc:
            check.leave_open(f"anchorage {place.number} cannot be compared with its chain: {exc}")
            return check
        return await check_anchors(
            chain,
            [batch for batch in batches if batch.anchorage == place.number],
            name=check.name,
            missing=missing_batches(session, place.number, is_last=False),
            abandoned=_abandoned(session, place.number),
            publisher=place.publishers[0],
            from_block=place.from_block,
            confirmations=confirmations,
        )


async def _require_chain(chain: ChainReader, place: Anchorage) -> None:
    identity = await chain.identity()
    if (identity.chain_id, identity.genesis_hash) != (place.chain_id, place.genesis_hash):
        raise ChainUnavailable(
            f"the endpoint speaks for another chain (id {identity.chain_id}, genesis hash "
            f"0x{identity.genesis_hash.hex()}): name one of {chain_name(place.chain_id)}"
        )


def _abandoned(session: Session, anchorage: int) -> frozenset[bytes]:
    rows = session.all(
        """
        select hash from payloads join batches on batches.id = payloads.batch
        where payloads.anchorage = ?1 and (batches.anchorage != ?1 or batches.state != 'final')
        """,
        (anchorage,),
    )
    return frozenset(row["hash"] for row in rows)
