"""One look at the chain: every fact in it is as of one latest and one final block."""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from anchor.chain.protocol import Block, Chain
from anchor.errors import ChainUnavailable

log = structlog.get_logger()

NOTHING_IS_FINAL = (0, 0)
"""Stands for the next sequence and the nonce at a final block whose state cannot be read: all that waits, waits on."""


@dataclass(frozen=True, slots=True)
class Look:
    """
    The publisher's head and account at the latest block and at the final one.

    `line` is the line of succession at the latest block, which ends with the publisher. `final_problem` says why the
    state at the final block cannot be read (None: it can): nothing counts as final then, and all else goes on.
    """

    line: tuple[str, ...]
    latest: Block
    final: Block
    next_sequence: int
    next_sequence_final: int
    head_root: bytes | None
    nonce: int
    nonce_final: int
    final_problem: str | None = None


async def look_at_publisher(chain: Chain, line: tuple[str, ...], *, latest: Block, final: Block) -> Look:
    """
    Read the state of the last publisher of a line at two blocks; ChainUnavailable where the latest cannot be read.

    Where only the final one cannot, the look says so: while a chain finalises nothing, its final block falls behind the
    state that endpoints keep, and anchors must go on being sent.
    """
    publisher = line[-1]
    head = await chain.head(publisher, latest.hash)
    nonce = await chain.nonce(publisher, latest.hash)
    final_problem = None
    try:
        final_head = await chain.head(publisher, final.hash)
        next_sequence_final = final_head.record.sequence + 1 if final_head else 1
        nonce_final = await chain.nonce(publisher, final.hash)
    except ChainUnavailable as exc:
        next_sequence_final, nonce_final = NOTHING_IS_FINAL
        final_problem = (
            f"the state at the final block {final.number} cannot be read, so nothing is called final and anchors go on "
            f"({exc}): name an endpoint that keeps older states"
        )
        log.warning("chain.final_state_unreadable", block=final.number, reason=str(exc))
    return Look(
        line=line,
        latest=latest,
        final=final,
        next_sequence=head.record.sequence + 1 if head else 1,
        next_sequence_final=next_sequence_final,
        head_root=head.root if head else None,
        nonce=nonce,
        nonce_final=nonce_final,
        final_problem=final_problem,
    )


async def latest_block(chain: Chain) -> Block:
    """Return the newest block; ChainUnavailable where the endpoint has none."""
    latest = await chain.block("latest")
    if latest is None:
        raise ChainUnavailable("the endpoint has no latest block")
    return latest


async def final_block(chain: Chain, latest: Block, *, confirmations: int) -> Block:
    """Return the chain's finalized block or, where `confirmations` is set, the one that far below the latest."""
    final = await chain.block(max(0, latest.number - confirmations) if confirmations else "finalized")
    if final is None:
        raise ChainUnavailable("the endpoint has no finalized block: set chain.confirmations for this chain")
    return final


async def canonical_hash(chain: Chain, number: int) -> bytes:
    """Return the hash of the canonical block at a height that the chain itself named."""
    block = await chain.block(number)
    if block is None:
        raise ChainUnavailable(f"the endpoint does not know block {number} that its record names")
    return block.hash
