"""Keys on P-256 that sign lists with ES256: ECDSA with SHA-256, in the form that JOSE and COSE give it."""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from status_lists.errors import KeyUnusable, VerificationFailed
from status_lists.multibase import encode_p256_multikey
from status_lists.signing_keys import SIGNATURE_BYTES, Algorithm

SECRET_BYTES = 32

_DID_KEY = "did:key:"
_HALF_BYTES = SIGNATURE_BYTES // 2


class P256Key:
    """A P-256 key that signs status lists (FIPS 186-5).

    Made from its secret number, 32 bytes big-endian, from 1 to the order of the curve less 1; raises
    KeyUnusable for another. `seal_key` encrypts it as it does a seed. The secret never shows in `repr`.
    """

    __slots__ = ("_public_key", "_secret", "_signer")

    def __init__(self, secret: bytes) -> None:
        if len(secret) != SECRET_BYTES:
            raise KeyUnusable(f"a P-256 secret has {SECRET_BYTES} bytes, not {len(secret)}")
        self._secret = bytes(secret)
        try:
            self._signer = ec.derive_private_key(int.from_bytes(self._secret, "big"), ec.SECP256R1())
        except ValueError as exc:
            raise KeyUnusable("the secret of a P-256 key is 0 or beyond the order of the curve") from exc
        self._public_key = self._signer.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)

    @classmethod
    def generate(cls) -> P256Key:
        """Make a new key from the operating system's secure random numbers."""
        numbers = ec.generate_private_key(ec.SECP256R1()).private_numbers()
        return cls(numbers.private_value.to_bytes(SECRET_BYTES, "big"))

    def __repr__(self) -> str:
        return f"P256Key({self.multikey})"

    def __reduce__(self) -> str:
        raise KeyUnusable("a list key is not pickled; seal its secret with seal_key")

    @property
    def secret(self) -> bytes:
        """The secret, to be stored only as `seal_key` encrypts it."""
        return self._secret

    @property
    def algorithm(self) -> Algorithm:
        """The JOSE name of the algorithm, `ES256`."""
        return "ES256"

    @property
    def public_key(self) -> bytes:
        """The 33 bytes of the public key, a compressed point (SEC 1, section 2.3.3)."""
        return self._public_key

    @property
    def multikey(self) -> str:
        """The public key as a W3C Multikey, `zDn…`."""
        return encode_p256_multikey(self._public_key)

    @property
    def did_key(self) -> str:
        """The DID that this key is, `did:key:zDn…`."""
        return _DID_KEY + self.multikey

    def sign(self, message: bytes) -> bytes:
        """Sign a message; the signature has 64 bytes (RFC 7518 section 3.4), the same ones each time.

        The same ones, because the number that must never be used twice is taken from key and message (RFC
        6979): no weak random source can give the key away.
        """
        der = self._signer.sign(message, ec.ECDSA(SHA256(), deterministic_signing=True))
        return b"".join(half.to_bytes(_HALF_BYTES, "big") for half in decode_dss_signature(der))


def check_p256_point(public_key: bytes) -> bytes:
    """Return the compressed point if it lies on P-256, else raise KeyUnusable."""
    _point(public_key)
    return public_key


def check_p256_signature(signature: bytes, message: bytes, *, public_key: bytes) -> None:
    """Check an ES256 signature of 64 bytes under a compressed point.

    Raises VerificationFailed if it is not by this key over this message, KeyUnusable if the key is none.
    """
    if len(signature) != SIGNATURE_BYTES:
        raise VerificationFailed(f"a signature has {SIGNATURE_BYTES} bytes, not {len(signature)}")
    halves = (signature[:_HALF_BYTES], signature[_HALF_BYTES:])
    der = encode_dss_signature(*(int.from_bytes(half, "big") for half in halves))
    try:
        _point(public_key).verify(der, message, ec.ECDSA(SHA256()))
    except InvalidSignature as exc:
        raise VerificationFailed("the signature is not by this key over this document") from exc


def _point(public_key: bytes) -> ec.EllipticCurvePublicKey:
    if len(public_key) != 1 + SECRET_BYTES:  # an uncompressed point would be a second spelling
        raise KeyUnusable(f"a compressed point of P-256 has {1 + SECRET_BYTES} bytes, not {len(public_key)}")
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public_key)
    except ValueError as exc:
        raise KeyUnusable("the public key is no point of P-256") from exc
