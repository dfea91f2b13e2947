"""What an auditor sees, and what it finds where something was changed, withheld or undone."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from anchor.core.entries import identifier_hash
from anchor.core.merkle import Tree
from anchor.errors import ChainUnavailable, InvalidProof, ServiceUnavailable
from anchor.verify import FileLocation, open_files
from anchor.verify.audit import AuditReport, audit_publisher
from anchor.verify.audit_files import credential_root
from anchor.verify.folder_source import FolderSource
from tests.support.fake_chain import Anchored, FakeChain, address, opener
from tests.support.published_server import serving
from tests.support.publisher import to_bytes, with_lists
from tests.verify.world import RPC, World

NEW_RPC = "http://127.0.0.1:8546"


@pytest.fixture
def history(world: World) -> World:
    """Return a publisher with four batches: credentials, a revocation, a new pair of lists, an empty one."""
    world.issue()
    world.publisher.set_bit(0, 7, 1)
    world.publisher.anchor(after_s=600)
    world.publisher.add_pair(world.issuer)
    world.issue(b'{"n":3}')
    world.publisher.set_bit(0, 8, 1)
    world.publisher.anchor(after_s=600)
    return world


async def audit(world: World, *, files: bool = True) -> AuditReport:
    """Audit the world's publisher."""
    return await audit_publisher(
        world.anchorage,
        open_chain=opener((RPC, world.chain)),
        files=FolderSource(world.folder) if files else None,
    )


def codes(report: AuditReport) -> list[tuple[int | None, str]]:
    """Return what an audit found: batch and code."""
    return [(found.sequence, found.code) for found in report.discrepancies]


async def test_audit_of_honest_publisher_agrees(history: World) -> None:
    """Every anchor is listed with block, time, sequence, leaf count and transaction, and all agrees."""
    report = await audit(history)

    assert codes(report) == []
    assert report.exit_code == 0
    assert [anchor.event.sequence for anchor in report.anchors] == [1, 2, 3, 4]
    assert [anchor.event.leaf_count for anchor in report.anchors] == [3, 1, 3, 1]
    assert report.anchors[1].time_s == history.publisher.batches[1].document.claim.block_time_s
    assert json.dumps(report.to_json())


async def test_audit_from_the_chain_alone_agrees(history: World) -> None:
    """Without published files the chain is audited alone, and the report says so."""
    report = await audit(history, files=False)

    assert codes(report) == []
    assert not report.has_files


async def test_audit_over_http_agrees_and_tells_progress(history: World) -> None:
    """A service is audited over HTTP; progress is told batch by batch."""
    told: list[tuple[int, int]] = []
    async with (
        serving(history.folder) as url,
        open_files(FileLocation(address=url, is_mirror=False)) as files,
    ):
        report = await audit_publisher(
            history.anchorage,
            open_chain=opener((RPC, history.chain)),
            files=files,
            on_progress=lambda done, total: told.append((done, total)),
        )

    assert codes(report) == []
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


async def test_audit_reads_final_blocks_only(history: World) -> None:
    """What is not final yet is not audited: a reorganisation may still take it back."""
    history.publisher.anchor(is_final=False)

    report = await audit(history)

    assert codes(report) == []
    assert len(report.anchors) == 4


async def test_audit_follows_succession(history: World) -> None:
    """After the publisher's key was changed the line goes on under the successor."""
    history.publisher.succeed(address(9))
    history.publisher.anchor()

    report = await audit(history)

    assert codes(report) == []
    assert [anchor.publisher for anchor in report.anchors] == [*[address(1)] * 4, address(9)]


async def test_audit_knows_the_line_by_any_account_of_it(history: World) -> None:
    """The publisher document names the first; an auditor who names a later one audits from there, without alarm."""
    history.publisher.succeed(address(9))
    history.publisher.anchor()
    _rewrite("publisher.json", publisher=address(1), successors=[address(9)])(history)
    later = replace(history.trust().current, publisher=address(9))
    report = await audit_publisher(
        later, open_chain=opener((RPC, history.chain)), files=FolderSource(history.folder)
    )

    assert {found.code for found in report.discrepancies} == {"sequence_gap"}

    _rewrite("publisher.json", publisher=address(5), successors=[address(6)])(history)
    assert (None, "publisher_differs") in codes(await audit(history))


async def test_audit_of_an_earlier_anchorage_reads_its_files(history: World) -> None:
    """Its batches are found under its number; what the publisher does elsewhere since does not concern it."""
    history.publisher.move(FakeChain(chain_id=31338))
    history.publisher.anchor()

    assert codes(await audit(history)) == []

    (history.folder / "anchorages" / "1" / "batches" / "2.json").unlink()
    assert codes(await audit(history)) == [(2, "batch_missing")]


@pytest.mark.parametrize("fate", ["kept", "cleared", "unreachable", "unpublished"])
async def test_audit_after_a_move_compares_lists_with_those_before_it(history: World, fate: str) -> None:
    """A revocation that was there at the last root before a move must be there at the first one after it."""
    chain = FakeChain(chain_id=31338)
    history.publisher.move(chain)
    if fate == "cleared":
        history.publisher.set_bit(0, 7, 0)
    history.publisher.anchor(after_s=600)
    if fate == "unreachable":
        history.chain.failing = True
    if fate == "unpublished":
        shutil.rmtree(history.folder / "anchorages" / "1")
    before, present = history.anchorage, replace(history.anchorage, chain_id=31338, rpc=NEW_RPC)
    report = await audit_publisher(
        present,
        open_chain=opener((RPC, history.chain), (NEW_RPC, chain)),
        files=FolderSource(history.folder),
        before=before,
    )

    assert codes(report) == ([(1, "revocation_cleared")] if fate == "cleared" else [])
    assert bool(report.unchecked) == (fate in ("unreachable", "unpublished"))
    assert report.to_json()["unchecked"] == list(report.unchecked)


Change = Callable[[World], None]


def _rewrite(name: str, **changes: object) -> Change:
    def change(world: World) -> None:
        path = world.folder / name
        path.write_bytes(to_bytes(json.loads(path.read_bytes()) | changes))

    return change


def _remove(name: str) -> Change:
    return lambda world: (world.folder / name).unlink()


def _flip_leaf(position: int) -> Change:
    def change(world: World) -> None:
        path = world.folder / "batches/3.leaves"
        content = bytearray(path.read_bytes())
        content[position] ^= 1
        path.write_bytes(bytes(content))

    return change


def _shorten_leaves(world: World) -> None:
    path = world.folder / "batches/3.leaves"
    path.write_bytes(path.read_bytes()[:-32])


def _lengthen_leaves(world: World) -> None:
    path = world.folder / "batches/3.leaves"
    path.write_bytes(path.read_bytes() + bytes(32))


def _swap_documents(world: World) -> None:
    one, other = world.folder / "batches/1.json", world.folder / "batches/3.json"
    first, third = one.read_bytes(), other.read_bytes()
    one.write_bytes(third)
    other.write_bytes(first)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (_remove("batches/2.json"), [(2, "batch_missing")]),
        (_remove("batches/3.leaves"), [(3, "leaves_missing")]),
        (_remove("publisher.json"), [(None, "publisher_missing")]),
        (_rewrite("publisher.json", chainId=5), [(None, "publisher_differs")]),
        (_rewrite("publisher.json", publisher=address(7)), [(None, "publisher_differs")]),
        (_rewrite("publisher.json", extra=1), [(None, "publisher_missing")]),
        (_rewrite("batches/2.json", credentialRoot="A" * 43), [(2, "batch_invalid")]),
        (_rewrite("batches/2.json", leafCount=2), [(2, "leaf_count_differs")]),
        (_flip_leaf(0), [(3, "leaves_differ")]),
        (_flip_leaf(40), [(3, "leaves_differ")]),
        (_shorten_leaves, [(3, "leaves_differ")]),
        (_lengthen_leaves, [(3, "leaves_missing")]),
    ],
)
async def test_audit_of_changed_or_withheld_file_names_it(
    history: World, change: Change, expected: list[tuple[int | None, str]]
) -> None:
    """Each file that differs or is missing is named with its batch."""
    change(history)

    report = await audit(history)

    assert codes(report) == expected
    assert report.exit_code == 1


async def test_audit_of_swapped_documents_names_both(history: World) -> None:
    """A document that is true of another batch does not pass for this one."""
    _swap_documents(history)

    report = await audit(history)

    assert (1, "root_differs") in codes(report)
    assert (3, "sequence_differs") in codes(report)
    assert {sequence for sequence, _code in codes(report)} == {1, 3}


async def test_audit_of_removed_list_version_names_it(history: World) -> None:
    """An anchored list must stay available at the anchored version."""
    version = history.publisher.batches[1].document.lists[0].entry.version
    (history.folder / f"status-lists/0/{version}.json").unlink()

    assert codes(await audit(history)) == [(2, "list_missing")]


async def test_audit_of_changed_list_version_names_it(history: World) -> None:
    """A list published under an anchored version with other bits is found."""
    own = history.publisher.lists[0]
    version = history.publisher.batches[1].document.lists[0].entry.version
    history.publisher.write(f"status-lists/0/{version}.json", own.signed())

    assert codes(await audit(history)) == [(2, "list_differs")]


async def test_audit_of_cleared_revocation_names_the_index(history: World) -> None:
    """A revocation that was anchored and undone is found, though everything about it was published."""
    history.publisher.set_bit(0, 7, 0)
    history.publisher.anchor(after_s=600)

    report = await audit(history)

    assert codes(report) == [(5, "revocation_cleared")]
    assert "index 7" in report.discrepancies[0].message


async def test_audit_of_lifted_suspension_agrees(history: World) -> None:
    """A suspension can be lifted."""
    history.publisher.set_bit(1, 7, 1)
    history.publisher.anchor(after_s=600)
    history.publisher.set_bit(1, 7, 0)
    history.publisher.anchor(after_s=600)

    assert codes(await audit(history)) == []


async def test_audit_of_list_with_changed_issuer_names_it(history: World) -> None:
    """What describes a list never changes."""
    other = replace(history.publisher.lists[1].issuer, id="did:web:other.example")
    history.publisher.lists[1].issuer = other
    history.publisher.anchor(after_s=600)

    assert codes(await audit(history)) == [(5, "list_changed")]


async def test_audit_of_list_changed_under_one_version_names_it(history: World) -> None:
    """Bits never change without a higher version."""
    own = history.publisher.lists[1]
    own.bits[0] = 1
    history.publisher.publish_list(own)
    history.publisher.anchor(after_s=600)

    assert (5, "version_not_rising") in codes(await audit(history))


async def test_audit_of_list_with_falling_version_names_it(history: World) -> None:
    """Versions only rise, even where the bits stay."""
    own = history.publisher.lists[1]
    own.version -= 1
    history.publisher.publish_list(own)
    history.publisher.anchor(after_s=600)

    assert codes(await audit(history)) == [(5, "version_not_rising")]


async def test_audit_of_removed_list_names_it(history: World) -> None:
    """A list once anchored stays in every later batch."""
    history.publisher.lists.pop()
    history.publisher.anchor(after_s=600)

    assert codes(await audit(history)) == [(5, "list_removed")]


async def test_audit_of_list_under_another_number_names_it(history: World) -> None:
    """A list's URL ends in its number."""
    history.publisher.add_pair(history.issuer)
    sealed = history.publisher.seal()
    url = "https://anchor.example.org/status-lists/0"
    double = replace(
        sealed.lists[4], url=url, entry=replace(sealed.lists[4].entry, list_id=identifier_hash(url))
    )
    honest = history.publisher.mined(sealed, history.chain.latest, transaction=bytes(32))
    document = with_lists(honest.document, [*sealed.lists[:4], double, sealed.lists[5]])
    history.chain.mine(Anchored(address(1), document.root, 1))
    history.chain.finalize()
    history.publisher.publish_batch(replace(honest, document=document))

    assert codes(await audit(history)) == [(5, "list_url")]


async def test_audit_of_header_that_breaks_the_chain_names_it(history: World) -> None:
    """A batch whose header names another root than the one before is found, though its own root is right."""
    last = history.publisher.batches[-1]
    header = replace(last.document.description.header, previous_root=bytes(32))
    history.publisher.batches[-1] = replace(
        last,
        document=replace(
            last.document, description=replace(last.document.description, header=header), root=bytes(32)
        ),
    )
    history.publisher.anchor(after_s=600)

    assert codes(await audit(history)) == [(5, "chain_broken")]


Answer = Callable[[Any], object]
"""What is told instead of an answer of some kind."""


class LyingChain:
    """A reader that changes what another one says."""

    def __init__(self, chain: FakeChain, **answers: Answer) -> None:
        self._chain = chain
        self._answers = answers

    def __getattr__(self, name: str) -> object:
        genuine = getattr(self._chain, name)
        if name not in self._answers:
            return genuine
        change = self._answers[name]

        async def answer(*args: object, **kwargs: object) -> object:
            return change(await genuine(*args, **kwargs))

        return answer


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({"anchored_events": lambda events: [events[0], *events[2:]]}, [(3, "sequence_gap")]),
        ({"anchored_events": lambda events: events[1:]}, [(2, "sequence_gap")]),
        ({"anchored_events": lambda events: events[:-1]}, [(4, "head_differs")]),
        ({"anchored_events": lambda _events: []}, [(None, "no_anchors"), (4, "head_differs")]),
        ({"record": lambda _record: None}, [(number, "record_missing") for number in (1, 2, 3, 4)]),
        (
            {"record": lambda record: replace(record, leaf_count=9)},
            [(number, "record_differs") for number in (1, 2, 3, 4)],
        ),
    ],
)
async def test_audit_of_chain_that_contradicts_itself_says_so(
    history: World, answers: dict[str, Answer], expected: list[tuple[int | None, str]]
) -> None:
    """Events that are left out, and records that differ from them, are found from the chain alone."""
    chain = LyingChain(history.chain, **answers)

    report = await audit_publisher(
        history.anchorage,
        open_chain=opener((RPC, chain)),  # type: ignore[arg-type]  # a reader by __getattr__
    )

    assert codes(report) == expected


async def test_audit_of_somebody_who_never_anchored_fails(history: World) -> None:
    """Nothing found is no success: publisher, contract or first block may be wrong."""
    report = await audit_publisher(
        replace(history.anchorage, publisher=address(6)), open_chain=opener((RPC, history.chain))
    )

    assert codes(report) == [(None, "no_anchors")]
    assert report.exit_code == 1


async def test_audit_without_finality_cannot_be_done(history: World) -> None:
    """Where no block is final there is nothing that can be audited for good."""
    history.chain.has_finalized_tag = False

    with pytest.raises(ChainUnavailable, match="confirmations"):
        await audit(history)


async def test_audit_of_files_that_cannot_be_reached_is_no_verdict(history: World) -> None:
    """A service that does not answer at all is told as such, and not as withheld files."""
    async with serving(history.folder) as url:
        pass

    async with open_files(FileLocation(address=url, is_mirror=False)) as files:
        with pytest.raises(ServiceUnavailable):
            await audit_publisher(history.anchorage, open_chain=opener((RPC, history.chain)), files=files)


@pytest.mark.parametrize("count", [1, 2, 65_535, 65_536, 65_537, 131_072, 200_003])
async def test_audit_root_of_many_leaves_is_the_trees(tmp_path: Path, count: int) -> None:
    """The root is computed piece by piece, and is that of the whole tree, at and around every seam."""
    leaves = b"".join(sha256(number.to_bytes(8, "big")).digest() for number in range(count))
    (tmp_path / "batches").mkdir()
    (tmp_path / "batches/1.leaves").write_bytes(leaves)
    tree = Tree()
    tree.extend(leaves)

    files = FolderSource(tmp_path)

    root = await credential_root(files, 1, count, leaves[:32])

    assert root == tree.root()
    with pytest.raises(InvalidProof, match="header"):
        await credential_root(files, 1, count, bytes(32))


async def test_audit_root_of_a_part_of_a_leaf_is_refused(tmp_path: Path) -> None:
    """Leaves cut short are told by their number, not by a root that differs."""
    (tmp_path / "batches").mkdir()
    (tmp_path / "batches/1.leaves").write_bytes(bytes(60))

    with pytest.raises(InvalidProof, match="60 bytes"):
        await credential_root(FolderSource(tmp_path), 1, 2, bytes(32))
