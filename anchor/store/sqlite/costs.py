"""Operations on what transactions cost, those of batches and calls alike."""

from __future__ import annotations

from collections.abc import Sequence

from anchor.store.records import Payload, PayloadCost, SpentPeriod
from anchor.store.sqlite.writer import Session

_ON_PRESENT_CHAIN = """
    anchorage in (
        select number from anchorages where (chain_id, genesis_hash) = (
            select chain_id, genesis_hash from anchorages order by number desc limit 1))
"""
"""A nonce is one of an account on a chain, whatever contract was called; another chain's ether is another money."""


def open_cost(session: Session, payload: Payload, anchorage: int) -> None:
    """Begin to count a transaction that is stored in the same database transaction."""
    session.execute(
        """
        insert into costs (transaction_hash, anchorage, sender, nonce, gas_limit, max_fee_wei)
        values (?, ?, ?, ?, ?, ?) on conflict (transaction_hash) do nothing
        """,
        (payload.hash, anchorage, payload.sender, payload.nonce, payload.gas_limit, payload.max_fee_wei),
    )


def open_costs(session: Session) -> Sequence[PayloadCost]:
    """Return the costs on the present chain that are not settled."""
    rows = session.all(
        f"""
        select transaction_hash, sender, nonce, gas_limit, max_fee_wei, cost_wei, mined_s from costs
        where is_settled = 0 and {_ON_PRESENT_CHAIN} order by rowid
        """
    )
    return [
        PayloadCost(
            hash=row["transaction_hash"],
            sender=row["sender"],
            nonce=row["nonce"],
            worst_wei=row["gas_limit"] * row["max_fee_wei"],
            cost_wei=None if row["cost_wei"] is None else int(row["cost_wei"]),
            mined_s=row["mined_s"],
        )
        for row in rows
    ]


def note_cost(session: Session, payload: bytes, cost_wei: int, mined_s: int) -> None:
    """Note a cost, in place of what was noted before of any payload of the same nonce: one of them is mined."""
    session.execute(
        f"""
        update costs set cost_wei = null, mined_s = null where is_settled = 0 and {_ON_PRESENT_CHAIN}
        and (sender, nonce) = (select sender, nonce from costs where transaction_hash = ?)
        """,
        (payload,),
    )
    session.execute(
        "update costs set cost_wei = ?, mined_s = ? where transaction_hash = ? and is_settled = 0",
        (str(cost_wei), mined_s, payload),
    )


def settle_costs(session: Session, sender: str, nonce: int) -> None:
    """Settle all transactions of a nonce of an account on the present chain."""
    session.execute(
        f"update costs set is_settled = 1 where is_settled = 0 and sender = ? and nonce = ? and {_ON_PRESENT_CHAIN}",
        (sender, nonce),
    )


def spent_since(session: Session, time_s: int) -> SpentPeriod:
    """Add up what was mined on the present chain at a time or later, and is settled."""
    rows = session.all(
        f"select cost_wei, mined_s from costs where mined_s >= ? and is_settled = 1 and {_ON_PRESENT_CHAIN}",
        (time_s,),
    )
    return SpentPeriod(
        spent_wei=sum(int(row["cost_wei"]) for row in rows),
        first_mined_s=min((row["mined_s"] for row in rows), default=None),
    )
