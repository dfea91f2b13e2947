"""Entries: every layout byte by byte, roots composed from them, and no kind that reads as another."""

from __future__ import annotations

from hashlib import sha256
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchor.core.digest import SALTED, Method
from anchor.core.entries import (
    BITS_PER_ENTRY,
    UNBOUND,
    BatchHeader,
    CredentialEntry,
    Purpose,
    StatusEntry,
    StatusListEntry,
    StatusSummary,
    bits_root,
    bits_tree,
    chunk_count,
    chunk_leaf,
    encode_credential,
    identifier_hash,
    join_root,
    require_digest,
    require_hash,
    unbound_credential_leaves,
)
from anchor.core.merkle import Tree, leaf_hash
from anchor.core.proof import list_path
from anchor.errors import InvalidInput
from tests.support import reference_tree as reference
from tests.support.vector_files import load_vectors

ENTRIES = load_vectors("entries.json")["entries"]
ROOTS = load_vectors("roots.json")
TREES = load_vectors("trees.json")["trees"]
PURPOSES = ("revocation", "suspension", "refresh", "message")
METHODS = ("jcs", "jwt", "sd-jwt", "raw")

hashes = st.binary(min_size=32, max_size=32)
u64 = st.integers(0, 2**64 - 1)


def u64_bytes(number: int) -> bytes:
    """Return eight bytes, big-endian."""
    return number.to_bytes(8, "big")


def header_bytes(case: dict[str, Any]) -> bytes:
    """Return a batch header as docs/protocol.md lays it out."""
    previous = bytes.fromhex(case["previousRoot"])
    return b"\x01\x00" + u64_bytes(case["sequence"]) + previous + u64_bytes(case["created"])


def credential_bytes(case: dict[str, Any]) -> bytes:
    """Return a credential entry as docs/protocol.md lays it out."""
    status = case["status"] or {"list": 2**64 - 1, "index": 2**64 - 1}
    code = METHODS.index(case["method"]) + 1 + (0x80 if case["salted"] else 0)
    issuer_id = sha256(case["issuer"].encode()).digest()
    place = u64_bytes(status["list"]) + u64_bytes(status["index"])
    return b"\x01\x01" + issuer_id + bytes([code]) + bytes.fromhex(case["digest"]) + place


def list_bytes(case: dict[str, Any]) -> bytes:
    """Return a status list's entry as docs/protocol.md lays it out."""
    ids = sha256(case["issuer"].encode()).digest() + sha256(case["url"].encode()).digest()
    size = bytes([PURPOSES.index(case["purpose"]) + 1, case["bitsPerEntry"]])
    state = u64_bytes(case["length"]) + u64_bytes(case["version"]) + bytes.fromhex(case["bitsRoot"])
    return b"\x01\x02" + ids + size + state


def chunk_bytes(case: dict[str, Any]) -> bytes:
    """Return a status chunk as docs/protocol.md lays it out."""
    return b"\x01\x03" + bytes.fromhex(case["chunk"])


def summary_bytes(case: dict[str, Any]) -> bytes:
    """Return a status summary as docs/protocol.md lays it out."""
    return b"\x01\x04" + u64_bytes(case["listCount"]) + bytes.fromhex(case["listTreeRoot"])


LAYOUTS = {
    "batch header": (header_bytes, 50),
    "credential": (credential_bytes, 83),
    "status list": (list_bytes, 116),
    "status chunk": (chunk_bytes, 66),
    "status summary": (summary_bytes, 42),
}


def entry_of(case: dict[str, Any]) -> BatchHeader | CredentialEntry | StatusListEntry | StatusSummary | None:
    """Return the project's value of a vector; None for a chunk, which has none."""
    match case["kind"]:
        case "batch header":
            return BatchHeader(case["sequence"], bytes.fromhex(case["previousRoot"]), case["created"])
        case "credential":
            status = case["status"]
            return CredentialEntry(
                identifier_hash(case["issuer"]),
                Method.from_label(case["method"]),
                bytes.fromhex(case["digest"]),
                salted=case["salted"],
                status=StatusEntry(status["list"], status["index"]) if status else None,
            )
        case "status list":
            return StatusListEntry(
                issuer_id=identifier_hash(case["issuer"]),
                list_id=identifier_hash(case["url"]),
                purpose=Purpose.from_label(case["purpose"]),
                bits_per_entry=case["bitsPerEntry"],
                length=case["length"],
                version=case["version"],
                bits_root=bytes.fromhex(case["bitsRoot"]),
            )
        case "status summary":
            return StatusSummary(case["listCount"], bytes.fromhex(case["listTreeRoot"]))
    return None


@pytest.mark.parametrize("case", ENTRIES, ids=lambda case: case["kind"])
def test_entry_of_every_kind_has_the_layout_of_the_protocol(case: dict[str, Any]) -> None:
    """Each vector equals the layout written out by hand, and the project's encoding equals the vector."""
    layout, length = LAYOUTS[case["kind"]]
    encoded = bytes.fromhex(case["entry"]) if "entry" in case else layout(case)
    entry = entry_of(case)

    assert layout(case) == encoded
    assert len(encoded) == length
    assert reference.leaf(encoded).hex() == case["leafHash"]
    if entry is None:
        assert chunk_leaf(bytes.fromhex(case["chunk"])).hex() == case["leafHash"]
    else:
        assert entry.encode() == encoded


def test_entries_of_two_kinds_differ_in_length_and_second_byte() -> None:
    """No bytes can be read as an entry of two kinds."""
    encoded = {case["kind"]: LAYOUTS[case["kind"]][0](case) for case in ENTRIES}

    assert set(encoded) == set(LAYOUTS)
    for one, other in combinations(encoded.values(), 2):
        assert len(one) != len(other)
        assert one[:2] != other[:2]


@given(
    issuer_id=hashes,
    method=st.sampled_from(Method),
    digest=hashes,
    salted=st.booleans(),
    place=st.none() | st.tuples(u64, u64),
)
def test_credential_entry_without_an_object_equals_the_one_with(
    *, issuer_id: bytes, method: Method, digest: bytes, salted: bool, place: tuple[int, int] | None
) -> None:
    """The fast ways to a credential's bytes and leaf give what the entry gives."""
    status = StatusEntry(*place) if place else None
    entry = CredentialEntry(issuer_id, method, digest, salted=salted, status=status)

    assert entry.method_code == method + (SALTED if salted else 0)
    assert entry.encode() == encode_credential(issuer_id, entry.method_code, digest, status)
    if status is None:
        leaves = unbound_credential_leaves(issuer_id, entry.method_code, [digest, bytes(32)])
        empty = CredentialEntry(issuer_id, method, bytes(32), salted=salted)
        assert leaves == leaf_hash(entry.encode()) + leaf_hash(empty.encode())


def test_credential_entry_without_binding_holds_the_highest_numbers() -> None:
    """The mark of an unbound credential is no place in any list."""
    unbound = CredentialEntry(bytes(32), Method.RAW, bytes(32))

    assert unbound.encode() == encode_credential(bytes(32), 4, bytes(32), StatusEntry(UNBOUND, UNBOUND))
    assert unbound.encode()[-16:] == b"\xff" * 16


@pytest.mark.parametrize("case", TREES, ids=lambda case: f"{case['size']} leaves")
def test_tree_of_the_vectors_has_their_root_and_paths(case: dict[str, Any]) -> None:
    """Roots and inclusion proofs, from the project and from the definition."""
    leaves = [reference.leaf(number.to_bytes(4, "big")) for number in range(case["size"])]
    tree = Tree()
    tree.extend(leaves)

    assert tree.root().hex() == reference.mth(leaves).hex() == case["root"]
    assert len(case["paths"]) >= min(case["size"], 5)
    for place, path in case["paths"].items():
        assert [node.hex() for node in tree.inclusion_path(int(place))] == path
        root = reference.root_from_path(leaves[int(place)], int(place), case["size"], _unhex(path))
        assert root is not None
        assert root.hex() == case["root"]


def test_bits_root_of_the_vectors_is_the_tree_over_the_chunks() -> None:
    """The bits that are set, counted from the left, give the bits root; every chunk's path leads to it."""
    case = ROOTS["bits"]
    number = sum(1 << (case["length"] - 1 - index) for index in case["setIndexes"])
    bits = number.to_bytes(case["length"] // 8, "big")
    leaves = [reference.leaf(b"\x01\x03" + bits[at : at + 64]) for at in range(0, len(bits), 64)]

    assert bits_root(bits).hex() == reference.mth(leaves).hex() == case["bitsRoot"]
    assert bits_tree(bytearray(bits)).size == chunk_count(case["length"], 1) == len(leaves) == 256
    for chunk in case["chunks"]:
        at = chunk["index"]
        assert bits[at * 64 : at * 64 + 64].hex() == chunk["chunk"]
        assert reference.root_from_path(leaves[at], at, 256, _unhex(chunk["path"])) == reference.mth(leaves)


def test_list_tree_of_the_vectors_leads_to_the_summary() -> None:
    """All lists in list-number order, each with its path, give the list tree root in the summary."""
    entries = [entry for entry in map(entry_of, ROOTS["lists"]) if isinstance(entry, StatusListEntry)]
    summary = StatusSummary.of(entries)

    assert summary.encode().hex() == ROOTS["summary"]["entry"]
    assert summary.status_root().hex() == ROOTS["summary"]["leafHash"]
    for case in ROOTS["lists"]:
        assert [node.hex() for node in list_path(entries, case["number"])] == case["path"]
        leaf = reference.leaf(list_bytes(case))
        assert (
            reference.root_from_path(leaf, case["number"], 3, _unhex(case["path"])) == summary.list_tree_root
        )


@pytest.mark.parametrize("case", ROOTS["batches"], ids=lambda case: f"{case['leafCount']} leaves")
def test_root_of_the_vectors_joins_both_halves(case: dict[str, Any]) -> None:
    """A batch's root, from its entries alone; the empty list tree has the hash of nothing."""
    credential_root = reference.mth(
        [reference.leaf(entry) for entry in _unhex(case["credentialTreeEntries"])]
    )
    lists = [reference.leaf(entry) for entry in _unhex(case["listTreeEntries"])]
    summary = b"\x01\x04" + u64_bytes(len(lists)) + reference.mth(lists)

    assert len(case["credentialTreeEntries"]) == case["leafCount"]
    assert credential_root.hex() == case["credentialRoot"]
    assert reference.leaf(summary).hex() == case["statusRoot"]
    assert reference.node(credential_root, reference.leaf(summary)).hex() == case["root"]
    assert join_root(credential_root, reference.leaf(summary)).hex() == case["root"]


def test_headers_that_differ_in_anything_give_other_roots() -> None:
    """Sequence, previous root and time all stand in leaf 0: no two batches have one root."""
    headers = [
        BatchHeader(sequence, previous, created)
        for sequence in (1, 2)
        for previous in (bytes(32), bytes(31) + b"\x01")
        for created in (0, 1)
    ]

    assert len({leaf_hash(header.encode()) for header in headers}) == len(headers)


@pytest.mark.parametrize("bits_per_entry", BITS_PER_ENTRY)
def test_chunk_count_of_a_whole_list_counts_its_chunks(bits_per_entry: int) -> None:
    """Chunks = length x bits / 512, for every size of entry that W3C knows."""
    assert chunk_count(131_072, bits_per_entry) == 256 * bits_per_entry
    assert chunk_count(512 // bits_per_entry, bits_per_entry) == 1


@pytest.mark.parametrize(
    ("length", "bits_per_entry"),
    [(0, 1), (-512, 1), (511, 1), (513, 1), (255, 2), (512, 0), (512, 3), (512, 16), (512, -1)],
)
def test_chunk_count_of_no_whole_list_is_refused(length: int, bits_per_entry: int) -> None:
    """A list without a whole number of chunks has no tree, and no entry either."""
    with pytest.raises(InvalidInput, match="no whole number of 512-bit chunks"):
        chunk_count(length, bits_per_entry)

    entry = StatusListEntry(bytes(32), bytes(32), Purpose.REFRESH, bits_per_entry, length, 1, bytes(32))
    with pytest.raises(InvalidInput, match="no whole number of 512-bit chunks"):
        entry.encode()


@pytest.mark.parametrize("size", [1, 63, 65, 16_383])
def test_bits_tree_of_no_whole_number_of_chunks_is_refused(size: int) -> None:
    """A last chunk filled up with zeros would stand for a longer list."""
    with pytest.raises(InvalidInput, match="no whole number of 64-byte chunks"):
        bits_tree(bytes(size))


def test_purposes_have_the_codes_of_the_protocol() -> None:
    """The W3C names and the codes in entries; another name is refused."""
    assert {purpose.label: int(purpose) for purpose in Purpose} == {
        "revocation": 1,
        "suspension": 2,
        "refresh": 3,
        "message": 4,
    }
    with pytest.raises(InvalidInput, match="use one of revocation, suspension, refresh, message"):
        Purpose.from_label("Revocation")


@pytest.mark.parametrize("size", [0, 31, 33])
def test_require_digest_and_hash_of_another_length_is_refused(size: int) -> None:
    """A fixed layout would fill up or cut what has not its length."""
    with pytest.raises(InvalidInput, match=f"32 bytes, not {size}"):
        require_digest(b"\x01" * size)
    with pytest.raises(InvalidInput, match=f"32 bytes, not {size}"):
        require_hash(bytes(size))


def test_require_digest_of_zeros_is_refused() -> None:
    """Nobody's file hashes to 32 zero bytes: a field was left empty. A root of zeros means "none" and passes."""
    with pytest.raises(InvalidInput, match="zero bytes"):
        require_digest(bytes(32))

    assert require_digest(bytes(31) + b"\x01") == bytes(31) + b"\x01"
    assert require_hash(bytes(32)) == bytes(32)


def _unhex(texts: list[str]) -> list[bytes]:
    return [bytes.fromhex(text) for text in texts]
