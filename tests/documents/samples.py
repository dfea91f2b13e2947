"""Documents of every kind, as strategies and one by one, and ways to damage their JSON."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from anchor.core.digest import Method
from anchor.core.entries import (
    BITS_PER_ENTRY,
    BatchHeader,
    CredentialEntry,
    Purpose,
    StatusEntry,
    StatusListEntry,
    bits_root,
    identifier_hash,
)
from anchor.core.merkle import Tree, leaf_hash
from anchor.core.promise import Promise, PromisedEntry, SignedPromise, request_tree
from anchor.core.proof import BatchDescription, CredentialProof, Inclusion
from anchor.documents import (
    AnchorClaim,
    BatchDocument,
    EarlierAnchorage,
    EvidenceDocument,
    ListState,
    ProofDocument,
    PublisherDocument,
    ReceiptDocument,
    ReceiptKeysDocument,
    cut_evidence,
)
from anchor.fields import MAX_INTEGER
from status_lists.keys import ListKey

SCHEMAS = Path(__file__).resolve().parents[2] / "anchor" / "schemas"

hashes = st.binary(min_size=32, max_size=32)
words = st.text(min_size=1, max_size=20)
counts = st.integers(0, MAX_INTEGER)
positives = st.integers(1, MAX_INTEGER)
addresses = st.text("0123456789abcdefABCDEF", min_size=40, max_size=40).map("0x{}".format)
status_entries = st.builds(StatusEntry, list_number=counts, index=counts)

claims = st.builds(
    AnchorClaim,
    chain_id=positives,
    contract=addresses,
    publisher=addresses,
    sequence=positives,
    transaction=hashes,
    block_number=counts,
    block_time_s=counts,
)


@st.composite
def proof_documents(draw: st.DrawFn) -> ProofDocument:
    """Return any proof: its path leads somewhere, and where it leads is its root."""
    issuer, salted = draw(words), draw(st.booleans())
    size = draw(st.integers(2, 40))
    index = draw(st.integers(1, size - 1))
    tree = Tree()
    seed = draw(st.binary(max_size=4))
    tree.extend(leaf_hash(seed + bytes([number])) for number in range(size))
    entry = CredentialEntry(
        issuer_id=identifier_hash(issuer),
        method=draw(st.sampled_from(Method)),
        digest=draw(hashes),
        salted=salted,
        status=draw(st.none() | status_entries),
    )
    inclusion = Inclusion(index, size, tuple(tree.inclusion_path(index)))
    return ProofDocument(
        proof=CredentialProof(entry, inclusion, draw(hashes)),
        issuer=issuer,
        salt=draw(st.none() | hashes) if salted else None,
        claim=draw(claims),
    )


@st.composite
def list_states(draw: st.DrawFn, number: int) -> ListState:
    """Return any state of a list."""
    url, issuer, bits = draw(words), draw(words), draw(st.sampled_from(BITS_PER_ENTRY))
    entry = StatusListEntry(
        issuer_id=identifier_hash(issuer),
        list_id=identifier_hash(url),
        purpose=draw(st.sampled_from(Purpose)),
        bits_per_entry=bits,
        length=draw(st.integers(1, 1000)) * 512,
        version=draw(counts),
        bits_root=draw(hashes),
    )
    return ListState(number=number, url=url, issuer=issuer, entry=entry)


@st.composite
def batch_documents(draw: st.DrawFn) -> BatchDocument:
    """Return any batch: lists, header and root agree."""
    lists = tuple(draw(list_states(number)) for number in range(draw(st.integers(0, 4))))
    claim = draw(claims)
    description = BatchDescription(
        header=BatchHeader(claim.sequence, draw(hashes), draw(counts)),
        leaf_count=draw(positives),
        credential_root=draw(hashes),
        list_entries=tuple(state.entry for state in lists),
    )
    return BatchDocument(
        description=description,
        root=description.root(),
        lists=lists,
        claim=claim,
        is_final=draw(st.booleans()),
    )


heads = st.tuples(positives, hashes) | st.just((0, None))


@st.composite
def earlier_anchorages(draw: st.DrawFn) -> EarlierAnchorage:
    """Return any anchorage that was left, before its first batch or after."""
    head_sequence, head_root = draw(heads)
    return EarlierAnchorage(
        number=draw(positives),
        chain_id=draw(positives),
        genesis_hash=draw(hashes),
        contract=draw(addresses),
        publisher=draw(addresses),
        from_block=draw(counts),
        head_sequence=head_sequence,
        head_root=head_root,
    )


@st.composite
def publisher_documents(draw: st.DrawFn) -> PublisherDocument:
    """Return any publisher, before its first batch or after, succeeded and moved or not."""
    head_sequence, head_root = draw(heads)
    return PublisherDocument(
        chain_id=draw(positives),
        genesis_hash=draw(hashes),
        contract=draw(addresses),
        publisher=draw(addresses),
        from_block=draw(counts),
        base_url=draw(words),
        head_sequence=head_sequence,
        head_root=head_root,
        successors=tuple(draw(st.lists(addresses, max_size=3))),
        earlier=tuple(draw(st.lists(earlier_anchorages(), max_size=2))),
    )


@st.composite
def evidence_documents(draw: st.DrawFn) -> EvidenceDocument:
    """Return the evidence of any entry of a small list."""
    size, length = draw(st.sampled_from(BITS_PER_ENTRY)), draw(st.integers(1, 5)) * 512
    bits = draw(st.binary(min_size=length * size // 8, max_size=length * size // 8))
    number, count = draw(st.integers(0, 2)), draw(st.integers(3, 4))
    lists = tuple(list_state_of(position, bits, size) for position in range(count))
    return cut_evidence(batch_of(lists), number, bits, draw(st.integers(0, length - 1)))


@st.composite
def receipt_documents(draw: st.DrawFn) -> ReceiptDocument:
    """Return any receipt: its path leads to the root that is promised; the signature is anything."""
    salted, size = draw(st.booleans()), draw(st.integers(1, 40))
    index, issuer = draw(st.integers(0, size - 1)), draw(words)
    entry = CredentialEntry(
        issuer_id=identifier_hash(issuer),
        method=draw(st.sampled_from(Method)),
        digest=draw(hashes),
        salted=salted,
        status=draw(st.none() | status_entries),
    )
    leaves = [leaf_hash(bytes([number])) for number in range(size)]
    leaves[index] = leaf_hash(entry.encode())
    tree = request_tree(b"".join(leaves))
    promise = Promise(
        chain_id=draw(positives),
        genesis_hash=draw(hashes),
        contract=draw(addresses),
        publisher=draw(addresses),
        base_url=draw(words),
        issuer=issuer,
        entry_count=size,
        root=tree.root(),
        accepted_s=draw(counts),
        anchored_by_s=draw(counts),
    )
    signature = draw(st.binary(min_size=64, max_size=64))
    return ReceiptDocument(
        signed=SignedPromise(promise=promise, public_key=draw(hashes), signature=signature),
        promised=PromisedEntry(entry=entry, index=index, path=tuple(tree.inclusion_path(index))),
        salt=draw(st.none() | hashes) if salted else None,
    )


@st.composite
def receipt_keys_documents(draw: st.DrawFn) -> ReceiptKeysDocument:
    """Return any receipt keys."""
    current, *retired = draw(st.lists(hashes, min_size=1, max_size=4, unique=True))
    return ReceiptKeysDocument(current=current, retired=tuple(retired))


def receipt_sample() -> ReceiptDocument:
    """Return the receipt of a salted, bound entry, the third of five, with a good signature."""
    issuer, key = "https://university.example", ListKey(bytes(range(32)))
    entry = CredentialEntry(
        issuer_id=identifier_hash(issuer),
        method=Method.JCS,
        digest=sha256(b"credential").digest(),
        salted=True,
        status=StatusEntry(list_number=2, index=94_567),
    )
    others = [leaf_hash(bytes([number])) for number in range(4)]
    tree = request_tree(b"".join([*others[:2], leaf_hash(entry.encode()), *others[2:]]))
    promise = Promise(
        chain_id=1,
        genesis_hash=sha256(b"genesis").digest(),
        contract="0x" + "c0" * 20,
        publisher="0x" + "B0" * 20,
        base_url="https://anchor.example",
        issuer=issuer,
        entry_count=5,
        root=tree.root(),
        accepted_s=1_735_689_659,
        anchored_by_s=1_735_776_059,
    )
    return ReceiptDocument(
        signed=SignedPromise(
            promise=promise, public_key=key.public_key, signature=key.sign(promise.encode())
        ),
        promised=PromisedEntry(entry=entry, index=2, path=tuple(tree.inclusion_path(2))),
        salt=sha256(b"salt").digest(),
    )


def receipt_keys_sample() -> ReceiptKeysDocument:
    """Return a key and two that were before it."""
    keys = [ListKey(bytes([number]) * 32).public_key for number in (1, 2, 3)]
    return ReceiptKeysDocument(current=keys[2], retired=(keys[0], keys[1]))


def proof_sample() -> ProofDocument:
    """Return a salted, bound proof with a path of several hashes."""
    issuer = "https://university.example"
    tree = Tree()
    entry = CredentialEntry(
        issuer_id=identifier_hash(issuer),
        method=Method.JCS,
        digest=sha256(b"credential").digest(),
        salted=True,
        status=StatusEntry(list_number=2, index=94_567),
    )
    tree.extend([leaf_hash(b"header"), leaf_hash(b"other"), leaf_hash(entry.encode()), leaf_hash(b"more")])
    proof = CredentialProof(entry, Inclusion(2, 4, tuple(tree.inclusion_path(2))), sha256(b"status").digest())
    return ProofDocument(proof=proof, issuer=issuer, salt=sha256(b"salt").digest(), claim=_claim())


def batch_sample() -> BatchDocument:
    """Return a final batch with two lists."""
    return batch_of(tuple(list_state_of(number, bytes(64), 1) for number in range(2)))


def publisher_sample() -> PublisherDocument:
    """Return a publisher with a head, which was succeeded and has moved."""
    claim = _claim()
    return PublisherDocument(
        chain_id=claim.chain_id,
        genesis_hash=sha256(b"genesis").digest(),
        contract=claim.contract,
        publisher=claim.publisher,
        from_block=21_000_000,
        base_url="https://anchor.example",
        head_sequence=7,
        head_root=sha256(b"root").digest(),
        successors=("0x" + "51" * 20,),
        earlier=(
            EarlierAnchorage(
                number=1,
                chain_id=11_155_111,
                genesis_hash=sha256(b"earlier genesis").digest(),
                contract="0x" + "c1" * 20,
                publisher=claim.publisher,
                from_block=5_000_000,
                head_sequence=3,
                head_root=sha256(b"earlier root").digest(),
            ),
        ),
    )


def evidence_sample() -> EvidenceDocument:
    """Return the evidence of an entry that is set, in the third chunk of four."""
    bits = bytearray(256)
    bits[128] = 0x80
    lists = tuple(list_state_of(number, bytes(bits), 1) for number in range(3))
    return cut_evidence(batch_of(lists), 1, bytes(bits), 1024)


def _claim() -> AnchorClaim:
    return AnchorClaim(
        chain_id=1,
        contract="0x" + "c0" * 20,
        publisher="0x" + "B0" * 20,
        sequence=7,
        transaction=sha256(b"transaction").digest(),
        block_number=21_525_891,
        block_time_s=1_735_689_659,
    )


def list_state_of(number: int, bits: bytes, bits_per_entry: int) -> ListState:
    """Return a list with these bits."""
    url, issuer = f"https://anchor.example/status-lists/{number}", "https://university.example"
    entry = StatusListEntry(
        issuer_id=identifier_hash(issuer),
        list_id=identifier_hash(url),
        purpose=Purpose.REVOCATION,
        bits_per_entry=bits_per_entry,
        length=len(bits) * 8 // bits_per_entry,
        version=1_735_689_540_000,
        bits_root=bits_root(bits),
    )
    return ListState(number=number, url=url, issuer=issuer, entry=entry)


def batch_of(lists: tuple[ListState, ...]) -> BatchDocument:
    """Return a batch with these lists."""
    description = BatchDescription(
        header=BatchHeader(7, sha256(b"previous").digest(), 1_735_689_600),
        leaf_count=3,
        credential_root=sha256(b"credential root").digest(),
        list_entries=tuple(state.entry for state in lists),
    )
    return BatchDocument(
        description=description, root=description.root(), lists=lists, claim=_claim(), is_final=True
    )


@cache
def schema_of(name: str) -> dict[str, Any]:
    """Return one of the published schemas."""
    schema: dict[str, Any] = json.loads((SCHEMAS / f"{name}-v1.json").read_text("utf-8"))
    return schema


@cache
def validator_of(name: str) -> Draft202012Validator:
    """Return the validator of one of the published schemas."""
    return Draft202012Validator(schema_of(name))


def places(document: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield where every member and item of a JSON value stands."""
    inner = document.items() if isinstance(document, dict) else enumerate(document)
    for name, value in inner:
        yield (*at, name)
        if isinstance(value, dict | list):
            yield from places(value, (*at, name))


def value_at(document: Any, place: tuple[str | int, ...]) -> Any:
    """Return what stands at a place."""
    for name in place:
        document = document[name]
    return document


def without(document: Any, place: tuple[str | int, ...]) -> Any:
    """Return a copy without one member or item."""
    changed = copy.deepcopy(document)
    del value_at(changed, place[:-1])[place[-1]]
    return changed


def having(document: Any, place: tuple[str | int, ...], value: Any) -> Any:
    """Return a copy with another value at one place, or one more member there."""
    changed = copy.deepcopy(document)
    value_at(changed, place[:-1])[place[-1]] = value
    return changed
