"""Keys that sign lists: names, secrecy, encryption at rest."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from status_lists.errors import KeyUnusable, VerificationFailed
from status_lists.keys import (
    ListKey,
    check_signature,
    key_from_did_key,
    open_key,
    seal_key,
    verification_method_of,
)
from status_lists.multibase import decode_base58btc
from tests.status_lists.linked_data import load_vectors

SEED = bytes(range(32))
WRAPPING_KEY = bytes(range(100, 132))


def _specification_key() -> ListKey:
    private = decode_base58btc(load_vectors()["di_eddsa"]["keyPair"]["privateKeyMultibase"])
    assert private[:2] == b"\x80\x26"
    return ListKey(private[2:])


def test_list_key_of_the_specification_has_its_names() -> None:
    """The seed of the W3C's test vectors leads to its public key, did:key and verification method."""
    multikey = load_vectors()["di_eddsa"]["keyPair"]["publicKeyMultibase"]
    key = _specification_key()

    assert key.multikey == multikey
    assert key.did_key == f"did:key:{multikey}"
    assert verification_method_of(key) == f"did:key:{multikey}#{multikey}"
    assert key_from_did_key(key.did_key) == key.public_key


@pytest.mark.parametrize("suite", ["eddsa-rdfc-2022", "eddsa-jcs-2022"])
def test_list_key_signs_the_specification_hashes_byte_for_byte(suite: str) -> None:
    """Hash of the proof options, then hash of the document, give the published signature; it verifies."""
    vector = load_vectors()["di_eddsa"][suite]
    message = bytes.fromhex(vector["proofHash"] + vector["docHash"])
    key = _specification_key()

    assert key.sign(message).hex() == vector["sigHex"]
    assert decode_base58btc(vector["sigB58"], length=64).hex() == vector["sigHex"]
    check_signature(bytes.fromhex(vector["sigHex"]), message, public_key=key.public_key)


def test_check_signature_any_flipped_bit_fails() -> None:
    """One changed bit in signature, message or key, and the signature does not hold."""
    key, message = ListKey(SEED), b"list"
    signature = key.sign(message)

    for position in range(64 * 8):
        changed = bytearray(signature)
        changed[position // 8] ^= 1 << position % 8
        with pytest.raises(VerificationFailed):
            check_signature(bytes(changed), message, public_key=key.public_key)
    with pytest.raises(VerificationFailed):
        check_signature(signature, b"lisu", public_key=key.public_key)
    with pytest.raises(VerificationFailed):
        check_signature(signature, message, public_key=ListKey(bytes(32)).public_key)
    with pytest.raises(VerificationFailed):
        check_signature(signature, message, public_key=key.public_key[:31])


def test_generate_makes_different_keys() -> None:
    """Two keys are never the same."""
    assert ListKey.generate().seed != ListKey.generate().seed


def test_list_key_hides_its_seed() -> None:
    """Neither repr nor str nor pickle gives the secret away."""
    key = ListKey(SEED)

    assert repr(key) == str(key) == f"ListKey({key.multikey})"
    with pytest.raises(KeyUnusable):
        pickle.dumps(key)


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_list_key_seed_of_other_size_is_refused(size: int) -> None:
    """A seed has 32 bytes, and so has a wrapping key."""
    with pytest.raises(KeyUnusable):
        ListKey(bytes(size))
    with pytest.raises(KeyUnusable):
        seal_key(bytes(size), wrapping_key=WRAPPING_KEY, context="list 0")
    with pytest.raises(KeyUnusable):
        seal_key(SEED, wrapping_key=bytes(size), context="list 0")


@pytest.mark.parametrize(
    "did",
    [
        "",
        "did:web:example.com",
        "did:key:",
        "did:key:z6Mk",
        "did:key:zDnaewCdcZ4ERAPqpnobQrwXcCRqCw7tWR95DSnQPaMhwJJnv",
        "did:key:z6MkeVw6bAm59CopQquZcVLUpapvEEELqfpdWfHkSont8HR6 ",
        "did:key:z6MkeVw6bAm59CopQquZcVLUpapvEEELqfpdWfHkSont8HR6#z6MkeVw6bAm59CopQquZcVLUpapvEEELqfpdWfHkSont8HR6",
    ],
)
def test_key_from_did_key_other_text_is_refused(did: str) -> None:
    """Another method, another kind of key, a URL into the document: none is an Ed25519 did:key."""
    with pytest.raises(KeyUnusable):
        key_from_did_key(did)


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32), st.text(max_size=40))
def test_sealed_key_opens_to_itself(seed: bytes, wrapping_key: bytes, context: str) -> None:
    """What was sealed opens under the same wrapping key and context, and shows nothing of the seed."""
    sealed = seal_key(seed, wrapping_key=wrapping_key, context=context)

    assert open_key(sealed, wrapping_key=wrapping_key, context=context) == seed
    assert seed not in sealed


def test_seal_key_twice_gives_different_bytes() -> None:
    """A nonce is never used twice."""
    first = seal_key(SEED, wrapping_key=WRAPPING_KEY, context="list 0")

    assert first != seal_key(SEED, wrapping_key=WRAPPING_KEY, context="list 0")


def test_sealed_key_anything_changed_does_not_open() -> None:
    """Each single byte counts, and so do context, wrapping key and length."""
    sealed = seal_key(SEED, wrapping_key=WRAPPING_KEY, context="list 0")
    damaged = [
        sealed[:position] + bytes([sealed[position] ^ 1]) + sealed[position + 1 :]
        for position in range(len(sealed))
    ]

    for text in [*damaged, sealed[:-1], sealed + b"\x00", b""]:
        with pytest.raises(KeyUnusable):
            open_key(text, wrapping_key=WRAPPING_KEY, context="list 0")
    with pytest.raises(KeyUnusable):
        open_key(sealed, wrapping_key=WRAPPING_KEY, context="list 1")
    with pytest.raises(KeyUnusable):
        open_key(sealed, wrapping_key=bytes(32), context="list 0")
