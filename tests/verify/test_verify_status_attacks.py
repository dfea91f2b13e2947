"""What somebody could try with status lists, each attempt refused; and the lists that count before their anchor."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from anchor.core.entries import Purpose, StatusEntry, identifier_hash
from anchor.documents import batch_to_json
from anchor.verify import TrustedIssuer, verify_credential
from anchor.verify.folder_source import FolderSource
from anchor.verify.status_places import Place
from anchor.verify.status_rules import judge
from status_lists import ListKey, set_entry, status_entry
from tests.support.fake_chain import FakeChain, address, opener
from tests.support.publisher import VALIDITY_MS, OwnList, TestIssuer, did_key_issuer, to_bytes, with_lists
from tests.verify.world import RPC, Issued, World, told

INDEX = 7


def revoked_credential(world: World) -> Issued:
    """Anchor a credential, revoke it, and anchor the revocation."""
    issued = world.issue(status=StatusEntry(0, INDEX))
    world.publisher.set_bit(0, INDEX, 1)
    world.publisher.anchor(after_s=600)
    return issued


async def test_status_old_list_in_place_of_anchored_is_unknown(world: World) -> None:
    """An old list, correctly signed, does not pass for the one that the head anchors."""
    issued = world.issue(status=StatusEntry(0, INDEX))
    old = world.publisher.lists[0].signed()
    changed = world.publisher.set_bit(0, INDEX, 1)
    world.publisher.anchor(after_s=600)
    world.publisher.publish_list(changed, old)

    assert told(await world.verify(issued)) == ("unknown", ["list_mismatch"])


async def test_status_old_batch_in_place_of_head_is_unknown(world: World) -> None:
    """The batch document must give the root at the head: an older one, true in itself, does not."""
    issued = revoked_credential(world)
    world.publisher.write("batches/2.json", to_bytes(batch_to_json(world.publisher.batches[0].document)))

    assert told(await world.verify(issued)) == ("unknown", ["list_mismatch"])


async def test_status_anchored_version_with_other_bits_is_unknown(world: World) -> None:
    """A list under the anchored version must be the anchored one, bit for bit."""
    issued = world.issue(status=StatusEntry(0, INDEX))
    own = world.publisher.lists[0]
    set_entry(own.bits, INDEX + 1, 1)
    world.publisher.write(f"status-lists/0/{own.version}.json", own.signed())

    assert told(await world.verify(issued)) == ("unknown", ["list_mismatch"])


async def test_status_other_version_with_anchored_bits_is_unknown(world: World) -> None:
    """A list that holds from another time than the anchored one is another list."""
    issued = world.issue(status=StatusEntry(0, INDEX))
    own = world.publisher.lists[0]
    anchored_version = own.version
    own.version += 1
    world.publisher.write(f"status-lists/0/{anchored_version}.json", own.signed())

    assert told(await world.verify(issued)) == ("unknown", ["list_mismatch"])


async def test_status_newest_list_older_than_head_is_passed_over(world: World) -> None:
    """A source whose newest list lags behind the head is read at the head."""
    issued = world.issue(status=StatusEntry(0, INDEX))
    old = world.publisher.lists[0].signed()
    world.publisher.set_bit(0, INDEX + 1, 1)
    world.publisher.anchor(after_s=4 * 3600)
    world.publisher.write("status-lists/0.json", old)

    assert told(await world.verify(issued)) == ("valid", [])


async def test_status_newer_list_that_ended_is_unknown(world: World) -> None:
    """A newer list counts within its own validity only."""
    issued = world.issue(status=StatusEntry(0, INDEX))
    own = world.publisher.set_bit(0, INDEX + 1, 1)
    world.publisher.publish_list(own, own.signed(validity_ms=30_000))

    assert told(await world.verify(issued)) == ("unknown", ["list_ended"])


async def test_status_newer_list_cut_short_is_unknown(world: World) -> None:
    """A newer list must have the anchored size, or an index might lie beyond its end."""
    world.publisher.add_pair(world.issuer, length=262_144)
    issued = world.issue(status=StatusEntry(2, 200_000))
    own = world.publisher.set_bit(2, 5, 1)
    world.publisher.write("status-lists/2.json", own.signed(length=131_072))

    assert told(await world.verify(issued)) == ("unknown", ["list_mismatch"])


async def test_status_age_of_a_head_that_was_not_needed_does_not_matter(world: World) -> None:
    """Where no list told anything, the age of the lists is no reason."""
    status = status_entry("https://elsewhere.example/status-lists/0", "revocation", 1)
    issued = world.issue(world.credential(credentialStatus=status))

    report = await world.verify(issued, now_s=world.publisher.now_s + 10**7)

    assert told(report) == ("unknown", ["status_foreign"])


async def test_status_batch_with_other_lists_is_unknown(world: World) -> None:
    """A batch document with lists of somebody's choice gives another root than the chain's."""
    issued = revoked_credential(world)
    document = world.publisher.batches[-1].document
    clean = world.publisher.batches[0].document.lists
    world.publisher.write("batches/2.json", to_bytes(batch_to_json(with_lists(document, clean))))

    assert told(await world.verify(issued)) == ("unknown", ["list_mismatch"])


async def test_status_quietly_unrevoked_newer_list_does_not_hide_revocation(world: World) -> None:
    """A newer list in which the bit is clear, correctly signed, does not undo what the head says."""
    issued = revoked_credential(world)
    world.publisher.set_bit(0, INDEX, 0)

    assert told(await world.verify(issued)) == ("revoked", ["revoked"])


async def test_status_revocation_not_yet_anchored_counts(world: World) -> None:
    """A correctly signed list newer than the head counts together with it: the worse of the two."""
    issued = world.issue(status=StatusEntry(0, INDEX))
    world.publisher.set_bit(0, INDEX, 1)

    assert told(await world.verify(issued)) == ("revoked", ["not_yet_anchored"])


async def test_status_suspension_lifted_but_not_anchored_still_counts(world: World) -> None:
    """Until a lifted suspension is anchored, the worse of the two is the anchored one."""
    issued = world.issue(status=StatusEntry(0, INDEX))
    world.publisher.set_bit(1, INDEX, 1)
    world.publisher.anchor(after_s=600)
    world.publisher.set_bit(1, INDEX, 0)

    assert told(await world.verify(issued)) == ("suspended", ["suspended"])


@pytest.mark.parametrize(("late_s", "expected"), [(3600, "valid"), (3601, "unknown")])
async def test_status_newer_list_counts_an_hour_and_no_longer(
    world: World, late_s: int, expected: str
) -> None:
    """A newer list that is not anchored within an hour of its `validFrom` is overdue."""
    issued = world.issue(status=StatusEntry(0, INDEX))
    newer = world.publisher.set_bit(0, INDEX + 1, 1)

    report = await world.verify(issued, now_s=newer.version // 1000 + late_s)

    assert report.verdict.value == expected
    assert [reason.code for reason in report.reasons] == ([] if expected == "valid" else ["anchor_overdue"])


async def test_status_overdue_revocation_is_unknown(world: World) -> None:
    """A revocation that nobody anchored in time is neither hidden nor believed."""
    issued = world.issue(status=StatusEntry(0, INDEX))
    newer = world.publisher.set_bit(0, INDEX, 1)

    report = await world.verify(issued, now_s=newer.version // 1000 + 3601)

    assert told(report) == ("unknown", ["anchor_overdue"])


async def test_status_list_from_the_future_is_unknown(world: World) -> None:
    """A list whose `validFrom` is to come would count for longer than an hour."""
    issued = world.issue(status=StatusEntry(0, INDEX))
    own = world.publisher.lists[0]
    own.version = (world.publisher.now_s + 1) * 1000
    world.publisher.publish_list(own)

    assert told(await world.verify(issued)) == ("unknown", ["list_from_future"])


async def test_status_newer_list_signed_by_somebody_else_is_unknown(world: World) -> None:
    """Before its anchor nothing vouches for a list but its signature: another key's does not."""
    issued = world.issue(status=StatusEntry(0, INDEX))
    own = world.publisher.lists[0]
    own.issuer = TestIssuer(id=world.issuer.id, key=ListKey(b"\x09" * 32))
    world.publisher.set_bit(0, INDEX + 1, 1)

    assert told(await world.verify(issued)) == ("unknown", ["list_signature"])


async def test_status_newer_list_with_changed_bits_is_unknown(world: World) -> None:
    """Bits changed after signing do not verify."""
    issued = world.issue(status=StatusEntry(0, INDEX))
    own = world.publisher.set_bit(0, INDEX, 1)
    signed = own.signed()
    set_entry(own.bits, INDEX, 0)
    clean = own.signed()
    forged = _with_encoded_list(signed, clean)
    world.publisher.publish_list(own, forged)

    assert told(await world.verify(issued)) == ("unknown", ["list_signature"])


def _with_encoded_list(document: bytes, other: bytes) -> bytes:
    """Return a document with the bits of another."""
    changed, source = json.loads(document), json.loads(other)
    changed["credentialSubject"]["encodedList"] = source["credentialSubject"]["encodedList"]
    return json.dumps(changed).encode()


async def test_status_two_lists_of_one_version_is_unknown(world: World) -> None:
    """A list shown under the anchored version with other bits is a different list for different people."""
    issued = world.issue(status=StatusEntry(0, INDEX))
    own = world.publisher.lists[0]
    set_entry(own.bits, INDEX + 1, 1)
    world.publisher.write("status-lists/0.json", own.signed())

    assert told(await world.verify(issued)) == ("unknown", ["list_mismatch"])


@pytest.mark.parametrize(
    "lie",
    [
        {"url": "https://elsewhere.example/status-lists/0"},
        {"issuer": "did:web:other.example"},
        {"purpose": "suspension"},
        {"length": 262_144},
    ],
)
async def test_status_list_of_other_attributes_is_unknown(world: World, lie: dict[str, str | int]) -> None:
    """A list must match the head in URL, issuer, purpose and size, though its bits be the anchored ones."""
    issued = world.issue(status=StatusEntry(0, INDEX))
    own = world.publisher.lists[0]
    world.publisher.publish_list(own, own.signed(validity_ms=VALIDITY_MS, **lie))

    report = await world.verify(issued)

    assert told(report) == ("unknown", ["list_mismatch", "list_mismatch"])


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff\xfe", b'{"a":' * 5_000])
async def test_status_list_that_is_none_is_unknown(world: World, content: bytes) -> None:
    """Whatever a source sends in place of a list, the verifier says that it could not check."""
    issued = world.issue(status=StatusEntry(0, INDEX))
    world.publisher.publish_list(world.publisher.lists[0], content)

    report = await world.verify(issued)

    assert report.verdict.value == "unknown"
    assert {reason.code for reason in report.reasons} == {"list_mismatch"}


async def test_status_missing_files_are_unknown(world: World) -> None:
    """A list or batch that cannot be had is unknown, and the other list of the pair still counts."""
    issued = world.issue(status=StatusEntry(0, INDEX))
    world.publisher.set_bit(1, INDEX, 1)
    world.publisher.anchor(after_s=600)
    own = world.publisher.lists[0]
    (world.folder / f"status-lists/0/{own.version}.json").unlink()
    without_list = await world.verify(issued)
    (world.folder / "batches/2.json").unlink()

    assert told(without_list) == ("suspended", ["status_unavailable", "suspended"])
    assert told(await world.verify(issued)) == ("unknown", ["status_unavailable"])


async def test_status_missing_newest_list_is_read_at_the_head(world: World) -> None:
    """A mirror need not hold a newer list than the head's."""
    issued = world.issue(status=StatusEntry(0, INDEX))
    (world.folder / "status-lists/0.json").unlink()

    assert told(await world.verify(issued)) == ("valid", [])


async def test_status_without_a_place_to_fetch_lists_is_unknown(world: World) -> None:
    """A trust set without service or mirror cannot check status, and never calls that valid."""
    issued = world.issue(status=StatusEntry(0, INDEX))

    report = await verify_credential(
        issued.content,
        issued.proof_file,
        trust=world.trust(),
        open_chain=opener((RPC, world.chain)),
        lists=None,
        now_s=world.publisher.now_s,
    )

    assert told(report) == ("unknown", ["no_list_source"])


@pytest.mark.parametrize(("age_s", "codes"), [(48 * 3600, []), (48 * 3600 + 1, ["status_stale"])])
async def test_status_older_than_allowed_is_stale(world: World, age_s: int, codes: list[str]) -> None:
    """A publisher that fell silent does not keep a credential valid for ever."""
    issued = world.issue(status=StatusEntry(0, INDEX))

    report = await world.verify(issued, now_s=world.publisher.now_s + age_s)

    assert [reason.code for reason in report.reasons] == codes


async def test_status_age_is_as_the_verifier_allows(world: World) -> None:
    """The verifier sets the age; where there is no status entry, age does not matter."""
    issued = world.issue(status=StatusEntry(0, INDEX))
    unbound = world.issue(b'{"a":2}')
    strict = replace(world.trust(), max_status_age_s=60)
    later_s = world.publisher.now_s + 61

    assert told(await world.verify(issued, trust=strict, now_s=later_s)) == ("unknown", ["status_stale"])
    assert told(await world.verify(unbound, trust=strict, now_s=later_s + 10**9)) == ("valid", [])


async def test_status_stale_revocation_is_still_revoked(world: World) -> None:
    """A revocation is final: its age takes nothing from it."""
    issued = revoked_credential(world)

    report = await world.verify(issued, now_s=world.publisher.now_s + 10**7)

    assert told(report) == ("revoked", ["revoked", "status_stale"])


async def test_status_binding_to_list_of_other_issuer_is_unknown(world: World) -> None:
    """A binding to a list that somebody else keeps clean does not count."""
    other = did_key_issuer(2)
    world.publisher.add_pair(other)
    issued = world.issue(status=StatusEntry(2, INDEX))

    assert told(await world.verify(issued)) == ("unknown", ["binding_invalid", "binding_invalid"])


@pytest.mark.parametrize(
    ("status", "wrong"),
    [(StatusEntry(1, INDEX), 2), (StatusEntry(9, INDEX), 2), (StatusEntry(0, 131_072), 2)],
)
async def test_status_binding_off_its_pair_is_unknown(world: World, status: StatusEntry, wrong: int) -> None:
    """A binding must hit a revocation list and the suspension list after it, below their length."""
    issued = world.issue(status=status)

    assert told(await world.verify(issued)) == ("unknown", ["binding_invalid"] * wrong)


async def test_status_declared_in_credential_counts_beside_the_bound(world: World) -> None:
    """All status entries count: those in the credential, and the one bound in its entry."""
    content = world.credential(
        credentialStatus=[world.own_status(20), world.own_status(20, number=1, purpose="suspension")]
    )
    issued = world.issue(content, status=StatusEntry(0, INDEX))
    clean = await world.verify(issued)
    world.publisher.set_bit(1, 20, 1)
    world.publisher.anchor(after_s=600)
    suspended = await world.verify(issued)
    world.publisher.set_bit(0, INDEX, 1)
    world.publisher.anchor(after_s=600)

    assert told(clean) == ("valid", [])
    assert told(suspended) == ("suspended", ["suspended"])
    assert told(await world.verify(issued)) == ("revoked", ["suspended", "revoked"])


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ({"type": "1EdTechRevocationList", "id": "https://x.example/1"}, "status_unsupported"),
        (status_entry("https://elsewhere.example/status-lists/0", "revocation", 1), "status_foreign"),
        (status_entry("https://anchor.example.org/status-lists/0", "suspension", 1), "status_purpose"),
        (status_entry("https://anchor.example.org/status-lists/0", "revocation", 131_072), "status_range"),
        ({"type": "BitstringStatusListEntry"}, "status_malformed"),
        ("text", "status_malformed"),
        ([[]], "status_malformed"),
        ([{}] * 101, "status_malformed"),
        (
            status_entry("https://anchor.example.org/status-lists/0", "revocation", 1)
            | {"statusListIndex": "01"},
            "status_malformed",
        ),
    ],
)
async def test_status_entry_not_ours_or_malformed_is_unknown(world: World, status: object, code: str) -> None:
    """An entry that cannot be checked here rules out valid, with a reason of its own."""
    issued = world.issue(world.credential(credentialStatus=status))

    assert told(await world.verify(issued)) == ("unknown", [code])


async def test_status_second_list_under_one_url_is_not_believed(world: World) -> None:
    """A list's URL ends in its number: a clean list anchored under another list's URL does not stand for it."""
    issued = world.issue(world.credential(credentialStatus=world.own_status(20)))
    world.publisher.set_bit(0, 20, 1)
    _revocation, _suspension = world.publisher.add_pair(world.issuer)
    double = replace(world.publisher.lists[2].state(), url=world.publisher.lists[0].url)
    double = replace(double, entry=replace(double.entry, list_id=identifier_hash(double.url)))

    class Doubled:
        """A list that claims the URL of list 0."""

        def state(self) -> object:
            return double

    world.publisher.lists[2] = Doubled()  # type: ignore[call-overload]  # no list, but says that it is one
    world.publisher.anchor(after_s=600)

    assert told(await world.verify(issued)) == ("revoked", ["revoked"])


async def test_status_head_not_final_is_noted(world: World) -> None:
    """Status read in a block that is not final yet counts, and is marked so."""
    issued = world.issue(status=StatusEntry(0, INDEX))
    world.publisher.anchor(is_final=False)

    report = await world.verify(issued)

    assert told(report) == ("valid", [])
    assert any("not final" in note for note in report.notes)


async def test_status_newer_list_of_stand_in_needs_a_key_of_the_trust_set(world: World) -> None:
    """Where a did:key signs in an issuer's stead, only a key that the trust set names vouches for its newer list."""
    key = ListKey(b"\x05" * 32)
    university = TestIssuer(id="https://university.example", key=key)
    world.publisher.add_pair(university)
    issued = world.issue(
        world.credential(issuer=university.id), issuer=university, status=StatusEntry(2, INDEX)
    )
    without = world.trust(TrustedIssuer(id=university.id))
    with_key = world.trust(TrustedIssuer(id=university.id, keys=(key.public_key,)))

    anchored = await world.verify(issued, trust=without)
    world.publisher.set_bit(2, INDEX, 1)

    assert told(anchored) == ("valid", [])
    assert told(await world.verify(issued, trust=without)) == ("unknown", ["list_key_unknown"])
    assert told(await world.verify(issued, trust=with_key)) == ("revoked", ["not_yet_anchored"])


async def test_status_publisher_without_head_is_unknown(world: World) -> None:
    """An anchorage in which the publisher has anchored nothing yet says nothing about status."""
    issued = world.issue(status=StatusEntry(0, INDEX))
    empty = FakeChain(chain_id=31338)
    empty.mine()
    anchorage = replace(world.anchorage, chain_id=31338, publisher=address(5), rpc="http://127.0.0.1:1")
    trust = replace(world.trust(), anchorages=(world.anchorage, anchorage))

    report = await verify_credential(
        issued.content,
        issued.proof_file,
        trust=trust,
        open_chain=opener((RPC, world.chain), ("http://127.0.0.1:1", empty)),
        lists=FolderSource(world.folder),
        now_s=world.publisher.now_s,
    )

    assert told(report) == ("unknown", ["head_missing"])


def test_status_purposes_other_than_two_never_rule() -> None:
    """Refresh and message entries inform; they are no reason against a credential."""
    bits = bytearray(131_072 // 8)
    own = OwnList(number=4, issuer=did_key_issuer(1), purpose=Purpose.REFRESH, bits=bits, version=1)
    found = judge(Place(state=own.state(), index=3), now=1)

    assert found is not None
    assert found.reason is None
    assert found.sentence == "its refresh entry is 0x1"
