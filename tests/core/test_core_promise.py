"""Promises: what is signed, byte for byte, and which entries a promise covers."""

from __future__ import annotations

from dataclasses import fields, replace
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchor.core.digest import Method
from anchor.core.entries import CredentialEntry, StatusEntry, identifier_hash
from anchor.core.merkle import leaf_hash
from anchor.core.promise import PROMISE_DOMAIN, Promise, PromisedEntry, request_tree
from anchor.errors import InvalidInput, InvalidProof

ISSUER = "did:web:university.example"
PROMISE = Promise(
    chain_id=11_155_111,
    genesis_hash=sha256(b"genesis").digest(),
    contract="0x" + "c0" * 20,
    publisher="0x" + "b0" * 20,
    base_url="https://anchor.example",
    issuer=ISSUER,
    entry_count=1,
    root=sha256(b"root").digest(),
    accepted_s=1_800_000_000,
    anchored_by_s=1_800_086_400,
)


def entry(number: int, **changed: object) -> CredentialEntry:
    """Return an entry of the issuer."""
    made = CredentialEntry(
        issuer_id=identifier_hash(ISSUER), method=Method.JCS, digest=sha256(b"%d" % number).digest()
    )
    return replace(made, **changed)  # type: ignore[arg-type]  # fields by name


def request(size: int) -> tuple[Promise, list[PromisedEntry]]:
    """Return the promise of a request of so many entries, and each in its place."""
    entries = [entry(number) for number in range(size)]
    tree = request_tree(b"".join(leaf_hash(each.encode()) for each in entries))
    promise = replace(PROMISE, entry_count=size, root=tree.root())
    return promise, [
        PromisedEntry(each, index, tuple(tree.inclusion_path(index))) for index, each in enumerate(entries)
    ]


def test_signed_bytes_are_laid_out_as_documented() -> None:
    """Put together here by hand, field after field, as docs/protocol.md lists them."""
    expected = b"credential-anchor promise v1\x00"
    expected += (11_155_111).to_bytes(8, "big") + sha256(b"genesis").digest()
    expected += bytes([0xC0] * 20) + bytes([0xB0] * 20)
    expected += sha256(b"https://anchor.example").digest() + sha256(ISSUER.encode()).digest()
    expected += (1).to_bytes(8, "big") + sha256(b"root").digest()
    expected += (1_800_000_000).to_bytes(8, "big") + (1_800_086_400).to_bytes(8, "big")

    assert expected == PROMISE.encode()


@pytest.mark.parametrize("name", [field.name for field in fields(Promise)])
def test_every_field_is_under_the_signature(name: str) -> None:
    """Whatever is changed, other bytes were signed."""
    value = getattr(PROMISE, name)
    other: object = value + 1 if isinstance(value, int) else sha256(b"other").digest()
    if isinstance(value, str):
        other = "0x" + "d0" * 20 if value.startswith("0x") else value + "x"

    assert replace(PROMISE, **{name: other}).encode() != PROMISE.encode()  # type: ignore[arg-type]  # a field by name


def test_spelling_of_an_address_is_not_signed() -> None:
    """A checksummed address and its lower-case form are the same account."""
    assert replace(PROMISE, contract="0x" + "C0" * 20).encode() == PROMISE.encode()


def test_signed_bytes_are_no_entry_and_no_node() -> None:
    """A signature over a promise can never pass for one over anything else that begins with a version byte."""
    assert PROMISE_DOMAIN[0] > 1
    assert PROMISE.encode().startswith(PROMISE_DOMAIN)


@given(size=st.integers(1, 70), data=st.data())
def test_every_entry_of_a_request_is_covered(size: int, data: st.DataObject) -> None:
    """Each in its place, and nowhere else."""
    promise, promised = request(size)
    one = promised[data.draw(st.integers(0, size - 1))]
    one.check(promise)

    elsewhere = data.draw(st.integers(0, size + 2).filter(lambda index: index != one.index))
    with pytest.raises(InvalidProof):
        replace(one, index=elsewhere).check(promise)


@given(size=st.integers(1, 40), data=st.data())
def test_entry_that_is_another_is_not_covered(size: int, data: st.DataObject) -> None:
    """Another digest, method, salt mark, binding or issuer leads to another root."""
    promise, promised = request(size)
    one = promised[data.draw(st.integers(0, size - 1))]
    other = data.draw(
        st.sampled_from(
            [
                replace(one.entry, digest=sha256(b"other").digest()),
                replace(one.entry, method=Method.RAW),
                replace(one.entry, salted=True),
                replace(one.entry, status=StatusEntry(0, 1)),
                replace(one.entry, issuer_id=identifier_hash("did:web:mill.example")),
            ]
        )
    )

    with pytest.raises(InvalidProof):
        replace(one, entry=other).check(promise)


@given(size=st.integers(2, 40), data=st.data())
def test_path_with_a_bit_flipped_or_of_another_length_is_not_covered(size: int, data: st.DataObject) -> None:
    """The path is exactly that of (index, number of entries)."""
    promise, promised = request(size)
    one = promised[data.draw(st.integers(0, size - 1))]
    at = data.draw(st.integers(0, len(one.path) - 1))
    flipped = bytes([one.path[at][0] ^ 1]) + one.path[at][1:]

    for path in ((*one.path[:at], flipped, *one.path[at + 1 :]), one.path[:-1], (*one.path, bytes(32))):
        with pytest.raises(InvalidProof):
            replace(one, path=path).check(promise)


def test_tree_of_another_size_does_not_lend_its_root() -> None:
    """With a size of the holder's choice, leaf 2 of 3 would also be leaf 4 of 5; the size is signed."""
    promise, promised = request(3)
    last = promised[2]
    last.check(promise)

    with pytest.raises(InvalidProof):
        replace(last, index=4).check(promise)
    forged = replace(promise, entry_count=5)
    replace(last, index=4).check(forged)
    assert forged.encode() != promise.encode(), "the forged size is not what was signed"


@pytest.mark.parametrize("leaves", [b"", bytes(31), bytes(33)])
def test_request_of_no_whole_leaves_is_refused(leaves: bytes) -> None:
    """A request has at least one entry."""
    with pytest.raises(InvalidInput):
        request_tree(leaves)
