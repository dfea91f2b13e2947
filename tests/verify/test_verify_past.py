"""How a credential stood at a past time: by two neighbouring roots, or by the head in a later block."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from anchor.core.entries import StatusEntry
from anchor.documents import batch_to_json
from anchor.errors import InvalidInput, NotFound
from anchor.verify import neighbours
from anchor.verify.chain_view import Anchor, open_view
from anchor.verify.folder_source import FolderSource
from anchor.verify.times import utc_text
from status_lists import status_entry
from tests.support.publisher import to_bytes
from tests.verify.world import Issued, World, told

INDEX = 7
HOUR_S = 3600


class Told:
    """A credential's story: issued, suspended, reinstated, revoked, an hour apart, and the times in between."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.issued: Issued = world.issue(status=StatusEntry(0, INDEX))
        self.times = [world.publisher.now_s]
        for number, value in ((1, 1), (1, 0), (0, 1)):
            world.publisher.set_bit(number, INDEX, value)
            world.publisher.anchor(after_s=HOUR_S)
            self.times.append(world.publisher.now_s)

    async def at(self, at_s: int, *, lists: FolderSource | None = None) -> tuple[str, list[str]]:
        """Return what is told of a time."""
        return told(await self.world.verify(self.issued, at_s=at_s, lists=lists))


@pytest.fixture
def story(world: World) -> Told:
    """Return a credential that was issued, suspended, reinstated and revoked."""
    return Told(world)


async def test_past_status_is_that_of_the_root_of_the_time(story: Told) -> None:
    """From a root's block until the next one's, to the second, it is that root that tells."""
    issued_s, suspended_s, reinstated_s, revoked_s = story.times

    assert await story.at(issued_s) == ("valid", [])
    assert await story.at(suspended_s - 1) == ("valid", [])
    assert await story.at(suspended_s) == ("suspended", ["suspended"])
    assert await story.at(reinstated_s - 1) == ("suspended", ["suspended"])
    assert await story.at(reinstated_s) == ("valid", [])
    assert await story.at(revoked_s - 1) == ("valid", [])
    assert await story.at(revoked_s) == ("revoked", ["revoked"])


async def test_past_verdict_says_as_of_when(story: Told) -> None:
    """The report names the time asked about, both roots, and that nothing is said of later."""
    at_s = story.times[2] + 60

    report = await story.world.verify(story.issued, at_s=at_s)

    as_of = report.to_json()["asOf"]
    assert isinstance(as_of, dict)
    assert (as_of["at"], as_of["statusBlock"]) == ("2023-11-15T00:14:44Z", 4)
    assert report.at_s == at_s
    age = next(finding.sentence for finding in report.findings if finding.step == "age")
    assert age == (
        "status is as of 2023-11-15T00:14:44Z: batch 3 stands since block 4, 2023-11-15T00:13:44Z, "
        "until batch 4 in block 5, 2023-11-15T01:13:44Z"
    )
    assert any("what came later is not said" in note for note in report.notes)


async def test_past_before_the_anchor_is_not_proved(story: Told) -> None:
    """Before its anchor nothing proves that the credential existed, and the first root says nothing of before."""
    verdict, codes = await story.at(story.times[0] - 1)

    assert verdict == "unknown"
    assert codes == ["anchored_later", "status_before_first"]


async def test_past_dates_are_those_of_the_time(world: World) -> None:
    """A credential that has ended since was in force then; one that had not begun was not."""
    begin_s = world.publisher.now_s + HOUR_S
    content = world.credential(
        validFrom=utc_text(begin_s), validUntil=utc_text(begin_s + HOUR_S), credentialStatus=None
    )
    issued = world.issue(content)
    now_s = begin_s + 3 * HOUR_S

    async def at(at_s: int | None) -> str:
        return (await world.verify(issued, at_s=at_s, now_s=now_s)).verdict.value

    assert await at(None) == "expired"
    assert await at(begin_s - 1) == "not_yet_valid"
    assert await at(begin_s) == "valid"
    assert await at(begin_s + HOUR_S) == "expired"


async def test_past_of_a_time_to_come_is_wrong_usage(world: World) -> None:
    """Nothing can be said of the future."""
    issued = world.issue()

    with pytest.raises(InvalidInput, match="yet to come"):
        await world.verify(issued, at_s=world.publisher.now_s + 1)


async def test_past_beyond_the_newest_block_is_unknown(world: World) -> None:
    """The head speaks for a time only once a block of that time or later shows that it was still the head."""
    issued = world.issue(status=StatusEntry(0, INDEX))
    asked_s = world.publisher.now_s + 60

    before = await world.verify(issued, at_s=asked_s, now_s=asked_s + 600)
    world.chain.mine(after_s=60)
    after = await world.verify(issued, at_s=asked_s, now_s=asked_s + 600)

    assert told(before) == ("unknown", ["status_other_time"])
    assert told(after) == ("valid", [])


async def test_past_of_a_publisher_that_fell_silent_is_stale(world: World) -> None:
    """A head counts for as long as the verifier allows: silence since is no evidence of anything."""
    issued = world.issue(status=StatusEntry(0, INDEX))
    anchored_s = world.publisher.now_s
    world.chain.mine(after_s=100 * HOUR_S)

    async def at(age_s: int) -> tuple[str, list[str]]:
        return told(await world.verify(issued, at_s=anchored_s + age_s))

    assert await at(48 * HOUR_S) == ("valid", [])
    assert await at(48 * HOUR_S + 1) == ("unknown", ["status_stale"])


async def test_past_between_two_roots_far_apart_is_told(world: World) -> None:
    """Two neighbouring roots prove that nothing changed in between, however long that was."""
    issued = world.issue(status=StatusEntry(0, INDEX))
    anchored_s = world.publisher.now_s
    world.publisher.anchor(after_s=100 * HOUR_S)

    assert told(await world.verify(issued, at_s=anchored_s + 90 * HOUR_S)) == ("valid", [])


async def test_past_with_batch_withheld_is_unknown(story: Told) -> None:
    """A batch that cannot be had hides which root was the newest then: unknown, never valid."""
    (story.world.folder / "batches/2.json").unlink()

    assert await story.at(story.times[1] + 60) == ("unknown", ["status_unavailable"])


async def test_past_with_an_older_batch_under_a_later_number_is_unknown(story: Told) -> None:
    """A source cannot pass an old batch off for the one of the time: its record has another sequence."""
    batches = story.world.publisher.batches
    story.world.publisher.write("batches/2.json", to_bytes(batch_to_json(batches[0].document)))

    assert await story.at(story.times[1] + 60) == ("unknown", ["list_mismatch"])


async def test_past_with_a_batch_that_nobody_anchored_is_unknown(story: Told) -> None:
    """A batch of somebody's making, whole in itself, has no record."""
    document = story.world.publisher.batches[1].document
    clean = story.world.publisher.batches[0].document.lists
    description = replace(document.description, list_entries=tuple(state.entry for state in clean))
    forged = replace(document, description=description, lists=clean, root=description.root())
    story.world.publisher.write("batches/2.json", to_bytes(batch_to_json(forged)))

    assert await story.at(story.times[1] + 60) == ("unknown", ["list_mismatch"])


async def test_past_with_another_list_than_the_one_of_the_time_is_unknown(story: Told) -> None:
    """A list is held against the root of the time, bit for bit: today's does not pass for it."""
    state = story.world.publisher.batches[1].document.lists[1]
    now = story.world.publisher.lists[1].signed()
    story.world.publisher.write(f"status-lists/1/{state.entry.version}.json", now)

    assert await story.at(story.times[1] + 60) == ("unknown", ["list_mismatch"])


async def test_past_list_withheld_leaves_what_the_other_says(story: Told) -> None:
    """What one list of the time says stands, whatever happened to the other."""
    state = story.world.publisher.batches[1].document.lists[0]
    (story.world.folder / f"status-lists/0/{state.entry.version}.json").unlink()

    verdict, codes = await story.at(story.times[1] + 60)

    assert (verdict, codes) == ("suspended", ["status_unavailable", "suspended"])


async def test_past_newer_list_not_anchored_then_does_not_count(world: World) -> None:
    """What is proved of the past is what was anchored; a signed list alone is of no certain time."""
    issued = world.issue(status=StatusEntry(0, INDEX))
    asked_s = world.publisher.now_s
    world.publisher.set_bit(0, INDEX, 1)

    assert told(await world.verify(issued, at_s=asked_s)) == ("valid", [])
    assert told(await world.verify(issued)) == ("revoked", ["not_yet_anchored"])


async def test_past_by_evidence_needs_no_list(story: Told) -> None:
    """Evidence kept from a day proves that day, and no other: its root's successor bounds it."""
    world = story.world
    world.publisher.anchor(after_s=HOUR_S)
    evidence = world.evidence(INDEX)
    kept_s = world.publisher.now_s
    world.publisher.anchor(after_s=HOUR_S)
    world.publisher.anchor(after_s=HOUR_S)

    async def at(at_s: int) -> tuple[str, list[str]]:
        return told(await world.verify(story.issued, at_s=at_s, evidence=[evidence], fetches_lists=False))

    assert await at(kept_s + HOUR_S - 1) == ("revoked", ["revoked"])
    assert await at(kept_s + HOUR_S) == ("unknown", ["status_other_time"])
    assert await at(kept_s - 1) == ("unknown", ["status_other_time"])


async def test_past_evidence_of_another_day_is_completed_from_lists(story: Told) -> None:
    """Where lists may be fetched, evidence of another time is passed over."""
    report = await story.world.verify(
        story.issued, at_s=story.times[1], evidence=[story.world.evidence(INDEX)]
    )

    assert told(report) == ("suspended", ["suspended"])


async def test_past_status_in_lists_of_others_cannot_be_proved(world: World) -> None:
    """Nothing anchors what somebody else's list said then."""
    status = status_entry("https://elsewhere.example/status-lists/0", "revocation", 1)
    issued = world.issue(world.credential(credentialStatus=status))

    assert told(await world.verify(issued, at_s=world.publisher.now_s)) == ("unknown", ["status_foreign"])


async def test_past_search_looks_at_few_of_many_batches(world: World) -> None:
    """About log2 of all batches are fetched, whichever time is asked about."""
    issued = world.issue(status=StatusEntry(0, INDEX))
    times = [world.publisher.now_s]
    for number in range(30):
        world.publisher.set_bit(1, INDEX, number % 2)
        world.publisher.anchor(after_s=600)
        times.append(world.publisher.now_s)
    counted = Counted(world.folder)

    for position, at_s in enumerate(times):
        counted.batches.clear()
        verdict = (
            await world.verify(issued, at_s=at_s + 1 if at_s != times[-1] else at_s, lists=counted)
        ).verdict
        assert verdict.value == ("suspended" if position and position % 2 == 0 else "valid")
        assert len(counted.batches) <= 5


class Counted:
    """A folder's lists, with the batches that were asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = FolderSource(folder)
        self.batches: list[int] = []

    async def batch(self, sequence: int) -> bytes:
        self.batches.append(sequence)
        return await self._folder.batch(sequence)

    async def status_list(self, number: int, version: int | None) -> bytes:
        if version is None:
            raise NotFound("the newest list is of no interest for a past time")
        return await self._folder.status_list(number, version)


async def test_past_span_of_a_head_ends_with_the_newest_block(world: World) -> None:
    """A span says for which times it holds, both ends exact."""
    world.issue(status=StatusEntry(0, INDEX))
    first = world.publisher.now_s
    world.publisher.anchor(after_s=HOUR_S)
    block = world.chain.mine(after_s=60)
    start, end = [await _anchor(world, batch.document.root) for batch in world.publisher.batches]

    between = neighbours.Span(start=start, end=end)
    last = neighbours.Span(start=end, end=None)

    assert [between.covers(first + s, block) for s in (-1, 0, HOUR_S - 1, HOUR_S)] == [
        False,
        True,
        True,
        False,
    ]
    ends = [end.record.timestamp_s + s for s in (-1, 0, 60, 61)]
    assert [last.covers(at_s, block) for at_s in ends] == [False, True, True, False]


async def _anchor(world: World, root: bytes) -> Anchor:
    found = await (await open_view(world.chain, world.anchorage)).find(root)
    assert found is not None
    return found
