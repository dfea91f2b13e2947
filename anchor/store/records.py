"""The values that go in and out of a store."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from anchor.core.entries import Purpose, StatusEntry, StatusListEntry
from anchor.core.lifecycle import BatchState


class SignerKind(Enum):
    """Who signs an issuer's lists: the issuer's own did:key held here, its did:web key held here, or a stand-in."""

    MANAGED = "managed"
    DID_WEB = "did-web"
    SERVICE = "service"


@dataclass(frozen=True, slots=True)
class TokenKey:
    """A P-256 key of a did:web that signs the token forms of its lists: compressed point, sealed secret."""

    verification_method: str
    public_key: bytes
    sealed_secret: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ListSigner:
    """
    The Ed25519 key that signs an issuer's lists; the seed is sealed by the key-encryption key.

    Where there is a token key, it signs the forms that are JOSE or COSE, and the list key signs the others.
    """

    kind: SignerKind
    did: str
    verification_method: str
    public_key: bytes
    sealed_seed: bytes = field(repr=False)
    token_key: TokenKey | None = None

    @property
    def token_method(self) -> str:
        """The verification method of the key that signs the token forms."""
        return (self.token_key or self).verification_method


@dataclass(frozen=True, slots=True)
class Issuer:
    """An issuer; `number` is this service's handle for it."""

    number: int
    identifier: str
    name: str
    signer: ListSigner
    created_ms: int
    is_disabled: bool


@dataclass(frozen=True, slots=True)
class NewIssuer:
    """An issuer to be added."""

    identifier: str
    name: str
    signer: ListSigner
    api_key_hash: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class RetiredKey:
    """A key that signed an issuer's lists until it was replaced; versions that it signed verify under it for ever."""

    verification_method: str
    public_key: bytes
    retired_ms: int


@dataclass(frozen=True, slots=True)
class IssuerKeys:
    """An issuer with its present keys, and the list keys and token keys before them, oldest first."""

    issuer: Issuer
    retired: tuple[RetiredKey, ...]
    retired_token_keys: tuple[RetiredKey, ...] = ()


@dataclass(frozen=True, slots=True)
class Submission:
    """
    One digest handed in: bound to a status entry, to a fresh one (`allocate`), or to none.

    `again`: it may have another leaf where the one that it has cannot be found, as in a rebuilt database.
    """

    method_code: int
    digest: bytes
    status: StatusEntry | None = None
    allocate: bool = False
    again: bool = False


@dataclass(frozen=True, slots=True)
class Accepted:
    """Where a digest durably stands: its batch, its leaf, its binding, and since when."""

    method_code: int
    digest: bytes
    status: StatusEntry | None
    batch: int
    leaf_index: int
    accepted_s: int
    is_new: bool


@dataclass(frozen=True, slots=True)
class PackedAccepted:
    """
    How many digests of a packed request were new and how many known; the root over the leaf hashes of all.

    `known_batches` are those that hold known digests.
    """

    new: int
    known: int
    root: bytes
    known_batches: frozenset[int]


@dataclass(frozen=True, slots=True)
class ListPlan:
    """How a store makes the next pair of lists when an issuer's last pair has no room."""

    length: int
    new_permutation_key: Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class ListSpec:
    """What an issuer chooses of a list; `messages` gives a meaning to each value in a list of messages."""

    purpose: Purpose
    bits_per_entry: int
    length: int
    messages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class IssuerList:
    """One of an issuer's lists, and how many of its entries were handed out."""

    number: int
    spec: ListSpec
    allocated: int


@dataclass(frozen=True, slots=True)
class DigestTarget:
    """Names a status entry by the digest that it is bound to; the method only where there are several."""

    digest: bytes
    method_code: int | None = None


@dataclass(frozen=True, slots=True)
class StatusChange:
    """A change that an issuer asks for; a status entry may name either list of a pair, the purpose decides."""

    target: StatusEntry | DigestTarget
    purpose: Purpose
    value: int
    reason: str


@dataclass(frozen=True, slots=True)
class ChangeOutcome:
    """What a request for changes did: which lists now differ, and how many changes were news."""

    changed: int
    unchanged: int
    lists: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class HistoryItem:
    """One change of one status entry: never deleted."""

    changed_ms: int
    purpose: Purpose
    value: int
    reason: str
    actor: str


@dataclass(frozen=True, slots=True)
class DueList:
    """A list to be published: its fixed attributes, its signer, and the bits as of `changes`."""

    number: int
    issuer_number: int
    issuer: str
    purpose: Purpose
    bits_per_entry: int
    length: int
    messages: tuple[str, ...]
    signer: ListSigner
    previous_version: int | None
    changes: int
    bits: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class NewVersion:
    """A signed list, ready to be published: its usual document, and its other forms by name."""

    list_number: int
    version: int
    valid_until_ms: int
    bits_root: bytes
    changes: int
    document: bytes = field(repr=False)
    forms: Mapping[str, bytes] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class PublishedVersion:
    """A published version of a list, as served."""

    list_number: int
    version: int
    valid_until_ms: int
    document: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ListEvent:
    """That a version of a list was published; ids rise in the order of publication."""

    id: int
    list_number: int
    version: int


@dataclass(frozen=True, slots=True)
class AnchoredList:
    """One list's state as of a batch: what goes into the list tree, and the issuer in words."""

    number: int
    issuer: str
    entry: StatusListEntry


@dataclass(frozen=True, slots=True)
class NewAnchorage:
    """Where roots shall be anchored, and the account that sends the first."""

    chain_id: int
    genesis_hash: bytes
    contract: str
    publisher: str
    from_block: int


@dataclass(frozen=True, slots=True)
class Anchorage:
    """
    Where roots are or were anchored; `number` is 1 for the first of a database, and one more for each move.

    `publishers` is the line of succession, oldest first, as the chain last showed it.
    """

    number: int
    chain_id: int
    genesis_hash: bytes
    contract: str
    from_block: int
    publishers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """
    A batch; what is not known yet is None. `leaf_count` includes the header.

    `anchorage` is the one that it is sealed for; `publisher` the account under which its record stands there.
    """

    id: int
    state: BatchState
    created_s: int
    leaf_count: int
    is_closed: bool
    sequence: int | None
    previous_root: bytes | None
    sealed_s: int | None
    root: bytes | None
    credential_root: bytes | None
    status_root: bytes | None
    transaction: bytes | None
    block_number: int | None
    block_hash: bytes | None
    block_time_s: int | None
    anchorage: int | None
    publisher: str | None


@dataclass(frozen=True, slots=True)
class Seal:
    """Everything that sealing fixes of a batch."""

    sequence: int
    previous_root: bytes
    sealed_s: int
    credential_root: bytes
    status_root: bytes
    root: bytes


@dataclass(frozen=True, slots=True)
class Mined:
    """Where a batch's anchor was mined, and under whose address its record stands."""

    transaction: bytes
    block_number: int
    block_hash: bytes
    block_time_s: int
    publisher: str


@dataclass(frozen=True, slots=True)
class Payload:
    """A stored signed transaction of a batch; its nonce is one of its sender's."""

    hash: bytes
    sender: str
    nonce: int
    max_fee_wei: int
    priority_fee_wei: int
    gas_limit: int
    created_ms: int
    raw: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class PayloadCost:
    """
    What a payload cost or may cost: at most `worst_wei`, and `cost_wei` once it was seen mined, at `mined_s`.

    Settled is what a final block decides: mined there, or never, since another of its nonce was.
    """

    hash: bytes
    sender: str
    nonce: int
    worst_wei: int
    cost_wei: int | None
    mined_s: int | None


@dataclass(frozen=True, slots=True)
class SpentPeriod:
    """What payloads mined since a time cost in all, and when the first of them was mined (None: there is none)."""

    spent_wei: int
    first_mined_s: int | None


@dataclass(frozen=True, slots=True)
class Backlog:
    """
    What waits to be sealed: the open batch, how many entries it holds and since when, and unanchored lists.

    `last_sealed_s` is of the last anchorage; `has_moved` says that batches were anchored in an earlier one.
    """

    open_batch: int | None
    open_entries: int
    open_since_s: int | None
    lists_waiting_since_ms: int | None
    last_sealed_s: int | None
    has_moved: bool


@dataclass(frozen=True, slots=True)
class DigestPlace:
    """A digest of one issuer with its batch."""

    accepted: Accepted
    batch: Batch


NodeLevels = Sequence[bytes | bytearray]
"""The complete nodes of a tree, level 0 first, 32 bytes a node."""
