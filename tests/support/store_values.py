"""Values and short walks for tests of stores and of what stands on them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import count
from pathlib import Path

from anchor.core.entries import (
    BatchHeader,
    StatusSummary,
    bits_root,
    encode_credential,
    identifier_hash,
    join_root,
)
from anchor.core.merkle import Tree, leaf_hash
from anchor.store.protocol import Store
from anchor.store.records import (
    Accepted,
    Batch,
    Issuer,
    ListPlan,
    ListSigner,
    Mined,
    NewAnchorage,
    NewIssuer,
    NewVersion,
    Payload,
    Seal,
    SignerKind,
    Submission,
)

BASE_URL = "https://anchor.example.org"
PUBLISHER = "0x" + "0a" * 20
NOW_S = 1_700_000_000
NOW_MS = NOW_S * 1000
LIST_LENGTH = 512
"""Short lists fill up within a test."""

_keys = count(1)


def new_plan(length: int = LIST_LENGTH) -> ListPlan:
    """Return a plan for lists, each pair with another permutation key."""
    return ListPlan(length=length, new_permutation_key=lambda: sha256(b"key %d" % next(_keys)).digest())


PLAN = new_plan()

OpenStore = Callable[[Path], Awaitable[Store]]
"""Opens the store that keeps its data in a folder, or makes it."""


def digest(number: int) -> bytes:
    """Return a digest."""
    return sha256(b"credential %d" % number).digest()


def submission(number: int, *, method_code: int = 1) -> Submission:
    """Return an unbound submission."""
    return Submission(method_code=method_code, digest=digest(number))


def new_issuer(name: str) -> NewIssuer:
    """Return an issuer to add."""
    signer = ListSigner(
        kind=SignerKind.SERVICE,
        did=f"did:example:{name}",
        verification_method=f"did:example:{name}#key",
        public_key=sha256(name.encode()).digest(),
        sealed_seed=b"sealed",
    )
    return NewIssuer(
        identifier=f"https://{name}.example.org",
        name=name,
        signer=signer,
        api_key_hash=sha256(b"key of " + name.encode()).digest(),
    )


async def add_issuer(store: Store, name: str) -> Issuer:
    """Add an issuer."""
    return await store.add_issuer(new_issuer(name), now_ms=NOW_MS)


async def accept(store: Store, issuer: Issuer, *submissions: Submission) -> Sequence[Accepted]:
    """Accept submissions at NOW_S with short lists."""
    return await store.accept(issuer.number, submissions, plan=PLAN, now_s=NOW_S)


def leaf_of(issuer: Issuer, accepted: Accepted) -> bytes:
    """Return the leaf hash of an accepted digest, by the protocol."""
    return leaf_hash(
        encode_credential(
            identifier_hash(issuer.identifier), accepted.method_code, accepted.digest, accepted.status
        )
    )


async def publish_due(store: Store, *, version: int, expiring_before_ms: int = 0) -> list[int]:
    """Publish every due list under one version number; return which."""
    due = await store.due_lists(expiring_before_ms=expiring_before_ms)
    for item in due:
        await store.add_version(
            NewVersion(
                list_number=item.number,
                version=version,
                valid_until_ms=version + 1000,
                bits_root=bits_root(item.bits),
                changes=item.changes,
                document=b"list %d version %d" % (item.number, version),
            )
        )
    return [item.number for item in due]


@dataclass(frozen=True, slots=True)
class SealedTree:
    """A batch that was sealed here, and the tree that its seal was made from."""

    batch: Batch
    tree: Tree
    seal: Seal


async def tree_of(store: Store, batch: Batch, header: BatchHeader) -> Tree:
    """Return the tree over a batch's stored leaves with this header."""
    tree = Tree()
    tree.extend(await store.nodes(batch.id, 0, 0, batch.leaf_count))
    tree.replace(0, leaf_hash(header.encode()))
    return tree


async def seal_next(store: Store, *, created_s: int = NOW_S, sequence: int | None = None) -> SealedTree:
    """Close the open batch and seal it by the protocol, with the lists as published."""
    closed = await store.close_batch(now_s=created_s)
    previous = await store.newest_sealed()
    header = BatchHeader(
        sequence=sequence or (previous.sequence or 0) + 1 if previous else sequence or 1,
        previous_root=previous.root or bytes(32) if previous else bytes(32),
        created_s=created_s,
    )
    states = await store.list_states()
    assert states is not None, "every list has a version"
    tree = await tree_of(store, closed, header)
    seal = seal_of(header, tree, StatusSummary.of([state.entry for state in states]).status_root())
    await store.seal_batch(closed.id, seal, tree.levels, states)
    sealed = await store.batch(closed.id)
    assert sealed is not None
    return SealedTree(batch=sealed, tree=tree, seal=seal)


def seal_of(header: BatchHeader, tree: Tree, status_root: bytes) -> Seal:
    """Return the seal of a tree under a header."""
    return Seal(
        sequence=header.sequence,
        previous_root=header.previous_root,
        sealed_s=header.created_s,
        credential_root=tree.root(),
        status_root=status_root,
        root=join_root(tree.root(), status_root),
    )


def payload(number: int, *, sender: str = PUBLISHER, nonce: int = 0, created_ms: int = NOW_MS) -> Payload:
    """Return a payload whose bytes tell it from others."""
    raw = b"raw %d" % number
    return Payload(
        hash=sha256(raw).digest(),
        sender=sender,
        nonce=nonce,
        max_fee_wei=10**9 + number,
        priority_fee_wei=10**8,
        gas_limit=120_000,
        created_ms=created_ms,
        raw=raw,
    )


def mined(number: int) -> Mined:
    """Return where an anchor was mined."""
    return Mined(
        transaction=sha256(b"transaction %d" % number).digest(),
        block_number=number,
        block_hash=sha256(b"block %d" % number).digest(),
        block_time_s=NOW_S + 12 * number,
        publisher=PUBLISHER,
    )


def anchorage(number: int = 1, *, publisher: str = PUBLISHER, chain: int = 0) -> NewAnchorage:
    """Return a place to anchor at: a contract by its number, on one chain unless another is named."""
    return NewAnchorage(
        chain_id=31337 + chain,
        genesis_hash=sha256(b"genesis %d" % chain).digest(),
        contract=f"0x{number:040x}",
        publisher=publisher,
        from_block=number,
    )
