"""Key rotation: a list keeps verifying with the key it was signed with, and with no one else's."""

from __future__ import annotations

from typing import Any

import pytest

from status_lists.credential import StatusList, list_document
from status_lists.errors import (
    ListTooLarge,
    ListTooShort,
    MalformedValue,
    StatusListError,
    UnsupportedShape,
    VerificationFailed,
)
from status_lists.jose import sign_list_jwt
from status_lists.json_text import write_json_object
from status_lists.key_selection import issuer_of, select_key, select_key_by_name
from status_lists.keys import ListKey, verification_method_of
from status_lists.p256 import P256Key
from status_lists.public_keys import IssuerKey, key_of_did_key, public_key_of
from status_lists.secured import read_secured_list
from status_lists.signing import sign_list
from status_lists.signing_jcs import sign_list_jcs
from status_lists.signing_keys import SigningKey

ISSUER = "did:web:college.example"
OTHER = "did:web:other.example"
URL = "https://lists.example/status-lists/0"
FROM_MS = 1_780_000_000_000
OLD, NEW, FOREIGN = (ListKey(bytes([number]) * 32) for number in range(3))
P256 = P256Key(bytes(range(1, 33)))


def _trusted(issuer: str, name: str, key: SigningKey) -> IssuerKey:
    return IssuerKey(issuer=issuer, verification_method=f"{issuer}#{name}", public_key=public_key_of(key))


BEFORE = [_trusted(ISSUER, "key-1", OLD), _trusted(OTHER, "key-1", FOREIGN)]
AFTER = [*BEFORE, _trusted(ISSUER, "key-2", NEW), _trusted(ISSUER, "key-3", P256)]
WITHDRAWN = AFTER[1:]


def _document(issuer: str = ISSUER) -> dict[str, Any]:
    status_list = StatusList(url=URL, issuer=issuer, purpose="revocation")
    return list_document(
        status_list,
        status_list.empty_bits(),
        valid_from_ms=FROM_MS,
        valid_until_ms=FROM_MS + 1,
        ttl_ms=1_000,
    )


def _bodies(key: ListKey, method: str, issuer: str = ISSUER) -> list[bytes]:
    """Secure one list in each of the three ways."""
    document = _document(issuer)
    return [
        *(
            write_json_object(sign(document, key=key, verification_method=method, created_ms=FROM_MS))
            for sign in (sign_list, sign_list_jcs)
        ),
        sign_list_jwt(document, key=key, verification_method=method).encode(),
    ]


def _read(body: bytes, keys: list[IssuerKey], **bounds: int) -> object:
    return read_secured_list(body, keys=keys, now_ms=FROM_MS, **{"max_bits_bytes": 16_384, **bounds})


@pytest.mark.parametrize("keys", [BEFORE, AFTER])
def test_list_signed_before_a_rotation_keeps_verifying(keys: list[IssuerKey]) -> None:
    """A new key beside the old one invalidates nothing that is published."""
    signed = sign_list(_document(), key=OLD, verification_method=f"{ISSUER}#key-1", created_ms=FROM_MS)

    assert select_key(signed, keys).public_key == public_key_of(OLD)
    for body in _bodies(OLD, f"{ISSUER}#key-1"):
        assert _read(body, keys)


def test_list_signed_after_a_rotation_verifies_with_the_new_key() -> None:
    """The proof's name for its key picks it, wherever it stands among the issuer's keys."""
    for body in _bodies(NEW, f"{ISSUER}#key-2"):
        assert _read(body, AFTER)
        assert _read(body, AFTER[::-1])
        with pytest.raises(VerificationFailed):
            _read(body, BEFORE)
    jwt = sign_list_jwt(_document(), key=P256, verification_method=f"{ISSUER}#key-3")
    assert _read(jwt.encode(), AFTER)


def test_list_of_a_withdrawn_key_is_refused() -> None:
    """A key that was stolen stops counting when the verifier no longer holds it."""
    for body in _bodies(OLD, f"{ISSUER}#key-1"):
        with pytest.raises(VerificationFailed):
            _read(body, WITHDRAWN)


def test_list_signed_by_another_trusted_issuer_is_refused() -> None:
    """A key counts for the lists of its own issuer, under whichever name it is called."""
    for method in (f"{OTHER}#key-1", f"{ISSUER}#key-1", "did:web:college.example#key-9"):
        for body in _bodies(FOREIGN, method):
            with pytest.raises(VerificationFailed):
                _read(body, AFTER)
    for body in _bodies(FOREIGN, f"{OTHER}#key-1", OTHER):
        assert _read(body, AFTER)


def test_list_signed_with_another_key_than_it_names_is_refused() -> None:
    """No other key of the issuer is tried."""
    for body in _bodies(OLD, f"{ISSUER}#key-2"):
        with pytest.raises(VerificationFailed):
            _read(body, AFTER)


@pytest.mark.parametrize("key", [OLD, P256])
def test_select_key_did_key_issuer_needs_no_trust_set(key: SigningKey) -> None:
    """A did:key is its own key: by its full name, by its fragment, or as the DID alone."""
    trusted = key_of_did_key(key.did_key)
    for method in (verification_method_of(key), f"#{key.multikey}", key.did_key):
        assert select_key_by_name(key.did_key, method, [trusted]) == trusted
    with pytest.raises(VerificationFailed):
        select_key_by_name(key.did_key, f"{key.did_key}#other", [trusted])


@pytest.mark.parametrize(
    "method", [None, "", "#", "key-1", 1, [], {}, ISSUER, f"{ISSUER}#KEY-1", "x" * 10_000]
)
def test_select_key_by_name_other_name_is_refused(method: object) -> None:
    """Only a whole URL or its fragment names a key of a did:web issuer."""
    with pytest.raises(VerificationFailed) as raised:
        select_key_by_name(ISSUER, method, AFTER)

    assert len(str(raised.value)) < 300
    assert select_key_by_name(ISSUER, "#key-1", AFTER) == AFTER[0]


def test_select_key_document_without_proof_or_issuer_is_refused() -> None:
    """There is no key to pick where nobody signed, or nobody says who did."""
    with pytest.raises(UnsupportedShape):
        select_key(_document(), AFTER)
    nobody: tuple[object, ...] = (None, 1, "", {}, {"id": 1}, [])
    for issuer in nobody:
        with pytest.raises(MalformedValue):
            issuer_of({"issuer": issuer})
    assert issuer_of({"issuer": {"id": ISSUER}}) == ISSUER


def test_read_secured_list_another_suite_is_unsupported() -> None:
    """ECDSA inside a document is a suite that nothing here checks; nor does a P-256 key check EdDSA."""
    signed: dict[str, Any] = sign_list(
        _document(), key=OLD, verification_method=f"{ISSUER}#key-1", created_ms=FROM_MS
    )
    for changes in (
        {"cryptosuite": "ecdsa-jcs-2019"},
        {"cryptosuite": ["eddsa-jcs-2022"]},
        {"cryptosuite": 1},
    ):
        with pytest.raises(UnsupportedShape):
            _read(write_json_object({**signed, "proof": {**signed["proof"], **changes}}), AFTER)
    with pytest.raises(UnsupportedShape):
        _read(_bodies(OLD, f"{ISSUER}#key-3")[0], AFTER)


def test_read_secured_list_bounds_come_first() -> None:
    """Too large a body is not parsed; too short a list is refused under whichever securing."""
    with pytest.raises(ListTooLarge):
        _read(b"{" * 200_000, AFTER)
    for body in _bodies(OLD, f"{ISSUER}#key-1"):
        with pytest.raises(ListTooLarge):
            _read(body, AFTER, max_bits_bytes=16_383)
        with pytest.raises(ListTooShort):
            _read(body, AFTER, min_entries=131_073)


@pytest.mark.parametrize(
    "body", [b"", b"\xff", b"null", b"[]", b"{", b" {} ", b"a.b", b"\xef\xbb\xbf{}", b"e30.W10.e30"]
)
def test_read_secured_list_other_body_raises_a_typed_error(body: bytes) -> None:
    """Neither JSON object nor token."""
    with pytest.raises(StatusListError):
        _read(body, AFTER)
