"""A mirror holds what a service publishes, file by file, and never a file that does not agree with its batch."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from anchor.cli import main
from anchor.documents import EarlierAnchorage, batch_to_json, parse_publisher, publisher_to_json
from anchor.errors import InvalidInput, ServiceUnavailable
from anchor.mirror import MirrorReport, mirror_service
from anchor.mirror.folder import MirrorFolder
from anchor.verify import FileLocation, open_files
from anchor.verify.audit import audit_publisher
from anchor.verify.folder_source import FolderSource
from tests.support.fake_chain import FakeChain, address, opener
from tests.support.published_server import serving
from tests.support.publisher import Publisher, did_key_issuer, to_bytes
from tests.verify.world import RPC, World

JSON = "batches/2.json"
LEAVES = "batches/1.leaves"


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Publish three batches, a revocation among them."""
    made = World.make(tmp_path / "published")
    made.issue()
    made.publisher.set_bit(0, 7, 1)
    made.publisher.anchor(after_s=600)
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return where the mirror is to be."""
    return tmp_path / "mirror"


async def mirror(world: World, folder: Path, *, checks_all: bool = False) -> MirrorReport:
    """Mirror what the world publishes."""
    return await mirror_service(FolderSource(world.folder), folder, checks_all=checks_all)


def content(folder: Path) -> dict[str, bytes]:
    """Return every published file in a folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "mirror.json"
    }


async def test_mirror_is_what_is_published_and_audits(world: World, folder: Path) -> None:
    """Byte for byte the same files, and an audit of them agrees with the chain."""
    report = await mirror(world, folder)
    audited = await audit_publisher(
        world.anchorage, open_chain=opener((RPC, world.chain)), files=FolderSource(folder)
    )

    head = len(world.publisher.batches)
    assert (report.missing, report.complete_to, report.batches_copied) == ((), head, head)
    assert content(folder) == content(world.folder)
    assert audited.discrepancies == ()


async def test_mirror_over_http_of_a_service_and_again_of_the_mirror(world: World, folder: Path) -> None:
    """The command copies a service, and a mirror of a mirror is the same again."""
    async with serving(world.folder) as url, open_files(FileLocation(address=url, is_mirror=False)) as files:
        report = await mirror_service(files, folder, checks_all=False)
    second = folder.with_name("second")
    arguments = ["mirror", str(second), "--from", str(folder), "--json"]
    result = await asyncio.to_thread(CliRunner().invoke, main, arguments)

    assert report.missing == ()
    assert (result.exit_code, json.loads(result.stdout)["missing"]) == (0, [])
    assert content(second) == content(folder) == content(world.folder)


async def test_second_run_copies_only_what_is_new(world: World, folder: Path) -> None:
    """Batches that are there and final are not asked for again; new ones, and newer lists, are."""
    await mirror(world, folder)
    (world.folder / LEAVES).unlink()
    world.publisher.set_bit(0, 9, 1)
    world.publisher.anchor(after_s=600)

    report = await mirror(world, folder)

    assert (report.missing, report.batches_copied) == ((), 1)
    assert content(folder) == content(world.folder) | {LEAVES: (folder / LEAVES).read_bytes()}


async def test_batch_that_is_not_final_is_copied_again(world: World, folder: Path) -> None:
    """A reorganisation may give its sequence to another root: only a final batch is done with."""
    head = world.publisher.batches[-1]
    sequence = head.document.description.header.sequence
    name = f"batches/{sequence}.json"
    world.publisher.write(name, to_bytes(batch_to_json(replace(head.document, is_final=False))))
    first = await mirror(world, folder)
    world.publisher.publish_batch(head)

    second = await mirror(world, folder)

    assert (first.complete_to, second.complete_to, second.batches_copied) == (sequence - 1, sequence, 1)
    assert json.loads((folder / name).read_bytes())["state"] == "final"


def cut_leaves(world: World) -> None:
    """Publish one leaf less."""
    path = world.folder / LEAVES
    path.write_bytes(path.read_bytes()[:-32])


def other_leaf(world: World) -> None:
    """Publish another leaf in the place of one."""
    path = world.folder / LEAVES
    path.write_bytes(path.read_bytes()[:-1] + bytes([path.read_bytes()[-1] ^ 1]))


def other_batch(world: World) -> None:
    """Publish a batch under the sequence of another."""
    shutil.copy2(world.folder / "batches" / "1.json", world.folder / JSON)


def other_list(world: World) -> None:
    """Publish other bits under an anchored version."""
    version = world.publisher.batches[-1].document.lists[0].entry.version
    other = world.publisher.lists[0]
    other.bits[0] ^= 0xFF
    world.publisher.write(f"status-lists/0/{version}.json", other.signed())


def withheld_list(world: World) -> None:
    """Withhold an anchored version."""
    version = world.publisher.batches[-1].document.lists[0].entry.version
    (world.folder / f"status-lists/0/{version}.json").unlink()


def withheld_batch(world: World) -> None:
    """Withhold a batch."""
    (world.folder / JSON).unlink()


def withheld_leaves(world: World) -> None:
    """Withhold the leaves of a batch."""
    (world.folder / LEAVES).unlink()


def old_newest_list(world: World) -> None:
    """Publish an old list as the newest."""
    oldest = min((world.folder / "status-lists" / "0").iterdir())
    shutil.copy2(oldest, world.folder / "status-lists" / "0.json")


FAULTS: dict[str, tuple[Callable[[World], None], str]] = {
    "leaves cut": (cut_leaves, "batches/1.json"),
    "a leaf changed": (other_leaf, "batches/1.json"),
    "leaves withheld": (withheld_leaves, "batches/1.json"),
    "another batch": (other_batch, JSON),
    "a batch withheld": (withheld_batch, JSON),
    "other bits": (other_list, "status-lists/0/"),
    "a list withheld": (withheld_list, "status-lists/0/"),
    "an old list as the newest": (old_newest_list, "status-lists/0.json"),
}


@pytest.mark.parametrize(("damage", "named"), FAULTS.values(), ids=FAULTS.keys())
async def test_what_is_withheld_or_wrong_is_named_never_kept_and_had_later(
    world: World, folder: Path, damage: Callable[[World], None], named: str
) -> None:
    """The rest is copied; the file is named, not written; once it is published right, the next run has it."""
    right = content(world.folder)
    damage(world)
    report = await mirror(world, folder)
    kept = content(folder)
    for name, data in right.items():
        world.publisher.write(name, data)

    second = await mirror(world, folder)

    assert len(report.missing) == 1
    assert report.missing[0].what.startswith(named)
    assert kept.items() < right.items()
    assert (second.missing, content(folder)) == ((), right)


async def test_check_finds_and_mends_what_was_damaged_in_the_mirror(world: World, folder: Path) -> None:
    """A disk may rot: --check reads every file again, and fetches those that do not agree any more."""
    await mirror(world, folder)
    right = content(folder)
    version = world.publisher.batches[0].document.lists[0].entry.version
    for name in (LEAVES, JSON, f"status-lists/0/{version}.json"):
        data = bytearray(right[name])
        data[len(data) // 2] ^= 1
        (folder / name).write_bytes(data)

    report = await mirror(world, folder, checks_all=True)

    assert (report.missing, content(folder)) == ((), right)


async def test_mirror_of_another_publisher_refused(world: World, folder: Path, tmp_path: Path) -> None:
    """A folder keeps one publisher."""
    await mirror(world, folder)
    chain = FakeChain()
    other = Publisher(chain=chain, account=address(5), folder=tmp_path / "other", contract=address(77))
    other.add_pair(did_key_issuer(9))
    other.anchor()

    with pytest.raises(InvalidInput, match="name another folder"):
        await mirror_service(FolderSource(other.folder), folder, checks_all=False)


async def test_source_that_is_behind_the_mirror_changes_nothing(world: World, folder: Path) -> None:
    """An old copy that is published takes nothing away from a mirror."""
    await mirror(world, folder)
    before = content(folder)
    world.publisher.publish_batch(world.publisher.batches[0])

    with pytest.raises(ServiceUnavailable, match="is older"):
        await mirror(world, folder)

    assert content(folder) == before


async def test_source_that_names_batches_without_end_is_left(world: World, folder: Path) -> None:
    """A head that nobody ever anchored does not keep a mirror busy for years."""
    path = world.folder / "publisher.json"
    publisher = replace(parse_publisher(path.read_bytes()), head_sequence=2**50)
    path.write_bytes(to_bytes(publisher_to_json(publisher)))

    with pytest.raises(ServiceUnavailable, match="use another source"):
        await mirror(world, folder)


async def test_source_that_names_lists_without_end_is_left(
    world: World, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor do lists that it makes up as they are asked for fill the disk."""

    class Endless(FolderSource):
        """Answers with a list for every number."""

        async def status_list(self, number: int, version: int | None) -> bytes:
            kept = await super().status_list(min(number, 0) if version is None else number, version)
            return kept.replace(b"/status-lists/0", b"/status-lists/%d" % number)

    monkeypatch.setattr("anchor.mirror.copying.MAX_UNANCHORED_LISTS", 3)

    with pytest.raises(ServiceUnavailable, match="no batch commits to"):
        await mirror_service(Endless(world.folder), folder, checks_all=False)

    assert len(list((folder / "status-lists").glob("*.json"))) < 8


def test_silent_source_is_unreachable(folder: Path) -> None:
    """Nothing can be said of a service that does not answer."""
    result = CliRunner().invoke(main, ["mirror", str(folder), "--service", "http://127.0.0.1:9"])

    assert result.exit_code == 3
    assert not folder.exists()


def test_mirror_without_source_is_wrong_usage(folder: Path) -> None:
    """A mirror is always of something."""
    result = CliRunner().invoke(main, ["mirror", str(folder)], env={"ANCHOR_SERVICE": None})

    assert (result.exit_code, "name a source" in result.stderr) == (2, True)


def _move(world: World, *, ends_at: int | None = None) -> None:
    """Publish as after a move: what was anchored is of anchorage 1, and the new one has no batch yet."""
    here = parse_publisher((world.folder / "publisher.json").read_bytes())
    earlier = EarlierAnchorage(
        number=1,
        chain_id=here.chain_id,
        genesis_hash=here.genesis_hash,
        contract=here.contract,
        publisher=here.publisher,
        from_block=here.from_block,
        head_sequence=here.head_sequence if ends_at is None else ends_at,
        head_root=here.head_root,
    )
    moved = replace(here, contract=address(7), head_sequence=0, head_root=None, earlier=(earlier,))
    left = world.folder / "anchorages" / "1"
    left.mkdir(parents=True)
    (world.folder / "batches").rename(left / "batches")
    world.publisher.write("publisher.json", to_bytes(publisher_to_json(moved)))


@pytest.mark.parametrize("is_broken_off", [False, True])
async def test_mirror_follows_a_move_and_copies_nothing_twice(
    world: World,
    folder: Path,
    is_broken_off: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """What was mirrored before the move is kept under the anchorage's number, also where a run was broken off."""
    await mirror(world, folder)
    kept = folder / "batches" / "1.leaves"
    inode = kept.stat().st_ino
    _move(world)
    if is_broken_off:
        # A run that had put the batches away, and nothing more.
        MirrorFolder(folder).leave(1)

    report = await mirror(world, folder)
    again = await mirror(world, folder, checks_all=True)

    assert (report.missing, report.batches_copied, report.complete_to) == ((), 0, 0)
    assert (again.missing, again.batches_copied) == ((), 0)
    assert (folder / "anchorages/1/batches/1.leaves").stat().st_ino == inode
    assert content(folder) == content(world.folder)


async def test_new_mirror_has_earlier_anchorages_and_names_what_they_lack(world: World, folder: Path) -> None:
    """A batch whose leaves are not its own, and those that are not published, the last too, are told by their names."""
    for _ in range(2):
        world.publisher.anchor(after_s=600)
    _move(world)
    left = world.folder / "anchorages" / "1" / "batches"
    path = left / "1.leaves"
    path.write_bytes(path.read_bytes()[:-32])
    for number in (2, 4):
        (left / f"{number}.json").unlink()

    report = await mirror(world, folder)

    names = [missing.what for missing in report.missing]
    assert names == [f"anchorages/1/batches/{number}.json" for number in (1, 2, 4)]
    assert (folder / "anchorages/1/batches/3.json").exists()


async def test_source_that_names_an_end_far_away_is_left(world: World, folder: Path) -> None:
    """How long an anchorage was is the source's word: a made-up end costs no work without end."""
    _move(world, ends_at=2**53 - 1)

    with pytest.raises(ServiceUnavailable, match="use another source"):
        await mirror(world, folder)
