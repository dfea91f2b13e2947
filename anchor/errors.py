"""
Every error this package raises on purpose, by what the caller can do about it.

    AnchorError
    ├── InvalidInput            change the input
    │   ├── NotStrictJson       … as the position says, or anchor the file as raw
    │   └── InvalidProof        get the proof or evidence again from its source
    ├── Unauthorized            present a valid API key
    ├── NotFound                nothing by that name is visible to this caller
    ├── Conflict                the request contradicts what is already durable
    │   ├── RevocationIsFinal   suspend instead where a status may have to be lifted again
    │   └── MayBeAnchored       name the binding of the kept proof, or say that a second leaf is wanted
    ├── Overloaded              try again later
    ├── TooManyRequests         ask less often
    ├── TooLarge                send less at once
    ├── ChainUnavailable        retry, or use another RPC endpoint
    ├── ServiceUnavailable      the service or mirror did not answer as it should: retry
    └── FatalError              stop; a person must look
        └── ConfigError         correct the configuration
"""

from __future__ import annotations


class AnchorError(Exception):
    """Base of every error that this package raises on purpose."""


class InvalidInput(AnchorError):
    """The caller's input breaks a rule; the message names the rule and the value."""


class NotStrictJson(InvalidInput):
    """The text is no strict I-JSON (RFC 7493); `line` and `column` count from 1."""

    def __init__(self, reason: str, *, line: int, column: int) -> None:
        super().__init__(f"{reason} at line {line}, column {column}")
        self.reason = reason
        self.line = line
        self.column = column


class InvalidProof(InvalidInput):
    """A proof or evidence document is damaged, or its hashes do not lead where they must."""


class Unauthorized(AnchorError):
    """The caller presented no API key, or one that is not (or no longer) valid."""


class NotFound(AnchorError):
    """What was asked for does not exist, or is not this caller's to see."""


class Conflict(AnchorError):
    """The request contradicts what is already durable; nothing was changed."""


class RevocationIsFinal(Conflict):
    """A revocation was to be cleared; nothing was changed."""


class MayBeAnchored(Conflict):
    """A digest may have a leaf that a rebuilt database cannot find by it; nothing was accepted."""


class Overloaded(AnchorError):
    """The service cannot take more now; `retry_after_s` says when to come back."""

    def __init__(self, message: str, *, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class TooManyRequests(AnchorError):
    """The caller asks too often; `retry_after_s` says when to come back."""

    def __init__(self, message: str, *, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class TooLarge(AnchorError):
    """The request exceeds a named limit."""


class ChainUnavailable(AnchorError):
    """An RPC endpoint did not answer, or answered what cannot be true; the state of the chain is unknown."""


class ServiceUnavailable(AnchorError):
    """The service, or a mirror of it, did not answer, or not as it should."""


class FatalError(AnchorError):
    """Going on could break a promise: stop and let a person look."""


class ConfigError(FatalError):
    """The configuration is missing something or contradicts the chain or the database."""
