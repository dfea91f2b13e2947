"""Token Status Lists as JWT, media type `application/statuslist+jwt`.

Source: Token Status List (draft-ietf-oauth-status-list), sections 4.2 and 5.1.
"""

from __future__ import annotations

from status_lists.errors import MalformedValue
from status_lists.jws import sign_token, split_token, verify_token
from status_lists.multibase import decode_base64url, encode_base64url
from status_lists.public_keys import PublicKey
from status_lists.signing_keys import SigningKey
from status_lists.token_bits import BEST_LEVEL, compress_token_bits
from status_lists.token_claims import claims_of, read_claims, status_list_of
from status_lists.token_list import TokenList

MEDIA_TYPE = "application/statuslist+jwt"
TYP = "statuslist+jwt"

_CLAIM_CHARS = 65_536  # header and all claims but the list itself


def sign_token_list_jwt(
    token_list: TokenList,
    *,
    key: SigningKey,
    key_id: str | None = None,
    level: int = BEST_LEVEL,
    packed: bytes | None = None,
) -> str:
    """Sign a list as `statuslist+jwt`; `key_id` becomes `kid`, and `level` is zlib's, 1 to 9.

    `packed` is the compressed list where it is at hand already, as `SegmentedBits.token_list` keeps it.
    Guarantees that `verify_token_list_jwt` gives the list back under the key's public key, and equal texts
    for equal arguments under one zlib version.
    """
    if packed is None:
        packed = compress_token_bits(token_list.bits, level=level)
    claims = claims_of(token_list, encode_base64url(packed))
    return sign_token(claims, typ=TYP, key=key, key_id=key_id)


def verify_token_list_jwt(text: str, *, public_key: PublicKey, max_bits_bytes: int) -> TokenList:
    """Verify a list in a `statuslist+jwt` under a key that the caller trusts for its issuer, and read it.

    `max_bits_bytes` bounds the expanded list. Raises VerificationFailed where signature, algorithm or type do
    not hold, ListTooLarge beyond the bound, MalformedValue for whatever breaks a MUST of sections 4.2 and
    5.1. Does not check the times or the address: see `check_token_status`.
    """
    token = split_token(text, max_chars=_longest_token(max_bits_bytes))
    claims = verify_token(token, typ=TYP, public_key=public_key)
    packed = status_list_of(claims).get("lst")
    if not isinstance(packed, str):
        raise MalformedValue("lst is missing or not a text")
    return read_claims(claims, packed=decode_base64url(packed), max_bits_bytes=max_bits_bytes)


def _longest_token(max_bits_bytes: int) -> int:
    """Bound the text of a token whose list expands to so many bytes: base64url within base64url."""
    return (max_bits_bytes + max_bits_bytes // 1_024 + 2_048) * 16 // 9 + _CLAIM_CHARS
