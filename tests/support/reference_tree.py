"""
The trees of RFC 9162, section 2.1, written down as the RFC defines them: recursive, slow, and without anchor.

D is a list of leaf hashes; every function is the definition of the same name in the RFC.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256


def leaf(entry: bytes) -> bytes:
    """Return the hash of a list with one entry: SHA-256(0x00 || entry)."""
    return sha256(b"\x00" + entry).digest()


def node(left: bytes, right: bytes) -> bytes:
    """Return SHA-256(0x01 || left || right)."""
    return sha256(b"\x01" + left + right).digest()


def split(size: int) -> int:
    """Return k, the largest power of two smaller than n (n > 1)."""
    k = 1
    while 2 * k < size:
        k *= 2
    return k


def mth(leaves: Sequence[bytes]) -> bytes:
    """Return the Merkle tree hash MTH(D[n]) (section 2.1.1)."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = split(len(leaves))
    return node(mth(leaves[:k]), mth(leaves[k:]))


def path(m: int, leaves: Sequence[bytes]) -> list[bytes]:
    """Return the inclusion proof PATH(m, D[n]), 0 ≤ m < n (section 2.1.3.1)."""
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if m < k:
        return [*path(m, leaves[:k]), mth(leaves[k:])]
    return [*path(m - k, leaves[k:]), mth(leaves[:k])]


def root_from_path(leaf_hash: bytes, m: int, size: int, hashes: Sequence[bytes]) -> bytes | None:
    """Return the root that PATH(m, D[size]) leads to from a leaf, or None where the path's length does not fit."""
    if size == 1:
        return leaf_hash if not hashes else None
    if not hashes:
        return None
    k = split(size)
    *lower, top = hashes
    if m < k:
        below = root_from_path(leaf_hash, m, k, lower)
        return None if below is None else node(below, top)
    below = root_from_path(leaf_hash, m - k, size - k, lower)
    return None if below is None else node(top, below)
