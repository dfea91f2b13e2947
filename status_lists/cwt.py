"""Token Status Lists as CWT, media type `application/statuslist+cwt`: for mdoc and other CBOR credentials.

Source: Token Status List (draft-ietf-oauth-status-list), sections 4.3 and 5.2; RFC 8392 (CWT).
"""

from __future__ import annotations

from collections.abc import Mapping

import cbor2

from status_lists.cose import sign_message, split_message, verify_message
from status_lists.errors import MalformedValue
from status_lists.public_keys import PublicKey
from status_lists.signing_keys import SigningKey
from status_lists.token_bits import BEST_LEVEL, compress_token_bits
from status_lists.token_claims import claims_of, read_claims, status_list_of
from status_lists.token_list import TokenList

MEDIA_TYPE = "application/statuslist+cwt"

_LABELS = {"sub": 2, "iss": 1, "iat": 6, "exp": 4, "nbf": 5, "ttl": 65534, "status_list": 65533}
_LIST_MEMBERS = ("bits", "lst", "aggregation_uri")
_CLAIM_BYTES = 65_536  # headers and all claims but the list itself


def sign_token_list_cwt(
    token_list: TokenList,
    *,
    key: SigningKey,
    key_id: bytes | None = None,
    level: int = BEST_LEVEL,
    packed: bytes | None = None,
) -> bytes:
    """Sign a list as `statuslist+cwt`; `key_id` becomes `kid`, and `level` is zlib's, 1 to 9.

    `packed` is the compressed list where it is at hand already, as `SegmentedBits.token_list` keeps it.
    Guarantees that `verify_token_list_cwt` gives the list back under the key's public key, and equal bytes
    for equal arguments under one zlib version. The claims stand in the order of the draft's example.
    """
    if packed is None:
        packed = compress_token_bits(token_list.bits, level=level)
    claims = claims_of(token_list, packed)
    status_list = status_list_of(claims)
    claims["status_list"] = {name: status_list[name] for name in _LIST_MEMBERS if name in status_list}
    labelled = {label: claims[name] for name, label in _LABELS.items() if name in claims}
    return sign_message(cbor2.dumps(labelled), typ=MEDIA_TYPE, key=key, key_id=key_id)


def verify_token_list_cwt(data: bytes, *, public_key: PublicKey, max_bits_bytes: int) -> TokenList:
    """Verify a list in a `statuslist+cwt` under a key that the caller trusts for its issuer, and read it.

    `max_bits_bytes` bounds the expanded list. Raises VerificationFailed where signature, algorithm or type do
    not hold, ListTooLarge beyond the bound, MalformedValue for whatever breaks a MUST of sections 4.3 and
    5.2: a COSE_Sign1 without its tag, or within the tag of a CWT, among them. Does not check the times or the
    address: see `check_token_status`.
    """
    message = split_message(data, max_bytes=max_bits_bytes + max_bits_bytes // 1_024 + _CLAIM_BYTES)
    labelled = verify_message(message, typ=MEDIA_TYPE, public_key=public_key)
    claims = {name: labelled[label] for name, label in _LABELS.items() if label in labelled}
    packed = status_list_of(claims).get("lst")
    if not isinstance(packed, bytes):
        raise MalformedValue("lst is missing or not a byte string")
    return read_claims(claims, packed=packed, max_bits_bytes=max_bits_bytes)


def cwt_status_claim(claim: Mapping[str, object]) -> dict[int, object]:
    """Label a claim `status`, as `status_claim` builds it, for the claims set of a CWT (section 6.3.1)."""
    return {65535: claim}
