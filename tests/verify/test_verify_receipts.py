"""What becomes of a promise: kept, waiting, broken, or not to be told; by chain and published leaves alone."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from anchor.documents import (
    EarlierAnchorage,
    PublisherDocument,
    parse_publisher,
    parse_receipt,
    publisher_to_json,
)
from anchor.verify.audit_chain import read_anchors
from anchor.verify.chain_view import open_anchorage, open_final_view
from anchor.verify.folder_source import FolderSource
from anchor.verify.leaf_search import search_leaf
from anchor.verify.receipt_report import ReceiptReport
from tests.support.fake_chain import address, opener
from tests.support.publisher import proof_bytes
from tests.verify.promised import DAY_S, Promised, promise_for, to_bytes
from tests.verify.world import RPC, World

CREDENTIALS = [b'{"number":%d}' % number for number in range(5)]


def told(report: ReceiptReport) -> tuple[str, str, int]:
    """Return verdict, code and exit code."""
    return report.verdict.value, report.code, report.exit_code


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return a publisher that has anchored something before."""
    made = World.make(tmp_path)
    made.publisher.submit(made.issuer, b'{"earlier":1}')
    made.publisher.anchor()
    return made


def pass_time(world: World, seconds: int) -> None:
    """Let final blocks come, with nothing of the publisher's in them."""
    world.chain.mine(after_s=seconds)
    world.chain.finalize()


async def test_anchored_in_time_is_kept_for_every_entry(world: World) -> None:
    """Found in the published leaves; each receipt stands alone."""
    promised = promise_for(world, CREDENTIALS)
    batch = world.publisher.anchor()

    for index in range(len(CREDENTIALS)):
        report = await promised.check(parse_and_write(promised, index))
        assert told(report) == ("kept", "anchored", 0)
        assert report.anchor is not None
        assert (report.anchor.sequence, report.anchor.leaf_index) == (2, index + 1)
        assert report.anchor.root == batch.document.root


def parse_and_write(promised: Promised, index: int) -> bytes:
    """Return a receipt after a reader has had it."""
    content = to_bytes(promised.receipt(index))
    return to_bytes(parse_receipt(content))


async def test_kept_is_said_from_the_proof_alone(world: World) -> None:
    """Whoever has the proof needs no published leaves; another entry's proof counts for nothing."""
    promised = promise_for(world, CREDENTIALS[:2])
    batch = world.publisher.anchor()
    own, other = (proof_bytes(world.publisher.proof(batch, place)) for place in (1, 2))

    assert told(await promised.check(proof=own, has_files=False)) == ("kept", "anchored", 0)
    assert told(await promised.check(proof=other, has_files=False))[0] == "waiting"


async def test_not_anchored_yet_waits_until_a_final_block_is_past_the_time(world: World) -> None:
    """A block that is not final, however late, breaks no promise."""
    promised = promise_for(world, CREDENTIALS, submits=False)
    assert told(await promised.check()) == ("waiting", "not_due", 3)

    world.chain.mine(after_s=2 * DAY_S)
    assert told(await promised.check()) == ("waiting", "not_due", 3)

    world.chain.finalize()
    assert told(await promised.check()) == ("broken", "not_anchored", 1)


async def test_due_in_the_very_second_is_not_past(world: World) -> None:
    """A block of the promised second may still hold the anchor; one of the next second may not."""
    promised = promise_for(world, CREDENTIALS, submits=False)

    pass_time(world, DAY_S)
    assert told(await promised.check())[0] == "waiting"
    pass_time(world, 1)
    assert told(await promised.check())[0] == "broken"


async def test_anchored_in_the_promised_second_is_kept_one_later_is_broken(world: World) -> None:
    """The block's time decides, to the second."""
    kept = promise_for(world, CREDENTIALS[:1])
    world.publisher.anchor(after_s=DAY_S)
    assert told(await kept.check()) == ("kept", "anchored", 0)

    broken = promise_for(world, CREDENTIALS[1:2])
    batch = world.publisher.anchor(after_s=DAY_S + 1)
    assert told(await broken.check()) == ("broken", "not_anchored", 1)
    late = await broken.check(proof=proof_bytes(world.publisher.proof(batch, 1)))
    assert told(late) == ("broken", "anchored_late", 1)
    assert "in batch 3" in late.message


async def test_broken_says_how_many_batches_were_read(world: World) -> None:
    """The evidence can be computed again by anyone: from all batches anchored by then, not those after."""
    promised = promise_for(world, CREDENTIALS, submits=False)
    for number in range(3):
        world.publisher.submit(world.issuer, b'{"other":%d}' % number)
        world.publisher.anchor()
    pass_time(world, DAY_S)
    world.publisher.submit(world.issuer, CREDENTIALS[0])
    world.publisher.anchor()

    report = await promised.check()

    assert told(report) == ("broken", "not_anchored", 1)
    assert report.batches_read == 4
    assert report.to_json()["batchesRead"] == 4


async def test_digest_known_before_is_kept_by_its_first_batch(world: World) -> None:
    """A digest that is submitted again gets a new promise, which its old anchor keeps."""
    promise_for(world, CREDENTIALS[:1])
    world.publisher.anchor()
    pass_time(world, 10 * DAY_S)

    again = promise_for(world, CREDENTIALS[:1], submits=False)
    assert told(await again.check()) == ("waiting", "not_due", 3)
    pass_time(world, DAY_S + 1)

    assert told(await again.check()) == ("kept", "anchored", 0)


async def test_publisher_that_never_anchored_broke_its_promise(tmp_path: Path) -> None:
    """No event and no head: the contract itself says that there was nothing."""
    world = World.make(tmp_path)
    promised = promise_for(world, CREDENTIALS, submits=False)
    pass_time(world, DAY_S + 1)

    assert told(await promised.check()) == ("broken", "not_anchored", 1)


async def test_withheld_batch_leaves_a_due_promise_unknown(world: World) -> None:
    """Leaves that cannot be had may hold the entry; altered ones do not give the root on chain."""
    promised = promise_for(world, CREDENTIALS, submits=False)
    world.publisher.submit(world.issuer, b'{"other":0}')
    world.publisher.anchor()
    pass_time(world, DAY_S + 1)
    leaves = world.folder / "batches/2.leaves"
    genuine = leaves.read_bytes()

    leaves.write_bytes(promised.receipt().promised.leaf.join([genuine[:32], genuine[64:]]))
    assert told(await promised.check()) == ("unknown", "batch_unread", 3)
    leaves.unlink()
    assert told(await promised.check()) == ("unknown", "batch_unread", 3)
    leaves.write_bytes(genuine)
    assert told(await promised.check()) == ("broken", "not_anchored", 1)


async def test_due_promise_without_published_files_is_unknown(world: World) -> None:
    """Nothing is called broken that nobody looked for."""
    promised = promise_for(world, CREDENTIALS, submits=False)
    pass_time(world, DAY_S + 1)

    assert told(await promised.check(has_files=False)) == ("unknown", "files_missing", 3)


async def test_endpoint_that_leaves_anchors_out_breaks_no_promise(world: World) -> None:
    """A gap in the events is a gap in what is known."""
    promised = promise_for(world, CREDENTIALS)
    world.publisher.anchor()
    pass_time(world, DAY_S + 1)
    world.chain.hidden_events = {2}

    assert told(await promised.check()) == ("unknown", "chain_incomplete", 3)


async def test_chain_that_does_not_answer_is_unknown(world: World) -> None:
    """An outage says nothing."""
    promised = promise_for(world, CREDENTIALS)
    world.chain.failing = True

    assert told(await promised.check()) == ("unknown", "chain_unavailable", 3)


async def test_successor_keeps_the_promise_of_the_publisher_before(world: World) -> None:
    """The line of succession counts as a whole."""
    promised = promise_for(world, CREDENTIALS)
    world.publisher.succeed(address(2))
    world.publisher.anchor()

    assert told(await promised.check()) == ("kept", "anchored", 0)


async def test_credential_at_hand_must_be_the_one(world: World) -> None:
    """A receipt beside a file that was changed since is not that file's."""
    promised = promise_for(world, CREDENTIALS)
    world.publisher.anchor()

    assert told(await promised.check(credential=CREDENTIALS[0]))[0] == "kept"
    assert told(await promised.check(credential=CREDENTIALS[1])) == ("unknown", "digest_differs", 3)
    assert told(await promised.check(credential=b"no JSON")) == ("unknown", "digest_differs", 3)


async def test_bytes_across_two_leaves_are_no_leaf(world: World) -> None:
    """A leaf stands at a border of 32 bytes, or it does not stand there."""
    promise_for(world, CREDENTIALS)
    batch = world.publisher.anchor()
    async with open_anchorage(world.anchorage, opener((RPC, world.chain))) as reader:
        anchors, _ = await read_anchors(await open_final_view(reader, world.anchorage))
    leaves, files = bytes(batch.tree.levels[0]), FolderSource(world.folder)

    across = await search_leaf(leaves[48:80], anchors, files)
    whole = await search_leaf(leaves[64:96], anchors, files)

    assert (across.found, across.unread) == (None, ())
    assert whole.found is not None
    assert (whole.found.sequence, whole.found.leaf_index) == (2, 2)


async def test_promise_of_an_earlier_anchorage_is_checked_after_the_move(world: World) -> None:
    """Its batches are published under the anchorage's number; those that took their names are of another contract."""
    promised = promise_for(world, CREDENTIALS[:2])
    world.publisher.anchor()
    forgotten = promise_for(world, CREDENTIALS[2:3], submits=False)
    here = parse_publisher((world.folder / "publisher.json").read_bytes())
    left = world.folder / "anchorages" / "1" / "batches"
    left.parent.mkdir(parents=True)
    (world.folder / "batches").rename(left)
    moved = replace(here, chain_id=here.chain_id + 1, contract=address(7), earlier=(_as_earlier(here),))
    (world.folder / "publisher.json").write_text(json.dumps(publisher_to_json(moved)), "utf-8")
    trust = promised.trust()
    there = replace(trust.current, chain_id=moved.chain_id, contract=moved.contract, rpc="")
    trust = replace(trust, anchorages=(*trust.anchorages, there))
    pass_time(world, DAY_S + 1)

    assert told(await promised.check(trust=trust)) == ("kept", "anchored", 0)
    # A promise names its contract: an anchor elsewhere does not keep it, and it is called broken after the move too.
    assert told(await forgotten.check(trust=trust)) == ("broken", "not_anchored", 1)


def _as_earlier(document: PublisherDocument) -> EarlierAnchorage:
    return EarlierAnchorage(
        number=1,
        chain_id=document.chain_id,
        genesis_hash=document.genesis_hash,
        contract=document.contract,
        publisher=document.publisher,
        from_block=document.from_block,
        head_sequence=document.head_sequence,
        head_root=document.head_root,
    )
