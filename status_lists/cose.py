"""As much CBOR and COSE as a signed list needs: one tagged COSE_Sign1, two algorithms, a type that must be right.

Nothing in a message is believed before its signature has been checked, and no CBOR tag but that of the
message itself is given a meaning: what comes from strangers builds no dates, patterns or shared structures.
Source: RFC 9052 (COSE), sections 3.1 and 4.4; RFC 9596 (the header `typ`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO

import cbor2

from status_lists.errors import ListTooLarge, MalformedValue, VerificationFailed
from status_lists.public_keys import PublicKey
from status_lists.signing_keys import SIGNATURE_BYTES, Algorithm, SigningKey

_SIGN1_TAG = 18
_ALG, _CRIT, _KEY_ID, _TYP = 1, 2, 4, 16
_ALGORITHMS: Mapping[Algorithm, int] = {"ES256": -7, "EdDSA": -8}
_MAX_DEPTH = 16
_PARTS = 4

_TAGS_WITH_MEANING = (
    *range(6),  # times, large numbers, decimals
    *(25, 28, 29, 256),  # shared values and texts
    *(30, 35, 36, 37, 52, 54, 100, 258, 260, 261, 1004, 43000, 55799),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedMessage:
    """A COSE_Sign1 in its parts; nothing of it is verified."""

    protected: bytes
    unprotected: Mapping[object, object]
    payload: bytes
    signature: bytes

    @property
    def key_id(self) -> bytes | None:
        """The `kid` of the protected header, or of the other one, where it is a byte string."""
        for header in (_read_map(self.protected, "protected header"), self.unprotected):
            key_id = header.get(_KEY_ID)
            if isinstance(key_id, bytes):
                return key_id
        return None


def sign_message(payload: bytes, *, typ: str, key: SigningKey, key_id: bytes | None) -> bytes:
    """Sign bytes as a tagged COSE_Sign1; algorithm and type are protected, `key_id` is not.

    Guarantees equal messages for equal arguments.
    """
    protected = cbor2.dumps({_ALG: _ALGORITHMS[key.algorithm], _TYP: typ})
    unprotected = {} if key_id is None else {_KEY_ID: key_id}
    signature = key.sign(_signed_bytes(protected, payload))
    return cbor2.dumps(cbor2.CBORTag(_SIGN1_TAG, [protected, unprotected, payload, signature]))


def split_message(data: bytes, *, max_bytes: int) -> SignedMessage:
    """Take a tagged COSE_Sign1 apart without verifying it.

    Raises ListTooLarge beyond `max_bytes`, MalformedValue for anything else: another tag or none, other
    parts, bytes after the end.
    """
    if len(data) > max_bytes:
        raise ListTooLarge(f"a message of {len(data)} bytes is longer than {max_bytes}")
    message = decode_cbor(data)
    if not isinstance(message, cbor2.CBORTag) or message.tag != _SIGN1_TAG:
        raise MalformedValue(f"the message is no COSE_Sign1 with tag {_SIGN1_TAG}")
    parts = message.value
    if not isinstance(parts, list | tuple) or len(parts) != _PARTS:
        raise MalformedValue("a COSE_Sign1 has four parts")
    protected, unprotected, payload, signature = parts
    if not all(isinstance(part, bytes) for part in (protected, payload, signature)):
        raise MalformedValue("protected header, payload and signature of a COSE_Sign1 are byte strings")
    return SignedMessage(
        protected=protected,
        unprotected=_labelled(unprotected, "unprotected header"),
        payload=payload,
        signature=signature,
    )


def verify_message(message: SignedMessage, *, typ: str, public_key: PublicKey) -> Mapping[object, object]:
    """Return the map in a message that this key signed and that says it is of this type.

    Raises VerificationFailed for another algorithm than the key's, another type, critical extensions, and a
    signature that does not hold; MalformedValue where the signed payload is no map.
    """
    header = _read_map(message.protected, "protected header")
    if header.get(_ALG) != _ALGORITHMS[public_key.algorithm]:
        raise VerificationFailed(f"the message is not signed with {public_key.algorithm}, as its key demands")
    if header.get(_TYP) != typ:
        raise VerificationFailed(f"the message's type is not {typ}")
    if _CRIT in header or any(label in message.unprotected for label in (_ALG, _CRIT, _TYP)):
        raise VerificationFailed("the message's header demands an extension, or repeats what is protected")
    if len(message.signature) != SIGNATURE_BYTES:
        raise VerificationFailed(f"a signature has {SIGNATURE_BYTES} bytes, not {len(message.signature)}")
    public_key.check(message.signature, _signed_bytes(message.protected, message.payload))
    return _read_map(message.payload, "payload")


def decode_cbor(data: bytes) -> object:
    """Read exactly one CBOR item (RFC 8949), of a depth of at most 16, in which no map names a key twice.

    Tags are kept as tags. Raises MalformedValue for anything else, bytes after the item included. Memory
    stays within a small multiple of the data's size.
    """
    stream = BytesIO(data)
    decoder = cbor2.CBORDecoder(
        stream,
        read_size=1,  # so that the stream stands right behind the item
        max_depth=_MAX_DEPTH,
        allow_duplicate_keys=False,
        semantic_decoders={tag: _kept(tag) for tag in _TAGS_WITH_MEANING},
    )
    try:
        item: object = decoder.decode()
    except (cbor2.CBORError, ValueError, TypeError, OverflowError, RecursionError) as exc:
        raise MalformedValue("the bytes are not CBOR, or name a key twice") from exc
    if stream.tell() != len(data):
        raise MalformedValue(f"{len(data) - stream.tell()} bytes stand after the CBOR item")
    return item


def _kept(tag: int) -> Callable[[object, bool], object]:
    return lambda value, _immutable: cbor2.CBORTag(tag, value)


def _read_map(data: bytes, name: str) -> Mapping[object, object]:
    return _labelled(decode_cbor(data), name)


def _labelled(item: object, name: str) -> Mapping[object, object]:
    """Return a map whose labels are integers or texts: Python takes `true` and 1.0 for 1, CBOR does not."""
    if not isinstance(item, Mapping):
        raise MalformedValue(f"the {name} is not a CBOR map")
    if not all(isinstance(label, int | str) and not isinstance(label, bool) for label in item):
        raise MalformedValue(f"the {name} has a label that is neither integer nor text")
    return item


def _signed_bytes(protected: bytes, payload: bytes) -> bytes:
    """Give the Sig_structure that is signed (section 4.4), without external data."""
    return cbor2.dumps(["Signature1", protected, b"", payload])
