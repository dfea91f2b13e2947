"""From a transaction to the payload that is stored before it is broadcast."""

from __future__ import annotations

from anchor.chain.protocol import Signer, UnsignedTransaction
from anchor.store.records import Payload


async def sign_payload(signer: Signer, transaction: UnsignedTransaction, *, now_ms: int) -> Payload:
    """Return a transaction signed, with all that tells later what it offered; raises what the signer raises."""
    signed = await signer.sign(transaction)
    return Payload(
        hash=signed.hash,
        sender=signer.address,
        nonce=transaction.nonce,
        max_fee_wei=transaction.max_fee_wei,
        priority_fee_wei=transaction.priority_fee_wei,
        gas_limit=transaction.gas_limit,
        created_ms=now_ms,
        raw=signed.raw,
    )
