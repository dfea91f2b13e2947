"""A publisher moves to another chain, and a verifier's trust file still names the chain that it left."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from anchor.core.entries import StatusEntry
from anchor.verify import Report, StatusFiles, verify_file
from anchor.verify.files import NO_STATUS_FILES
from tests.support.fake_chain import FakeChain, opener
from tests.verify.world import RPC, Issued, World, told

INDEX = 7
DAY_S = 86_400
MOVED = "The publisher says that it has moved"


@pytest.fixture
def credentials(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the verifier's files."""
    return tmp_path_factory.mktemp("credentials")


def _keep(issued: Issued, folder: Path) -> Path:
    path = folder / "badge.json"
    path.write_bytes(issued.content)
    (folder / "badge.json.proof.json").write_bytes(issued.proof_file)
    return path


async def _verify(
    world: World, path: Path, *, now_s: int, status: StatusFiles = NO_STATUS_FILES, at_s: int | None = None
) -> Report:
    """Verify by a trust set of before the move, with an endpoint of the former chain alone."""
    return await verify_file(
        path,
        trust=world.trust(),
        open_chain=opener((RPC, world.chain)),
        status=status,
        now_s=now_s,
        at_s=at_s,
    )


async def test_old_trust_reads_status_of_the_last_root_there_until_it_is_too_old(
    world: World, credentials: Path
) -> None:
    """What was valid stays so for as long as its status may be old, and the move is told from the first day."""
    path = _keep(world.issue(status=StatusEntry(0, INDEX)), credentials)
    before = await _verify(world, path, now_s=world.publisher.now_s)
    last_s = world.publisher.now_s
    world.publisher.move(FakeChain(chain_id=31338))
    world.publisher.anchor()

    after = await _verify(world, path, now_s=last_s + DAY_S)
    late = await _verify(world, path, now_s=last_s + 2 * DAY_S + 1)

    assert [told(report) for report in (before, after)] == [("valid", [])] * 2
    assert [any(note.startswith(MOVED) for note in report.notes) for report in (before, after, late)] == [
        False,
        True,
        True,
    ]
    assert told(late) == ("unknown", ["status_stale"])


@pytest.mark.parametrize("when", ["before", "after"])
async def test_revocation_shows_by_an_old_trust_whenever_it_came(
    world: World, credentials: Path, when: str
) -> None:
    """Before the move it is anchored; after it the signed list alone tells, and that is enough against a credential."""
    path = _keep(world.issue(status=StatusEntry(0, INDEX)), credentials)
    if when == "before":
        world.publisher.set_bit(0, INDEX, 1)
        world.publisher.anchor()
    world.publisher.move(FakeChain(chain_id=31338))
    world.publisher.anchor()
    if when == "after":
        world.publisher.set_bit(0, INDEX, 1)
        world.publisher.anchor()

    report = await _verify(world, path, now_s=world.publisher.now_s)

    assert told(report) == ("revoked", ["revoked" if when == "before" else "not_yet_anchored"])


async def test_past_time_before_the_move_is_told_by_an_old_trust(world: World, credentials: Path) -> None:
    """The batches of then are found where they are now, and so are lists that were downloaded."""
    path = _keep(world.issue(status=StatusEntry(0, INDEX)), credentials)
    then_s = world.publisher.now_s
    world.publisher.set_bit(1, INDEX, 1)
    world.publisher.anchor(after_s=600)
    world.publisher.move(FakeChain(chain_id=31338))
    world.publisher.anchor()
    lists = tuple(world.folder / "status-lists" / f"{number}.json" for number in (0, 1))

    then = await _verify(world, path, now_s=world.publisher.now_s, at_s=then_s)
    downloaded = await _verify(
        world, path, now_s=world.publisher.now_s, status=StatusFiles(lists=lists, may_fetch=True)
    )

    assert told(then) == ("valid", [])
    assert told(downloaded) == ("suspended", ["suspended"])


async def test_credential_of_after_the_move_is_unknown_by_an_old_trust(
    world: World, credentials: Path
) -> None:
    """No word of the service adds an anchorage; but that it moved is no reason to call its credentials made up."""
    world.issue()
    world.publisher.move(FakeChain(chain_id=31338))
    world.publisher.anchor()
    world.publisher.move(FakeChain(chain_id=31339))
    path = _keep(world.issue(status=StatusEntry(0, INDEX)), credentials)
    world.chain.mine(after_s=600)
    now_s = world.chain.latest.timestamp_s

    report = await _verify(world, path, now_s=now_s)

    assert told(report) == ("unknown", ["publisher_moved"])
    # A chain to which the publisher did not go is no excuse, nor is a publisher document that cannot be had.
    document = (world.folder / "publisher.json").read_bytes()
    (world.folder / "publisher.json").write_bytes(document.replace(b"31339", b"31340"))
    assert told(await _verify(world, path, now_s=now_s)) == ("not_anchored", ["root_not_anchored"])
    (world.folder / "publisher.json").unlink()
    assert told(await _verify(world, path, now_s=now_s)) == ("not_anchored", ["root_not_anchored"])


async def test_proof_that_names_a_former_chain_of_the_publisher_is_no_excuse(
    world: World, credentials: Path
) -> None:
    """What the publisher left before the trusted anchorage is known to it no more than anywhere else."""
    path = _keep(world.issue(status=StatusEntry(0, INDEX)), credentials)
    chain = FakeChain(chain_id=31338)
    for following in (chain, FakeChain(chain_id=31339)):
        world.publisher.move(following)
        world.publisher.anchor()
    second = world.publisher.earlier[1]
    trust = replace(
        world.trust(),
        anchorages=(replace(world.anchorage, chain_id=second.chain_id, genesis_hash=second.genesis_hash),),
    )

    report = await verify_file(
        path, trust=trust, open_chain=opener((RPC, chain)), now_s=chain.latest.timestamp_s
    )

    assert told(report) == ("not_anchored", ["root_not_anchored"])


@pytest.mark.parametrize("wrong", ["batches of another", "no document", "no batches"])
async def test_place_that_does_not_lead_to_the_root_leaves_status_unknown(
    world: World, credentials: Path, wrong: str
) -> None:
    """Where the files of an anchorage are is the source's word; what they say counts by the root on chain alone."""
    path = _keep(world.issue(status=StatusEntry(0, INDEX)), credentials)
    left = world.folder / "anchorages" / "1" / "batches"
    world.publisher.move(FakeChain(chain_id=31338))
    world.publisher.anchor()
    if wrong == "batches of another":
        (left / "1.json").write_bytes((world.folder / "batches" / "1.json").read_bytes())
    elif wrong == "no document":
        (world.folder / "publisher.json").unlink()
    else:
        (left / "1.json").unlink()

    report = await _verify(world, path, now_s=world.publisher.now_s)

    code = "status_unavailable" if wrong == "no batches" else "list_mismatch"
    assert told(report) == ("unknown", [code])
