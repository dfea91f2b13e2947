"""What somebody could try with proofs, issuers and chains, each attempt refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256

import pytest

from anchor.chain.protocol import ChainReader
from anchor.core.digest import Method, derive_salt
from anchor.core.entries import CredentialEntry, StatusEntry, identifier_hash, join_root
from anchor.core.merkle import leaf_hash, node_hash
from anchor.core.proof import CredentialProof, Inclusion
from anchor.documents import proof_to_json
from anchor.verify import Report, TrustedIssuer, TrustSet, verify_credential
from anchor.verify.folder_source import FolderSource
from tests.support.fake_chain import Anchored, FakeChain, Succeeded, address, opener
from tests.support.publisher import Publisher, did_key_issuer, proof_bytes, to_bytes
from tests.verify.world import RPC, Issued, World, changed, told

JWT = b"eyJhbGciOiJFZERTQSJ9.e30.c2lnbmF0dXJl"
NEW_RPC = "http://127.0.0.1:8546"


async def test_verify_raw_text_extended_to_sd_jwt_is_not_reinterpreted(world: World) -> None:
    """A token anchored as a file, extended by a `~` and by claims of the attacker's, is no SD-JWT."""
    issued = world.issue(JWT, method=Method.RAW)
    entry = replace(issued.proof.proof.entry, method=Method.SD_JWT)
    proof = changed(issued.proof, proof=replace(issued.proof.proof, entry=entry))

    same_method = await world.verify(issued, content=JWT + b"~WyJzIiwiYSIsMV0~")
    other_method = await world.verify(issued, content=JWT + b"~", proof=proof_bytes(proof))

    assert told(same_method) == ("tampered", ["digest_differs"])
    assert told(other_method) == ("not_anchored", ["root_not_anchored"])


async def test_verify_raw_json_is_not_reinterpreted_as_jcs(world: World) -> None:
    """JSON anchored as a file must stay the same byte for byte."""
    issued = world.issue(method=Method.RAW)
    entry = replace(issued.proof.proof.entry, method=Method.JCS)
    proof = changed(issued.proof, proof=replace(issued.proof.proof, entry=entry))

    spaced = await world.verify(issued, content=issued.content + b" ")
    other_method = await world.verify(issued, proof=proof_bytes(proof))

    assert told(await world.verify(issued)) == ("valid", [])
    assert told(spaced) == ("tampered", ["digest_differs"])
    assert told(other_method) == ("not_anchored", ["root_not_anchored"])


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text.replace(b'"score": 4485.5', b'"score": 1, "score": 4485.5'),
        lambda text: text.replace(b"4485.5", b"4485.50000000000000000000001"),
        lambda text: b"\xef\xbb\xbf" + text,
        lambda text: text[:-1],
        lambda text: text[:0] + b"not JSON at all",
    ],
)
async def test_verify_lenient_json_is_tampered(world: World, damage: Callable[[bytes], bytes]) -> None:
    """A JSON credential that is no strict JSON any more is not the one anchored, whatever a lenient reader sees."""
    issued = world.issue()

    report = await world.verify(issued, content=damage(issued.content))

    assert told(report) == ("tampered", ["digest_differs"])


async def test_verify_second_tree_size_is_refused(world: World) -> None:
    """The right child of a tree of three is leaf 2 of 3, and would be leaf 4 of 5: the chain's leaf count decides."""
    forged = CredentialEntry(
        issuer_id=identifier_hash(world.issuer.id),
        method=Method.RAW,
        digest=sha256(b"forged").digest(),
    )
    forged_leaf = leaf_hash(forged.encode())
    header, first = leaf_hash(b"header"), leaf_hash(b"first")
    # Five leaves: the left four are one subtree, the fifth hangs on the right, like the third of three.
    left_of_three = node_hash(header, first)
    credential_root = node_hash(left_of_three, forged_leaf)
    status_root = leaf_hash(b"status")
    root = join_root(credential_root, status_root)
    world.chain.mine(Anchored(world.publisher.account, root, 3))
    world.chain.finalize()

    def proof(index: int, size: int) -> CredentialProof:
        return CredentialProof(
            entry=forged,
            inclusion=Inclusion(index=index, tree_size=size, path=(left_of_three,)),
            status_root=status_root,
        )

    template = world.issue().proof
    three = changed(template, proof=proof(2, 3))
    five = changed(template, proof=proof(4, 5))
    assert three.proof.root() == five.proof.root() == root, "one root, two positions"
    issued = replace(world.issue(b'{"x":1}'), content=b"forged")

    genuine = await world.verify(issued, proof=proof_bytes(three))
    second = await world.verify(issued, proof=proof_bytes(five))

    assert told(genuine) == ("valid", [])
    assert told(second) == ("unknown", ["proof_invalid"])


async def test_verify_header_as_credential_is_refused(world: World) -> None:
    """Leaf 0 is the batch header: a proof that claims its place is damaged."""
    issued = world.issue()
    document = proof_to_json(issued.proof)
    document["leafIndex"] = 0

    assert told(await world.verify(issued, proof=to_bytes(document))) == ("unknown", ["proof_invalid"])


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("digest", "0" * 63 + "1"),
        ("statusRoot", "A" * 43),
        ("root", "A" * 43),
        ("path", []),
        ("leafIndex", 1),
        ("issuer", "did:example:somebody"),
        ("method", "raw"),
        ("salted", True),
        ("status", {"list": 0, "index": 1}),
        ("extra", 1),
        ("anchor", {}),
    ],
)
async def test_verify_damaged_proof_is_unknown(world: World, member: str, value: object) -> None:
    """Damage to a proof says nothing about the credential: unknown, never tampered."""
    issued = world.issue()
    document = {**proof_to_json(issued.proof), member: value}

    report = await world.verify(issued, proof=to_bytes(document))

    assert told(report) == ("unknown", ["proof_invalid"])


@pytest.mark.parametrize("proof", [b"", b"null", b"[]", b"\xff", b"{" * 70_000, b" " * 70_000])
async def test_verify_no_proof_at_all_is_unknown(world: World, proof: bytes) -> None:
    """Any other file in the proof's place is told as damaged, and never raises."""
    issued = world.issue()

    assert told(await world.verify(issued, proof=proof)) == ("unknown", ["proof_invalid"])


async def test_verify_second_issuer_reanchoring_revoked_credential_is_mismatch(world: World) -> None:
    """Another issuer of the same publisher anchors a revoked credential under a clean entry: never valid."""
    issued = world.issue(status=StatusEntry(0, 7))
    world.publisher.set_bit(0, 7, 1)
    other = did_key_issuer(2)
    world.publisher.add_pair(other)
    again = world.issue(issued.content, issuer=other, status=StatusEntry(2, 7))
    trust = world.trust(TrustedIssuer(id=world.issuer.id), TrustedIssuer(id=other.id))

    assert told(await world.verify(issued, trust=trust)) == ("revoked", ["revoked"])
    assert told(await world.verify(again, trust=trust)) == ("issuer_mismatch", ["issuer_differs"])


@pytest.mark.parametrize("prefix", [b"", b"\xef\xbb\xbf"])
async def test_verify_second_issuer_reanchoring_as_raw_is_mismatch(world: World, prefix: bytes) -> None:
    """Anchoring somebody's JSON credential as a mere file does not hide whose it is."""
    other = did_key_issuer(2)
    again = world.issue(prefix + world.credential(), issuer=other, method=Method.RAW)
    trust = world.trust(TrustedIssuer(id=world.issuer.id), TrustedIssuer(id=other.id))

    assert told(await world.verify(again, trust=trust)) == ("issuer_mismatch", ["issuer_differs"])


async def test_verify_raw_json_with_two_issuers_is_unknown(world: World) -> None:
    """JSON that gives one member twice says two things: nothing is believed of it."""
    content = world.credential().replace(b'"issuer":', b'"issuer": "did:example:a", "issuer":')
    issued = world.issue(content, method=Method.RAW)

    assert told(await world.verify(issued)) == ("unknown", ["credential_ambiguous"])


async def test_verify_issuer_outside_trust_set_is_mismatch(world: World) -> None:
    """An issuer whom the publisher serves, but whom the verifier does not accept, is never valid."""
    other = did_key_issuer(2)
    issued = world.issue(world.credential(issuer=other.id), issuer=other)
    any_issuer = replace(world.trust(), accepts_any_issuer=True)

    assert told(await world.verify(issued)) == ("issuer_mismatch", ["issuer_not_accepted"])
    assert told(await world.verify(issued, trust=any_issuer)) == ("valid", [])


async def test_verify_configured_alias_is_the_issuer(world: World) -> None:
    """An alias counts by the verifier's own word, in both directions."""
    issued = world.issue(world.credential(issuer="https://old.example/issuer"))
    aliased = world.trust(TrustedIssuer(id="https://old.example/issuer", aliases=(world.issuer.id,)))

    assert told(await world.verify(issued)) == ("issuer_mismatch", ["issuer_differs"])
    assert told(await world.verify(issued, trust=aliased)) == ("valid", [])


async def test_verify_credential_naming_nobody_tells_who_anchored_it(world: World) -> None:
    """A file that names no issuer is valid for whoever anchored it, and the report names that issuer."""
    issued = world.issue(b"%PDF-1.7", method=Method.RAW)

    report = await world.verify(issued)

    assert told(report) == ("valid", [])
    assert any(world.issuer.id in finding.sentence for finding in report.findings if finding.step == "issuer")
    dates = [finding.sentence for finding in report.findings if finding.step == "dates"]
    assert dates == ["the file names no dates"]


async def test_verify_mismatch_does_not_say_that_its_issuer_anchored_it(world: World) -> None:
    """What is left unchecked is told without calling the anchorer its issuer; a wrong proof may be the reason."""
    genuine = await world.verify(world.issue())
    foreign = await world.verify(world.issue(world.credential(issuer="https://somebody.example")))
    other = await world.verify(world.issue(), content=b'{"another": "credential"}')

    assert genuine.notes[0].endswith("only that its issuer anchored it.")
    assert foreign.notes[0].endswith("only who anchored it.")
    assert "or this proof belongs to another credential" in other.reasons[0].message


async def test_verify_salted_digest_needs_its_salt(world: World) -> None:
    """A salted digest verifies with the proof's salt; without it the proof is incomplete."""
    salt = derive_salt(b"secret", b"x")
    issued = world.issue(salt=salt)
    bare = proof_bytes(changed(issued.proof, salt=None))

    assert told(await world.verify(issued)) == ("valid", [])
    assert told(await world.verify(issued, proof=bare)) == ("unknown", ["proof_invalid"])
    assert told(await world.verify(issued, content=b"{}")) == ("tampered", ["digest_differs"])


async def test_verify_salt_for_plain_digest_is_refused(world: World) -> None:
    """A salt cannot be brought along for a digest that is not salted."""
    issued = world.issue()
    document = proof_to_json(changed(issued.proof, salt=b"s" * 32))

    assert told(await world.verify(issued, proof=to_bytes(document))) == ("unknown", ["proof_invalid"])


def _other_genesis(chain: FakeChain) -> None:
    chain._blocks[0] = replace(chain._blocks[0], block=replace(chain._blocks[0].block, hash=bytes(32)))


def _other_id(chain: FakeChain) -> None:
    chain.chain_id = 1


def _no_code(chain: FakeChain) -> None:
    chain.code_hash_value = None


def _silent(chain: FakeChain) -> None:
    chain.failing = True


@pytest.mark.parametrize("fault", [_other_genesis, _other_id, _no_code, _silent])
async def test_verify_wrong_or_silent_chain_is_unknown_not_absent(
    world: World, fault: Callable[[FakeChain], None]
) -> None:
    """Another genesis hash, no contract, no answer: nothing can be said, least of all `not_anchored`."""
    issued = world.issue()
    trust = world.trust()
    fault(world.chain)

    assert told(await world.verify(issued, trust=trust)) == ("unknown", ["chain_unavailable"])


async def test_verify_other_contract_code_is_unknown(world: World) -> None:
    """Where the trust set names the contract's code, other code at its address does not pass."""
    issued = world.issue()
    anchorage = replace(world.anchorage, code_hash=bytes(32))
    trust = replace(world.trust(), anchorages=(anchorage,))

    assert told(await world.verify(issued, trust=trust)) == ("unknown", ["chain_unavailable"])


async def test_verify_issuance_in_earlier_anchorage_counts(world: World) -> None:
    """Issuance may stand in an earlier anchorage; status is read in the last one."""
    issued = world.issue(status=StatusEntry(0, 7))
    moved, chains, trust = _move(world)
    moved.anchor()

    clean = await _verify_moved(issued, moved, chains, trust)
    moved.set_bit(0, 7, 1)
    moved.anchor()
    revoked = await _verify_moved(issued, moved, chains, trust)

    assert told(clean) == ("valid", [])
    assert told(revoked) == ("revoked", ["revoked"])
    assert revoked.anchor is not None
    assert revoked.anchor.anchorage.rpc == RPC


async def test_verify_earlier_anchorage_silent_is_unknown(world: World) -> None:
    """What may stand in an anchorage that cannot be asked is not called absent."""
    issued = world.issue()
    moved, chains, trust = _move(world)
    moved.anchor()
    world.chain.failing = True

    report = await _verify_moved(issued, moved, chains, trust)

    assert told(report) == ("unknown", ["chain_unavailable"])


Chains = tuple[tuple[str, ChainReader], ...]


def _move(world: World) -> tuple[Publisher, Chains, TrustSet]:
    """Let the publisher go on on a second chain with the same lists."""
    chain = FakeChain(chain_id=31338)
    chain.mine(after_s=world.chain.latest.timestamp_s - chain.latest.timestamp_s)
    moved = Publisher(chain=chain, account=address(5), folder=world.folder / "moved")
    moved.lists = world.publisher.lists
    for own in moved.lists:
        moved.publish_list(own)
    anchorage = replace(world.anchorage, chain_id=31338, publisher=address(5), rpc=NEW_RPC)
    trust = replace(world.trust(), anchorages=(world.anchorage, anchorage))
    return moved, ((RPC, world.chain), (NEW_RPC, chain)), trust


async def _verify_moved(issued: Issued, moved: Publisher, chains: Chains, trust: TrustSet) -> Report:
    return await verify_credential(
        issued.content,
        issued.proof_file,
        trust=trust,
        open_chain=opener(*chains),
        lists=FolderSource(moved.folder),
        now_s=moved.now_s,
    )


async def test_verify_after_succession_keeps_old_records_and_reads_new_head(world: World) -> None:
    """After the publisher's key was changed, its records stay, and the head is the successor's."""
    issued = world.issue(status=StatusEntry(0, 7))
    later = world.issue(b'{"b":1}', status=StatusEntry(0, 8))
    world.publisher.succeed(address(9))

    handed_over = await world.verify(issued)
    world.publisher.set_bit(0, 7, 1)
    world.publisher.anchor()

    assert told(handed_over) == ("valid", [])
    assert told(await world.verify(issued)) == ("revoked", ["revoked"])
    assert told(await world.verify(later)) == ("valid", [])


async def test_verify_follows_succession_forward_only(world: World) -> None:
    """
    Whoever trusts the later account alone takes nothing from the one before it.

    The holder of an appointed key could let it succeed a publisher of his own, with a history made up at leisure.
    """
    before = world.issue()
    # The head alone is handed over with the succession.
    world.issue(b'{"a":1}')
    world.publisher.succeed(address(9))
    after = world.issue(b'{"b":1}')
    trust = world.trust()
    later_only = replace(trust, anchorages=(replace(trust.current, publisher=address(9)),))

    assert told(await world.verify(before, trust=later_only)) == ("not_anchored", ["root_not_anchored"])
    assert told(await world.verify(after, trust=later_only)) == ("valid", [])
    assert [told(await world.verify(issued)) for issued in (before, after)] == [("valid", [])] * 2


async def test_verify_account_that_succeeded_another_publisher_has_no_part_in_the_line(world: World) -> None:
    """A stranger's successor anchors for the stranger, though our publisher has appointed accounts of its own."""
    trust = world.trust()
    stranger = address(7)
    world.issue()
    world.chain.mine(Anchored(stranger, sha256(b"made up").digest(), 1))
    world.publisher.succeed(address(9))
    world.chain.mine(Succeeded(stranger, address(8)))
    world.publisher.account = address(8)
    issued = world.issue(b'{"b":1}')

    assert told(await world.verify(issued, trust=trust)) == ("not_anchored", ["root_not_anchored"])


async def test_verify_unprintable_issuer_is_shown_escaped(world: World) -> None:
    """A credential cannot write on the verifier's terminal."""
    issued = world.issue(world.credential(issuer="did:x:\u001b[2J\u202e"))

    report = await world.verify(issued)

    assert all(finding.sentence.isprintable() for finding in report.findings)
    assert json.dumps(report.to_json()).isascii()
