"""The public keys that a verifier holds: of either algorithm, and whose they are."""

from __future__ import annotations

from dataclasses import dataclass

from status_lists.errors import KeyUnusable, MalformedValue
from status_lists.keys import check_signature
from status_lists.multibase import (
    ED25519_KEY_BYTES,
    P256_MULTIKEY_PREFIX,
    decode_multikey,
    decode_p256_multikey,
    encode_multikey,
    encode_p256_multikey,
)
from status_lists.p256 import check_p256_point, check_p256_signature
from status_lists.signing_keys import Algorithm, SigningKey

_DID_KEY = "did:key:"


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """A public key that checks signatures of one algorithm, and of no other.

    `key_bytes` are 32 bytes of Ed25519, or the compressed point of P-256, 33 bytes. Raises KeyUnusable for
    anything else. That the algorithm belongs to the key, and is never taken from what is to be verified, is
    what stops a signature from choosing how it is checked (RFC 8725 section 3.1).
    """

    algorithm: Algorithm
    key_bytes: bytes

    def __post_init__(self) -> None:
        if self.algorithm == "ES256":
            check_p256_point(self.key_bytes)
        elif len(self.key_bytes) != ED25519_KEY_BYTES:
            raise KeyUnusable(
                f"an Ed25519 public key has {ED25519_KEY_BYTES} bytes, not {len(self.key_bytes)}"
            )

    @property
    def multikey(self) -> str:
        """The key as a W3C Multikey: `z6Mk…` for Ed25519, `zDn…` for P-256."""
        encode = encode_p256_multikey if self.algorithm == "ES256" else encode_multikey
        return encode(self.key_bytes)

    def check(self, signature: bytes, message: bytes) -> None:
        """Check a signature of 64 bytes; raises VerificationFailed if it is not by this key over this message."""
        check = check_p256_signature if self.algorithm == "ES256" else check_signature
        check(signature, message, public_key=self.key_bytes)


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerKey:
    """A key that an issuer signs lists with, and the URL under which the issuer names it."""

    issuer: str
    verification_method: str
    public_key: PublicKey


def public_key_of(key: SigningKey) -> PublicKey:
    """Give the public half of a key that signs."""
    return PublicKey(algorithm=key.algorithm, key_bytes=key.public_key)


def public_key_from_multikey(text: str) -> PublicKey:
    """Read a W3C Multikey of Ed25519 or P-256; raises KeyUnusable for any other text or kind of key."""
    try:
        if text.startswith(P256_MULTIKEY_PREFIX):
            return PublicKey(algorithm="ES256", key_bytes=decode_p256_multikey(text))
        return PublicKey(algorithm="EdDSA", key_bytes=decode_multikey(text))
    except MalformedValue as exc:
        raise KeyUnusable(
            "a Multikey is not of Ed25519 (z6Mk…) or P-256 (zDn…) in its one canonical spelling"
        ) from exc


def key_of_did_key(did: str) -> IssuerKey:
    """Read the one key of a `did:key` issuer, nothing being looked up.

    Raises KeyUnusable for another DID method, another kind of key or another spelling. Source: The did:key
    Method v0.9, section 3.1.
    """
    if not did.startswith(_DID_KEY):
        raise KeyUnusable("the issuer is not a did:key; its key must come from the verifier's own trust set")
    multikey = did.removeprefix(_DID_KEY)
    return IssuerKey(
        issuer=did,
        verification_method=f"{did}#{multikey}",
        public_key=public_key_from_multikey(multikey),
    )
