"""
Merkle trees of RFC 9162, section 2.1, with SHA-256.

`Tree` grows leaf by leaf and keeps each level as one flat byte string: 32 bytes a node, no Python object per leaf.
Verification is separate and stateless, as a verifier needs no tree.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256

from anchor.errors import InvalidProof

HASH_BYTES = 32
LEAF_PREFIX = b"\x00"
NODE_PREFIX = b"\x01"
EMPTY_ROOT = hashlib.sha256(b"").digest()

_PIECE_BYTES = 65_536 * HASH_BYTES
"""Nodes that are hashed at once where memory matters: 2 MiB, beside the objects made of them."""

MAX_PATH_HASHES = 64
"""A tree of 2^64 leaves has no longer path: longer ones are refused before anything is hashed."""

ReadNodes = Callable[[int, int, int], bytes]
"""Reads `count` nodes of `level` from `start`: (level, start, count) → 32 bytes a node."""


def leaf_hash(entry: bytes) -> bytes:
    """Return the leaf hash of an entry: H(0x00 ‖ entry)."""
    return sha256(LEAF_PREFIX + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node: H(0x01 ‖ left ‖ right)."""
    return sha256(NODE_PREFIX + left + right).digest()


class Tree:
    """
    A growing tree whose level k holds the roots of all *complete* subtrees of 2^k leaves.

    Appending n leaves costs n leaf positions and about n node hashes, whenever it happens; the root of an incomplete
    tree joins the right edge, as RFC 9162, section 2.1.1 splits at the largest power of two.
    """

    __slots__ = ("_levels",)

    def __init__(self) -> None:
        self._levels: list[bytearray] = [bytearray()]

    @property
    def size(self) -> int:
        """The number of leaves."""
        return len(self._levels[0]) // HASH_BYTES

    @property
    def levels(self) -> Sequence[bytes | bytearray]:
        """The complete nodes, level 0 (leaf hashes) first, 32 bytes a node; not to be changed by the reader."""
        return self._levels

    def extend(self, leaf_hashes: bytes | Iterable[bytes]) -> None:
        """Append leaf hashes, given one by one or as one string of 32 bytes each."""
        if isinstance(leaf_hashes, bytes):
            self._levels[0] += leaf_hashes
        else:
            self._levels[0] += b"".join(leaf_hashes)
        self._complete_levels()

    def truncate(self, size: int) -> None:
        """Drop all leaves from position `size` on (0 ≤ size ≤ current size)."""
        for level, nodes in enumerate(self._levels):
            del nodes[(size >> level) * HASH_BYTES :]

    def replace(self, index: int, leaf: bytes) -> None:
        """Put another leaf at a position (0 ≤ index < size) and hash its path again: one node a level."""
        start = index * HASH_BYTES
        self._levels[0][start : start + HASH_BYTES] = leaf
        for lower, upper in zip(self._levels, self._levels[1:], strict=False):
            index >>= 1
            start = index * HASH_BYTES
            if start >= len(upper):
                return
            upper[start : start + HASH_BYTES] = sha256(
                NODE_PREFIX + lower[2 * start : 2 * start + 64]
            ).digest()

    def root(self) -> bytes:
        """Return the root; the hash of the empty string for no leaves (RFC 9162, section 2.1.1)."""
        return subtree_root(self._read, 0, self.size) if self.size else EMPTY_ROOT

    def inclusion_path(self, index: int) -> list[bytes]:
        """Return the inclusion proof of a leaf (0 ≤ index < size), lowest sibling first."""
        return inclusion_path(self._read, index, self.size)

    def _read(self, level: int, start: int, count: int) -> bytes:
        return bytes(self._levels[level][start * HASH_BYTES : (start + count) * HASH_BYTES])

    def _complete_levels(self) -> None:
        level = 0
        while True:
            lower = self._levels[level]
            complete = len(lower) // (2 * HASH_BYTES)
            if level + 1 == len(self._levels):
                if complete == 0:
                    return
                self._levels.append(bytearray())
            upper = self._levels[level + 1]
            done = len(upper) // HASH_BYTES
            view = bytes(lower[done * 2 * HASH_BYTES : complete * 2 * HASH_BYTES])
            upper += b"".join(
                [
                    sha256(NODE_PREFIX + view[offset : offset + 64]).digest()
                    for offset in range(0, len(view), 64)
                ]
            )
            level += 1


def root_of(leaf_hashes: bytes) -> bytes:
    """
    Return the root over leaf hashes, 32 bytes each, where nothing but the root is wanted.

    Holds one level at a time, hashed in pieces: a node without a sibling moves up as it is, which is the split at the
    largest power of two of RFC 9162, section 2.1.1. The hash of the empty string for no leaves.
    """
    if not leaf_hashes:
        return EMPTY_ROOT
    level = leaf_hashes
    while len(level) > HASH_BYTES:
        paired = len(level) // (2 * HASH_BYTES) * 2 * HASH_BYTES
        pieces = [
            _hash_pairs(level[at : min(at + _PIECE_BYTES, paired)]) for at in range(0, paired, _PIECE_BYTES)
        ]
        level = b"".join([*pieces, level[paired:]])
    return level


def _hash_pairs(nodes: bytes) -> bytes:
    return b"".join(
        [sha256(NODE_PREFIX + nodes[at : at + 64]).digest() for at in range(0, len(nodes), 2 * HASH_BYTES)]
    )


def subtree_root(read: ReadNodes, start: int, size: int) -> bytes:
    """
    Return the root over `size` leaves from `start`, where start is a multiple of a power of two ≥ size.

    Reads one stored node for each bit set in `size`.
    """
    root: bytes | None = None
    end = start + size
    level = 0
    while size:
        if size & 1:
            end -= 1 << level
            node = read(level, end >> level, 1)
            root = node if root is None else node_hash(node, root)
        size >>= 1
        level += 1
    if root is None:
        raise AssertionError("a subtree has at least one leaf")
    return root


def inclusion_path(read: ReadNodes, index: int, tree_size: int) -> list[bytes]:
    """Return PATH(index, D[tree_size]) of RFC 9162, section 2.1.3.1 (0 ≤ index < tree_size), lowest sibling first."""
    path: list[bytes] = []
    level = 0
    last = tree_size - 1
    while last >> level:
        sibling = (index >> level) ^ 1
        first_leaf = sibling << level
        if first_leaf <= last:
            size = min(1 << level, tree_size - first_leaf)
            path.append(subtree_root(read, first_leaf, size))
        level += 1
    return path


def root_from_inclusion(leaf: bytes, *, index: int, tree_size: int, path: Sequence[bytes]) -> bytes:
    """
    Return the root that an inclusion proof leads to (RFC 9162, section 2.1.3.2).

    The path's length must be exactly the one that (index, tree_size) demands, so the proof fixes where the leaf
    stands. The caller must have `tree_size` from an authenticated source: with a size of the prover's choice one root
    can hold two leaves at one position. Raises InvalidProof for any other length or an index outside the tree.
    """
    if not 0 <= index < tree_size:
        raise InvalidProof(f"leaf index {index} is outside a tree of {tree_size}")
    expected = path_length(index, tree_size)
    if len(path) != expected or expected > MAX_PATH_HASHES:
        raise InvalidProof(f"a path for leaf {index} of {tree_size} has {expected} hashes, not {len(path)}")
    fn, sn = index, tree_size - 1
    node = leaf
    for sibling in path:
        if fn & 1 or fn == sn:
            node = node_hash(sibling, node)
            while not fn & 1 and fn:
                fn >>= 1
                sn >>= 1
        else:
            node = node_hash(node, sibling)
        fn >>= 1
        sn >>= 1
    return node


def path_length(index: int, tree_size: int) -> int:
    """Return the number of hashes in the inclusion proof of leaf `index` in a tree of `tree_size`."""
    # Below the level where the paths of this leaf and the last leaf meet, every level has a sibling; above it only
    # those levels where the leaf's subtree hangs on the right.
    inner = (index ^ (tree_size - 1)).bit_length()
    return inner + (index >> inner).bit_count()
