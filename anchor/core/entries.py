"""
The fixed-layout entries that go into trees, and how their trees join in one root (docs/protocol.md, Trees).

Integers are big-endian. The first byte is the layout's version, the second the kind, so that no entry can be read as
one of another kind.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha256

from anchor.core.digest import DIGEST_BYTES, SALTED, Method
from anchor.core.merkle import HASH_BYTES, Tree, leaf_hash, node_hash
from anchor.errors import InvalidInput

CHUNK_BYTES = 64
CHUNK_BITS = CHUNK_BYTES * 8
BITS_PER_ENTRY = (1, 2, 4, 8)
UNBOUND = 2**64 - 1
"""Stands in list and index of a credential entry that binds no status entry."""

_HEADER = struct.Struct(">2sQ32sQ")
_CREDENTIAL = struct.Struct(">2s32sB32sQQ")
_STATUS_LIST = struct.Struct(">2s32s32sBBQQ32s")
_CHUNK = struct.Struct(">2s64s")
_SUMMARY = struct.Struct(">2sQ32s")

_KIND_HEADER = b"\x01\x00"
_KIND_CREDENTIAL = b"\x01\x01"
_KIND_STATUS_LIST = b"\x01\x02"
_KIND_CHUNK = b"\x01\x03"
_KIND_SUMMARY = b"\x01\x04"


class Purpose(IntEnum):
    """What a status list says of its credentials; the values are the codes in entries."""

    REVOCATION = 1
    SUSPENSION = 2
    REFRESH = 3
    MESSAGE = 4

    @property
    def label(self) -> str:
        """The W3C `statusPurpose`."""
        return self.name.lower()

    @classmethod
    def from_label(cls, label: str) -> Purpose:
        """Return the purpose of a W3C `statusPurpose`, or raise InvalidInput naming those there are."""
        for purpose in cls:
            if purpose.label == label:
                return purpose
        raise InvalidInput(
            f"unknown status purpose {label[:40]!r}: use one of {', '.join(purpose.label for purpose in cls)}"
        )


@dataclass(frozen=True, slots=True)
class StatusEntry:
    """One credential's place in a list: the list's number and an index below its length."""

    list_number: int
    index: int


@dataclass(frozen=True, slots=True)
class BatchHeader:
    """Leaf 0 of every credential tree: makes each root unique and chains it to the one before."""

    sequence: int
    previous_root: bytes
    created_s: int

    def encode(self) -> bytes:
        """Return the entry's bytes."""
        return _HEADER.pack(_KIND_HEADER, self.sequence, self.previous_root, self.created_s)


@dataclass(frozen=True, slots=True)
class CredentialEntry:
    """Says that an issuer (by its id) submitted a digest, taken by a method, bound to a status entry or to none."""

    issuer_id: bytes
    method: Method
    digest: bytes
    salted: bool = False
    status: StatusEntry | None = None

    @property
    def method_code(self) -> int:
        """The method's byte in the entry, with the mark of a salted digest."""
        return self.method | (SALTED if self.salted else 0)

    def encode(self) -> bytes:
        """Return the entry's bytes."""
        return encode_credential(self.issuer_id, self.method_code, self.digest, self.status)


def encode_credential(issuer_id: bytes, method_code: int, digest: bytes, status: StatusEntry | None) -> bytes:
    """Return a credential entry's bytes without an object for it."""
    list_number, index = (status.list_number, status.index) if status else (UNBOUND, UNBOUND)
    return _CREDENTIAL.pack(_KIND_CREDENTIAL, issuer_id, method_code, digest, list_number, index)


def unbound_credential_leaves(issuer_id: bytes, method_code: int, digests: Iterable[bytes]) -> bytes:
    """Return the leaf hashes, 32 bytes each in the order given, of credential entries that bind no status entry."""
    # What all these entries share is hashed once; a million digests take this path.
    shared = sha256(b"\x00" + _KIND_CREDENTIAL + issuer_id + bytes([method_code]))
    unbound = struct.pack(">QQ", UNBOUND, UNBOUND)
    leaves = []
    for digest in digests:
        hasher = shared.copy()
        hasher.update(digest + unbound)
        leaves.append(hasher.digest())
    return b"".join(leaves)


@dataclass(frozen=True, slots=True)
class StatusListEntry:
    """The state of one status list: which list, and what its bits were at a version."""

    issuer_id: bytes
    list_id: bytes
    purpose: Purpose
    bits_per_entry: int
    length: int
    version: int
    bits_root: bytes

    def encode(self) -> bytes:
        """Return the entry's bytes; raise InvalidInput where the list has no whole number of chunks."""
        chunk_count(self.length, self.bits_per_entry)
        return _STATUS_LIST.pack(
            _KIND_STATUS_LIST,
            self.issuer_id,
            self.list_id,
            self.purpose,
            self.bits_per_entry,
            self.length,
            self.version,
            self.bits_root,
        )


@dataclass(frozen=True, slots=True)
class StatusSummary:
    """How many lists a publisher has, and the root over all their entries in list-number order."""

    list_count: int
    list_tree_root: bytes

    @classmethod
    def of(cls, entries: Sequence[StatusListEntry]) -> StatusSummary:
        """Summarise all lists of a publisher, given in list-number order."""
        tree = Tree()
        tree.extend(leaf_hash(entry.encode()) for entry in entries)
        return cls(list_count=len(entries), list_tree_root=tree.root())

    def encode(self) -> bytes:
        """Return the entry's bytes."""
        return _SUMMARY.pack(_KIND_SUMMARY, self.list_count, self.list_tree_root)

    def status_root(self) -> bytes:
        """Return the status half of a root: the summary's leaf hash."""
        return leaf_hash(self.encode())


def join_root(credential_root: bytes, status_root: bytes) -> bytes:
    """Return the root that goes on chain: H(0x01 ‖ credential root ‖ status root)."""
    return node_hash(credential_root, status_root)


def identifier_hash(identifier: str) -> bytes:
    """Return SHA-256 of an issuer's identifier or a list's URL, as entries name them."""
    return sha256(identifier.encode("utf-8")).digest()


def list_url(base_url: str, number: int) -> str:
    """Return a list's URL: it ends in the list's number, which is its position in the list tree."""
    return f"{base_url}/status-lists/{number}"


def chunk_count(length: int, bits_per_entry: int) -> int:
    """Return the number of 64-byte chunks of a list; raise InvalidInput unless it is whole and positive."""
    bits = length * bits_per_entry
    if bits_per_entry not in BITS_PER_ENTRY or length <= 0 or bits % CHUNK_BITS:
        raise InvalidInput(
            f"a list of {length} entries of {bits_per_entry} bits is no whole number of {CHUNK_BITS}-bit chunks"
        )
    return bits // CHUNK_BITS


def chunk_leaf(chunk: bytes) -> bytes:
    """Return the leaf hash of 64 bytes of a bitstring."""
    return leaf_hash(_CHUNK.pack(_KIND_CHUNK, chunk))


def bits_tree(bits: bytes | bytearray) -> Tree:
    """Return the tree over a bitstring's chunks (a multiple of 64 bytes)."""
    if len(bits) % CHUNK_BYTES:
        raise InvalidInput(
            f"a bitstring of {len(bits)} bytes is no whole number of {CHUNK_BYTES}-byte chunks"
        )
    tree = Tree()
    tree.extend(chunk_leaf(bytes(bits[at : at + CHUNK_BYTES])) for at in range(0, len(bits), CHUNK_BYTES))
    return tree


def bits_root(bits: bytes | bytearray) -> bytes:
    """Return the root over a bitstring's chunks."""
    return bits_tree(bits).root()


def require_digest(digest: bytes) -> bytes:
    """Return a digest that can be anchored: 32 bytes, not all zero; raise InvalidInput for any other."""
    if len(digest) != DIGEST_BYTES:
        raise InvalidInput(f"a digest has {DIGEST_BYTES} bytes, not {len(digest)}")
    if not any(digest):
        raise InvalidInput("a digest of 32 zero bytes is nobody's SHA-256: send the digest itself")
    return digest


def require_hash(value: bytes) -> bytes:
    """Return a 32-byte hash or raise InvalidInput."""
    if len(value) != HASH_BYTES:
        raise InvalidInput(f"a hash has {HASH_BYTES} bytes, not {len(value)}")
    return value
