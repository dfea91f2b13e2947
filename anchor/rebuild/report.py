"""What a rebuild reached, and exactly what it did not."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from anchor.core.strict_json import JsonValue
from status_lists.datetimes import format_datetime

REBUILD_FORMAT = "credential-anchor/rebuild/v1"

NOT_PUBLISHED = (
    (
        "digests",
        "only leaf hashes are published: an issuer that submits a digest again gets its old place back",
    ),
    ("bindings", "known from proofs: `--proofs`, or submit the digest with the proof's `status`"),
    ("allocated indexes", "every rebuilt list counts as full; new entries come from new lists"),
    (
        "status history",
        "begins anew with the bits as they were published; who changed them, and why, is not known",
    ),
    ("secrets of token keys", "list keys sign tokens until `anchor issuer rotate-token-key`"),
    ("other signed forms of past versions", "each list gets them with its next version"),
    ("API keys and issuers' names", "`anchor issuer rotate-key` gives each issuer a new key"),
    ("idempotency keys", "a repeated allocation hands out new entries"),
    ("webhooks", "issuers add theirs again"),
    ("digests that were accepted and not anchored", "issuers submit them again"),
    ("signed transactions", "of rebuilt batches the hashes are known"),
)
"""What no published file holds, and what the rebuilt service does instead."""

FROM_BACKUP = "up to the backup it came from the backup"


class ListKeyState(Enum):
    """What became of the key that signs an issuer's lists."""

    HELD = "held"
    LOST = "lost"
    NEW = "new"


@dataclass(frozen=True, slots=True)
class Loss:
    """Something that should be there and could not be had, or does not match; `code` is stable."""

    sequence: int | None
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class RebuiltAnchorage:
    """Where roots are or were anchored; with `is_compared` false its chain was not there to compare with."""

    number: int
    chain_id: int
    contract: str
    publisher: str
    anchored: int
    rebuilt: int
    is_compared: bool


@dataclass(frozen=True, slots=True)
class RebuiltIssuer:
    """An issuer of the rebuilt database; `lists_hold_until_ms` is when the first of its lists runs out."""

    number: int
    identifier: str
    verification_method: str
    list_key: ListKeyState
    lists: int
    lists_hold_until_ms: int | None

    @property
    def advice(self) -> str:
        """What is to be done about its list key; empty where nothing is."""
        if self.list_key is ListKeyState.HELD:
            return ""
        is_did_web = self.identifier.startswith("did:web:")
        if self.list_key is ListKeyState.NEW:
            new = f"it has no lists yet, and a new key for them: {self.verification_method}"
            return f"{new}; add it to the issuer's DID document" if is_did_web else new
        if is_did_web:
            return f"its lists are not signed until `anchor issuer rotate-list-key {self.number}`"
        return "its lists are not signed: rebuild with --seed-file, or issue under a new issuer"


@dataclass(slots=True)
class RebuildReport:
    """A rebuild under way, and in the end: counts, issuers, and what is missing."""

    now_s: int
    anchored: int = 0
    rebuilt: int = 0
    leaves: int = 0
    digests: int = 0
    reaccepted: int = 0
    proofs_given: int = 0
    proofs_used: int = 0
    has_base: bool = False
    has_pending: bool = False
    database: str | None = None
    losses: list[Loss] = field(default_factory=list)
    issuers: list[RebuiltIssuer] = field(default_factory=list)
    anchorages: list[RebuiltAnchorage] = field(default_factory=list)

    @property
    def is_complete(self) -> bool:
        """Whether everything that is anchored was had, and all that was given fitted."""
        return not self.losses

    def lose(self, sequence: int | None, code: str, message: str) -> None:
        """Note what is missing or does not match."""
        self.losses.append(Loss(sequence, code, message))

    def to_json(self) -> dict[str, JsonValue]:
        """Return the report for programs; names and codes in it are stable."""
        return {
            "format": REBUILD_FORMAT,
            "complete": self.is_complete,
            "database": self.database,
            "batches": {"anchored": self.anchored, "rebuilt": self.rebuilt},
            "anchorages": [
                {
                    "number": place.number,
                    "chainId": place.chain_id,
                    "contract": place.contract,
                    "publisher": place.publisher,
                    "batches": {"anchored": place.anchored, "rebuilt": place.rebuilt},
                    "compared": place.is_compared,
                }
                for place in self.anchorages
            ],
            "leaves": {"rebuilt": self.leaves, "withDigest": self.digests, "acceptedAgain": self.reaccepted},
            "proofs": {"given": self.proofs_given, "used": self.proofs_used},
            "pendingTransactions": self.has_pending,
            "issuers": [_issuer_json(issuer) for issuer in self.issuers],
            "missing": [
                {"sequence": loss.sequence, "code": loss.code, "message": loss.message}
                for loss in self.losses
            ],
            "notPublished": [
                {"what": what, "then": f"{then}; {FROM_BACKUP}" if self.has_base else then}
                for what, then in NOT_PUBLISHED
            ],
        }


def _issuer_json(issuer: RebuiltIssuer) -> JsonValue:
    until_ms = issuer.lists_hold_until_ms
    return {
        "number": issuer.number,
        "id": issuer.identifier,
        "verificationMethod": issuer.verification_method,
        "listKey": issuer.list_key.value,
        "lists": issuer.lists,
        "listsHoldUntil": None if until_ms is None else format_datetime(until_ms),
        "advice": issuer.advice,
    }
