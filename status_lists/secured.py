"""Read a list as it came, in whichever way it is secured: verify first, then believe."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from status_lists.credential import MIN_ENTRIES
from status_lists.errors import ListTooLarge, MalformedValue, UnsupportedShape
from status_lists.jose import verify_list_jwt
from status_lists.json_text import parse_json_object
from status_lists.jws import split_token
from status_lists.key_selection import issuer_of, select_key, select_key_by_name
from status_lists.public_keys import IssuerKey
from status_lists.published import PublishedList, parse_list_document
from status_lists.signing import CRYPTOSUITE as RDFC
from status_lists.signing import verify_list
from status_lists.signing_jcs import CRYPTOSUITE as JCS
from status_lists.signing_jcs import verify_list_jcs

_DOCUMENT_BYTES = 65_536  # everything but the list itself; 256 messages fit
_VERIFIERS = {RDFC: verify_list, JCS: verify_list_jcs}


def read_secured_list(
    body: bytes,
    *,
    keys: Iterable[IssuerKey],
    now_ms: int,
    max_bits_bytes: int,
    min_entries: int = MIN_ENTRIES,
) -> PublishedList:
    """Verify and read the body of a list: JSON with a proof, or a `vc+jwt`.

    `keys` are those that the caller trusts, each with its issuer; `key_of_did_key` gives that of a did:key.
    `max_bits_bytes` bounds the expanded bitstring, and with it the body. Guarantees a list that a trusted key
    of the very issuer it names has signed; `check_status` then reads a credential's status from it. Raises
    ListTooLarge beyond the bounds, ListTooShort, ListNotCurrent for a JWT's own times, VerificationFailed
    (UnsupportedShape for a suite or shape that is not known) and MalformedValue. Source: W3C Bitstring Status
    List v1.0, section 3.2 step 4.
    """
    longest = (max_bits_bytes + max_bits_bytes // 1_024 + _DOCUMENT_BYTES) * 16 // 9
    if len(body) > longest:
        raise ListTooLarge(f"a body of {len(body)} bytes is larger than any list of {max_bits_bytes} bytes")
    if body.lstrip()[:1] == b"{":
        document = _verified_json(body, keys)
    else:
        document = _verified_jwt(body, keys, now_ms=now_ms, max_chars=longest)
    return parse_list_document(document, max_bits_bytes=max_bits_bytes, min_entries=min_entries)


def _verified_json(body: bytes, keys: Iterable[IssuerKey]) -> Mapping[str, object]:
    document = with_single_proof(parse_json_object(body))
    key = select_key(document, keys).public_key
    proof = document["proof"]
    suite = proof.get("cryptosuite") if isinstance(proof, Mapping) else None
    if not isinstance(suite, str) or suite not in _VERIFIERS or key.algorithm != "EdDSA":
        raise UnsupportedShape(f"the list is not secured with {' or '.join(_VERIFIERS)}")
    _VERIFIERS[suite](document, public_key=key.key_bytes)
    return document


def with_single_proof(document: Mapping[str, object]) -> Mapping[str, object]:
    """Take the one proof out of an array of one, as some publish it; what a proof covers has no proof in it."""
    proof = document.get("proof")
    if isinstance(proof, list) and len(proof) == 1:
        return {**document, "proof": proof[0]}
    return document


def _verified_jwt(
    body: bytes, keys: Iterable[IssuerKey], *, now_ms: int, max_chars: int
) -> Mapping[str, object]:
    try:
        text = body.strip().decode("ascii")
    except UnicodeDecodeError as exc:
        raise MalformedValue("the body is neither a JSON object nor a signed token") from exc
    token = split_token(text, max_chars=max_chars)
    # The issuer is read before the signature is checked, only to find the key that then checks it.
    issuer = issuer_of(parse_json_object(token.payload))
    key = select_key_by_name(issuer, token.key_id, keys).public_key
    return verify_list_jwt(text, public_key=key, now_ms=now_ms, max_chars=max_chars)
