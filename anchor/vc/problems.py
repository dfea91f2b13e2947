"""
What is wrong with a credential or presentation, in the words that W3C gave to it.

Sources: Verifiable Credentials Data Model 2.0, section 7.3 (Problem Details); Data Integrity 1.0, section 4.7
(Processing Errors); Bitstring Status List v1.0, section 3.5.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from anchor.errors import InvalidInput

_DATA_MODEL = "https://www.w3.org/TR/vc-data-model#"
_SECURITY = "https://w3id.org/security#"
_STATUS = "https://www.w3.org/ns/credentials/status-list#"
_OURS = "https://credential-anchor.org/problems/"


class Kind(Enum):
    """The kinds of problems: the URL of each, and a title."""

    PARSING = (f"{_DATA_MODEL}PARSING_ERROR", "the document cannot be read")
    MALFORMED = (f"{_DATA_MODEL}MALFORMED_VALUE_ERROR", "a value breaks the rules of its property")
    OUT_OF_RANGE = (f"{_DATA_MODEL}RANGE_ERROR", "a value is outside its range")
    CRYPTOGRAPHIC = (f"{_DATA_MODEL}CRYPTOGRAPHIC_SECURITY_ERROR", "the signature does not hold")
    PROOF = (f"{_SECURITY}PROOF_VERIFICATION_ERROR", "the proof cannot be accepted")
    DATA_LOSS = (f"{_SECURITY}DATA_LOSS_DETECTION_ERROR", "a part of the document would not be signed")
    VERIFICATION_METHOD = (f"{_SECURITY}INVALID_VERIFICATION_METHOD", "the key cannot be accepted")
    DOMAIN = (f"{_SECURITY}INVALID_DOMAIN_ERROR", "the proof is for another domain")
    CHALLENGE = (f"{_SECURITY}INVALID_CHALLENGE_ERROR", "the proof answers another challenge")
    STATUS_RETRIEVAL = (f"{_STATUS}STATUS_RETRIEVAL_ERROR", "a status list could not be had")
    STATUS_VERIFICATION = (f"{_STATUS}STATUS_VERIFICATION_ERROR", "a status list cannot be accepted")
    STATUS_LENGTH = (f"{_STATUS}STATUS_LIST_LENGTH_ERROR", "a status list is too short")
    STATUS_MALFORMED = (f"{_STATUS}MALFORMED_VALUE_ERROR", "a status value breaks its rules")
    STATUS_RANGE = (f"{_STATUS}RANGE_ERROR", "an index lies outside its list")
    REVOKED = (f"{_OURS}revoked", "the credential was revoked")
    SUSPENDED = (f"{_OURS}suspended", "the credential is suspended")
    STATUS_SET = (f"{_OURS}status-set", "a status of the credential is set")
    RELATED_CHANGED = (f"{_OURS}related-resource-changed", "a related resource is not the one that was meant")
    RELATED_UNCHECKED = (f"{_OURS}related-resource-unchecked", "a related resource was not compared")

    @property
    def url(self) -> str:
        """The problem's `type`."""
        return str(self.value[0])

    @property
    def title(self) -> str:
        """The problem's `title`."""
        return str(self.value[1])


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, and where."""

    kind: Kind
    detail: str

    def to_json(self) -> dict[str, str]:
        """Return the problem as an object of RFC 9457."""
        return {"type": self.kind.url, "title": self.kind.title, "detail": self.detail}


class Rejected(InvalidInput):
    """A document is not accepted; `problem` says why."""

    def __init__(self, kind: Kind, detail: str) -> None:
        super().__init__(detail)
        self.problem = Problem(kind, detail)
