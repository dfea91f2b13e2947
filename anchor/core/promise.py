"""
Receipts as values: a promise that the entries of one request are anchored by a time, and an entry's place in it.

One signature covers a request of any size: it signs the root of an RFC 9162 tree over the request's leaf hashes. The
bytes that are signed are of a fixed layout behind a prefix of their own, so that no other document that a key signs
can be read as a promise (docs/protocol.md, Receipts). Who signed is not asked here.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from anchor.core.entries import CredentialEntry, identifier_hash
from anchor.core.merkle import HASH_BYTES, Tree, leaf_hash, root_from_inclusion
from anchor.errors import InvalidInput, InvalidProof

PROMISE_DOMAIN = b"credential-anchor promise v1\x00"
_PROMISE = struct.Struct(">Q32s20s20s32s32sQ32sQQ")


@dataclass(frozen=True, slots=True)
class Promise:
    """
    That a block of at most `anchored_by_s` holds an anchor of the publisher's over every entry of a request.

    `root` is over the entries' leaf hashes in the order of the request, known and repeated ones among them; `contract`
    and `publisher` are addresses as text, times are Unix seconds, and the block's time is what counts.
    """

    chain_id: int
    genesis_hash: bytes
    contract: str
    publisher: str
    base_url: str
    issuer: str
    entry_count: int
    root: bytes
    accepted_s: int
    anchored_by_s: int

    def encode(self) -> bytes:
        """Return the bytes that are signed; addresses count as their 20 bytes, whatever their spelling."""
        return PROMISE_DOMAIN + _PROMISE.pack(
            self.chain_id,
            self.genesis_hash,
            _address_bytes(self.contract),
            _address_bytes(self.publisher),
            identifier_hash(self.base_url),
            identifier_hash(self.issuer),
            self.entry_count,
            self.root,
            self.accepted_s,
            self.anchored_by_s,
        )


@dataclass(frozen=True, slots=True)
class SignedPromise:
    """A promise with an Ed25519 signature and the public key that it names; whether they fit is for its reader."""

    promise: Promise
    public_key: bytes
    signature: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class PromisedEntry:
    """An entry, and the path from it to the root of a promise; its index is its place in the request."""

    entry: CredentialEntry
    index: int
    path: tuple[bytes, ...]

    @property
    def leaf(self) -> bytes:
        """The leaf hash that is looked for in anchored batches."""
        return leaf_hash(self.entry.encode())

    def check(self, promise: Promise) -> None:
        """Raise InvalidProof unless a promise covers this entry: it is of its issuer and leads to its root."""
        if self.entry.issuer_id != identifier_hash(promise.issuer):
            raise InvalidProof("the receipt's entry is of another issuer than its promise")
        # The number of entries is signed, so no tree of another size can lend its root to this path.
        root = root_from_inclusion(self.leaf, index=self.index, tree_size=promise.entry_count, path=self.path)
        if root != promise.root:
            raise InvalidProof("the receipt's entry does not lead to the root that was promised")


def request_tree(leaves: bytes) -> Tree:
    """Return the tree that a promise commits to: over the leaf hashes of a request, 32 bytes each, in its order."""
    if not leaves or len(leaves) % HASH_BYTES:
        raise InvalidInput(f"a request has leaf hashes of {HASH_BYTES} bytes each, not {len(leaves)} bytes")
    tree = Tree()
    tree.extend(leaves)
    return tree


def _address_bytes(address: str) -> bytes:
    return bytes.fromhex(address.removeprefix("0x"))
