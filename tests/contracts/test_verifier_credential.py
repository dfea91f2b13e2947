"""`checkCredential`: what was anchored is proven, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from anchor.core.digest import Method
from anchor.core.entries import CredentialEntry, StatusEntry, join_root
from anchor.core.merkle import Tree, leaf_hash, node_hash, root_from_inclusion
from anchor.core.proof import CredentialProof
from tests.contracts.batches import OTHER_ISSUER_ID, Batch, clean_pair, credential, flipped
from tests.contracts.registry import HIGHEST_UINT64, NO_ROOT, Record, Registry, root
from tests.contracts.verifier import Verifier, abi_error, entry_words, proof_words

pytestmark = pytest.mark.anvil

LARGEST_TREE = 17
CREDENTIALS = tuple(credential(number, bound=(0, number)) for number in range(1, 13))
BATCH = Batch(CREDENTIALS, tuple(clean_pair(0)))
POSITION = 7


def anchored(registry: Registry, publisher: str, batch: Batch) -> Record:
    """Anchor a batch under its own sequence."""
    return registry.anchor(publisher, batch.sequence, batch.root, batch.leaf_count)


def computed_root(entry: CredentialEntry, proof: CredentialProof) -> bytes:
    """Return the root to which an entry and a proof lead."""
    return join_root(proof.inclusion.root_of(leaf_hash(entry.encode())), proof.status_root)


def test_credential_at_every_position_of_every_small_tree_is_proven(
    verifier: Verifier, registry: Registry, accounts: list[str]
) -> None:
    """Whatever the tree's shape, the proof that Python makes is accepted, with the record's sequence and time."""
    for size in range(2, LARGEST_TREE + 1):
        batch = Batch(tuple(credential(number) for number in range(1, size)), sequence=size - 1)
        record = anchored(registry, accounts[0], batch)

        for position in range(1, size):
            proof = batch.proof(position)
            answer = verifier.credential(accounts[0], proof.entry, proof, batch.root)

            assert proof.root() == batch.root
            assert answer == [record.sequence, record.timestamp_s]


@pytest.mark.parametrize(
    "entry",
    [
        credential(1),
        credential(1, bound=(3, 94_567)),
        credential(1, bound=(HIGHEST_UINT64 - 1, HIGHEST_UINT64)),
        replace(credential(1), salted=True),
        replace(credential(1), method=Method.JCS),
    ],
    ids=["unbound", "bound", "highest", "salted", "jcs"],
)
def test_credential_of_any_fields_has_the_entry_that_python_encodes(
    verifier: Verifier, registry: Registry, accounts: list[str], entry: CredentialEntry
) -> None:
    """The contract rebuilds the 83 bytes that `anchor.core` hashes, whatever the fields hold."""
    batch = Batch((entry,))
    record = anchored(registry, accounts[0], batch)

    answer = verifier.credential(accounts[0], entry, batch.proof(1), batch.root)

    assert answer == [1, record.timestamp_s]


@pytest.mark.parametrize(
    "change",
    [
        lambda entry: replace(entry, issuer_id=OTHER_ISSUER_ID),
        lambda entry: replace(entry, method=Method.SD_JWT),
        lambda entry: replace(entry, salted=True),
        lambda entry: replace(entry, digest=flipped(entry.digest, 255)),
        lambda entry: replace(entry, status=StatusEntry(2, entry.status.index)),
        lambda entry: replace(entry, status=StatusEntry(0, entry.status.index + 1)),
        lambda entry: replace(entry, status=None),
    ],
    ids=["issuer", "method", "salted", "digest", "list", "index", "unbound"],
)
def test_credential_with_another_field_is_refused(
    verifier: Verifier,
    registry: Registry,
    accounts: list[str],
    change: Callable[[CredentialEntry], CredentialEntry],
) -> None:
    """No field of an entry can be another than the one that was anchored."""
    anchored(registry, accounts[0], BATCH)
    proof = BATCH.proof(POSITION)
    forged = change(proof.entry)

    data = verifier.credential_refusal(accounts[0], forged, proof, BATCH.root)

    assert data == abi_error("WrongRoot", computed_root(forged, proof), BATCH.root)


def test_credential_with_any_hash_flipped_is_refused(
    verifier: Verifier, registry: Registry, accounts: list[str]
) -> None:
    """Each hash of the path counts, and so does the status root."""
    anchored(registry, accounts[0], BATCH)
    proof = BATCH.proof(POSITION)
    path = proof.inclusion.path
    forgeries = [replace(proof, status_root=flipped(proof.status_root, 100))]
    for place, sibling in enumerate(path):
        other = (*path[:place], flipped(sibling, place), *path[place + 1 :])
        forgeries.append(replace(proof, inclusion=replace(proof.inclusion, path=other)))

    for forged in forgeries:
        data = verifier.credential_refusal(accounts[0], proof.entry, forged, BATCH.root)
        assert data == abi_error("WrongRoot", computed_root(proof.entry, forged), BATCH.root)


def test_credential_with_longer_or_shorter_path_is_refused(
    verifier: Verifier, registry: Registry, accounts: list[str]
) -> None:
    """The length of a path follows from position and size, and nothing is hashed before it is right."""
    anchored(registry, accounts[0], BATCH)
    proof = BATCH.proof(POSITION)
    path = proof.inclusion.path

    for forged in ((), path[:-1], path[1:], (*path, proof.status_root), path * 70):
        other = replace(proof, inclusion=replace(proof.inclusion, path=forged))
        data = verifier.credential_refusal(accounts[0], proof.entry, other, BATCH.root)
        assert data == abi_error("WrongPathLength", POSITION, BATCH.leaf_count, len(path), len(forged))


def test_credential_path_that_runs_through_the_join_is_refused(
    verifier: Verifier, registry: Registry, accounts: list[str]
) -> None:
    """Joining the halves is a step of its own: with it in the path, no tree of a smaller size is proven."""
    batch = Batch((credential(1),), tuple(clean_pair(0)))
    registry.anchor(accounts[0], 1, batch.root, batch.leaf_count)
    proof = batch.proof(1)
    through = replace(proof.inclusion, path=(*proof.inclusion.path, proof.status_root))

    data = verifier.credential_refusal(
        accounts[0], proof.entry, replace(proof, inclusion=through), batch.root
    )

    assert data == abi_error("WrongPathLength", 1, 2, 1, 2)


def test_credential_proven_for_another_tree_size_is_refused(
    verifier: Verifier, registry: Registry, accounts: list[str]
) -> None:
    """The right child of a root is leaf 2 of 3 and also leaf 4 of 5: only the size on chain decides which."""
    batch = Batch((credential(1), credential(2)))
    anchored(registry, accounts[0], batch)
    proof = batch.proof(2)
    path = list(proof.inclusion.path)
    moved = replace(proof, inclusion=replace(proof.inclusion, index=4))

    data = verifier.credential_refusal(accounts[0], proof.entry, moved, batch.root)

    elsewhere = root_from_inclusion(leaf_hash(proof.entry.encode()), index=4, tree_size=5, path=path)
    assert elsewhere == batch.tree.root()
    assert data == abi_error("OutsideTree", 4, 3)


@pytest.mark.parametrize("position", [13, 14, 2**32, HIGHEST_UINT64])
def test_credential_outside_the_tree_is_refused(
    verifier: Verifier, registry: Registry, accounts: list[str], position: int
) -> None:
    """A position is below the leaf count."""
    anchored(registry, accounts[0], BATCH)
    proof = BATCH.proof(POSITION)
    moved = replace(proof, inclusion=replace(proof.inclusion, index=position))

    data = verifier.credential_refusal(accounts[0], proof.entry, moved, BATCH.root)

    assert data == abi_error("OutsideTree", position, BATCH.leaf_count)


def test_credential_at_the_header_position_is_refused(
    verifier: Verifier, registry: Registry, accounts: list[str]
) -> None:
    """Even a publisher that puts a credential's entry where the header belongs proves nothing by it."""
    entry = credential(1)
    tree = Tree()
    tree.extend([leaf_hash(entry.encode()), leaf_hash(credential(2).encode())])
    status_root = Batch().summary.status_root()
    forged = join_root(tree.root(), status_root)
    registry.anchor(accounts[0], 1, forged, 2)
    words = (forged, 0, tree.inclusion_path(0), status_root)

    data = verifier.refusal("checkCredential", accounts[0], entry_words(entry), words)

    assert data == abi_error("HeaderPosition")


def test_credential_that_is_an_inner_node_or_another_entry_is_refused(
    verifier: Verifier, registry: Registry, accounts: list[str]
) -> None:
    """What the tree hashes with the node prefix, or as another kind of entry, is no credential's entry."""
    entry = credential(1)
    encoded = entry.encode()
    impostors = [
        node_hash(encoded[:32], encoded[32:]),
        leaf_hash(b"\x01\x02" + encoded[2:]),
        leaf_hash(b"\x01\x03" + encoded[2:]),
        leaf_hash(b"\x02\x01" + encoded[2:]),
        leaf_hash(encoded + b"\x00"),
    ]
    tree = Tree()
    tree.extend([root(0), *impostors])
    status_root = Batch().summary.status_root()
    anchored_root = join_root(tree.root(), status_root)
    registry.anchor(accounts[0], 1, anchored_root, tree.size)

    for position in range(1, tree.size):
        path = tree.inclusion_path(position)
        words = (anchored_root, position, path, status_root)
        reached = root_from_inclusion(leaf_hash(encoded), index=position, tree_size=tree.size, path=path)
        data = verifier.refusal("checkCredential", accounts[0], entry_words(entry), words)
        assert data == abi_error("WrongRoot", join_root(reached, status_root), anchored_root)


def test_credential_in_the_status_half_is_refused(
    verifier: Verifier, registry: Registry, accounts: list[str]
) -> None:
    """The credential root is the left half: a root whose halves are swapped proves nothing."""
    proof = BATCH.proof(POSITION)
    swapped = join_root(proof.status_root, BATCH.tree.root())
    registry.anchor(accounts[0], 1, swapped, BATCH.leaf_count)

    data = verifier.credential_refusal(accounts[0], proof.entry, proof, swapped)

    assert data == abi_error("WrongRoot", BATCH.root, swapped)


def test_credential_under_another_publishers_root_is_refused(
    verifier: Verifier, registry: Registry, accounts: list[str]
) -> None:
    """A root counts for the publisher that anchored it, not for one that is asked about."""
    anchored(registry, accounts[0], BATCH)
    proof = BATCH.proof(POSITION)

    for publisher, asked in ((accounts[1], BATCH.root), (accounts[0], root(1)), (accounts[0], NO_ROOT)):
        data = verifier.credential_refusal(publisher, proof.entry, proof, asked)
        assert data == abi_error("NotAnchored", publisher, asked)


def test_credential_under_another_root_of_the_publisher_is_refused(
    verifier: Verifier, registry: Registry, accounts: list[str]
) -> None:
    """The root given is a key to look up the record by; what counts is the root that the proof leads to."""
    anchored(registry, accounts[0], BATCH)
    registry.anchor(accounts[0], 2, root(2), BATCH.leaf_count)
    proof = BATCH.proof(POSITION)

    data = verifier.credential_refusal(accounts[0], proof.entry, proof, root(2))

    assert data == abi_error("WrongRoot", BATCH.root, root(2))


def test_credential_of_a_succeeded_publisher_stays_proven(
    verifier: Verifier, registry: Registry, accounts: list[str]
) -> None:
    """What was anchored stays anchored; of its roots the successor has the last one alone."""
    publisher, successor, *_ = accounts
    last = replace(BATCH, sequence=2)
    records = [anchored(registry, publisher, BATCH), anchored(registry, publisher, last)]
    registry.hand_over(publisher, successor)
    proofs = [batch.proof(POSITION) for batch in (BATCH, last)]

    answers = [
        verifier.credential(publisher, proofs[0].entry, proofs[0], BATCH.root),
        verifier.credential(successor, proofs[1].entry, proofs[1], last.root),
    ]
    refusal = verifier.credential_refusal(successor, proofs[0].entry, proofs[0], BATCH.root)

    assert answers == [[record.sequence, record.timestamp_s] for record in records]
    assert refusal == abi_error("NotAnchored", successor, BATCH.root)


@pytest.mark.parametrize("word", [1, 3, 4], ids=["method", "list", "index"])
def test_credential_with_a_number_too_wide_is_refused(
    verifier: Verifier, registry: Registry, accounts: list[str], word: int
) -> None:
    """Bits above a number's width are not silently dropped: the call reverts without an answer."""
    anchored(registry, accounts[0], BATCH)
    proof = BATCH.proof(POSITION)
    call = verifier.call(
        "checkCredential", accounts[0], entry_words(proof.entry), proof_words(proof, BATCH.root)
    )
    data = bytearray.fromhex(call._encode_transaction_data()[2:])
    first_byte = 4 + 32 * (1 + word)  # after the selector and the publisher
    data[first_byte + 15] = 1

    assert verifier.refusal_of_data(bytes(data)) == b""
