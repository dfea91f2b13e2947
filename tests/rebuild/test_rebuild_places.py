"""Which anchorages there were, as places of published files tell it, and where each place has their batches."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from anchor.documents import EarlierAnchorage, PublisherDocument
from anchor.errors import ConfigError
from anchor.rebuild.lines import Place, anchors_from_files, earlier_anchorages
from anchor.rebuild.reading import Sources
from anchor.rebuild.report import RebuildReport
from anchor.verify.folder_source import FolderSource
from tests.support.fake_chain import address
from tests.verify.world import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Publish a batch."""
    made = World.make(tmp_path)
    made.publisher.anchor()
    return made


def anchorage(number: int) -> EarlierAnchorage:
    """Return an anchorage whose contract tells which one it is."""
    return EarlierAnchorage(
        number=number,
        chain_id=number,
        genesis_hash=bytes([number]) * 32,
        contract=address(number),
        publisher=address(9),
        from_block=0,
        head_sequence=0,
        head_root=None,
    )


def place(world: World, *numbers: int) -> Place:
    """Return a place that was written in the last of these anchorages."""
    *before, last = map(anchorage, numbers)
    document = PublisherDocument(
        chain_id=last.chain_id,
        genesis_hash=last.genesis_hash,
        contract=last.contract,
        publisher=last.publisher,
        from_block=0,
        base_url="https://anchor.example.org",
        head_sequence=0,
        head_root=None,
        earlier=tuple(before),
    )
    return Place(FolderSource(world.folder), document)


async def test_end_that_is_far_away_costs_no_search_without_end(world: World) -> None:
    """How long an anchorage was is the files' word: what is not there is named up to a point, and the rest as one."""
    report = RebuildReport(now_s=0)
    far = replace(anchorage(1), head_sequence=2**53 - 1)

    anchors = await anchors_from_files(Sources([FolderSource(world.folder)]), report, far)

    assert [anchor.event.sequence for anchor in anchors] == [1]
    assert [loss.sequence for loss in report.losses] == [*range(2, 10), None]
    assert f"batches 10 to {2**53 - 1} of anchorage 1 were not looked for" in report.losses[-1].message


def numbers(found: tuple[EarlierAnchorage, ...]) -> list[int]:
    """Return which anchorages were found."""
    return [item.number for item in found]


def test_places_of_any_age_tell_what_was_before(world: World) -> None:
    """One written before the last move, and one without a publisher document, add nothing and contradict nothing."""
    nameless = Place(FolderSource(world.folder), None)

    assert numbers(earlier_anchorages([place(world, 1), nameless, place(world, 1, 2, 3)], anchorage(3))) == [
        1,
        2,
    ]
    assert numbers(earlier_anchorages([place(world, 1, 2, 3)], anchorage(2))) == [1]
    assert earlier_anchorages([nameless], anchorage(1)) == ()


@pytest.mark.parametrize("other", [(2,), (1, 3), (2, 1, 3), (3,)])
def test_places_that_contradict_each_other_are_refused(world: World, other: tuple[int, ...]) -> None:
    """Batches of another publisher are never taken for what was before a move."""
    with pytest.raises(ConfigError, match="different services"):
        earlier_anchorages([place(world, 1, 2, 3), place(world, *other)], anchorage(3))


def test_places_that_do_not_know_the_present_contract_are_refused(world: World) -> None:
    """Another service's files, or only ones from before the last move: nothing of the present is in them."""
    with pytest.raises(ConfigError, match="none of the places"):
        earlier_anchorages([place(world, 1)], anchorage(2))


async def test_batches_are_read_where_the_place_keeps_them(world: World) -> None:
    """A mirror from before the move has the former batches under the names of the last; one after it does not."""
    content = (world.folder / "batches" / "1.json").read_bytes()
    old = place(world, 1).of_anchorage(anchorage(1), is_last=False)
    assert await old.batch(1) == content
    left = world.folder / "anchorages" / "1"
    left.mkdir(parents=True)
    (world.folder / "batches").rename(left / "batches")

    for there in (place(world, 1, 2), Place(FolderSource(world.folder), None)):
        assert await there.of_anchorage(anchorage(1), is_last=False).batch(1) == content
