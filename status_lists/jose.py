"""Secure a list as `vc+jwt`: a JWT whose payload is the list document itself.

The way for lists that `eddsa-rdfc-2022` cannot secure, those of messages above all, and for verifiers that
process no JSON-LD. Source: W3C Securing Verifiable Credentials using JOSE and COSE, sections 1.1.2.1 and 3.1.1.
"""

from __future__ import annotations

from collections.abc import Mapping

from status_lists.errors import MalformedValue, UnsupportedShape, VerificationFailed
from status_lists.jws import sign_token, split_token, verify_token
from status_lists.numeric_dates import check_token_times, read_optional_seconds
from status_lists.public_keys import PublicKey
from status_lists.signing_keys import SigningKey

MEDIA_TYPE = "application/vc+jwt"
TYP = "vc+jwt"

_WRAPPERS = ("vc", "vp")
_CONTENT_TYPES = (None, "vc", "application/vc")


def sign_list_jwt(document: Mapping[str, object], *, key: SigningKey, verification_method: str) -> str:
    """Secure a document made by `list_document`; the result is the text of media type `application/vc+jwt`.

    `verification_method` is the URL under which the issuer names the key and becomes `kid`. Guarantees that
    `verify_list_jwt` gives the document back under the key's public key, and equal texts for equal arguments.
    Raises UnsupportedShape for a document that is already signed.
    """
    if "proof" in document:
        raise UnsupportedShape("the list has a proof already; secure the unsigned document")
    return sign_token(document, typ=TYP, key=key, key_id=verification_method)


def verify_list_jwt(text: str, *, public_key: PublicKey, now_ms: int, max_chars: int) -> dict[str, object]:
    """Verify a list secured as `vc+jwt` under a key that the caller trusts for its issuer; return the list.

    The key decides, not the name that `kid` gives it. `now_ms` is the verifier's time in Unix milliseconds,
    for the token's own `nbf` and `exp`; the list's dates are `check_status`'s matter. Raises ListTooLarge
    beyond `max_chars`, MalformedValue for a text that is no such token, VerificationFailed where signature,
    type or the claims beside the list do not hold, ListNotCurrent for its times.
    """
    token = split_token(text, max_chars=max_chars)
    document = verify_token(token, typ=TYP, public_key=public_key)
    if token.header.get("cty") not in _CONTENT_TYPES:
        raise VerificationFailed("the token's cty is not vc")
    if any(name in document for name in _WRAPPERS):  # section 1.1.2.1
        raise MalformedValue("the token wraps a credential of version 1; its payload must be the credential")
    _check_claims(token.header, document)
    _check_claims(document, document)
    check_token_times(
        not_before_s=read_optional_seconds(document, "nbf"),
        expires_at_s=read_optional_seconds(document, "exp"),
        now_ms=now_ms,
    )
    return document


def _check_claims(claims: Mapping[str, object], document: Mapping[str, object]) -> None:
    """Check that registered claims, where present, repeat the list: no two readers may see two issuers."""
    expected = {
        "iss": _id_of(document.get("issuer")),
        "jti": document.get("id"),
        "sub": _id_of(document.get("credentialSubject")),
    }
    for name, value in expected.items():
        if name in claims and claims[name] != value:
            raise VerificationFailed(f"the token's {name} contradicts the list in it")


def _id_of(value: object) -> object:
    return value.get("id") if isinstance(value, Mapping) else value
