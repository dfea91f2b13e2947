"""What a holder, a source or an endpoint could try with evidence, each attempt refused."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anchor.chain.protocol import AnchoredEvent
from anchor.core.entries import StatusEntry, identifier_hash
from anchor.documents import cut_evidence
from anchor.verify.evidence_files import evidence_text
from anchor.verify.trust_file import read_foreign_host
from status_lists.errors import RetrievalFailed
from status_lists.fetch import ACCEPT, FetchedList
from tests.support.fake_chain import FakeChain, address
from tests.support.publisher import Publisher
from tests.verify.world import Issued, World, told

INDEX = 7
HOUR_S = 3600
SETTINGS = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


async def test_evidence_of_before_the_revocation_is_refused_by_age(world: World) -> None:
    """A holder who keeps yesterday's clean evidence is believed for as long as the verifier allows, no longer."""
    issued = world.issue(status=StatusEntry(0, INDEX))
    clean = world.evidence(INDEX)
    world.publisher.set_bit(0, INDEX, 1)
    world.publisher.anchor(after_s=24 * HOUR_S)
    revoked_s = world.publisher.now_s
    trust = replace(world.trust(), max_status_age_s=2 * HOUR_S)

    async def at(age_s: int) -> tuple[str, list[str]]:
        report = await world.verify(
            issued, evidence=[clean], fetches_lists=False, trust=trust, now_s=revoked_s + age_s
        )
        return told(report)

    assert await at(2 * HOUR_S) == ("valid", [])
    assert await at(2 * HOUR_S + 1) == ("unknown", ["status_stale"])


async def test_evidence_of_before_the_revocation_with_lists_at_hand_is_revoked(world: World) -> None:
    """Evidence too old to count is replaced by what the head says, where that can be had."""
    issued = world.issue(status=StatusEntry(0, INDEX))
    clean = world.evidence(INDEX)
    world.publisher.set_bit(0, INDEX, 1)
    world.publisher.anchor(after_s=24 * HOUR_S)
    trust = replace(world.trust(), max_status_age_s=HOUR_S)

    report = await world.verify(
        issued, evidence=[clean], trust=trust, now_s=world.publisher.now_s + HOUR_S + 1
    )

    assert report.verdict.value == "revoked"


async def test_evidence_old_but_revoked_is_revoked_and_old_but_suspended_is_unknown(world: World) -> None:
    """A revocation is final; a suspension may have been lifted since."""
    issued = world.issue(status=StatusEntry(0, INDEX))
    world.publisher.set_bit(1, INDEX, 1)
    world.publisher.anchor(after_s=600)
    suspended = world.evidence(INDEX)
    world.publisher.set_bit(0, INDEX, 1)
    world.publisher.anchor(after_s=600)
    revoked = world.evidence(INDEX)
    world.publisher.anchor(after_s=600)
    now_s = world.publisher.now_s + 10**7

    old_suspended = await world.verify(issued, evidence=[suspended], fetches_lists=False, now_s=now_s)
    old_revoked = await world.verify(issued, evidence=[revoked], fetches_lists=False, now_s=now_s)

    assert told(old_suspended) == ("unknown", ["status_stale"])
    assert told(old_revoked) == ("revoked", ["revoked", "status_stale"])


async def test_evidence_of_another_publishers_root_is_refused(world: World, tmp_path: Path) -> None:
    """Anyone can anchor clean lists under its own account: only the trusted publisher's roots count."""
    issued = world.issue(status=StatusEntry(0, INDEX))
    world.publisher.set_bit(0, INDEX, 1)
    world.publisher.anchor(after_s=600)
    forger = Publisher(chain=world.chain, account=address(66), folder=tmp_path / "forged")
    forger.add_pair(world.issuer)
    forged = replace(world, publisher=forger)
    forger.anchor()

    report = await world.verify(issued, evidence=[forged.evidence(INDEX)], fetches_lists=False)

    assert told(report) == ("unknown", ["evidence_not_anchored"])


async def test_evidence_that_nobody_anchored_is_refused(world: World) -> None:
    """Evidence cut from a batch that was published and never anchored leads nowhere."""
    issued = world.issue(status=StatusEntry(0, INDEX))
    sealed = world.publisher.seal()
    batch = world.publisher.mined(sealed, world.chain.latest, transaction=bytes(32))
    evidence = evidence_text([cut_evidence(batch.document, 0, bytes(131_072 // 8), INDEX)]).encode()

    report = await world.verify(issued, evidence=[evidence], fetches_lists=False)

    assert told(report) == ("unknown", ["evidence_not_anchored", "evidence_missing"])


async def test_evidence_of_the_other_list_or_index_does_not_stand_in(world: World) -> None:
    """Clean entries beside the one that is set do not pass for it."""
    issued = world.issue(status=StatusEntry(0, INDEX))
    world.publisher.set_bit(0, INDEX, 1)
    world.publisher.anchor(after_s=600)
    beside = [world.evidence(INDEX + 1), world.evidence(INDEX, 1)]

    report = await world.verify(issued, evidence=beside, fetches_lists=False)

    assert told(report) == ("unknown", ["evidence_missing"])


@pytest.mark.parametrize(
    "change",
    [
        {"index": INDEX + 1},
        {"sequence": 2},
        {"list": {"number": 1}},
        {"list": {"purpose": "suspension"}},
        {"list": {"url": "https://anchor.example.org/x/status-lists/0"}},
        {"list": {"issuer": "did:web:other.example"}},
        {"list": {"length": 262_144}},
        {"list": {"bitsPerEntry": 2, "length": 65_536}},
        {"list": {"version": 1}},
        {"listCount": 3},
        {"listPath": []},
    ],
)
async def test_evidence_with_one_member_changed_is_refused(world: World, change: dict[str, object]) -> None:
    """URL, issuer, purpose, size, place and bits of the list must lead to the root: nothing can be exchanged."""
    issued = world.issue(status=StatusEntry(0, INDEX))
    document = json.loads(world.evidence(INDEX, 0))
    for name, value in change.items():
        document[name] = document[name] | value if isinstance(value, dict) else value
    evidence = [json.dumps(document).encode(), world.evidence(INDEX, 1)]

    report = await world.verify(issued, evidence=evidence, fetches_lists=False)

    assert report.verdict.value == "unknown"
    assert {reason.code for reason in report.reasons} <= {
        "evidence_invalid",
        "evidence_missing",
        "evidence_not_anchored",
    }


@pytest.fixture
def revoked(tmp_path: Path) -> tuple[World, Issued, bytes]:
    """Return a revoked credential with evidence that says so."""
    world = World.make(tmp_path)
    issued = world.issue(status=StatusEntry(0, INDEX))
    world.publisher.set_bit(0, INDEX, 1)
    world.publisher.anchor(after_s=600)
    return world, issued, world.evidence(INDEX)


@SETTINGS
@given(position=st.integers(0, 10_000), flipped=st.integers(1, 255))
def test_evidence_with_any_byte_changed_never_makes_a_revoked_credential_valid(
    revoked: tuple[World, Issued, bytes], position: int, flipped: int
) -> None:
    """Whatever byte is changed, the verdict is unknown, or still revoked."""
    world, issued, evidence = revoked
    forged = bytearray(evidence)
    forged[position % len(forged)] ^= flipped

    report = asyncio.run(world.verify(issued, evidence=[bytes(forged)], fetches_lists=False))

    assert report.verdict.value in ("unknown", "revoked")


@SETTINGS
@given(content=st.binary(max_size=300))
def test_evidence_of_any_bytes_at_all_gives_a_report(
    revoked: tuple[World, Issued, bytes], content: bytes
) -> None:
    """No file makes verification raise, or say anything but that it could not be checked."""
    world, issued, _evidence = revoked

    report = asyncio.run(world.verify(issued, evidence=[content], fetches_lists=False))

    assert report.verdict.value == "unknown"


async def test_evidence_of_a_second_list_under_one_url_is_not_believed(world: World) -> None:
    """A clean list anchored under another list's URL, at another place in the tree, does not stand for it."""
    issued = world.issue(world.credential(credentialStatus=world.own_status(20)))
    world.publisher.set_bit(0, 20, 1)
    world.publisher.add_pair(world.issuer)
    clean = world.publisher.lists[2]
    double = replace(clean.state(), url=world.publisher.lists[0].url)
    double = replace(double, entry=replace(double.entry, list_id=identifier_hash(double.url)))

    class Doubled:
        """A list that claims the URL of list 0."""

        bits = clean.bits

        def state(self) -> object:
            return double

    world.publisher.lists[2] = Doubled()  # type: ignore[call-overload]  # no list, but says that it is one
    world.publisher.anchor(after_s=600)

    report = await world.verify(issued, evidence=[world.evidence(20, 2)], fetches_lists=False)

    assert told(report) == ("unknown", ["evidence_missing"])


class LyingEvents:
    """An endpoint that names a later root as the successor, to make evidence look younger than it is."""

    def __init__(self, chain: FakeChain, root: bytes) -> None:
        self._chain = chain
        self._root = root

    def __getattr__(self, name: str) -> object:
        return getattr(self._chain, name)

    async def anchored_events(
        self, publisher: str, *, from_block: int, to_block: int
    ) -> Sequence[AnchoredEvent]:
        events = await self._chain.anchored_events(publisher, from_block=from_block, to_block=to_block)
        return [replace(event, root=self._root) for event in events]


async def test_evidence_made_younger_by_false_events_is_unknown(world: World) -> None:
    """The successor's sequence must stand in its record: an event alone proves nothing."""
    issued = world.issue(status=StatusEntry(0, INDEX))
    evidence = world.evidence(INDEX)
    world.publisher.anchor(after_s=600)
    world.publisher.anchor(after_s=40 * HOUR_S)
    lying = replace(world)
    lying.chain = LyingEvents(world.chain, world.publisher.batches[-1].document.root)  # type: ignore[assignment]  # a reader by __getattr__

    report = await lying.verify(issued, evidence=[evidence], fetches_lists=False)

    assert told(report) == ("unknown", ["evidence_superseded"])


class ServedUnanchored:
    """Serves whatever lists its publisher signs, anchored or not."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.asked: list[str] = []

    async def fetch(self, url: str, *, accept: str = ACCEPT) -> FetchedList:
        """Return the list of that URL as its issuer signs it now."""
        self.asked.append(url)
        own = next((own for own in self._world.publisher.lists if own.url == url), None)
        if own is None:
            raise RetrievalFailed("no such list")
        return FetchedList(body=own.signed(), media_type=accept.partition(",")[0])


async def test_evidence_left_out_does_not_make_a_list_a_foreign_one(world: World) -> None:
    """Where the publisher's host may be fetched from as if it were foreign, its lists still need their anchor."""
    content = world.credential(
        credentialStatus=[world.own_status(20), world.own_status(20, number=1, purpose="suspension")]
    )
    issued = world.issue(content)
    world.publisher.set_bit(0, 20, 1)
    world.publisher.anchor(after_s=600)
    world.publisher.set_bit(0, 20, 0)
    served = ServedUnanchored(world)
    trust = replace(world.trust(), foreign_hosts=(read_foreign_host("anchor.example.org"),))

    report = await world.verify(
        issued, evidence=[world.evidence(20, 1)], fetches_lists=False, foreign=served, trust=trust
    )

    without = await world.verify(issued, fetches_lists=False, foreign=served, trust=trust)

    assert told(report) == ("unknown", ["evidence_missing"])
    assert told(without) == ("unknown", ["no_list_source"])
    assert served.asked == []
