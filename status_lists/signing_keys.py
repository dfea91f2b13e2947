"""What a key that signs lists must be able to do, whatever its curve."""

from __future__ import annotations

from typing import Literal, Protocol

Algorithm = Literal["EdDSA", "ES256"]
"""The algorithms that secure lists, by their JOSE names: Ed25519 (RFC 8037), and P-256 with SHA-256 (RFC 7518)."""

SIGNATURE_BYTES = 64
"""The size of a signature of either algorithm, in the form that JOSE and COSE give it."""


class SigningKey(Protocol):
    """A key pair of one of the two algorithms; `ListKey` and `P256Key` are such keys."""

    @property
    def algorithm(self) -> Algorithm:
        """The algorithm's JOSE name."""
        ...

    @property
    def public_key(self) -> bytes:
        """The public key: 32 bytes of Ed25519, or the 33 bytes of a compressed point of P-256."""
        ...

    @property
    def multikey(self) -> str:
        """The public key as a W3C Multikey."""
        ...

    @property
    def did_key(self) -> str:
        """The DID that this key is."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Sign a message; the signature has 64 bytes, the same ones each time."""
        ...
