"""Compact JWS (RFC 7515), as far as lists need it: one signature, two algorithms, a `typ` that must be right.

Nothing in a token is believed before its signature has been checked: the key decides the algorithm, the
header must agree, and the payload is handed out unread. Source: RFC 7515; RFC 8725 (best current practices).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from status_lists.errors import ListTooLarge, MalformedValue, VerificationFailed
from status_lists.json_text import parse_json_object, write_json_object
from status_lists.multibase import decode_base64url, encode_base64url
from status_lists.public_keys import PublicKey
from status_lists.signing_keys import SIGNATURE_BYTES, SigningKey

_MAX_HEADER_CHARS = 16_384  # room for a certificate chain in x5c
_MEDIA_TYPE = "application/"
_PARTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class CompactToken:
    """A compact JWS in its parts; nothing of it is verified."""

    header: Mapping[str, object]
    payload: bytes
    signed: bytes
    signature: bytes

    @property
    def key_id(self) -> str | None:
        """The `kid` of the header, where it is a text."""
        key_id = self.header.get("kid")
        return key_id if isinstance(key_id, str) else None


def sign_token(payload: Mapping[str, object], *, typ: str, key: SigningKey, key_id: str | None) -> str:
    """Sign a JSON object as a compact JWS with the header members alg, kid (where given) and typ.

    Guarantees equal tokens for equal arguments.
    """
    header = {"alg": key.algorithm, "kid": key_id, "typ": typ}
    parts = ({name: value for name, value in header.items() if value is not None}, payload)
    signed = ".".join(encode_base64url(write_json_object(part)) for part in parts)
    return f"{signed}.{encode_base64url(key.sign(signed.encode('ascii')))}"


def split_token(text: str, *, max_chars: int) -> CompactToken:
    """Take a compact JWS apart without verifying it.

    Raises ListTooLarge beyond `max_chars`, MalformedValue for anything but three parts of strict base64url
    with a JSON object in the first.
    """
    if len(text) > max_chars:
        raise ListTooLarge(f"a token of {len(text)} characters is longer than {max_chars}")
    parts = text.split(".", _PARTS)
    if len(parts) != _PARTS:
        raise MalformedValue("a signed token has three parts with a point between them")
    if len(parts[0]) > _MAX_HEADER_CHARS:
        raise MalformedValue(f"a token's header of {len(parts[0])} characters is too long")
    header, payload, signature = (decode_base64url(part) for part in parts)
    return CompactToken(
        header=parse_json_object(header),
        payload=payload,
        signed=text.rpartition(".")[0].encode("ascii"),
        signature=signature,
    )


def verify_token(token: CompactToken, *, typ: str, public_key: PublicKey) -> dict[str, object]:
    """Return the payload of a token that this key signed and that says it is of this type.

    Raises VerificationFailed for another algorithm than the key's (`none` and every MAC among them), another
    type, critical or unencoded extensions, and a signature that does not hold; MalformedValue where the
    signed payload is no JSON object.
    """
    if token.header.get("alg") != public_key.algorithm:
        raise VerificationFailed(f"the token is not signed with {public_key.algorithm}, as its key demands")
    if token.header.get("typ") not in (typ, _MEDIA_TYPE + typ):  # RFC 7515 section 4.1.9
        raise VerificationFailed(f"the token's type is not {typ}")
    if "crit" in token.header or "b64" in token.header:  # section 4.1.11 and RFC 7797
        raise VerificationFailed("the token's header demands an extension that is not supported")
    if len(token.signature) != SIGNATURE_BYTES:
        raise VerificationFailed(
            f"a token's signature has {SIGNATURE_BYTES} bytes, not {len(token.signature)}"
        )
    public_key.check(token.signature, token.signed)
    return parse_json_object(token.payload)
