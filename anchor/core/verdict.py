"""The ten verdicts, in the order in which the first that applies is given (docs/protocol.md, Verification)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum


class Verdict(Enum):
    """What a verifier is told; the order of definition is the order of precedence."""

    TAMPERED = "tampered"
    NOT_ANCHORED = "not_anchored"
    ISSUER_MISMATCH = "issuer_mismatch"
    REVOKED = "revoked"
    EXPIRED = "expired"
    SUSPENDED = "suspended"
    NOT_YET_VALID = "not_yet_valid"
    UNKNOWN = "unknown"
    PENDING = "pending"
    VALID = "valid"

    @property
    def is_definite_no(self) -> bool:
        """Whether the verdict says, on checked facts, that the credential is not to be relied on."""
        return self not in (Verdict.UNKNOWN, Verdict.PENDING, Verdict.VALID)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a verdict applies: a stable code for programs and a sentence for people."""

    verdict: Verdict
    code: str
    message: str


def decide(reasons: Iterable[Reason]) -> Verdict:
    """Return the first verdict, in order of precedence, for which there is a reason; `valid` where there is none."""
    order = list(Verdict)
    return min((reason.verdict for reason in reasons), key=order.index, default=Verdict.VALID)
