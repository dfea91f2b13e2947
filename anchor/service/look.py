"""One look at the chain: every fact in it is as of one latest and one final block."""

from __future__ import annotations

from dataclasses import dataclass

from anchor.chain.protocol import Block, Chain
from anchor.errors import ChainUnavailable


@dataclass(frozen=True, slots=True)
class Look:
    """
    The publisher's head and account at the latest block and at the final one.

    `line` is the line of succession at the latest block, which ends with the publisher.
    """

    line: tuple[str, ...]
    latest: Block
    final: Block
    next_sequence: int
    next_sequence_final: int
    head_root: bytes | None
    nonce: int
    nonce_final: int


async def look_at_publisher(chain: Chain, line: tuple[str, ...], *, latest: Block, final: Block) -> Look:
    """Read the state of the last publisher of a line at two blocks; ChainUnavailable where the endpoint cannot."""
    publisher = line[-1]
    head = await chain.head(publisher, latest.hash)
    final_head = await chain.head(publisher, final.hash)
    return Look(
        line=line,
        latest=latest,
        final=final,
        next_sequence=head.record.sequence + 1 if head else 1,
        next_sequence_final=final_head.record.sequence + 1 if final_head else 1,
        head_root=head.root if head else None,
        nonce=await chain.nonce(publisher, latest.hash),
        nonce_final=await chain.nonce(publisher, final.hash),
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
