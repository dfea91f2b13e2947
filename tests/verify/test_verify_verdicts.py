"""Each of the ten verdicts, reached as a user would reach it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from anchor.core.digest import Method
from anchor.core.entries import StatusEntry
from anchor.documents import proof_to_json
from anchor.verify import Verdict, verify_credential
from anchor.verify.issuance import MAX_BLOCK_AGE_S
from tests.support.fake_chain import FakeChain, address, opener
from tests.support.publisher import Publisher, proof_bytes
from tests.verify.world import RPC, World, told

PDF = b"%PDF-1.7 a diploma \x00\xff"


async def test_verify_unchanged_credential_is_valid(world: World) -> None:
    """A credential as it was anchored, bound to a clean status entry, is valid, and the report says by whom."""
    issued = world.issue(status=StatusEntry(0, 7))

    report = await world.verify(issued)

    assert told(report) == ("valid", [])
    assert report.exit_code == 0
    assert report.issuer == world.issuer.id
    assert report.anchor is not None
    assert report.anchor.record.sequence == 1


@pytest.mark.parametrize("method", [Method.JWT, Method.RAW])
async def test_verify_other_forms_are_valid(world: World, method: Method) -> None:
    """Files and tokens verify by their own methods."""
    content = PDF if method is Method.RAW else b"eyJhbGciOiJFZERTQSJ9.e30.c2lnbmF0dXJl"
    issued = world.issue(content, method=method)

    assert told(await world.verify(issued)) == ("valid", [])


async def test_verify_reformatted_json_is_valid(world: World) -> None:
    """White space and the order of members are no part of a JSON credential."""
    issued = world.issue()

    report = await world.verify(issued, content=b" " + issued.content.replace(b'": ', b'" :\n'))

    assert told(report) == ("valid", [])


async def test_verify_changed_credential_is_tampered(world: World) -> None:
    """One changed value is found, and nothing else is told about such a file."""
    issued = world.issue()

    report = await world.verify(issued, content=issued.content.replace(b"Ada", b"Bob"))

    assert told(report) == ("tampered", ["digest_differs"])
    assert report.exit_code == 1
    assert report.issuer is None


async def test_verify_root_never_anchored_is_not_anchored(world: World) -> None:
    """A proof that leads to a root nobody anchored says so, and what it claims."""
    issued = world.issue()
    empty = FakeChain()
    while empty.latest.number < world.chain.latest.number:
        empty.mine()

    report = await world.verify(issued, trust=world.trust())
    world.chain = empty
    elsewhere = await world.verify(issued)

    assert told(report) == ("valid", [])
    assert told(elsewhere) == ("not_anchored", ["root_not_anchored"])
    assert address(1) in elsewhere.reasons[0].message


async def test_verify_by_endpoint_behind_the_claimed_block_is_unknown(world: World) -> None:
    """An endpoint that has not seen the block of the anchor yet says nothing, least of all `not_anchored`."""
    issued = world.issue()
    behind = FakeChain()
    behind.mine()
    world.chain = behind

    assert told(await world.verify(issued)) == ("unknown", ["chain_behind"])


@pytest.mark.parametrize(
    ("age_s", "expected"),
    [
        (MAX_BLOCK_AGE_S, ("not_anchored", ["root_not_anchored"])),
        (MAX_BLOCK_AGE_S + 1, ("unknown", ["chain_behind"])),
    ],
)
async def test_verify_by_endpoint_with_old_block_is_unknown(
    world: World, age_s: int, expected: tuple[str, list[str]]
) -> None:
    """The anchor may stand in the blocks that the endpoint lacks, whatever block the proof claims."""
    issued = world.issue()
    document = proof_to_json(issued.proof)
    document["anchor"] = {**document["anchor"], "blockNumber": 0}  # type: ignore[dict-item]  # a nested object
    stopped = FakeChain()
    stopped.mine()
    world.chain = stopped

    report = await world.verify(
        issued, proof=json.dumps(document).encode(), now_s=stopped.latest.timestamp_s + age_s
    )

    assert told(report) == expected


async def test_verify_anchor_is_found_by_an_endpoint_of_any_age(world: World) -> None:
    """What an endpoint knows stays true: only what it does not know is doubted."""
    issued = world.issue()

    report = await world.verify(issued, now_s=world.chain.latest.timestamp_s + MAX_BLOCK_AGE_S + 1)

    assert told(report) == ("valid", [])


async def test_verify_root_of_other_publisher_is_not_anchored(
    world: World, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Anybody can anchor anything: only the trust set's publisher counts."""
    stranger = Publisher(chain=world.chain, account=address(2), folder=tmp_path_factory.mktemp("stranger"))
    place = stranger.submit(world.issuer, world.credential())
    batch = stranger.anchor()
    issued = world.issue(b'{"a":1}')

    report = await world.verify(
        issued, content=world.credential(), proof=proof_bytes(stranger.proof(batch, place))
    )

    assert told(report) == ("not_anchored", ["root_not_anchored"])


async def test_verify_other_issuer_named_is_issuer_mismatch(world: World) -> None:
    """A credential that names another issuer than the one who anchored it is never valid."""
    issued = world.issue(world.credential(issuer={"id": "did:web:university.example"}))

    assert told(await world.verify(issued)) == ("issuer_mismatch", ["issuer_differs"])


async def test_verify_revoked_bit_is_revoked(world: World) -> None:
    """A bound revocation entry that is set at the head makes the credential revoked."""
    issued = world.issue(status=StatusEntry(0, 7))
    world.publisher.set_bit(0, 7, 1)
    world.publisher.anchor()

    report = await world.verify(issued)

    assert told(report) == ("revoked", ["revoked"])
    assert report.status is not None
    assert report.status.time_s == world.publisher.now_s


async def test_verify_suspended_bit_is_suspended_and_can_be_lifted(world: World) -> None:
    """A suspension holds from its anchor to the anchor that lifts it."""
    issued = world.issue(status=StatusEntry(0, 7))
    world.publisher.set_bit(1, 7, 1)
    world.publisher.anchor()
    suspended = await world.verify(issued)
    world.publisher.set_bit(1, 7, 0)
    world.publisher.anchor(after_s=600)

    assert told(suspended) == ("suspended", ["suspended"])
    assert told(await world.verify(issued)) == ("valid", [])


async def test_verify_past_end_is_expired(world: World) -> None:
    """A credential whose last day has passed is expired."""
    issued = world.issue(world.credential(validUntil="2021-01-01T00:00:00Z"))

    assert told(await world.verify(issued)) == ("expired", ["expired"])


async def test_verify_before_start_is_not_yet_valid(world: World) -> None:
    """A credential whose first day is to come is not yet valid."""
    issued = world.issue(world.credential(validFrom="2999-01-01T00:00:00Z"))

    assert told(await world.verify(issued)) == ("not_yet_valid", ["not_yet_valid"])


@pytest.mark.parametrize(("now_s", "expected"), [(1_799_999_999, "valid"), (1_800_000_000, "expired")])
async def test_verify_at_the_end_date_ends_exactly_there(world: World, now_s: int, expected: str) -> None:
    """The end date is the first second that does not count."""
    issued = world.issue(world.credential(validUntil="2027-01-15T08:00:00Z"))

    assert (await world.verify(issued, now_s=now_s)).verdict.value == expected


async def test_verify_unfinalized_anchor_is_pending(world: World) -> None:
    """Until its block is final an anchor may be reorganised away."""
    issued = world.issue(is_final=False)
    pending = await world.verify(issued)
    world.chain.finalize()

    assert told(pending) == ("pending", ["not_final"])
    assert pending.exit_code == 3
    assert told(await world.verify(issued)) == ("valid", [])


async def test_verify_after_reorganisation_is_not_anchored(world: World) -> None:
    """An anchor that a reorganisation took back is gone."""
    issued = world.issue(is_final=False)
    world.chain.reorganise(1)
    world.chain.mine()

    assert told(await world.verify(issued)) == ("not_anchored", ["root_not_anchored"])


async def test_verify_without_finalized_tag_counts_confirmations(world: World) -> None:
    """Without a finalized tag the trust set's number of confirmations decides; without either, nothing is final."""
    issued = world.issue()
    world.chain.has_finalized_tag = False
    counted = replace(world.trust(), anchorages=(replace(world.anchorage, confirmations=2),))

    before = await world.verify(issued, trust=counted)
    world.chain.mine()
    world.chain.mine()

    assert told(before) == ("pending", ["not_final"])
    assert told(await world.verify(issued, trust=counted)) == ("valid", [])
    assert told(await world.verify(issued)) == ("pending", ["not_final"])


async def test_verify_foreign_status_is_unknown(world: World) -> None:
    """A status mechanism that is not checked here rules out valid."""
    issued = world.issue(world.credential(credentialStatus={"id": "x:1", "type": "1EdTechRevocationList"}))

    report = await world.verify(issued)

    assert told(report) == ("unknown", ["status_unsupported"])
    assert report.exit_code == 3


async def test_verify_several_reasons_tells_all_and_takes_the_first(world: World) -> None:
    """Revoked comes before expired, and both are told."""
    content = world.credential(
        validUntil="2021-01-01T00:00:00Z", credentialStatus={"type": "Other", "id": "x:1"}
    )
    issued = world.issue(content, status=StatusEntry(0, 3))
    world.publisher.set_bit(0, 3, 1)
    world.publisher.anchor(is_final=False)

    report = await world.verify(issued)

    assert report.verdict is Verdict.REVOKED
    assert sorted(reason.code for reason in report.reasons) == ["expired", "revoked", "status_unsupported"]


async def test_verify_without_proof_is_unknown(world: World) -> None:
    """Without a proof nothing can be looked up."""
    report = await verify_credential(
        world.credential(),
        None,
        trust=world.trust(),
        open_chain=opener((RPC, world.chain)),
        lists=None,
        now_s=world.publisher.now_s,
    )

    assert told(report) == ("unknown", ["proof_missing"])


async def test_verify_on_test_network_says_so(world: World) -> None:
    """A verdict names its chain, and says when that is a test network."""
    report = await world.verify(world.issue())

    assert any("test network" in note for note in report.notes)
    assert report.to_json()["anchor"]["chain"]["isTestNetwork"] is True  # type: ignore[index,call-overload]  # a nested object


async def test_verify_always_says_that_no_signature_was_checked(world: World) -> None:
    """The credential's own signature is not checked, and the report says so."""
    report = await world.verify(world.issue())

    assert any("signature was not checked" in note for note in report.notes)
