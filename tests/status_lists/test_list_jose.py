"""Lists secured as `vc+jwt`: published signatures, round trips, and everything that must not pass."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from status_lists.credential import PURPOSES, StatusList, list_document
from status_lists.errors import (
    ListNotCurrent,
    ListTooLarge,
    MalformedValue,
    StatusListError,
    UnsupportedShape,
    VerificationFailed,
)
from status_lists.jose import sign_list_jwt, verify_list_jwt
from status_lists.jws import split_token
from status_lists.keys import ListKey, verification_method_of
from status_lists.multibase import decode_base64url, encode_base64url
from status_lists.p256 import P256Key
from status_lists.public_keys import PublicKey, public_key_of
from status_lists.signing_keys import SigningKey
from tests.status_lists.json_values import JSON

URL = "https://lists.example/status-lists/0"
FROM_MS = 1_780_000_000_000
MAX_CHARS = 100_000
KEYS: list[SigningKey] = [ListKey(bytes(range(32))), P256Key(bytes(range(1, 33)))]
ED25519, P256 = KEYS


def _document(purpose: str = "revocation") -> dict[str, Any]:
    status_list = StatusList(url=URL, issuer="did:web:college.example", purpose=purpose)
    return list_document(
        status_list,
        status_list.empty_bits(),
        valid_from_ms=FROM_MS,
        valid_until_ms=FROM_MS + 1_000,
        ttl_ms=1_000,
    )


def _verify(text: str, key: SigningKey = ED25519, *, now_ms: int = FROM_MS) -> dict[str, object]:
    return verify_list_jwt(text, public_key=public_key_of(key), now_ms=now_ms, max_chars=MAX_CHARS)


def _token(
    payload: object,
    *,
    header: dict[str, object] | None = None,
    key: SigningKey = ED25519,
) -> str:
    """Sign anything with any header, as an attacker who holds the key could."""
    full = {"alg": key.algorithm, "kid": "did:web:college.example#0", "typ": "vc+jwt", **(header or {})}
    parts = ({name: value for name, value in full.items() if value is not None}, payload)
    signed = ".".join(encode_base64url(json.dumps(part).encode()) for part in parts)
    return f"{signed}.{encode_base64url(key.sign(signed.encode()))}"


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("purpose", PURPOSES)
def test_sign_list_jwt_any_list_reads_back_as_it_was(key: SigningKey, purpose: str) -> None:
    """Every purpose, lists of messages included, with either algorithm; the text is the same each time."""
    method = verification_method_of(key)
    text = sign_list_jwt(_document(purpose), key=key, verification_method=method)

    assert _verify(text, key) == _document(purpose)
    assert text == sign_list_jwt(_document(purpose), key=key, verification_method=method)
    header = json.loads(decode_base64url(text.split(".")[0]))
    assert header == {"alg": key.algorithm, "kid": method, "typ": "vc+jwt"}
    assert split_token(text, max_chars=MAX_CHARS).key_id == method


def test_verify_token_published_signatures_hold() -> None:
    """The examples of RFC 8037 (appendix A.4, Ed25519) and RFC 7515 (appendix A.3, ES256)."""
    ed25519 = (
        "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6"
        "dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
    )
    es256 = (
        "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19y"
        "b290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
    )
    x = decode_base64url("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU")
    y = decode_base64url("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0")
    keys = {
        ed25519: PublicKey(
            algorithm="EdDSA", key_bytes=decode_base64url("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
        ),
        es256: PublicKey(algorithm="ES256", key_bytes=bytes([2 + y[-1] % 2]) + x),
    }
    for text, public_key in keys.items():
        token = split_token(text, max_chars=1_000)
        public_key.check(token.signature, token.signed)


@pytest.mark.parametrize("key", KEYS)
def test_verify_list_jwt_any_changed_character_is_refused(key: SigningKey) -> None:
    """Header, payload, signature: no character of the text can be another."""
    text = sign_list_jwt(_document(), key=key, verification_method="did:web:college.example#0")
    for position in range(0, len(text), 3):
        other = "A" if text[position] != "A" else "B"
        with pytest.raises(StatusListError):
            _verify(text[:position] + other + text[position + 1 :], key)


HEADERS: dict[str, dict[str, object]] = {
    "none": {"alg": "none"},
    "a MAC": {"alg": "HS256"},
    "the other algorithm": {"alg": "ES256"},
    "no algorithm": {"alg": None},
    "algorithm in other case": {"alg": "eddsa"},
    "no type": {"typ": None},
    "a JWT of another kind": {"typ": "JWT"},
    "a status list token": {"typ": "statuslist+jwt"},
    "critical extension": {"crit": ["exp"], "exp": 1},
    "empty crit": {"crit": []},
    "unencoded payload": {"b64": False},
    "another content": {"cty": "JWT"},
    "another issuer": {"iss": "did:web:other.example"},
}


@pytest.mark.parametrize("name", HEADERS)
def test_verify_list_jwt_other_header_is_refused(name: str) -> None:
    """The key decides how a signature is checked, and the type what was signed; a header cannot."""
    with pytest.raises(VerificationFailed):
        _verify(_token(_document(), header=HEADERS[name]))


@pytest.mark.parametrize("header", [{"typ": "application/vc+jwt"}, {"cty": "vc"}, {"x5c": ["AAAA"]}])
def test_verify_list_jwt_header_that_is_allowed_is_read(header: dict[str, object]) -> None:
    """The long form of the type (RFC 7515, section 4.1.9), the content type, and members without force."""
    assert _verify(_token(_document(), header=header)) == _document()


def test_verify_list_jwt_other_key_is_refused() -> None:
    """Whatever kid says, the caller's key decides; a public key is no secret of a MAC either."""
    text = sign_list_jwt(_document(), key=ED25519, verification_method="did:web:college.example#0")
    for key in (ListKey(bytes(32)), P256):
        with pytest.raises(VerificationFailed):
            _verify(text, key)


@pytest.mark.parametrize(
    ("claims", "error"),
    [
        ({"vc": {}}, MalformedValue),
        ({"vp": None}, MalformedValue),
        ({"iss": "did:web:other.example"}, VerificationFailed),
        ({"jti": URL + "1"}, VerificationFailed),
        ({"sub": URL}, VerificationFailed),
        ({"exp": FROM_MS // 1_000}, ListNotCurrent),
        ({"nbf": FROM_MS // 1_000 + 1}, ListNotCurrent),
        ({"exp": "never"}, MalformedValue),
        ({"exp": True}, MalformedValue),
        ({"exp": None}, MalformedValue),
        ({"nbf": -1}, MalformedValue),
        ({"nbf": 2**60}, MalformedValue),
    ],
)
def test_verify_list_jwt_claim_beside_the_list_is_checked(
    claims: dict[str, object], error: type[Exception]
) -> None:
    """What a JWT says beside the list must not contradict it, nor be over."""
    with pytest.raises(error):
        _verify(_token({**_document(), **claims}))


def test_verify_list_jwt_claims_that_repeat_the_list_are_read() -> None:
    """An issuer may give the list's facts in the JWT's own words too, and fractions of seconds."""
    claims = {
        "iss": "did:web:college.example",
        "jti": URL,
        "sub": f"{URL}#list",
        "nbf": FROM_MS // 1_000,
        "exp": FROM_MS / 1_000 + 1.5,
        "iat": 0,
    }
    assert _verify(_token({**_document(), **claims}))["id"] == URL


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        "...",
        "a.b.c",
        "e30.e30",
        "e30.e30.e30.e30",
        "e30=.e30.",
        " e30.e30.",
        "é.e30.",
        "W10.e30.",
    ],
)
def test_verify_list_jwt_other_text_is_malformed(text: str) -> None:
    """Three parts of strict base64url with an object in the first, or it is no token."""
    with pytest.raises(MalformedValue):
        _verify(text)


@pytest.mark.parametrize("payload", [[], "list", 1, None])
def test_verify_list_jwt_payload_that_is_no_object_is_malformed(payload: object) -> None:
    """A soundly signed array is still no list."""
    with pytest.raises(MalformedValue):
        _verify(_token(payload))


def test_verify_list_jwt_duplicate_names_are_malformed() -> None:
    """Two readers would read two lists under one signature."""
    signed = ".".join(
        encode_base64url(part) for part in (b'{"alg":"EdDSA","typ":"vc+jwt"}', b'{"issuer":"a","issuer":"b"}')
    )
    with pytest.raises(MalformedValue):
        _verify(f"{signed}.{encode_base64url(ED25519.sign(signed.encode()))}")


@pytest.mark.parametrize("size", [0, 63, 65, 128])
def test_verify_list_jwt_signature_of_other_length_is_refused(size: int) -> None:
    """Both algorithms sign with 64 bytes; DER is not JOSE's form."""
    signed = sign_list_jwt(_document(), key=ED25519, verification_method="x").rpartition(".")[0]
    with pytest.raises(VerificationFailed):
        _verify(f"{signed}.{encode_base64url(bytes(size))}")


def test_verify_list_jwt_long_text_is_refused_unread() -> None:
    """The bounds come first: of the whole, and of the header."""
    with pytest.raises(ListTooLarge):
        _verify("A" * (MAX_CHARS + 1))
    with pytest.raises(MalformedValue, match="header"):
        _verify(_token(_document(), header={"x5c": ["A" * 20_000]}))


def test_sign_list_jwt_signed_document_is_refused() -> None:
    """A list carries its proof inside or outside, not both."""
    with pytest.raises(UnsupportedShape):
        sign_list_jwt({**_document(), "proof": {}}, key=ED25519, verification_method="did:web:a#0")


def _with_header(name: str, value: object) -> str:
    return _token(_document(), header={name: value})


def _with_claim(name: str, value: object) -> str:
    return _token({**_document(), name: value})


PLACES: dict[str, Callable[[object], str]] = {
    **{name: partial(_with_header, name) for name in ("alg", "typ", "kid")},
    **{name: partial(_with_claim, name) for name in ("issuer", "exp", "nbf", "credentialSubject", "iss")},
}


@given(st.sampled_from(sorted(PLACES)), JSON)
def test_verify_list_jwt_any_member_raises_only_typed_errors(place: str, value: object) -> None:
    """Whatever JSON stands in header or claims, no other exception than the package's own comes out."""
    try:
        document = _verify(PLACES[place](value))
    except StatusListError:
        return

    assert document["id"] == URL
