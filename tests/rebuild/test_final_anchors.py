"""What of a chain may be rebuilt from: all of it, and only once it is final."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from anchor.errors import ChainUnavailable, ConfigError, FatalError
from anchor.rebuild.anchors import anchors_left, final_anchors
from anchor.verify.chain_view import open_final_view
from tests.support.fake_chain import address
from tests.support.lying_chain import HONEST, LyingChain
from tests.verify.world import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return a publisher with two final batches."""
    made = World.make(tmp_path)
    made.publisher.anchor()
    made.publisher.anchor()
    return made


async def test_every_final_anchor_is_returned_in_order(world: World) -> None:
    """Nothing is left out."""
    found = await final_anchors(world.chain, world.anchorage)

    assert [anchor.event.sequence for anchor in found.anchors] == [1, 2]


async def test_anchors_of_everybody_in_the_line_are_returned(world: World) -> None:
    """After two changes of the key the last account leads back to what the first one anchored."""
    first = world.publisher.account
    world.publisher.succeed(address(9))
    world.publisher.anchor()
    world.publisher.succeed(address(10))

    found = await final_anchors(world.chain, replace(world.anchorage, publisher=address(10)))

    assert found.publishers == (first, address(9), address(10))
    assert [(anchor.event.sequence, anchor.publisher) for anchor in found.anchors] == [
        (1, first),
        (2, first),
        (3, address(9)),
    ]


async def test_endpoint_that_names_predecessors_without_end_is_refused(world: World) -> None:
    """A line that closes is no line: the endpoint lies."""

    class Circle(LyingChain):
        async def predecessor(self, publisher: str, at: bytes) -> str | None:
            await super().predecessor(publisher, at)
            return publisher

    liar = Circle(origin="https://liar.example", truth=world.chain, manner=lambda: HONEST)  # type: ignore[arg-type]  # it reads only
    with pytest.raises(ChainUnavailable, match="more than 64 predecessors"):
        await final_anchors(liar, world.anchorage)


async def test_anchor_that_is_not_final_yet_is_waited_for(world: World) -> None:
    """What a reorganisation can take back is not rebuilt, nor is everything before it as if it were the end."""
    world.publisher.anchor(is_final=False)

    with pytest.raises(ChainUnavailable, match="batch 3 is not final yet"):
        await final_anchors(world.chain, world.anchorage)


async def test_account_that_never_anchored_has_nothing_to_rebuild(world: World) -> None:
    """A wrong key is told before a database of another is made."""
    with pytest.raises(FatalError, match="never anchored"):
        await final_anchors(world.chain, replace(world.anchorage, publisher=address(8)))


async def test_account_that_was_succeeded_is_refused(world: World) -> None:
    """The service goes on with the successor's key."""
    world.publisher.succeed(address(9))

    with pytest.raises(ConfigError, match="was succeeded by"):
        await final_anchors(world.chain, world.anchorage)


async def test_anchors_before_from_block_are_missed(world: World) -> None:
    """A gap at the beginning is the setting's fault, and said so."""
    block = world.publisher.batches[0].document.claim.block_number

    with pytest.raises(ChainUnavailable, match=r"set chain\.from_block"):
        await final_anchors(world.chain, replace(world.anchorage, from_block=block + 1))


async def test_anchorage_that_was_left_before_its_first_anchor_is_empty(world: World) -> None:
    """The contract says so itself; one that anchored and whose events are hidden is no empty one."""
    never = await open_final_view(world.chain, replace(world.anchorage, publisher=address(8)))
    anchored = await open_final_view(world.chain, world.anchorage)

    assert await anchors_left(never) == ()
    assert len(await anchors_left(anchored)) == 2
    world.chain.hidden_events.update((1, 2))
    with pytest.raises(ChainUnavailable, match="cannot be read whole"):
        await anchors_left(anchored)
