"""Sign the list of a case in each way that can, or leave it signed as badly as the case demands.

The keys are derived from a text that stands below: anybody can sign with them, and no issuer uses them.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable

from bad_lists.model import MESSAGES, NOW_MS, Case, Document, good_list, with_bits
from status_lists.datetimes import format_datetime
from status_lists.errors import UnsupportedShape
from status_lists.jose import sign_list_jwt
from status_lists.keys import ListKey
from status_lists.multibase import encode_base58btc, encode_base64url
from status_lists.p256 import P256Key
from status_lists.signing import sign_list
from status_lists.signing_jcs import CRYPTOSUITE as JCS
from status_lists.signing_jcs import jcs_signed_bytes, sign_list_jcs
from status_lists.signing_keys import SigningKey

JSON_TYPE = "application/vc"
JWT_TYPE = "application/vc+jwt"

ISSUER = "did:web:college.example"
OTHER_ISSUER = "did:web:other.example"
STRANGER = "did:web:stranger.example"

_SIGNED_MS = NOW_MS - 60_000
_LIST_BYTES = 16_384

Body = tuple[str, str]
"""A media type and a text of that type."""


def _secret(name: str) -> bytes:
    """Return the secret of an example key: worthless, since it is the hash of a public text."""
    return hashlib.sha256(f"example list key {name}, worth nothing".encode()).digest()


_KEY = ListKey(_secret("current"))
_EARLIER = ListKey(_secret("earlier"))
_P256 = P256Key(_secret("P-256"))
_OTHER = ListKey(_secret("of another issuer"))
_UNTRUSTED = ListKey(_secret("nobody trusts"))
_METHOD = f"{ISSUER}#key-2"

TRUSTED: tuple[tuple[str, str, SigningKey], ...] = (
    (ISSUER, f"{ISSUER}#key-1", _EARLIER),
    (ISSUER, _METHOD, _KEY),
    (ISSUER, f"{ISSUER}#key-p256", _P256),
    (OTHER_ISSUER, f"{OTHER_ISSUER}#key-1", _OTHER),
)
"""The keys that the verifier trusts, each for the lists of its issuer."""


def bodies_of(case: Case) -> list[Body]:
    """Give the bodies of a case's list, each to be judged alike."""
    if case.securing == "messages":
        messages = tuple(item["message"] for item in MESSAGES)
        document = good_list(ISSUER, purpose="message", messages=messages)
    else:
        document = good_list(STRANGER if case.securing == "issuer not trusted" else ISSUER)
    case.change(document)
    return _SECURINGS[case.securing](document)


def _both(key: ListKey, method: str) -> Callable[[Document], list[Body]]:
    return lambda document: [
        _json(_with_proof(document, key=key, method=method)),
        (JWT_TYPE, sign_list_jwt(document, key=key, verification_method=method)),
    ]


def _with_proof(document: Document, *, key: ListKey = _KEY, method: str = _METHOD) -> Document:
    """Sign with `eddsa-rdfc-2022` where the document has the shape of a list, else with `eddsa-jcs-2022`."""
    try:
        return sign_list(document, key=key, verification_method=method, created_ms=_SIGNED_MS)
    except UnsupportedShape:
        return sign_list_jcs(document, key=key, verification_method=method, created_ms=_SIGNED_MS)


def _json(document: Document) -> Body:
    return JSON_TYPE, json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def _token(header: Document, payload: str, sign: Callable[[bytes], bytes] = _KEY.sign) -> Body:
    full = {"alg": "EdDSA", "kid": _METHOD, "typ": "vc+jwt", **header}
    signed = ".".join(encode_base64url(text.encode()) for text in (json.dumps(full), payload))
    return JWT_TYPE, f"{signed}.{encode_base64url(sign(signed.encode()))}"


def _es256(document: Document) -> list[Body]:
    return [(JWT_TYPE, sign_list_jwt(document, key=_P256, verification_method=f"{ISSUER}#key-p256"))]


def _changed_bits(document: Document) -> list[Body]:
    signed = [
        sign(document, key=_KEY, verification_method=_METHOD, created_ms=_SIGNED_MS)
        for sign in (sign_list, sign_list_jcs)
    ]
    token = sign_list_jwt(document, key=_KEY, verification_method=_METHOD)
    with_bits(bytes(_LIST_BYTES))(document)  # the signed documents hold the same subject
    header, _, signature = token.split(".")
    payload = encode_base64url(_json(document)[1].encode())
    return [*(_json(changed) for changed in signed), (JWT_TYPE, f"{header}.{payload}.{signature}")]


def _cut_short(document: Document) -> list[Body]:
    signed = _with_proof(document)
    signed["proof"]["proofValue"] = encode_base58btc(bytes(63))
    return [_json(signed), _token({}, _json(document)[1], lambda message: _KEY.sign(message)[:63])]


def _other_purpose(document: Document) -> list[Body]:
    options = {
        "type": "DataIntegrityProof",
        "cryptosuite": JCS,
        "created": format_datetime(_SIGNED_MS),
        "verificationMethod": _METHOD,
        "proofPurpose": "authentication",
        "@context": document["@context"],
    }
    value = encode_base58btc(_KEY.sign(jcs_signed_bytes(document, options)))
    return [_json({**document, "proof": {**options, "proofValue": value}})]


def _twice(document: Document) -> list[Body]:
    def named_twice(text: str) -> str:
        return text.replace('"validUntil":', '"validUntil":"2020-01-01T00:00:00Z","validUntil":', 1)

    media_type, text = _json(_with_proof(document))
    return [(media_type, named_twice(text)), _token({}, named_twice(_json(document)[1]))]


def _mac(message: bytes) -> bytes:
    return hmac.digest(_KEY.public_key, message, "sha256")


_SECURINGS: dict[str, Callable[[Document], list[Body]]] = {
    "sound": _both(_KEY, _METHOD),
    "messages": _both(_KEY, _METHOD),
    "earlier key": _both(_EARLIER, f"{ISSUER}#key-1"),
    "ES256": _es256,
    "no proof": lambda document: [_json(document)],
    "bits changed after signing": _changed_bits,
    "signature of another issuer": _both(_OTHER, f"{OTHER_ISSUER}#key-1"),
    "issuer not trusted": _both(_UNTRUSTED, f"{STRANGER}#key-1"),
    "key not trusted": _both(_UNTRUSTED, f"{ISSUER}#key-0"),
    "another key than it names": _both(_UNTRUSTED, _METHOD),
    "signature cut short": _cut_short,
    "proof for another purpose": _other_purpose,
    "undefined member added": lambda document: [_json({**_with_proof(document), "x": "y"})],
    "member named twice": _twice,
    "token with alg none": lambda document: [
        _token({"alg": "none"}, _json(document)[1], lambda _message: b"")
    ],
    "token with a MAC": lambda document: [_token({"alg": "HS256"}, _json(document)[1], _mac)],
    "token of another type": lambda document: [_token({"typ": "JWT"}, _json(document)[1])],
    "token that has expired": lambda document: [
        _token({}, _json({**document, "exp": NOW_MS // 1_000 - 1})[1])
    ],
    "token for another issuer": lambda document: [_token({}, _json({**document, "iss": OTHER_ISSUER})[1])],
}
