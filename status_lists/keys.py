"""The Ed25519 keys that sign lists, their names as `did:key`, and their encryption at rest."""

from __future__ import annotations

import os

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from status_lists.errors import KeyUnusable, MalformedValue, VerificationFailed
from status_lists.multibase import decode_multikey, encode_multikey
from status_lists.signing_keys import Algorithm, SigningKey

SEED_BYTES = 32
WRAPPING_KEY_BYTES = 32

_DID_KEY = "did:key:"
_NONCE_BYTES = 12
_SEALED_FORMAT = b"\x01"
_SEALED_BYTES = len(_SEALED_FORMAT) + _NONCE_BYTES + SEED_BYTES + 16  # the tag of Poly1305
_SEALED_DOMAIN = b"status list key v1\x00"


class ListKey:
    """An Ed25519 key that signs status lists (RFC 8032).

    Made from a secret seed of 32 bytes; raises KeyUnusable for another length. The seed never shows in
    `repr`.
    """

    __slots__ = ("_public_key", "_seed", "_signer")

    def __init__(self, seed: bytes) -> None:
        if len(seed) != SEED_BYTES:
            raise KeyUnusable(f"an Ed25519 seed has {SEED_BYTES} bytes, not {len(seed)}")
        self._seed = bytes(seed)
        self._signer = Ed25519PrivateKey.from_private_bytes(self._seed)
        self._public_key = self._signer.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    @classmethod
    def generate(cls) -> ListKey:
        """Make a new key from the operating system's secure random numbers."""
        return cls(os.urandom(SEED_BYTES))

    def __repr__(self) -> str:
        return f"ListKey({self.multikey})"

    def __reduce__(self) -> str:
        raise KeyUnusable("a list key is not pickled; seal its seed with seal_key")

    @property
    def seed(self) -> bytes:
        """The secret, to be stored only as `seal_key` encrypts it."""
        return self._seed

    @property
    def algorithm(self) -> Algorithm:
        """The JOSE name of the algorithm, `EdDSA`."""
        return "EdDSA"

    @property
    def public_key(self) -> bytes:
        """The 32 bytes of the public key."""
        return self._public_key

    @property
    def multikey(self) -> str:
        """The public key as a W3C Multikey, `z6Mk…`."""
        return encode_multikey(self._public_key)

    @property
    def did_key(self) -> str:
        """The DID that this key is, `did:key:z6Mk…`."""
        return _DID_KEY + self.multikey

    def sign(self, message: bytes) -> bytes:
        """Sign a message; the signature has 64 bytes, the same ones each time."""
        return self._signer.sign(message)


def check_signature(signature: bytes, message: bytes, *, public_key: bytes) -> None:
    """Check an Ed25519 signature; raises VerificationFailed if it is not by this key over this message."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except ValueError as exc:
        raise VerificationFailed("the public key is not 32 bytes of Ed25519") from exc
    except InvalidSignature as exc:
        raise VerificationFailed("the signature is not by this key over this document") from exc


def key_from_did_key(did: str) -> bytes:
    """Read the 32-byte Ed25519 public key from a `did:key`, nothing being looked up.

    Raises KeyUnusable for another DID method, another kind of key or another spelling.
    """
    if not did.startswith(_DID_KEY):
        raise KeyUnusable("the issuer is not a did:key; its key must come from the verifier's own trust set")
    try:
        return decode_multikey(did.removeprefix(_DID_KEY))
    except MalformedValue as exc:
        raise KeyUnusable("the did:key does not hold an Ed25519 key in its one canonical spelling") from exc


def verification_method_of(key: SigningKey) -> str:
    """Name the key inside its own `did:key` document, for example `did:key:z6Mk…#z6Mk…`."""
    return f"{key.did_key}#{key.multikey}"


def seal_key(seed: bytes, *, wrapping_key: bytes, context: str) -> bytes:
    """Encrypt a seed for storage with ChaCha20-Poly1305 (RFC 8439) under a random nonce.

    `context` says whose key it is and where it is kept; the same text is needed to open it, so that a sealed
    key moved to another row does not open there. Requires 32 bytes each for seed and wrapping key, else
    KeyUnusable.
    """
    if len(seed) != SEED_BYTES:
        raise KeyUnusable(f"an Ed25519 seed has {SEED_BYTES} bytes, not {len(seed)}")
    nonce = os.urandom(_NONCE_BYTES)
    return _SEALED_FORMAT + nonce + _cipher(wrapping_key).encrypt(nonce, seed, _associated(context))


def open_key(sealed: bytes, *, wrapping_key: bytes, context: str) -> bytes:
    """Decrypt what `seal_key` made; the result is the seed of 32 bytes.

    Raises KeyUnusable if one byte of it, the wrapping key or the context is not the one it was sealed with.
    """
    if len(sealed) != _SEALED_BYTES or not sealed.startswith(_SEALED_FORMAT):
        raise KeyUnusable(
            f"a sealed key has {_SEALED_BYTES} bytes and format 1; this one has {len(sealed)} bytes"
        )
    nonce = sealed[len(_SEALED_FORMAT) : len(_SEALED_FORMAT) + _NONCE_BYTES]
    ciphertext = sealed[len(_SEALED_FORMAT) + _NONCE_BYTES :]
    try:
        return _cipher(wrapping_key).decrypt(nonce, ciphertext, _associated(context))
    except InvalidTag as exc:
        raise KeyUnusable("a sealed key does not open: wrong wrapping key, wrong owner, or damaged") from exc


def _cipher(wrapping_key: bytes) -> ChaCha20Poly1305:
    if len(wrapping_key) != WRAPPING_KEY_BYTES:
        raise KeyUnusable(f"a wrapping key has {WRAPPING_KEY_BYTES} bytes, not {len(wrapping_key)}")
    return ChaCha20Poly1305(wrapping_key)


def _associated(context: str) -> bytes:
    return _SEALED_DOMAIN + context.encode("utf-8")
