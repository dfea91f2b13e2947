"""A key has one algorithm, and a signature one form: nothing that a token says of itself changes either."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from status_lists.cwt import MEDIA_TYPE, verify_token_list_cwt
from status_lists.errors import VerificationFailed
from status_lists.jose import verify_list_jwt
from status_lists.keys import ListKey
from status_lists.multibase import encode_base64url
from status_lists.p256 import P256Key
from status_lists.public_keys import public_key_of
from status_lists.signing_keys import SigningKey
from status_lists.token_bits import compress_token_bits

ED25519, P256 = ListKey(bytes(range(32))), P256Key(bytes(31) + b"\x09")
NOW_MS = 1_800_000_000_000
URI = "https://lists.example/1"
CLAIMS = {2: URI, 6: NOW_MS // 1000 - 60, 65533: {"bits": 1, "lst": compress_token_bits(bytes(16))}}
COSE = {"EdDSA": -8, "ES256": -7, "HS256": 5, "ES384": -35, "ES256K": -47}
Sign = Callable[[bytes], bytes]


def jwt(sign: Sign, **header: Any) -> str:
    """Return a list as `vc+jwt`, signed in any way."""
    document = {"id": URI, "issuer": "did:web:college.example", "credentialSubject": {}}
    parts = ({"typ": "vc+jwt", **header}, document)
    text = ".".join(encode_base64url(json.dumps(part).encode()) for part in parts)
    return f"{text}.{encode_base64url(sign(text.encode()))}"


def cwt(sign: Sign, algorithm: int) -> bytes:
    """Return a list as `statuslist+cwt`, signed in any way."""
    protected, payload = cbor2.dumps({1: algorithm, 16: MEDIA_TYPE}), cbor2.dumps(CLAIMS)
    signature = sign(cbor2.dumps(["Signature1", protected, b"", payload]))
    return cbor2.dumps(cbor2.CBORTag(18, [protected, {}, payload, signature]))


def check_jwt(text: str, key: SigningKey) -> None:
    """Verify under a key."""
    verify_list_jwt(text, public_key=public_key_of(key), now_ms=NOW_MS, max_chars=10_000)


def check_cwt(data: bytes, key: SigningKey) -> None:
    """Verify under a key."""
    verify_token_list_cwt(data, public_key=public_key_of(key), max_bits_bytes=16)


@pytest.mark.parametrize("key", [ED25519, P256])
@pytest.mark.parametrize("said", COSE)
def test_good_signature_counts_under_its_keys_algorithm_alone(key: SigningKey, said: str) -> None:
    """The key's own signature over a header that names another algorithm is refused."""
    if said == key.algorithm:
        check_jwt(jwt(key.sign, alg=said), key)
        check_cwt(cwt(key.sign, COSE[said]), key)
        return
    with pytest.raises(VerificationFailed):
        check_jwt(jwt(key.sign, alg=said), key)
    with pytest.raises(VerificationFailed):
        check_cwt(cwt(key.sign, COSE[said]), key)


@pytest.mark.parametrize("key", [ED25519, P256])
@pytest.mark.parametrize("said", ["EdDSA", "ES256", "HS256"])
def test_public_key_is_no_secret_of_a_mac(key: SigningKey, said: str) -> None:
    """A MAC made with the public key, whatever it is called: the oldest of confusions."""
    secrets = [key.public_key, key.multikey.encode(), key.did_key.encode()]
    for secret in secrets:

        def mac(message: bytes, secret: bytes = secret) -> bytes:
            return hmac.new(secret, message, hashlib.sha512).digest()

        with pytest.raises(VerificationFailed):
            check_jwt(jwt(mac, alg=said), key)
        with pytest.raises(VerificationFailed):
            check_cwt(cwt(mac, COSE[said]), key)


@pytest.mark.parametrize("members", ["jwk", "jku", "x5u", "x5c", "kid"])
def test_key_in_or_named_by_the_header_is_not_used(members: str) -> None:
    """A token that brings its own key, or says where one is, is checked with the caller's all the same."""
    stranger = P256Key(bytes(31) + b"\x0a")
    brought = {
        "jwk": {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
        "jku": "https://evil.example/keys",
        "x5u": "https://evil.example/cert",
        "x5c": ["AAAA"],
        "kid": "did:web:evil.example#key",
    }
    with pytest.raises(VerificationFailed):
        check_jwt(jwt(stranger.sign, alg="ES256", **{members: brought[members]}), P256)
    check_jwt(jwt(P256.sign, alg="ES256", **{members: brought[members]}), P256)


def _as_der(message: bytes) -> bytes:
    signature = P256.sign(message)
    return encode_dss_signature(*(int.from_bytes(half, "big") for half in (signature[:32], signature[32:])))


ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

SIGNATURES: dict[str, Sign] = {
    "in DER": _as_der,
    "both halves 0": lambda _message: bytes(64),
    "second half 0": lambda message: P256.sign(message)[:32] + bytes(32),
    "first half the order": lambda message: ORDER.to_bytes(32, "big") + P256.sign(message)[32:],
    "both halves the order": lambda _message: ORDER.to_bytes(32, "big") * 2,
    "halves exchanged": lambda message: P256.sign(message)[32:] + P256.sign(message)[:32],
    "cut": lambda message: P256.sign(message)[:63],
    "longer": lambda message: P256.sign(message) + b"\x00",
    "none": lambda _message: b"",
}


@pytest.mark.parametrize("name", SIGNATURES)
def test_es256_signature_has_one_form(name: str) -> None:
    """64 bytes, neither half 0 nor beyond the order: what some libraries once took for valid over anything."""
    with pytest.raises(VerificationFailed):
        check_jwt(jwt(SIGNATURES[name], alg="ES256"), P256)
    with pytest.raises(VerificationFailed):
        check_cwt(cwt(SIGNATURES[name], COSE["ES256"]), P256)
