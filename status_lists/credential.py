"""The W3C documents that an issuer publishes: the list credential, and the entry that its credentials carry.

Source: W3C Bitstring Status List v1.0, sections 2.1 (entry), 2.2 (list) and 3.1 (generation).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from status_lists.bitstring import bytes_needed
from status_lists.datetimes import format_datetime
from status_lists.encoding import compression_level, encode_list
from status_lists.errors import ListTooShort, MalformedValue, OutOfRange
from status_lists.iris import check_http_url, check_issuer

CONTEXT_V2 = "https://www.w3.org/ns/credentials/v2"
CREDENTIAL_TYPE = "VerifiableCredential"
LIST_CREDENTIAL_TYPE = "BitstringStatusListCredential"
LIST_TYPE = "BitstringStatusList"
ENTRY_TYPE = "BitstringStatusListEntry"

PURPOSES = ("revocation", "suspension", "refresh", "message")
MIN_ENTRIES = 131_072
"""The least number of entries that keeps one holder among many (section 6.1)."""

CHUNK_BITS = 512
"""A list fills whole chunks of 64 bytes, the leaves of the tree that is anchored over it."""

_MESSAGE_BITS = {2: 1, 4: 2, 16: 4, 256: 8}


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusList:
    """What never changes about a list: where it is published, by whom, for what, and its size.

    `length` counts entries of `bits_per_entry` bits. Raises MalformedValue for an address, issuer, purpose or
    entry size that a list cannot have, ListTooShort below 131,072 entries, OutOfRange where the entries do
    not fill whole chunks of 64 bytes.
    """

    url: str
    issuer: str
    purpose: str
    length: int = MIN_ENTRIES
    bits_per_entry: int = 1

    def __post_init__(self) -> None:
        check_http_url(self.url, "list URL")
        check_issuer(self.issuer)
        check_purpose(self.purpose)
        if self.length < MIN_ENTRIES:
            raise ListTooShort(f"a list of {self.length} entries is too short; {MIN_ENTRIES} is the least")
        if bytes_needed(self.length, self.bits_per_entry) * 8 % CHUNK_BITS:
            raise OutOfRange(
                f"{self.length} entries of {self.bits_per_entry} bits do not fill chunks of 64 bytes"
            )

    @property
    def size_bytes(self) -> int:
        """The size of the list's bitstring."""
        return bytes_needed(self.length, self.bits_per_entry)

    def empty_bits(self) -> bytearray:
        """Make the bitstring of a new list, every entry 0."""
        return bytearray(self.size_bytes)


def check_purpose(purpose: str) -> str:
    """Return the purpose if it is one of the four that are specified, else raise MalformedValue."""
    if purpose not in PURPOSES:
        raise MalformedValue(f"purpose {purpose[:32]!r} is none of {', '.join(PURPOSES)}")
    return purpose


def list_document(
    status_list: StatusList,
    bits: bytes | bytearray,
    *,
    valid_from_ms: int,
    valid_until_ms: int,
    ttl_ms: int,
) -> dict[str, object]:
    """Build the unsigned BitstringStatusListCredential of one version of a list.

    `valid_from_ms` is the version. Requires exactly the list's bits, an end after the beginning and a
    positive ttl, else raises OutOfRange. Guarantees equal documents for equal arguments. The context defines
    neither `statusSize` nor `statusMessages` for a list, so a list of larger entries says their size in its
    credentials' entries alone.
    """
    if len(bits) != status_list.size_bytes:
        raise OutOfRange(f"the list has {status_list.size_bytes} bytes, not {len(bits)}")
    if valid_until_ms <= valid_from_ms or ttl_ms <= 0:
        raise OutOfRange("a list must end after it begins, and be fresh for more than 0 ms")
    return {
        "@context": [CONTEXT_V2],
        "id": status_list.url,
        "type": [CREDENTIAL_TYPE, LIST_CREDENTIAL_TYPE],
        "issuer": status_list.issuer,
        "validFrom": format_datetime(valid_from_ms),
        "validUntil": format_datetime(valid_until_ms),
        "credentialSubject": {
            "id": f"{status_list.url}#list",
            "type": LIST_TYPE,
            "statusPurpose": status_list.purpose,
            "encodedList": encode_list(bits, level=compression_level(len(bits))),
            "ttl": ttl_ms,
        },
    }


def status_entry(url: str, purpose: str, index: int, *, messages: Sequence[str] = ()) -> dict[str, object]:
    """Build the `credentialStatus` object that a credential carries, ready to be signed with it.

    `messages` gives the meaning of each value of the entry, 2, 4, 16 or 256 of them for entries of 1, 2, 4 or
    8 bits; entries of more than one bit must have them. Raises MalformedValue for a URL, purpose or number of
    messages that is not possible, OutOfRange for a negative index. Source: section 2.1.
    """
    if index < 0:
        raise OutOfRange(f"index {index} is negative")
    entry: dict[str, object] = {
        "id": f"{check_http_url(url, 'list URL')}#{index}",
        "type": ENTRY_TYPE,
        "statusPurpose": check_purpose(purpose),
        "statusListIndex": str(index),
        "statusListCredential": url,
    }
    if not messages:
        return entry
    if len(messages) not in _MESSAGE_BITS:
        raise MalformedValue(f"an entry has 2, 4, 16 or 256 messages, not {len(messages)}")
    if len(messages) > 2:
        entry["statusSize"] = _MESSAGE_BITS[len(messages)]
    entry["statusMessage"] = [
        {"status": f"0x{value:x}", "message": message} for value, message in enumerate(messages)
    ]
    return entry
