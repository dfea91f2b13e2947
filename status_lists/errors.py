"""Every error this package raises on purpose, under the names of W3C Bitstring Status List v1.0, section 3.5.

StatusListError
├── MalformedValue          MALFORMED_VALUE_ERROR       a value does not have the form it must have
│   ├── ListTooLarge        MALFORMED_VALUE_ERROR       … it expands to more than the caller allowed
│   ├── UnsupportedEntry    MALFORMED_VALUE_ERROR       … an entry is of a type or size not known here
│   └── KeyUnusable         MALFORMED_VALUE_ERROR       a key is no key, or its envelope does not open
├── OutOfRange              RANGE_ERROR                 an index, counter or entry value lies outside its list
├── ListTooShort            STATUS_LIST_LENGTH_ERROR    fewer entries than privacy needs
├── VerificationFailed      STATUS_VERIFICATION_ERROR   signature, purpose, address or dates do not hold
│   ├── UnsupportedShape    STATUS_VERIFICATION_ERROR   … the signed document is of a shape not known here
│   │   └── SuiteUnfit      STATUS_VERIFICATION_ERROR   … that this cryptosuite cannot secure at all
│   └── ListNotCurrent      STATUS_VERIFICATION_ERROR   … the list is from the future, or has ended
└── RetrievalFailed         STATUS_RETRIEVAL_ERROR      the list could not be had
"""

from __future__ import annotations

from typing import ClassVar


class StatusListError(Exception):
    """Base of every error that this package raises on purpose; `code` is the specification's name for it."""

    code: ClassVar[str] = "STATUS_VERIFICATION_ERROR"


class MalformedValue(StatusListError):
    """A value does not have the form that its specification demands."""

    code: ClassVar[str] = "MALFORMED_VALUE_ERROR"


class ListTooLarge(MalformedValue):
    """A list expands to more bytes than the caller allowed; nothing beyond the limit was held in memory."""


class UnsupportedEntry(MalformedValue):
    """A `credentialStatus` is of another type, or has entries of a size, that this package cannot read."""


class KeyUnusable(MalformedValue):
    """A key has the wrong form, or a sealed key does not open under this wrapping key and context."""


class OutOfRange(StatusListError):
    """An index, counter or entry value lies outside its list."""

    code: ClassVar[str] = "RANGE_ERROR"


class ListTooShort(StatusListError):
    """A list has fewer entries than the verifier demands for the privacy of the holders."""

    code: ClassVar[str] = "STATUS_LIST_LENGTH_ERROR"


class VerificationFailed(StatusListError):
    """A list's signature, shape, purpose or address does not hold."""

    code: ClassVar[str] = "STATUS_VERIFICATION_ERROR"


class UnsupportedShape(VerificationFailed):
    """A signed list is not of the one shape whose canonical form is known; it may still be genuine."""


class SuiteUnfit(UnsupportedShape):
    """A list holds terms that its JSON-LD context does not define: secure it as `vc+jwt` or `eddsa-jcs-2022`."""


class ListNotCurrent(VerificationFailed):
    """A list is not valid yet or no longer: fetch it again, and check both clocks."""


class RetrievalFailed(StatusListError):
    """A list could not be had from where it is published; raised by whoever fetches lists."""

    code: ClassVar[str] = "STATUS_RETRIEVAL_ERROR"
