"""The contract and `anchor.core`, given the same proofs and evidence, good and forged, in trees of any size.

Trees too large to build are given by what leads up from one leaf: any hashes make a path to some root, and that
root is anchored.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from web3 import Web3

from anchor.core.digest import Method
from anchor.core.entries import (
    BITS_PER_ENTRY,
    CHUNK_BITS,
    CHUNK_BYTES,
    CredentialEntry,
    Purpose,
    StatusEntry,
    StatusListEntry,
    StatusSummary,
    chunk_leaf,
    join_root,
)
from anchor.core.merkle import leaf_hash, path_length, root_from_inclusion
from anchor.core.proof import ChunkEvidence, CredentialProof, Inclusion, ListEvidence
from anchor.errors import InvalidInput, InvalidProof
from status_lists.bitstring import get_entry
from tests.contracts.batches import Batch, Evidence, credential, flipped
from tests.contracts.registry import HIGHEST_UINT64, Record, Registry
from tests.contracts.verifier import Verifier, abi_error

pytestmark = pytest.mark.anvil

ALL_CLAIMS_TREE = 8
bounded = settings(max_examples=120, derandomize=True, deadline=None, database=None)

uint64 = st.integers(0, HIGHEST_UINT64)
hashes = st.binary(min_size=32, max_size=32)
bit_numbers = st.integers(0, 255)


def sizes(highest: int) -> st.SearchStrategy[int]:
    """Draw tree sizes: small ones, any, and those about a power of two."""
    about_powers = st.builds(
        lambda power, offset: min(max(2**power + offset, 2), highest),
        st.integers(1, highest.bit_length()),
        st.integers(-1, 1),
    )
    return st.one_of(st.integers(2, min(40, highest)), st.integers(2, highest), about_powers)


def made_up_path(position: int, size: int, seed: int) -> tuple[bytes, ...]:
    """Return a path of the right length for a position in a tree of that size."""
    return tuple(sha256(b"%d %d" % (seed, level)).digest() for level in range(path_length(position, size)))


def path_refusal(position: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """Return why no path of this length fits, or None where it does."""
    if position >= size:
        return abi_error("OutsideTree", position, size)
    expected = path_length(position, size)
    if len(path) != expected:
        return abi_error("WrongPathLength", position, size, expected, len(path))
    return None


def credential_refusal(proof: CredentialProof, root: bytes) -> bytes:
    """Return why a proof does not lead to a root that is anchored."""
    inclusion = proof.inclusion
    if inclusion.index == 0:
        return abi_error("HeaderPosition")
    unfit = path_refusal(inclusion.index, inclusion.tree_size, inclusion.path)
    return unfit or abi_error("WrongRoot", proof.root(), root)


def status_refusal(publisher: str, evidence: Evidence) -> bytes:
    """Return why evidence does not lead to the head, where the publisher has anchored nothing else."""
    listed, entry = evidence.listed, evidence.listed.entry
    bits = entry.length * entry.bits_per_entry
    if entry.bits_per_entry not in BITS_PER_ENTRY or bits == 0 or bits % CHUNK_BITS:
        return abi_error("InvalidListSize", entry.length, entry.bits_per_entry)
    if evidence.index >= entry.length:
        return abi_error("IndexOutsideList", evidence.index, entry.length)
    at = evidence.index * entry.bits_per_entry // CHUNK_BITS
    unfit = path_refusal(at, bits // CHUNK_BITS, evidence.chunk.path)
    if unfit or evidence.reached_bits_root != entry.bits_root:
        return unfit or abi_error("WrongBitsRoot", evidence.reached_bits_root, entry.bits_root)
    summary = listed.summary
    unfit = path_refusal(listed.list_number, summary.list_count, listed.path)
    if unfit or evidence.reached_list_tree_root != summary.list_tree_root:
        reached = b"" if unfit else evidence.reached_list_tree_root
        return unfit or abi_error("WrongListTreeRoot", reached, summary.list_tree_root)
    return abi_error("NotAnchored", publisher, join_root(listed.credential_root, summary.status_root()))


def python_accepts_proof(proof: CredentialProof, root: bytes) -> bool:
    """Tell whether `anchor.core` finds that a proof leads to a root."""
    try:
        return proof.root() == root
    except InvalidProof:
        return False


def python_value(evidence: Evidence, root: bytes) -> int | None:
    """Return what `anchor.core` and `status_lists` read from evidence; None where they refuse it."""
    entry = evidence.listed.entry
    per_chunk = CHUNK_BITS // entry.bits_per_entry if entry.bits_per_entry in BITS_PER_ENTRY else 1
    try:
        replace(evidence.chunk, chunk_index=evidence.index // per_chunk).check(entry)
        reached = evidence.listed.root()
    except (InvalidInput, InvalidProof):
        return None
    if reached != root or evidence.index >= entry.length:
        return None
    return get_entry(evidence.chunk.chunk, evidence.index % per_chunk, entry.bits_per_entry)


@dataclass(frozen=True, slots=True)
class Publisher:
    """One publisher for all examples."""

    registry: Registry
    verifier: Verifier
    account: str

    def anchor(self, root: bytes, leaf_count: int) -> Record:
        """Anchor a root under the next sequence; an example drawn twice finds its record."""
        record = self.registry.record(self.account, root)
        if record.sequence:
            return record
        sequence = self.registry.head(self.account)[1].sequence + 1
        return self.registry.anchor(self.account, sequence, root, leaf_count)


@pytest.fixture(scope="module")
def publisher(web3: Web3) -> Publisher:
    """Deploy both contracts once for all examples."""
    registry = Registry.deploy(web3)
    return Publisher(registry, Verifier.deploy(registry), web3.eth.accounts[0])


@st.composite
def credential_proofs(draw: st.DrawFn) -> CredentialProof:
    """Draw a proof in a tree of 2 to 2^64 - 1 leaves."""
    size = draw(sizes(HIGHEST_UINT64))
    position = draw(st.integers(1, size - 1))
    bound = draw(st.none() | st.builds(StatusEntry, uint64, uint64))
    entry = CredentialEntry(
        draw(hashes), draw(st.sampled_from(Method)), draw(hashes), draw(st.booleans()), bound
    )
    path = made_up_path(position, size, draw(st.integers(0, 2**32)))
    return CredentialProof(entry, Inclusion(position, size, path), draw(hashes))


@st.composite
def forged_proofs(draw: st.DrawFn) -> tuple[CredentialProof, CredentialProof]:
    """Draw a proof and another that differs from it in one thing; the size is the chain's, never forged."""
    proof = draw(credential_proofs())
    inclusion, path = proof.inclusion, proof.inclusion.path
    place, bit = draw(st.integers(0, len(path) - 1)), draw(bit_numbers)
    sibling = flipped(path[place], bit)
    near = st.sampled_from(
        [inclusion.index - 1, min(inclusion.index + 1, HIGHEST_UINT64), inclusion.tree_size]
    )
    forgeries = [
        replace(proof, entry=replace(proof.entry, digest=flipped(proof.entry.digest, bit))),
        replace(proof, entry=replace(proof.entry, issuer_id=flipped(proof.entry.issuer_id, bit))),
        replace(proof, entry=replace(proof.entry, salted=not proof.entry.salted)),
        replace(proof, entry=replace(proof.entry, status=StatusEntry(draw(uint64), draw(uint64)))),
        replace(proof, status_root=flipped(proof.status_root, bit)),
        replace(proof, inclusion=replace(inclusion, index=draw(uint64 | near))),
        replace(proof, inclusion=replace(inclusion, path=(*path[:place], *path[place + 1 :]))),
        replace(proof, inclusion=replace(inclusion, path=(*path[:place], sibling, *path[place:]))),
        replace(proof, inclusion=replace(inclusion, path=(*path[:place], sibling, *path[place + 1 :]))),
    ]
    return proof, draw(st.sampled_from(forgeries))


@bounded
@given(proofs=forged_proofs())
def test_credential_agrees_with_python(
    publisher: Publisher, proofs: tuple[CredentialProof, CredentialProof]
) -> None:
    """What Python proves the contract accepts; what differs in one thing both refuse, the contract saying why."""
    proof, forged = proofs
    root, verifier, account = proof.root(), publisher.verifier, publisher.account
    record = publisher.anchor(root, proof.inclusion.tree_size)

    answer = verifier.credential(account, proof.entry, proof, root)

    assert answer == [record.sequence, record.timestamp_s]
    if forged == proof:
        return
    assert not python_accepts_proof(forged, root)
    data = verifier.credential_refusal(account, forged.entry, forged, root)
    assert data == credential_refusal(forged, root)


@st.composite
def status_evidence(draw: st.DrawFn) -> Evidence:
    """Draw evidence in lists of any size and number."""
    bits_per_entry = draw(st.sampled_from(BITS_PER_ENTRY))
    chunks = draw(st.just(1) | sizes(HIGHEST_UINT64 * bits_per_entry // CHUNK_BITS))
    length = chunks * CHUNK_BITS // bits_per_entry
    index = draw(st.integers(0, length - 1))
    at, seed = index * bits_per_entry // CHUNK_BITS, draw(st.integers(0, 2**32))
    chunk = draw(st.binary(min_size=CHUNK_BYTES, max_size=CHUNK_BYTES))
    chunk_path = made_up_path(at, chunks, seed)
    entry = StatusListEntry(
        issuer_id=draw(hashes),
        list_id=draw(hashes),
        purpose=draw(st.sampled_from(Purpose)),
        bits_per_entry=bits_per_entry,
        length=length,
        version=draw(uint64),
        bits_root=root_from_inclusion(chunk_leaf(chunk), index=at, tree_size=chunks, path=chunk_path),
    )
    count = draw(st.just(1) | sizes(HIGHEST_UINT64))
    number = draw(st.integers(0, count - 1))
    list_path = made_up_path(number, count, seed + 1)
    tree_root = root_from_inclusion(leaf_hash(entry.encode()), index=number, tree_size=count, path=list_path)
    listed = ListEvidence(entry, number, StatusSummary(count, tree_root), list_path, draw(hashes))
    return Evidence(listed, ChunkEvidence(chunk, at, chunk_path), index)


def changed_path(draw: st.DrawFn, path: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """Draw another path: one hash more, one fewer, or one bit changed."""
    place = draw(st.integers(0, len(path)))
    longer = (*path[:place], draw(hashes), *path[place:])
    if not path:
        return longer
    place = draw(st.integers(0, len(path) - 1))
    shorter = (*path[:place], *path[place + 1 :])
    other = (*path[:place], flipped(path[place], draw(bit_numbers)), *path[place + 1 :])
    return draw(st.sampled_from([longer, shorter, other]))


@st.composite
def forged_evidence(draw: st.DrawFn) -> tuple[Evidence, Evidence]:
    """Draw evidence and other evidence that differs from it in one thing."""
    evidence = draw(status_evidence())
    listed, chunk, entry = evidence.listed, evidence.chunk, evidence.listed.entry
    summary, bit = listed.summary, draw(bit_numbers)
    changes: list[dict[str, Any]] = [
        {"issuer_id": flipped(entry.issuer_id, bit)},
        {"list_id": flipped(entry.list_id, bit)},
        {"purpose": draw(st.sampled_from(Purpose))},
        {"bits_per_entry": draw(st.integers(0, 255) | st.sampled_from(BITS_PER_ENTRY))},
        {"length": draw(uint64 | st.sampled_from([entry.length - 1, entry.length // 2, 0]))},
        {"version": draw(uint64)},
        {"bits_root": flipped(entry.bits_root, bit)},
    ]
    forgeries = [evidence.with_entry(**change) for change in changes]
    forgeries += [
        replace(evidence, listed=other)
        for other in (
            replace(listed, list_number=draw(uint64 | st.just(listed.list_number ^ 1))),
            replace(listed, summary=replace(summary, list_count=draw(uint64))),
            replace(listed, summary=replace(summary, list_tree_root=flipped(summary.list_tree_root, bit))),
            replace(listed, path=changed_path(draw, listed.path)),
            replace(listed, credential_root=flipped(listed.credential_root, bit)),
        )
    ]
    forgeries += [
        replace(evidence, chunk=replace(chunk, chunk=flipped(chunk.chunk, 2 * bit))),
        replace(evidence, chunk=replace(chunk, path=changed_path(draw, chunk.path))),
        replace(evidence, index=draw(uint64 | st.just(entry.length))),
        replace(evidence, index=evidence.index ^ 1),
    ]
    return evidence, draw(st.sampled_from(forgeries))


@bounded
@given(pair=forged_evidence())
def test_status_agrees_with_python(publisher: Publisher, pair: tuple[Evidence, Evidence]) -> None:
    """Both read the same value at every index, and refuse the same forgeries, the contract saying why."""
    evidence, forged = pair
    root, verifier, account = evidence.listed.root(), publisher.verifier, publisher.account
    record = publisher.anchor(root, 1)
    if publisher.registry.head(account)[0] != root:
        return  # drawn before: its root is the head no more

    answer = verifier.status(account, evidence)

    version = evidence.listed.entry.version
    assert answer == [python_value(evidence, root), version, record.timestamp_s]
    value = python_value(forged, root)
    if value is not None:
        # The next index of the same chunk, or the very same evidence: no forgery after all.
        assert verifier.status(account, forged) == [value, version, record.timestamp_s]
        return
    assert verifier.status_refusal(account, forged) == status_refusal(account, forged)


def test_credential_at_any_other_position_is_refused(
    verifier: Verifier, registry: Registry, accounts: list[str]
) -> None:
    """A path that proves one position proves no other in the same tree, nor one beyond: small trees, all claims."""
    refused = 0
    for size in range(2, ALL_CLAIMS_TREE + 1):
        batch = Batch(tuple(credential(number) for number in range(1, size)), sequence=size - 1)
        registry.anchor(accounts[0], batch.sequence, batch.root, size)
        for position in range(1, size):
            proof = batch.proof(position)
            for claimed in set(range(2 * size)) - {position}:
                moved = replace(proof, inclusion=replace(proof.inclusion, index=claimed))
                data = verifier.credential_refusal(accounts[0], proof.entry, moved, batch.root)
                assert data == credential_refusal(moved, batch.root)
                refused += 1

    assert refused == sum((size - 1) * (2 * size - 1) for size in range(2, ALL_CLAIMS_TREE + 1))
