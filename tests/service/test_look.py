"""What a chain must answer before anything is decided by it: an endpoint that lacks a block is no chain."""

from __future__ import annotations

import pytest

from anchor.chain.protocol import Block, BlockTag
from anchor.errors import ChainUnavailable
from anchor.service.look import canonical_hash, final_block, latest_block
from tests.support.clock import FakeClock
from tests.support.fake_sending_chain import SendingChain


class _LackingChain(SendingChain):
    """Lacks the blocks that it is told to lack, as an endpoint that was started just now does."""

    def __init__(self, *lacking: BlockTag) -> None:
        super().__init__(clock=FakeClock())
        self.mine()
        self._lacking = lacking

    async def block(self, tag: BlockTag) -> Block | None:
        """See ChainReader."""
        return None if tag in self._lacking else await super().block(tag)


async def test_endpoint_without_a_latest_block_is_unavailable() -> None:
    """Nothing stands for the newest block where there is none."""
    with pytest.raises(ChainUnavailable, match="no latest block"):
        await latest_block(_LackingChain("latest"))


async def test_endpoint_without_a_finalized_block_says_which_setting_stands_for_it() -> None:
    """Never the latest block in its place: that would call final what is not."""
    chain = _LackingChain("finalized")
    with pytest.raises(ChainUnavailable, match=r"set chain\.confirmations"):
        await final_block(chain, chain.latest, confirmations=0)

    assert await final_block(chain, chain.latest, confirmations=1) == await chain.block(0)


@pytest.mark.parametrize("confirmations", [1, 2, 100])
async def test_confirmations_count_back_from_the_latest_to_the_first_block_at_most(
    confirmations: int,
) -> None:
    """So many blocks below the latest; a chain that has fewer has its first one final."""
    chain = SendingChain(clock=FakeClock())
    blocks = [chain.latest, *(chain.mine() for _ in range(3))]

    final = await final_block(chain, chain.latest, confirmations=confirmations)

    assert final == blocks[max(0, 3 - confirmations)]


async def test_block_of_a_record_that_the_endpoint_lacks_is_unavailable() -> None:
    """A record without its block proves nothing."""
    chain = SendingChain(clock=FakeClock())

    assert await canonical_hash(chain, 0) == chain.latest.hash
    with pytest.raises(ChainUnavailable, match="does not know block 1 "):
        await canonical_hash(_LackingChain(1), 1)
