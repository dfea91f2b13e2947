"""The W3C documents that an issuer publishes: the list credential, and the entry that its credentials carry.

A list of messages is the one that names its own entry size and messages (section 2.2), in terms that the
JSON-LD context does not define: it is secured as `vc+jwt` or with `eddsa-jcs-2022`, never with
`eddsa-rdfc-2022`, which would leave them unsigned.

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

MESSAGE = "message"
UNSET_AND_SET = ("unset", "set")
"""What 0 and 1 mean where an issuer says nothing else (section 2.1, `statusMessage`)."""

CHUNK_BITS = 512
"""A list fills whole chunks of 64 bytes, the leaves of the tree that is anchored over it."""

_MESSAGE_BITS = {2: 1, 4: 2, 16: 4, 256: 8}


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusList:
    """What never changes about a list: where it is published, by whom, for what, and its size.

    `length` counts entries of `bits_per_entry` bits. `messages` gives the meaning of each value of an entry,
    2, 4, 16 or 256 of them; a list of messages must have them, except that one-bit entries mean "unset" and
    "set" where nothing else is said, and no other list has any. Raises MalformedValue for an address, issuer,
    purpose, entry size or messages that a list cannot have, ListTooShort below 131,072 entries, OutOfRange
    where the entries do not fill whole chunks of 64 bytes.
    """

    url: str
    issuer: str
    purpose: str
    length: int = MIN_ENTRIES
    bits_per_entry: int = 1
    messages: tuple[str, ...] = ()

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
        self._check_messages()

    @property
    def size_bytes(self) -> int:
        """The size of the list's bitstring."""
        return bytes_needed(self.length, self.bits_per_entry)

    @property
    def meanings(self) -> tuple[str, ...]:
        """The meaning of each value of an entry in a list of messages; empty for the other purposes."""
        return self.messages or (UNSET_AND_SET if self.purpose == MESSAGE else ())

    def empty_bits(self) -> bytearray:
        """Make the bitstring of a new list, every entry 0."""
        return bytearray(self.size_bytes)

    def entry(self, index: int) -> dict[str, object]:
        """Build the `credentialStatus` object of the credential at this index; raises OutOfRange beyond the list."""
        if index >= self.length:
            raise OutOfRange(f"index {index} is not below the list's length {self.length}")
        return status_entry(self.url, self.purpose, index, messages=self.messages)

    def _check_messages(self) -> None:
        expected = 2**self.bits_per_entry if self.purpose == MESSAGE else 0
        if len(self.meanings) != expected:
            raise MalformedValue(
                f"a {self.purpose} list of {self.bits_per_entry}-bit entries has {expected} messages, "
                f"not {len(self.messages)}"
            )
        if not all(self.messages):
            raise MalformedValue("a message is empty; write 'undefined' for a value without meaning")


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
    encoded_list: str | None = None,
) -> dict[str, object]:
    """Build the unsigned BitstringStatusListCredential of one version of a list.

    `valid_from_ms` is the version. Requires exactly the list's bits, an end after the beginning and a
    positive ttl, else raises OutOfRange. Guarantees equal documents for equal arguments. A list of messages
    says its `statusSize` and `statusMessages`; of other lists with larger entries, which the context gives no
    term for, only the credentials' entries say it. `encoded_list` is the text of these bits where it is at hand
    already, as `SegmentedBits` keeps it; otherwise it is made here.
    """
    if len(bits) != status_list.size_bytes:
        raise OutOfRange(f"the list has {status_list.size_bytes} bytes, not {len(bits)}")
    if valid_until_ms <= valid_from_ms or ttl_ms <= 0:
        raise OutOfRange("a list must end after it begins, and be fresh for more than 0 ms")
    subject: dict[str, object] = {
        "id": f"{status_list.url}#list",
        "type": LIST_TYPE,
        "statusPurpose": status_list.purpose,
        "encodedList": encoded_list or encode_list(bits, level=compression_level(len(bits))),
        "ttl": ttl_ms,
    }
    if status_list.purpose == MESSAGE:
        subject["statusSize"] = status_list.bits_per_entry
        subject["statusMessages"] = _described(status_list.meanings)
    return {
        "@context": [CONTEXT_V2],
        "id": status_list.url,
        "type": [CREDENTIAL_TYPE, LIST_CREDENTIAL_TYPE],
        "issuer": status_list.issuer,
        "validFrom": format_datetime(valid_from_ms),
        "validUntil": format_datetime(valid_until_ms),
        "credentialSubject": subject,
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
    entry["statusMessage"] = _described(messages)
    return entry


def _described(messages: Sequence[str]) -> list[dict[str, str]]:
    return [{"status": f"0x{value:x}", "message": message} for value, message in enumerate(messages)]
