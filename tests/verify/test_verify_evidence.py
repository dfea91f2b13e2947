"""Evidence stapled to a credential: what it proves, how old it may be, and that nothing else is asked for."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from anchor.core.entries import StatusEntry
from anchor.documents import MAX_EVIDENCE_BYTES, cut_evidence
from anchor.errors import InvalidInput, InvalidProof
from anchor.verify import FileLocation, StatusFiles, evidence_path_of, neighbours, verify_file
from anchor.verify.evidence_files import MAX_DOCUMENTS, evidence_text, parse_evidence_file
from anchor.verify.folder_source import FolderSource
from status_lists import status_entry
from tests.support.fake_chain import FakeChain, opener
from tests.support.publisher import did_key_issuer
from tests.verify.world import RPC, Issued, World, told

INDEX = 7
HOUR_S = 3600


class NothingFetched:
    """A ListSource that must not be asked."""

    async def batch(self, sequence: int) -> bytes:
        raise AssertionError(f"batch {sequence} was fetched")

    async def status_list(self, number: int, version: int | None) -> bytes:
        raise AssertionError(f"list {number} was fetched at {version}")


async def test_evidence_of_the_pair_at_the_head_is_valid_and_nothing_is_fetched(world: World) -> None:
    """Evidence of both lists of a pair suffices: no list, no batch, nothing but the chain is read."""
    issued = world.issue(status=StatusEntry(0, INDEX))

    report = await world.verify(issued, evidence=[world.evidence(INDEX)], lists=NothingFetched())

    head = world.chain.latest
    assert told(report) == ("valid", [])
    assert report.status is not None
    assert (report.status.block_number, report.status.time_s) == (head.number, head.timestamp_s)
    sentences = [finding.sentence for finding in report.findings if finding.step == "age"]
    assert sentences == ["status is as of block 2, 2023-11-14T22:13:44Z (batch 1)"]
    as_of = report.to_json()["asOf"]
    assert isinstance(as_of, dict)
    assert (as_of["status"], as_of["statusBlock"]) == ("2023-11-14T22:13:44Z", 2)


async def test_evidence_in_one_file_each_or_in_one_array_is_the_same(world: World) -> None:
    """The documents of a pair come as an array, or one by one, in any order."""
    issued = world.issue(status=StatusEntry(0, INDEX))
    apart = [world.evidence(INDEX, 1), world.evidence(INDEX, 0)]

    assert told(await world.verify(issued, evidence=apart, lists=NothingFetched())) == ("valid", [])


@pytest.mark.parametrize(("number", "verdict"), [(0, "revoked"), (1, "suspended")])
async def test_evidence_of_a_set_bit_is_a_definite_no(world: World, number: int, verdict: str) -> None:
    """Evidence that says so is enough, with nothing of the other list."""
    issued = world.issue(status=StatusEntry(0, INDEX))
    world.publisher.set_bit(number, INDEX, 1)
    world.publisher.anchor(after_s=600)

    both = await world.verify(issued, evidence=[world.evidence(INDEX)], lists=NothingFetched())
    one = await world.verify(issued, evidence=[world.evidence(INDEX, number)], lists=NothingFetched())

    assert told(both) == (verdict, [verdict])
    assert one.verdict.value == verdict


async def test_evidence_of_half_a_pair_is_not_enough(world: World) -> None:
    """For `valid` every entry that counts needs its evidence; what is missing is named."""
    issued = world.issue(status=StatusEntry(0, INDEX))

    report = await world.verify(issued, evidence=[world.evidence(INDEX, 0)], fetches_lists=False)

    assert told(report) == ("unknown", ["evidence_missing"])
    assert "suspension entry (list 1, index 7)" in report.reasons[0].message


async def test_evidence_that_does_not_suffice_is_completed_from_lists(world: World) -> None:
    """Where lists may be fetched, they tell what the evidence does not."""
    issued = world.issue(status=StatusEntry(0, INDEX))
    half = world.evidence(INDEX, 0)
    clean = await world.verify(issued, evidence=[half])
    world.publisher.set_bit(1, INDEX, 1)
    world.publisher.anchor(after_s=600)

    assert told(clean) == ("valid", [])
    assert told(await world.verify(issued, evidence=[half])) == ("suspended", ["suspended"])


async def test_evidence_and_lists_both_insufficient_tell_both(world: World) -> None:
    """Where neither says enough, the reasons of both are told."""
    issued = world.issue(status=StatusEntry(0, INDEX))
    half = world.evidence(INDEX, 0)
    (world.folder / "batches/1.json").unlink()

    report = await world.verify(issued, evidence=[half])

    assert told(report) == ("unknown", ["evidence_missing", "status_unavailable"])


async def test_evidence_of_a_replaced_root_is_as_of_its_successor(world: World) -> None:
    """Until its successor came nothing else stood on the chain: that is as of when the evidence speaks."""
    issued = world.issue(status=StatusEntry(0, INDEX))
    evidence = world.evidence(INDEX)
    replaced = world.publisher.anchor(after_s=10 * HOUR_S)
    world.publisher.anchor(after_s=HOUR_S)

    report = await world.verify(issued, evidence=[evidence], fetches_lists=False)

    claim = replaced.document.claim
    assert told(report) == ("valid", [])
    assert report.status is not None
    assert report.status.is_superseded
    assert (report.status.sequence, report.status.block_number) == (1, claim.block_number)
    assert report.status.time_s == claim.block_time_s
    assert report.notes[-1] == (
        "The evidence of status is not of the newest batch: what was revoked since is not seen."
    )
    age = next(finding for finding in report.findings if finding.step == "age")
    assert age.is_caution
    assert age.sentence.startswith(f"status is until block {claim.block_number}, ")


async def test_evidence_of_a_replaced_root_hides_no_revocation_where_lists_can_be_had(world: World) -> None:
    """A holder's evidence of the day before is not enough: the lists are fetched, and they say it is revoked."""
    issued = world.issue(status=StatusEntry(0, INDEX))
    old = world.evidence(INDEX)
    world.publisher.set_bit(0, INDEX, 1)
    world.publisher.anchor(after_s=600)

    assert told(await world.verify(issued, evidence=[old])) == ("revoked", ["revoked"])
    assert told(await world.verify(issued, evidence=[old], fetches_lists=False)) == ("valid", [])


async def test_evidence_of_a_replaced_root_is_no_answer_where_lists_cannot_be_had(world: World) -> None:
    """A source that fails must not make old evidence count: whoever keeps it away would hide a revocation."""
    issued = world.issue(status=StatusEntry(0, INDEX))
    old = world.evidence(INDEX)
    world.publisher.anchor(after_s=600)
    (world.folder / "batches/2.json").unlink()

    assert told(await world.verify(issued, evidence=[old])) == ("unknown", ["status_unavailable"])


def _lifted_suspension(world: World) -> bytes:
    """Suspend the entry, cut evidence of that, and lift the suspension."""
    world.publisher.set_bit(1, INDEX, 1)
    world.publisher.anchor(after_s=600)
    evidence = world.evidence(INDEX)
    world.publisher.set_bit(1, INDEX, 0)
    world.publisher.anchor(after_s=600)
    return evidence


async def test_evidence_of_a_replaced_root_shows_a_lifted_suspension_as_lifted(world: World) -> None:
    """What old evidence says of a suspension gives way to the lists; what it says of a revocation stands."""
    issued = world.issue(status=StatusEntry(0, INDEX))
    suspended = _lifted_suspension(world)

    assert told(await world.verify(issued, evidence=[suspended])) == ("valid", [])


@pytest.mark.parametrize(("age_s", "codes"), [(2 * HOUR_S, []), (2 * HOUR_S + 1, ["status_stale"])])
async def test_evidence_older_than_allowed_is_stale(world: World, age_s: int, codes: list[str]) -> None:
    """The age of replaced evidence counts from its successor's block, to the second."""
    issued = world.issue(status=StatusEntry(0, INDEX))
    evidence = world.evidence(INDEX)
    world.publisher.anchor(after_s=10 * HOUR_S)
    replaced_s = world.publisher.now_s
    world.publisher.anchor(after_s=60)
    trust = replace(world.trust(), max_status_age_s=2 * HOUR_S)

    report = await world.verify(
        issued, evidence=[evidence], fetches_lists=False, trust=trust, now_s=replaced_s + age_s
    )

    assert [reason.code for reason in report.reasons] == codes
    assert report.verdict.value == ("unknown" if codes else "valid")
    if codes:
        assert "older than the 2 hours that you allow" in report.reasons[0].message


async def test_evidence_at_a_head_that_fell_silent_is_stale(world: World) -> None:
    """A publisher that anchors no more does not keep evidence young."""
    issued = world.issue(status=StatusEntry(0, INDEX))

    report = await world.verify(
        issued,
        evidence=[world.evidence(INDEX)],
        fetches_lists=False,
        now_s=world.publisher.now_s + 48 * HOUR_S + 1,
    )

    assert told(report) == ("unknown", ["status_stale"])


async def test_evidence_of_a_pair_at_two_roots_is_as_old_as_the_older(world: World) -> None:
    """The verdict rests on both: it is as of the one that is known for the shorter time."""
    issued = world.issue(status=StatusEntry(0, INDEX))
    older = world.evidence(INDEX, 0)
    world.publisher.anchor(after_s=HOUR_S)
    replaced_s = world.publisher.now_s
    world.publisher.anchor(after_s=HOUR_S)

    report = await world.verify(issued, evidence=[older, world.evidence(INDEX, 1)], fetches_lists=False)

    assert told(report) == ("valid", [])
    assert report.status is not None
    assert report.status.time_s == replaced_s


async def test_evidence_of_several_roots_counts_by_the_newest(world: World) -> None:
    """A suspension that was lifted is lifted, whatever older evidence lies beside."""
    issued = world.issue(status=StatusEntry(0, INDEX))
    suspended = _lifted_suspension(world)

    report = await world.verify(issued, evidence=[suspended, world.evidence(INDEX)], lists=NothingFetched())

    assert told(report) == ("valid", [])


async def test_evidence_of_a_declared_entry_counts_by_its_url(world: World) -> None:
    """An entry that the credential names itself is found in evidence by the list's URL."""
    content = world.credential(credentialStatus=[world.own_status(20)])
    issued = world.issue(content)

    clean = await world.verify(issued, evidence=[world.evidence(20, 0)], lists=NothingFetched())
    other = await world.verify(issued, evidence=[world.evidence(21, 0)], fetches_lists=False)

    assert told(clean) == ("valid", [])
    assert told(other) == ("unknown", ["evidence_missing"])


async def test_evidence_after_succession_leads_to_roots_of_either_account(world: World) -> None:
    """A publisher's successor goes on with its head and sequence: evidence of before counts as replaced."""
    issued = world.issue(status=StatusEntry(0, INDEX))
    evidence = world.evidence(INDEX)
    world.publisher.succeed("0x" + "0" * 39 + "9")
    as_head = await world.verify(issued, evidence=[evidence], lists=NothingFetched())
    world.publisher.anchor(after_s=HOUR_S)
    world.publisher.anchor(after_s=HOUR_S)
    replaced = await world.verify(issued, evidence=[evidence], fetches_lists=False)

    assert told(as_head) == ("valid", [])
    assert told(replaced) == ("valid", [])
    assert replaced.status is not None
    assert replaced.status.is_superseded


async def test_evidence_read_in_a_block_that_is_not_final_is_noted(world: World) -> None:
    """A root that a reorganisation may still take back counts, and is marked so."""
    issued = world.issue(status=StatusEntry(0, INDEX))
    world.publisher.anchor(is_final=False)

    report = await world.verify(issued, evidence=[world.evidence(INDEX)], lists=NothingFetched())

    assert told(report) == ("valid", [])
    assert any("not final" in note for note in report.notes)


class WithoutEvents:
    """A chain whose endpoint keeps no events, as many do; everything else it answers."""

    def __init__(self, chain: FakeChain) -> None:
        self._chain = chain

    def __getattr__(self, name: str) -> object:
        return getattr(self._chain, name)

    async def anchored_events(self, *_arguments: object, **_range: object) -> list[object]:
        return []


async def test_evidence_whose_successor_nobody_names_is_unknown(world: World) -> None:
    """Whether a root was replaced an hour or a year ago must be seen on the chain, or it is not known."""
    issued = world.issue(status=StatusEntry(0, INDEX))
    evidence = world.evidence(INDEX)
    world.publisher.anchor(after_s=HOUR_S)
    at_next = await _verify_without_events(world, issued, evidence)
    world.publisher.anchor(after_s=HOUR_S)

    assert at_next == ("valid", [])
    assert await _verify_without_events(world, issued, evidence) == ("unknown", ["evidence_superseded"])


async def _verify_without_events(world: World, issued: Issued, evidence: bytes) -> tuple[str, list[str]]:
    hidden = replace(world)
    hidden.chain = WithoutEvents(world.chain)  # type: ignore[assignment]  # a reader by __getattr__
    return told(await hidden.verify(issued, evidence=[evidence], fetches_lists=False))


async def test_evidence_whose_successor_lies_far_away_is_found(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The search goes on in ever longer windows of blocks until the head."""
    monkeypatch.setattr(neighbours, "WINDOW_BLOCKS", 4)
    issued = world.issue(status=StatusEntry(0, INDEX))
    evidence = world.evidence(INDEX)
    for _ in range(40):
        world.chain.mine(after_s=1)
    world.publisher.anchor(after_s=12)
    replaced = world.chain.latest
    world.publisher.anchor(after_s=12)

    report = await world.verify(issued, evidence=[evidence], fetches_lists=False)

    assert report.status is not None
    assert report.status.block_number == replaced.number


async def test_verify_file_finds_evidence_beside_the_credential(world: World, tmp_path: Path) -> None:
    """`X.status.json` beside `X` is used by itself, though the place for lists does not exist."""
    issued = world.issue(status=StatusEntry(0, INDEX))
    path = tmp_path / "badge.json"
    path.write_bytes(issued.content)
    (tmp_path / "badge.json.proof.json").write_bytes(issued.proof_file)
    nowhere = replace(world.trust(), files=FileLocation(address=str(tmp_path / "nowhere"), is_mirror=True))

    async def verified(status: StatusFiles = StatusFiles()) -> tuple[str, list[str]]:  # noqa: B008
        opened = opener((RPC, world.chain))
        return told(
            await verify_file(
                path, trust=nowhere, open_chain=opened, status=status, now_s=world.publisher.now_s
            )
        )

    without = await verified()
    evidence_path_of(path).write_bytes(world.evidence(INDEX))
    beside = await verified()
    evidence_path_of(path).write_bytes(b"{}")
    damaged = await verified()
    named = tmp_path / "elsewhere.json"
    named.write_bytes(world.evidence(INDEX))

    assert without == ("unknown", ["status_unavailable"])
    assert beside == ("valid", [])
    assert damaged == (
        "unknown",
        ["evidence_invalid", "evidence_missing", "evidence_missing", "status_unavailable"],
    )
    assert await verified(StatusFiles(evidence=(named,))) == ("valid", [])


async def test_verify_file_with_evidence_named_fetches_only_where_told(world: World, tmp_path: Path) -> None:
    """Evidence that was named is all that is read, unless lists are named as well."""
    issued = world.issue(status=StatusEntry(0, INDEX))
    path, half = tmp_path / "badge.json", tmp_path / "half.json"
    path.write_bytes(issued.content)
    (tmp_path / "badge.json.proof.json").write_bytes(issued.proof_file)
    half.write_bytes(world.evidence(INDEX, 0))
    results = [
        await verify_file(
            path,
            trust=world.trust(),
            open_chain=opener((RPC, world.chain)),
            status=StatusFiles(evidence=(half,), may_fetch=may_fetch),
            now_s=world.publisher.now_s,
        )
        for may_fetch in (False, True)
    ]

    assert [told(report) for report in results] == [("unknown", ["evidence_missing"]), ("valid", [])]


async def test_verify_file_with_evidence_that_cannot_be_read_says_so(world: World, tmp_path: Path) -> None:
    """A file that was named and cannot be read is wrong usage."""
    path = tmp_path / "badge.json"
    path.write_bytes(world.issue().content)

    with pytest.raises(InvalidInput, match="cannot be read"):
        await verify_file(
            path,
            trust=world.trust(),
            open_chain=opener((RPC, world.chain)),
            status=StatusFiles(evidence=(tmp_path / "missing.json",)),
        )


def test_evidence_file_written_is_read_back_compact(world: World) -> None:
    """One document stands alone, several in an array; without a space that JSON does not need."""
    world.issue()
    batch = world.publisher.batches[-1].document
    pair = [cut_evidence(batch, number, bytes(world.publisher.lists[number].bits), 9) for number in (0, 1)]

    one, both = evidence_text(pair[:1]), evidence_text(pair)

    assert parse_evidence_file(one.encode()) == (pair[0],)
    assert parse_evidence_file(both.encode()) == tuple(pair)
    assert (one[0], both[0]) == ("{", "[")
    assert " " not in one + both
    assert max(len(one), len(both) / 2) <= 1_000


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"[1]",
        b"[",
        b"nonsense",
        b'{"format":1}',
        b"[" * 5_000,
        b"[{},{}]",
        b" " * (1024 * 1024 + 1),
    ],
)
def test_evidence_file_that_is_none_is_refused(content: bytes) -> None:
    """Whatever is no evidence is one error, never another."""
    with pytest.raises(InvalidProof):
        parse_evidence_file(content)


def test_evidence_file_of_too_many_documents_is_refused(world: World) -> None:
    """The number of documents in an array has a limit."""
    world.issue()
    document = json.loads(world.evidence(3, 0))

    assert len(parse_evidence_file(json.dumps([document] * MAX_DOCUMENTS).encode())) == MAX_DOCUMENTS
    with pytest.raises(InvalidProof, match="1 to 256"):
        parse_evidence_file(json.dumps([document] * (MAX_DOCUMENTS + 1)).encode())
    assert len(json.dumps(document)) <= MAX_EVIDENCE_BYTES


async def test_evidence_of_a_binding_in_lists_of_another_issuer_is_refused(world: World) -> None:
    """A binding to a list that somebody else keeps clean does not count in evidence either."""
    world.publisher.add_pair(did_key_issuer(2))
    issued = world.issue(status=StatusEntry(2, INDEX))

    report = await world.verify(issued, evidence=[world.evidence(INDEX, 2, 3)], fetches_lists=False)

    assert told(report) == ("unknown", ["binding_invalid", "binding_invalid"])


async def test_evidence_for_a_list_of_somebody_else_is_missing(world: World) -> None:
    """An entry in a list that the publisher has not anchored has no evidence."""
    status = status_entry("https://elsewhere.example/status-lists/0", "revocation", INDEX)
    issued = world.issue(world.credential(credentialStatus=status))

    report = await world.verify(issued, evidence=[world.evidence(INDEX)], fetches_lists=False)

    assert told(report) == ("unknown", ["evidence_missing"])


async def test_lists_are_used_where_there_is_no_evidence_at_all(world: World) -> None:
    """Without evidence everything is as before."""
    issued = world.issue(status=StatusEntry(0, INDEX))

    assert told(await world.verify(issued, lists=FolderSource(world.folder))) == ("valid", [])
