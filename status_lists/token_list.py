"""IETF Token Status Lists: what a list says, what a token says of its place in one, and what both mean.

For wallets that hold SD-JWT VC and mdoc. The same entries as a W3C list, in another bit order and another
envelope; see `token_jwt` and `cwt` for those. Source: Token Status List (draft-ietf-oauth-status-list),
sections 4 to 9, cited by number.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from status_lists.bitstring import BITS_PER_ENTRY, entry_count
from status_lists.errors import MalformedValue, OutOfRange, VerificationFailed
from status_lists.numeric_dates import check_token_times
from status_lists.token_bits import get_token_entry

MAX_AGGREGATED = 100_000
"""How many lists an aggregation of someone else may name."""

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!#-;=?-\[\]_a-z~%]+", re.ASCII)
_MAX_URI_CHARS = 2_048
_MAX_INDEX = 2**63
_STATUS_NAMES = {0: "VALID", 1: "INVALID", 2: "SUSPENDED"}  # section 7.1
_APPLICATION_SPECIFIC = (0x03, 0x0C, 0x0D, 0x0E, 0x0F)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenList:
    """A Token Status List as it is signed, or as it was read from a verified token.

    `uri` is the list's address, which its token carries as `sub`; `bits` are in the order of token lists
    (`swap_bit_order` makes them from a W3C list). Times are Unix seconds, None where the token states none.
    Raises MalformedValue for an address, entry size or time that a list cannot have.
    """

    uri: str
    bits: bytes
    bits_per_entry: int
    issued_at_s: int
    expires_at_s: int | None = None
    ttl_s: int | None = None
    not_before_s: int | None = None
    issuer: str | None = None
    aggregation_uri: str | None = None

    def __post_init__(self) -> None:
        check_uri(self.uri, "sub")
        if self.aggregation_uri is not None:
            check_uri(self.aggregation_uri, "aggregation_uri")
        if self.bits_per_entry not in BITS_PER_ENTRY:
            raise MalformedValue(f"bits is 1, 2, 4 or 8, not {self.bits_per_entry}")
        if not self.bits:
            raise MalformedValue("the list has no entries")
        if self.ttl_s is not None and self.ttl_s <= 0:
            raise MalformedValue("ttl is not a positive number of seconds")
        if self.expires_at_s is not None and self.expires_at_s <= self.issued_at_s:
            raise MalformedValue("a list must expire after it was issued")

    @property
    def length(self) -> int:
        """The number of entries."""
        return entry_count(self.bits, self.bits_per_entry)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenReference:
    """Where a token's status stands: the member `status_list` of its claim `status` (section 6)."""

    uri: str
    index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenStatus:
    """A token's status: its value and its registered name (section 7.1).

    `name` is `VALID`, `INVALID`, `SUSPENDED`, `APPLICATION_SPECIFIC` or, for values still to be assigned,
    `UNASSIGNED`. Only `VALID` is valid.
    """

    status: int
    name: str

    @property
    def is_valid(self) -> bool:
        """Whether the value is 0."""
        return self.status == 0


def status_claim(uri: str, index: int) -> dict[str, object]:
    """Build the claim `status` of a token to be issued, for JWT, CWT (claim 65535) and mdoc alike.

    Raises MalformedValue for a text that is no URI, OutOfRange for a negative index. Source: section 6.
    """
    if index < 0:
        raise OutOfRange(f"index {index} is negative")
    return {"status_list": {"idx": index, "uri": check_uri(uri, "uri")}}


def parse_status_claim(value: object) -> TokenReference:
    """Read the claim `status` of anyone's token.

    Raises MalformedValue where it names no status list, or where the index is not an integer from 0 (text is
    none, `"12"` included) or the address no URI. Other mechanisms beside it are left to others. Source:
    section 6 and section 8.3 step 1.
    """
    reference = value.get("status_list") if isinstance(value, Mapping) else None
    if not isinstance(reference, Mapping):
        raise MalformedValue("the claim status names no status_list")
    index = reference.get("idx")
    if isinstance(index, bool) or not isinstance(index, int) or index < 0:
        raise MalformedValue("idx is not an integer from 0")
    if index >= _MAX_INDEX:
        raise OutOfRange("idx is larger than any list")
    return TokenReference(uri=check_uri(reference.get("uri"), "uri"), index=index)


def check_token_status(reference: TokenReference, token_list: TokenList, *, now_ms: int) -> TokenStatus:
    """Read a token's status from its list, by section 8.3.

    Requires a token that was validated first, and a list whose signature was verified (steps 1 to 3).
    `now_ms` is the verifier's time in Unix milliseconds. 4a. the list is the one that the token names, so
    that no other list of the same issuer passes for it; else VerificationFailed. 4b., 4c. it was issued and
    has not expired; else ListNotCurrent. 5. its bits were expanded when it was read. 6. the index lies in the
    list; else OutOfRange. 7. the value by its registered name.
    """
    if token_list.uri != reference.uri:  # (4a)
        raise VerificationFailed("the list names another URI as its own than the token does")
    begins_s = max(token_list.issued_at_s, token_list.not_before_s or 0)
    check_token_times(not_before_s=begins_s, expires_at_s=token_list.expires_at_s, now_ms=now_ms)  # (4b, 4c)
    status = get_token_entry(token_list.bits, reference.index, token_list.bits_per_entry)  # (6)
    return TokenStatus(status=status, name=_name_of(status))  # (7)


def aggregation_document(uris: Iterable[str]) -> dict[str, object]:
    """Build the Status List Aggregation of an issuer: the addresses of its lists (section 9.3).

    Raises MalformedValue for a text that is no URI.
    """
    return {"status_lists": [check_uri(uri, "list URI") for uri in uris]}


def parse_aggregation(document: Mapping[str, object]) -> tuple[str, ...]:
    """Read anyone's Status List Aggregation; raises MalformedValue beyond 100,000 lists or for another form."""
    uris = document.get("status_lists")
    if not isinstance(uris, list) or len(uris) > MAX_AGGREGATED:
        raise MalformedValue(f"status_lists is not an array of at most {MAX_AGGREGATED} addresses")
    return tuple(check_uri(uri, "list URI") for uri in uris)


def check_uri(value: object, name: str) -> str:
    """Return the text if it is an absolute URI (RFC 3986) of at most 2,048 characters, else raise MalformedValue."""
    if not isinstance(value, str) or len(value) > _MAX_URI_CHARS or _URI.fullmatch(value) is None:
        raise MalformedValue(f"{name} is not an absolute URI")
    return value


def _name_of(status: int) -> str:
    if status in _APPLICATION_SPECIFIC:
        return "APPLICATION_SPECIFIC"
    return _STATUS_NAMES.get(status, "UNASSIGNED")
