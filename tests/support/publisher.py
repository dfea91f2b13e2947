"""A publisher in memory: issuers with lists, batches built by the protocol, files in a mirror's folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from anchor.chain.protocol import Block
from anchor.core.digest import Method, credential_digest, salted_digest
from anchor.core.entries import (
    BatchHeader,
    CredentialEntry,
    Purpose,
    StatusEntry,
    StatusListEntry,
    StatusSummary,
    bits_root,
    identifier_hash,
)
from anchor.core.merkle import Tree, leaf_hash
from anchor.core.proof import BatchDescription, CredentialProof, Inclusion
from anchor.documents import (
    AnchorClaim,
    BatchDocument,
    EarlierAnchorage,
    ListState,
    ProofDocument,
    PublisherDocument,
    batch_to_json,
    proof_to_json,
    publisher_to_json,
)
from status_lists import (
    MIN_ENTRIES,
    ListKey,
    StatusList,
    list_document,
    set_entry,
    sign_list,
    verification_method_of,
    write_json_object,
)
from tests.support.fake_chain import CONTRACT, Anchored, FakeChain, Succeeded

BASE_URL = "https://anchor.example.org"
VALIDITY_MS = 7 * 86_400_000


@dataclass(frozen=True, slots=True)
class TestIssuer:
    """An issuer whose identifier is its own did:key, or any other with a stand-in key."""

    __test__ = False

    id: str
    key: ListKey = field(repr=False)


def did_key_issuer(seed: int) -> TestIssuer:
    """Return an issuer that is its own did:key."""
    key = ListKey(bytes([seed]) * 32)
    return TestIssuer(id=key.did_key, key=key)


@dataclass(slots=True)
class OwnList:
    """A list as its publisher keeps it."""

    number: int
    issuer: TestIssuer
    purpose: Purpose
    bits: bytearray
    version: int
    base_url: str = BASE_URL

    @property
    def url(self) -> str:
        """The list's URL."""
        return f"{self.base_url}/status-lists/{self.number}"

    def state(self) -> ListState:
        """Return the list as a batch anchors it now."""
        entry = StatusListEntry(
            issuer_id=identifier_hash(self.issuer.id),
            list_id=identifier_hash(self.url),
            purpose=self.purpose,
            bits_per_entry=1,
            length=len(self.bits) * 8,
            version=self.version,
            bits_root=bits_root(self.bits),
        )
        return ListState(number=self.number, url=self.url, issuer=self.issuer.id, entry=entry)

    def signed(self, *, validity_ms: int = VALIDITY_MS, **changed: str | int) -> bytes:
        """Return the list as signed; `changed` replaces members of StatusList, for documents that lie."""
        facts: dict[str, object] = {
            "url": self.url,
            "issuer": self.issuer.key.did_key if self.issuer.id.startswith("http") else self.issuer.id,
            "purpose": self.purpose.label,
            "length": len(self.bits) * 8,
        }
        status_list = StatusList(**(facts | changed))  # type: ignore[arg-type]  # fields by name
        document = list_document(
            status_list,
            bytes(self.bits).ljust(status_list.size_bytes, b"\0")[: status_list.size_bytes],
            valid_from_ms=self.version,
            valid_until_ms=self.version + validity_ms,
            ttl_ms=300_000,
        )
        return write_json_object(
            sign_list(
                document,
                key=self.issuer.key,
                verification_method=verification_method_of(self.issuer.key),
                created_ms=self.version,
            )
        )


@dataclass(frozen=True, slots=True)
class SealedBatch:
    """A batch as published, with all that proofs are made from."""

    document: BatchDocument
    tree: Tree
    entries: tuple[CredentialEntry, ...]
    issuers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sealed:
    """A batch whose root is fixed and not anchored yet."""

    description: BatchDescription
    tree: Tree
    entries: tuple[CredentialEntry, ...]
    issuers: tuple[str, ...]
    lists: tuple[ListState, ...]

    @property
    def root(self) -> bytes:
        """The root to be anchored."""
        return self.description.root()


class ChainFacts(Protocol):
    """What a publisher needs to know of its chain."""

    @property
    def chain_id(self) -> int: ...

    @property
    def genesis_hash(self) -> bytes: ...

    @property
    def latest(self) -> Block: ...


class Publisher:
    """Anchors batches on a fake chain and keeps the published files in a folder, as a mirror does."""

    def __init__(self, *, chain: ChainFacts, account: str, folder: Path, contract: str = CONTRACT) -> None:
        self.chain = chain
        self.contract = contract
        self.account = account
        self.folder = folder
        self.lists: list[OwnList] = []
        self.batches: list[SealedBatch] = []
        self.earlier: tuple[EarlierAnchorage, ...] = ()
        self._pending: list[tuple[str, CredentialEntry]] = []

    @property
    def now_s(self) -> int:
        """The time of the newest block: what a verifier with a right clock reads."""
        return self.chain.latest.timestamp_s

    def add_pair(self, issuer: TestIssuer, *, length: int = MIN_ENTRIES) -> tuple[OwnList, OwnList]:
        """Make a revocation and a suspension list for an issuer."""
        pair = []
        for purpose in (Purpose.REVOCATION, Purpose.SUSPENSION):
            own = OwnList(
                number=len(self.lists),
                issuer=issuer,
                purpose=purpose,
                bits=bytearray(length // 8),
                version=self.now_s * 1000 - 60_000,
            )
            self.lists.append(own)
            pair.append(own)
            self.publish_list(own)
        return pair[0], pair[1]

    def set_bit(self, number: int, index: int, value: int) -> OwnList:
        """Change one entry of a list under a new version and publish it, not yet anchored."""
        own = self.lists[number]
        set_entry(own.bits, index, value)
        own.version = max(self.now_s * 1000 - 60_000, own.version + 1)
        self.publish_list(own)
        return own

    def publish_list(self, own: OwnList, content: bytes | None = None) -> None:
        """Write a list as the newest one and under its version; `content` in its stead, for lists that lie."""
        signed = own.signed() if content is None else content
        self.write(f"status-lists/{own.number}.json", signed)
        self.write(f"status-lists/{own.number}/{own.version}.json", signed)

    def write(self, name: str, content: bytes) -> None:
        """Write one published file."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def submit(
        self,
        issuer: TestIssuer,
        content: bytes,
        *,
        method: Method = Method.JCS,
        status: StatusEntry | None = None,
        salt: bytes | None = None,
    ) -> int:
        """Put a credential's digest into the open batch; returns its place there."""
        digest = credential_digest(method, content)
        entry = CredentialEntry(
            issuer_id=identifier_hash(issuer.id),
            method=method,
            digest=salted_digest(salt, digest) if salt else digest,
            salted=salt is not None,
            status=status,
        )
        self._pending.append((issuer.id, entry))
        return len(self._pending)

    def anchor(self, *, after_s: int = 12, is_final: bool = True, publish: bool = True) -> SealedBatch:
        """Seal the open batch with all lists, anchor its root on the fake chain, publish its files."""
        assert isinstance(self.chain, FakeChain)
        sealed = self.seal()
        block = self.chain.mine(Anchored(self.account, sealed.root, sealed.tree.size), after_s=after_s)
        if is_final:
            self.chain.finalize()
        batch = self.mined(sealed, block, transaction=sha256(block.hash + b"\0").digest())
        if publish:
            self.publish_batch(batch)
        return batch

    def seal(self) -> Sealed:
        """Close the open batch: its root commits to its credentials and to every list as it stands."""
        entries = tuple(entry for _issuer, entry in self._pending)
        issuers = tuple(issuer for issuer, _entry in self._pending)
        self._pending.clear()
        header = BatchHeader(
            sequence=len(self.batches) + 1,
            previous_root=self.batches[-1].document.root if self.batches else bytes(32),
            created_s=self.now_s,
        )
        tree = Tree()
        tree.extend([leaf_hash(header.encode()), *(leaf_hash(entry.encode()) for entry in entries)])
        states = tuple(own.state() for own in self.lists)
        description = BatchDescription(
            header=header,
            leaf_count=tree.size,
            credential_root=tree.root(),
            list_entries=tuple(state.entry for state in states),
        )
        return Sealed(description=description, tree=tree, entries=entries, issuers=issuers, lists=states)

    def mined(self, sealed: Sealed, block: Block, *, transaction: bytes) -> SealedBatch:
        """Note where a sealed batch was mined."""
        claim = AnchorClaim(
            chain_id=self.chain.chain_id,
            contract=self.contract,
            publisher=self.account,
            sequence=sealed.description.header.sequence,
            transaction=transaction,
            block_number=block.number,
            block_time_s=block.timestamp_s,
        )
        document = BatchDocument(
            description=sealed.description,
            root=sealed.root,
            lists=sealed.lists,
            claim=claim,
            is_final=True,
        )
        batch = SealedBatch(
            document=document, tree=sealed.tree, entries=sealed.entries, issuers=sealed.issuers
        )
        self.batches.append(batch)
        return batch

    def publish_batch(self, batch: SealedBatch) -> None:
        """Write a batch's document and leaves, and the publisher document."""
        sequence = batch.document.description.header.sequence
        self.write(f"batches/{sequence}.json", to_bytes(batch_to_json(batch.document)))
        self.write(f"batches/{sequence}.leaves", bytes(batch.tree.levels[0]))
        document = PublisherDocument(
            chain_id=self.chain.chain_id,
            genesis_hash=self.chain.genesis_hash,
            contract=self.contract,
            publisher=self.account,
            from_block=0,
            base_url=BASE_URL,
            head_sequence=sequence,
            head_root=batch.document.root,
            earlier=self.earlier,
        )
        self.write("publisher.json", to_bytes(publisher_to_json(document)))

    def move(self, chain: FakeChain) -> None:
        """Go on on another chain, in the same folder and with the same lists; the next batch is its first there."""
        number = len(self.earlier) + 1
        left = self.folder / "anchorages" / str(number) / "batches"
        left.parent.mkdir(parents=True)
        (self.folder / "batches").rename(left)
        here = EarlierAnchorage(
            number=number,
            chain_id=self.chain.chain_id,
            genesis_hash=self.chain.genesis_hash,
            contract=self.contract,
            publisher=self.account,
            from_block=0,
            head_sequence=len(self.batches),
            head_root=self.batches[-1].document.root if self.batches else None,
        )
        chain.mine(after_s=self.chain.latest.timestamp_s - chain.latest.timestamp_s)
        chain.finalize()
        self.chain, self.batches, self.earlier = chain, [], (*self.earlier, here)

    def succeed(self, account: str) -> None:
        """Hand over to another account, which anchors from now on."""
        assert isinstance(self.chain, FakeChain)
        self.chain.mine(Succeeded(self.account, account))
        self.chain.finalize()
        self.account = account

    def proof(self, batch: SealedBatch, place: int, *, salt: bytes | None = None) -> ProofDocument:
        """Return the proof of the credential at a place of a batch."""
        summary = StatusSummary.of(batch.document.description.list_entries)
        proof = CredentialProof(
            entry=batch.entries[place - 1],
            inclusion=Inclusion(
                index=place, tree_size=batch.tree.size, path=tuple(batch.tree.inclusion_path(place))
            ),
            status_root=summary.status_root(),
        )
        return ProofDocument(
            proof=proof, issuer=batch.issuers[place - 1], salt=salt, claim=batch.document.claim
        )


def proof_bytes(document: ProofDocument) -> bytes:
    """Return a proof file's bytes."""
    return to_bytes(proof_to_json(document))


def to_bytes(value: object) -> bytes:
    """Return JSON as published."""
    return json.dumps(value).encode()


def with_lists(batch: BatchDocument, lists: Sequence[ListState]) -> BatchDocument:
    """Return a batch document over other lists, with the root that they give."""
    description = replace(batch.description, list_entries=tuple(state.entry for state in lists))
    return replace(batch, description=description, lists=tuple(lists), root=description.root())
