"""Trees: the incremental tree and the stateless verification against the recursive definitions of RFC 9162."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchor.core.merkle import (
    EMPTY_ROOT,
    HASH_BYTES,
    MAX_PATH_HASHES,
    Tree,
    inclusion_path,
    leaf_hash,
    node_hash,
    path_length,
    root_from_inclusion,
    root_of,
    subtree_root,
)
from anchor.errors import InvalidProof
from tests.support import reference_tree as reference

CT_ENTRIES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
CT_ROOT_OF_8 = "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"

leaf_lists = st.integers(0, 70).map(lambda size: [leaf_hash(bytes([number])) for number in range(size)])


def numbered_leaves(size: int) -> list[bytes]:
    """Return distinct leaf hashes."""
    return [leaf_hash(number.to_bytes(4, "big")) for number in range(size)]


def tree_of(leaves: list[bytes]) -> Tree:
    """Return a tree filled at once."""
    tree = Tree()
    tree.extend(leaves)
    return tree


def test_tree_of_certificate_transparency_leaves_has_the_published_root() -> None:
    """The leaves that every Certificate Transparency implementation tests give the root that they all publish."""
    leaves = [leaf_hash(entry) for entry in CT_ENTRIES]

    assert tree_of(leaves).root().hex() == CT_ROOT_OF_8
    assert reference.mth(leaves).hex() == CT_ROOT_OF_8


@pytest.mark.parametrize("size", [*range(70), 255, 256, 257, 65_536, 65_537, 131_073, 200_003])
def test_root_alone_equals_that_of_the_tree(size: int) -> None:
    """Computed level by level and in pieces, with and without a last node that has no sibling."""
    leaves = b"".join(sha256(number.to_bytes(4, "big")).digest() for number in range(size))
    tree = Tree()
    tree.extend(leaves)

    assert root_of(leaves) == tree.root()


def test_tree_without_leaves_has_the_hash_of_nothing() -> None:
    """RFC 9162, section 2.1.1: MTH({}) = HASH()."""
    assert Tree().root() == EMPTY_ROOT == sha256(b"").digest()


@given(leaf_lists, st.data())
def test_tree_filled_in_any_pieces_equals_the_reference(leaves: list[bytes], data: st.DataObject) -> None:
    """
    However the appends are split, and in either form, root and every path are those of the definition.

    Fault 40.
    """
    tree = Tree()
    done = 0
    while done < len(leaves):
        piece = data.draw(st.integers(1, len(leaves) - done))
        part = leaves[done : done + piece]
        tree.extend(b"".join(part) if data.draw(st.booleans()) else iter(part))
        done += piece

    assert tree.size == len(leaves)
    assert tree.root() == reference.mth(leaves)
    assert [tree.inclusion_path(m) for m in range(len(leaves))] == [
        reference.path(m, leaves) for m in range(len(leaves))
    ]


@given(
    st.lists(
        st.tuples(st.just("extend"), st.integers(0, 20))
        | st.tuples(st.just("truncate"), st.integers(0, 40))
        | st.tuples(st.just("replace"), st.integers(0, 255)),
        max_size=12,
    )
)
def test_tree_after_any_changes_equals_the_reference(changes: list[tuple[str, int]]) -> None:
    """Appending, dropping the end and replacing a leaf leave no stale node behind."""
    tree, leaves = Tree(), list[bytes]()
    for step, (kind, number) in enumerate(changes):
        if kind == "extend":
            added = [leaf_hash(bytes([step, position])) for position in range(number)]
            tree.extend(added)
            leaves += added
        elif kind == "truncate":
            size = min(number, len(leaves))
            tree.truncate(size)
            del leaves[size:]
        elif leaves:
            index = number % len(leaves)
            leaves[index] = leaf_hash(bytes([step, number, 0xFF]))
            tree.replace(index, leaves[index])

        assert tree.root() == reference.mth(leaves)

    assert [len(level) // HASH_BYTES for level in tree.levels if level] == [
        len(leaves) >> level for level in range(len(leaves).bit_length())
    ]
    assert [tree.inclusion_path(m) for m in range(len(leaves))] == [
        reference.path(m, leaves) for m in range(len(leaves))
    ]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 64, 65])
def test_tree_replace_at_any_place_equals_a_tree_built_so(size: int) -> None:
    """A leaf written late, a header at sealing for one, gives the tree that it would have given from the start."""
    leaves = numbered_leaves(size)
    for index in range(size):
        tree = tree_of([*leaves[:index], leaf_hash(b"placeholder"), *leaves[index + 1 :]])

        tree.replace(index, leaves[index])

        assert [bytes(level) for level in tree.levels] == [bytes(level) for level in tree_of(leaves).levels]


@given(st.integers(0, 2**20), st.integers(1, 2**20))
def test_subtree_root_reads_one_stored_node_a_bit(start_unit: int, size: int) -> None:
    """A root costs as many reads as its size has bits, so that paths can be read from disk."""
    reads: list[tuple[int, int, int]] = []

    def read(level: int, start: int, count: int) -> bytes:
        reads.append((level, start, count))
        return leaf_hash(bytes([level]) + start.to_bytes(8, "big"))

    subtree_root(read, start_unit << size.bit_length(), size)

    assert len(reads) == size.bit_count()
    assert sum(count << level for level, _start, count in reads) == size


def test_inclusion_path_of_a_million_leaves_reads_few_nodes() -> None:
    """A path through stored nodes reads the siblings and the right edge, not the leaves."""
    reads: list[int] = []

    def read(_level: int, _start: int, count: int) -> bytes:
        reads.append(count)
        return bytes(HASH_BYTES * count)

    found = inclusion_path(read, 777_777, 1_000_001)

    assert len(found) == path_length(777_777, 1_000_001)
    assert sum(reads) <= 40


@pytest.mark.parametrize("size", range(1, 34))
def test_path_length_of_every_leaf_equals_the_reference(size: int) -> None:
    """The length that (index, size) demands is that of the definition, for every place in every small tree."""
    leaves = numbered_leaves(size)

    assert [path_length(m, size) for m in range(size)] == [
        len(reference.path(m, leaves)) for m in range(size)
    ]


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33])
def test_root_from_inclusion_of_every_valid_proof_gives_the_root(size: int) -> None:
    """Every place of a tree verifies with the path of the definition (fault 40)."""
    leaves = numbered_leaves(size)
    root = reference.mth(leaves)

    for m, leaf in enumerate(leaves):
        assert root_from_inclusion(leaf, index=m, tree_size=size, path=reference.path(m, leaves)) == root


@given(st.integers(0, 40), st.integers(0, 40), st.lists(st.binary(min_size=32, max_size=32), max_size=7))
def test_root_from_inclusion_of_any_proof_agrees_with_the_recursive_verifier(
    index: int, size: int, path: list[bytes]
) -> None:
    """The iterative algorithm accepts the lengths that the definition has, and folds in the same order."""
    leaf = leaf_hash(b"leaf")
    expected = reference.root_from_path(leaf, index, size, path) if index < size else None

    if expected is None:
        with pytest.raises(InvalidProof):
            root_from_inclusion(leaf, index=index, tree_size=size, path=path)
    else:
        assert root_from_inclusion(leaf, index=index, tree_size=size, path=path) == expected


def proves(leaf: bytes, root: bytes, *, index: int, tree_size: int, path: list[bytes]) -> bool:
    """Whether a verifier who knows the root takes the leaf to stand there."""
    try:
        return root_from_inclusion(leaf, index=index, tree_size=tree_size, path=path) == root
    except InvalidProof:
        return False


def flipped(value: bytes, bit: int) -> bytes:
    """Return the value with one bit turned over."""
    turned = bytearray(value)
    turned[bit // 8] ^= 0x80 >> bit % 8
    return bytes(turned)


@given(st.integers(1, 70), st.data())
def test_root_from_inclusion_with_one_bit_flipped_is_refused(size: int, data: st.DataObject) -> None:
    """One bit in leaf, root, path or index is one bit too many, wherever it stands."""
    leaves = numbered_leaves(size)
    index = data.draw(st.integers(0, size - 1))
    bit = data.draw(st.integers(0, HASH_BYTES * 8 - 1))
    leaf, root, path = leaves[index], reference.mth(leaves), reference.path(index, leaves)
    turned_index = index ^ (1 << data.draw(st.integers(0, 63)))

    assert proves(leaf, root, index=index, tree_size=size, path=path)
    assert not proves(flipped(leaf, bit), root, index=index, tree_size=size, path=path)
    assert not proves(leaf, flipped(root, bit), index=index, tree_size=size, path=path)
    assert not proves(leaf, root, index=turned_index, tree_size=size, path=path)
    for at in range(len(path)):
        damaged = [*path[:at], flipped(path[at], bit), *path[at + 1 :]]
        assert not proves(leaf, root, index=index, tree_size=size, path=damaged)


@pytest.mark.parametrize("size", range(1, 34))
def test_root_from_inclusion_with_one_bit_of_the_size_flipped_is_refused_or_harmless(size: int) -> None:
    """
    Another size is refused wherever it asks for another path; where it does not, that is what the chain's count stops.

    A proof alone cannot tell two sizes apart in which a leaf has a path of the same length and sides: hence the rule
    that every tree's size comes from an authenticated source.
    """
    leaves = numbered_leaves(size)
    root = reference.mth(leaves)
    for index in range(size):
        path = reference.path(index, leaves)
        for bit in range(8):
            other = size ^ (1 << bit)
            same_shape = index < other and _sides(index, other) == _sides(index, size)
            assert proves(leaves[index], root, index=index, tree_size=other, path=path) == same_shape


def _sides(index: int, size: int) -> list[bool]:
    """Return for each step from a leaf to the root whether the leaf's side is the right one."""
    if size == 1:
        return []
    k = reference.split(size)
    if index < k:
        return [*_sides(index, k), False]
    return [*_sides(index - k, size - k), True]


@pytest.mark.parametrize("size", [2, 3, 8, 9])
def test_root_from_inclusion_with_a_longer_or_shorter_path_is_refused(size: int) -> None:
    """The length is checked first: nothing is hashed for a path that cannot be right."""
    leaves = numbered_leaves(size)
    path = reference.path(0, leaves)

    for wrong in (path[:-1], [*path, bytes(32)]):
        with pytest.raises(InvalidProof, match=f"has {len(path)} hashes, not {len(wrong)}"):
            root_from_inclusion(leaves[0], index=0, tree_size=size, path=wrong)


@pytest.mark.parametrize(("index", "size"), [(-1, 4), (4, 4), (0, 0), (5, 4), (0, -1)])
def test_root_from_inclusion_of_a_place_outside_the_tree_is_refused(index: int, size: int) -> None:
    """No leaf stands before the first or behind the last."""
    with pytest.raises(InvalidProof, match="outside a tree"):
        root_from_inclusion(bytes(32), index=index, tree_size=size, path=[])


def test_root_from_inclusion_of_a_tree_too_large_to_exist_is_refused() -> None:
    """More than 2^64 leaves would let a document ask for any number of hashes."""
    with pytest.raises(InvalidProof):
        root_from_inclusion(bytes(32), index=0, tree_size=2**70, path=[bytes(32)] * 70)

    assert (
        len(root_from_inclusion(bytes(32), index=0, tree_size=2**64, path=[bytes(32)] * MAX_PATH_HASHES))
        == 32
    )


def test_inner_node_presented_as_an_entry_is_refused() -> None:
    """
    The second preimage of trees without prefixes: 64 bytes of two children offered as one leaf's entry.

    Fault 40.
    """
    leaves = numbered_leaves(4)
    root = reference.mth(leaves)
    children = leaves[0] + leaves[1]
    shortened_path = [node_hash(leaves[2], leaves[3])]

    assert proves(node_hash(leaves[0], leaves[1]), root, index=0, tree_size=2, path=shortened_path)
    assert not proves(leaf_hash(children), root, index=0, tree_size=2, path=shortened_path)
    assert not proves(leaf_hash(b"\x01" + children), root, index=0, tree_size=2, path=shortened_path)
