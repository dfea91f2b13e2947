"""P-256 keys and ES256: names, secrecy, published signatures; and public keys of either kind."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from status_lists.errors import KeyUnusable, MalformedValue, VerificationFailed
from status_lists.keys import ListKey, open_key, seal_key, verification_method_of
from status_lists.multibase import (
    P256_MULTIKEY_PREFIX,
    decode_base64url,
    decode_p256_multikey,
    encode_base58btc,
    encode_p256_multikey,
)
from status_lists.p256 import P256Key, check_p256_signature
from status_lists.public_keys import (
    PublicKey,
    key_of_did_key,
    public_key_from_multikey,
    public_key_of,
)
from status_lists.signing_keys import SigningKey
from tests.status_lists.linked_data import load_vectors

RFC6979_SECRET = bytes.fromhex("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721")
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
SECRETS = st.integers(1, ORDER - 1).map(lambda number: number.to_bytes(32, "big"))
ED25519 = ListKey(bytes(range(32)))
P256 = P256Key(RFC6979_SECRET)


@pytest.mark.parametrize(
    ("message", "r", "s"),
    [
        (
            b"sample",
            "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716",
            "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
        ),
        (
            b"test",
            "f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367",
            "019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083",
        ),
    ],
)
def test_p256_key_signs_the_rfc_6979_vectors(message: bytes, r: str, s: str) -> None:
    """The signatures of RFC 6979, appendix A.2.5, byte for byte: the same ones each time."""
    assert P256.sign(message).hex() == r + s
    check_p256_signature(bytes.fromhex(r + s), message, public_key=P256.public_key)


def test_p256_key_of_the_token_status_list_draft_has_its_coordinates() -> None:
    """The draft's example key: d leads to the x that is published."""
    key = load_vectors()["ietf"]["key"]

    assert P256Key(decode_base64url(key["d"])).public_key[1:] == decode_base64url(key["x"])


def test_public_key_of_the_specification_reads_and_writes_itself() -> None:
    """The did:key of P-256 in the W3C's appendix."""
    did = "did:key:zDnaewCdcZ4ERAPqpnobQrwXcCRqCw7tWR95DSnQPaMhwJJnv"
    key = key_of_did_key(did)

    assert key.public_key.algorithm == "ES256"
    assert f"did:key:{key.public_key.multikey}" == did == key.issuer
    assert key.verification_method == f"{did}#{did.removeprefix('did:key:')}"


@given(SECRETS)
def test_p256_key_any_secret_has_one_name(secret: bytes) -> None:
    """Every Multikey of P-256 begins with zDn, which is how it is told from Ed25519, and reads back."""
    key = P256Key(secret)

    assert key.multikey.startswith(P256_MULTIKEY_PREFIX)
    assert decode_p256_multikey(key.multikey) == key.public_key
    assert public_key_from_multikey(key.multikey) == public_key_of(key)
    assert key_of_did_key(key.did_key).verification_method == verification_method_of(key)


def test_check_p256_signature_any_flipped_bit_fails() -> None:
    """One changed bit in signature or message, another key, another length: the signature does not hold."""
    signature = P256.sign(b"list")

    for position in range(64 * 8):
        changed = bytearray(signature)
        changed[position // 8] ^= 1 << position % 8
        with pytest.raises(VerificationFailed):
            check_p256_signature(bytes(changed), b"list", public_key=P256.public_key)
    for other in (signature[:63], signature + b"\x00", b"", bytes(64)):
        with pytest.raises(VerificationFailed):
            check_p256_signature(other, b"list", public_key=P256.public_key)
    with pytest.raises(VerificationFailed):
        check_p256_signature(signature, b"lisu", public_key=P256.public_key)
    with pytest.raises(VerificationFailed):
        check_p256_signature(signature, b"list", public_key=P256Key.generate().public_key)


@pytest.mark.parametrize(
    "secret", [b"", bytes(31), bytes(33), bytes(32), ORDER.to_bytes(32, "big"), b"\xff" * 32]
)
def test_p256_key_impossible_secret_is_refused(secret: bytes) -> None:
    """Another length, zero, and numbers from the order of the curve on are no secrets."""
    with pytest.raises(KeyUnusable):
        P256Key(secret)


def test_p256_key_hides_its_secret() -> None:
    """Neither repr nor str nor pickle gives the secret away; sealed, it opens to itself."""
    assert repr(P256) == str(P256) == f"P256Key({P256.multikey})"
    with pytest.raises(KeyUnusable):
        pickle.dumps(P256)
    sealed = seal_key(P256.secret, wrapping_key=bytes(32), context="ES256 of list 0")
    assert open_key(sealed, wrapping_key=bytes(32), context="ES256 of list 0") == RFC6979_SECRET


def test_generate_makes_different_keys() -> None:
    """Two keys are never the same."""
    assert P256Key.generate().secret != P256Key.generate().secret


@pytest.mark.parametrize("key", [ED25519, P256])
def test_public_key_checks_its_own_algorithm_only(key: SigningKey) -> None:
    """A key accepts what it signed, and nothing that a key of the other kind signed."""
    other = P256 if key is ED25519 else ED25519
    public_key = public_key_of(key)

    public_key.check(key.sign(b"list"), b"list")
    with pytest.raises(VerificationFailed):
        public_key.check(other.sign(b"list"), b"list")
    assert public_key_from_multikey(public_key.multikey) == public_key


@pytest.mark.parametrize(
    ("algorithm", "key_bytes"),
    [
        ("EdDSA", b""),
        ("EdDSA", bytes(33)),
        ("ES256", bytes(32)),
        ("ES256", bytes(33)),
        ("ES256", b"\x05" + P256.public_key[1:]),
        ("ES256", b"\x02" + b"\xff" * 32),
        ("ES256", b"\x04" + bytes(64)),
    ],
)
def test_public_key_impossible_bytes_are_refused(algorithm: str, key_bytes: bytes) -> None:
    """Another length, a point that is not on the curve, an uncompressed one."""
    with pytest.raises(KeyUnusable):
        PublicKey(algorithm=algorithm, key_bytes=key_bytes)  # type: ignore[arg-type]  # one of the two


@pytest.mark.parametrize(
    "text",
    [
        "",
        "z6Mk",
        "zDn",
        P256.multikey + " ",
        P256.multikey[:-1],
        ED25519.multikey[:-1],
        encode_base58btc(b"\x80\x24" + b"\x02" + b"\xff" * 32),
        encode_base58btc(b"\x81\x24" + P256.public_key),
        encode_base58btc(b"\xe7\x01" + P256.public_key),
    ],
)
def test_public_key_from_multikey_other_text_is_refused(text: str) -> None:
    """Another kind of key, another spelling, a point off the curve."""
    with pytest.raises(KeyUnusable):
        public_key_from_multikey(text)
    with pytest.raises(KeyUnusable):
        key_of_did_key(f"did:key:{text}")


@pytest.mark.parametrize("did", ["", "did:web:example.com", P256.multikey, "https://example.com"])
def test_key_of_did_key_other_method_is_refused(did: str) -> None:
    """The keys of other DIDs stand in documents, which nothing here fetches."""
    with pytest.raises(KeyUnusable):
        key_of_did_key(did)


def test_p256_multikey_of_other_size_or_kind_is_malformed() -> None:
    """A Multikey of P-256 holds 33 bytes behind its own code."""
    with pytest.raises(MalformedValue):
        encode_p256_multikey(bytes(32))
    with pytest.raises(MalformedValue):
        decode_p256_multikey(ED25519.multikey)
    with pytest.raises(MalformedValue):
        decode_p256_multikey(encode_base58btc(b"\x81\x24" + P256.public_key))
