"""Signed transactions: each batch's payloads speak of that batch, and mined batches by one of theirs."""

from __future__ import annotations

from anchor.core.lifecycle import BatchState
from anchor.fsck.findings import Check
from anchor.store.records import Batch
from anchor.store.sqlite.writer import Session


def check_outbox(session: Session, batches: list[Batch]) -> Check:
    """
    Check that every mined batch was mined by a transaction that was stored, and sent ones have one.

    Promise 4: every transaction is stored, signed, before it is broadcast. A rebuilt batch has none, and is final.
    """
    check = Check("outbox")
    # Their transactions are known by hash alone; the chain's check compares it.
    rebuilt = {row["batch"] for row in session.all("select batch from rebuilt_batches")}
    for batch in batches:
        if batch.id in rebuilt:
            check.expect(
                batch.state is BatchState.FINAL, f"batch {batch.sequence}", "it was rebuilt, and is not final"
            )
            continue
        if batch.state.value not in ("sent", "mined", "final"):
            continue
        where = f"batch {batch.sequence}"
        rows = session.all("select hash, sequence, nonce from payloads where batch = ?", (batch.id,))
        check.expect(bool(rows), where, "it was sent, and no signed transaction of it is stored")
        if batch.transaction is not None:
            stored = any(row["hash"] == batch.transaction for row in rows)
            check.expect(stored, where, "the transaction that mined it was never stored")
    return check
