"""What goes to the service and comes from it, as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from anchor.core.digest import Method
from anchor.core.entries import Purpose, StatusEntry
from anchor.core.lifecycle import BatchState
from anchor.core.promise import SignedPromise
from anchor.core.strict_json import JsonValue
from anchor.documents import ReceiptDocument

MAX_ITEMS = 10_000
"""Submissions, status entries or status changes in one request."""

JsonObject = dict[str, JsonValue]


@dataclass(frozen=True, slots=True)
class NewTokenKey:
    """That an issuer is to have a token key: a fresh one, or the one of a secret of 32 bytes, big-endian."""

    secret: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class TokenKey:
    """A key beside the list key, as tokens name it."""

    algorithm: str
    verification_method: str
    public_key_multibase: str


@dataclass(frozen=True, slots=True)
class ListSigner:
    """Who signs an issuer's lists: `managed`, `service` or `did-web`, with the key as lists name it.

    A did:web may have a token key of P-256, which signs the forms of lists that are JOSE or COSE.
    """

    type: str
    did: str
    verification_method: str
    public_key_multibase: str
    token_key: TokenKey | None = None


@dataclass(frozen=True, slots=True)
class Issuer:
    """An issuer as its service lists it; `number` names it in paths."""

    number: int
    id: str
    name: str
    list_signer: ListSigner
    is_disabled: bool
    created: datetime


@dataclass(frozen=True, slots=True)
class CreatedIssuer:
    """A new issuer with its API key, which the service tells this once, and what it warns of."""

    issuer: Issuer
    api_key: str = field(repr=False)
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RotatedKey:
    """An issuer's new API key, told this once; the old one is void."""

    number: int
    id: str
    api_key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class RotatedListKey:
    """An issuer whose lists a new key signs, the verification method of the one before, and what is left to do.

    There is none before the first token key.
    """

    issuer: Issuer
    retired_method: str | None
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where an issuer is told of new versions of its lists; `failures` counts attempts since the last good one."""

    id: int
    url: str
    created: datetime
    is_disabled: bool
    failures: int
    failing_since: datetime | None
    last_failure: str | None


@dataclass(frozen=True, slots=True)
class CreatedWebhook:
    """A new webhook with the secret that proves its sender (Standard Webhooks), told this once."""

    webhook: Webhook
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Submission:
    """
    A digest to anchor; `status` binds a given status entry, has one allocated, or binds none.

    `again` lets it have a second leaf where a service that lost its database cannot tell whether it has one.
    """

    digest: bytes
    method: Method
    salted: bool = False
    status: StatusEntry | Literal["allocate"] | None = None
    again: bool = False


@dataclass(frozen=True, slots=True)
class ReceiptAnchor:
    """Where a digest's batch is mined."""

    sequence: int
    root: bytes
    transaction: bytes
    block_number: int
    block_time_s: int


@dataclass(frozen=True, slots=True)
class Expected:
    """When a digest's batch is likely to be in a block, and when that block is likely to be final."""

    mined: datetime
    final: datetime


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the service holds of a digest, durable since `accepted`.

    `expected` is an estimate, None where nothing more is to be expected or nobody can tell.
    `anchor` comes only with the look-up of one digest that is mined, `document` only with a submission: the signed
    receipt that the digest's holder keeps until the proof is there.
    """

    digest: bytes
    method: Method
    salted: bool
    is_new: bool
    state: BatchState
    status: StatusEntry | None
    credential_status: tuple[JsonObject, ...]
    accepted: datetime
    sequence: int | None
    anchor: ReceiptAnchor | None
    document: ReceiptDocument | None = None
    expected: Expected | None = None


@dataclass(frozen=True, slots=True)
class PackedReceipt:
    """How many digests of a packed request were new and how many known; all are durable since `accepted`.

    The one promise covers all of them, known ones too: `receipts_of_packed` cuts the receipt of any digest out. There
    is none where one of them is final in an anchorage that was left.
    """

    new: int
    known: int
    accepted: datetime
    promise: SignedPromise | None = None
    expected: Expected | None = None


@dataclass(frozen=True, slots=True)
class StatusAllocation:
    """A status entry that is this issuer's, and the ready objects for a credential's `credentialStatus`."""

    status: StatusEntry
    credential_status: tuple[JsonObject, ...]


@dataclass(frozen=True, slots=True)
class StatusEvent:
    """One change of a status entry: who set which purpose to what, when and why."""

    time: datetime
    purpose: Purpose
    value: bool
    reason: str
    actor: str


@dataclass(frozen=True, slots=True)
class EntryState:
    """What a status entry says now, and every change that led there."""

    status: StatusEntry
    is_revoked: bool
    is_suspended: bool
    history: tuple[StatusEvent, ...]


@dataclass(frozen=True, slots=True)
class DigestTarget:
    """Names a status entry by the digest it is bound to; without a method, the one it was submitted under."""

    digest: bytes
    method: Method | None = None
    salted: bool = False


@dataclass(frozen=True, slots=True)
class StatusChange:
    """A change to make: `target` may be an entry in either list of a pair, the index is the same."""

    target: StatusEntry | DigestTarget
    purpose: Purpose
    value: bool
    reason: str


@dataclass(frozen=True, slots=True)
class PublishedList:
    """A status list as it is published from now on; `version` is its `validFrom` in Unix milliseconds."""

    number: int
    url: str
    version: int


@dataclass(frozen=True, slots=True)
class ChangeReceipt:
    """What status changes did: public since `published`, anchored by `anchored_by`, if anything changed."""

    changed: int
    unchanged: int
    published: datetime | None
    lists: tuple[PublishedList, ...]
    anchored_by: datetime | None
