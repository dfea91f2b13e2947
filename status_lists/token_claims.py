"""The claims of a Status List Token, the same in JWT and CWT but for their labels.

Source: Token Status List (draft-ietf-oauth-status-list), sections 4.2, 4.3, 5.1 and 5.2.
"""

from __future__ import annotations

from collections.abc import Mapping

from status_lists.bitstring import BITS_PER_ENTRY
from status_lists.errors import MalformedValue
from status_lists.numeric_dates import read_optional_seconds, read_seconds
from status_lists.token_bits import expand_token_bits
from status_lists.token_list import TokenList, check_uri


def claims_of(token_list: TokenList, packed: object) -> dict[str, object]:
    """Write the claims of a list, in alphabetical order as in the draft's example; absent ones are left out.

    `packed` is the compressed list in the form of the envelope.
    """
    status_list = {
        "aggregation_uri": token_list.aggregation_uri,
        "bits": token_list.bits_per_entry,
        "lst": packed,
    }
    claims = {
        "exp": token_list.expires_at_s,
        "iat": token_list.issued_at_s,
        "iss": token_list.issuer,
        "nbf": token_list.not_before_s,
        "status_list": _present(status_list),
        "sub": token_list.uri,
        "ttl": token_list.ttl_s,
    }
    return _present(claims)


def status_list_of(claims: Mapping[str, object]) -> Mapping[str, object]:
    """Return the claim `status_list`; raises MalformedValue where the token has none."""
    status_list = claims.get("status_list")
    if not isinstance(status_list, Mapping):
        raise MalformedValue("the token has no status_list")
    return status_list


def read_claims(claims: Mapping[str, object], *, packed: bytes, max_bits_bytes: int) -> TokenList:
    """Read the claims of anyone's list, of which `packed` is the compressed list.

    Raises ListTooLarge beyond `max_bits_bytes`, MalformedValue for whatever breaks a MUST of sections 4 and
    5.
    """
    status_list = status_list_of(claims)
    issuer = claims.get("iss")
    if issuer is not None and not isinstance(issuer, str):
        raise MalformedValue("iss is not a text")
    aggregation_uri = status_list.get("aggregation_uri")
    return TokenList(
        uri=check_uri(claims.get("sub"), "sub"),
        bits=expand_token_bits(packed, max_bytes=max_bits_bytes),
        bits_per_entry=_bits(status_list.get("bits")),
        issued_at_s=read_seconds(claims.get("iat"), "iat"),
        expires_at_s=read_optional_seconds(claims, "exp"),
        ttl_s=read_optional_seconds(claims, "ttl"),
        not_before_s=read_optional_seconds(claims, "nbf"),
        issuer=issuer,
        aggregation_uri=None if aggregation_uri is None else check_uri(aggregation_uri, "aggregation_uri"),
    )


def _bits(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value not in BITS_PER_ENTRY:
        raise MalformedValue("bits is not the integer 1, 2, 4 or 8")
    return value


def _present(members: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in members.items() if value is not None}
