"""Which of an issuer's keys a list names: what lets an issuer change keys without signing old lists again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from status_lists.errors import MalformedValue, UnsupportedShape, VerificationFailed
from status_lists.public_keys import IssuerKey

_DID_KEY = "did:key:"


def select_key(document: Mapping[str, object], keys: Iterable[IssuerKey]) -> IssuerKey:
    """Pick the key under which a list with a proof is to be verified, from those the caller trusts.

    The key is the one that the proof's `verificationMethod` names, and it must be a key of the issuer that
    the list names: a key of another issuer, trusted as it may be, signs that other's lists only. So a list
    keeps verifying with the key it was signed with for as long as the caller keeps that key, and no longer.
    Raises MalformedValue for a list without issuer, UnsupportedShape for one without a single proof,
    VerificationFailed where no trusted key of its issuer has that name.
    """
    proof = document.get("proof")
    if not isinstance(proof, Mapping):
        raise UnsupportedShape("the list has no proof, or not exactly one")
    return select_key_by_name(issuer_of(document), proof.get("verificationMethod"), keys)


def select_key_by_name(issuer: str, method: object, keys: Iterable[IssuerKey]) -> IssuerKey:
    """Pick an issuer's key by the name that a proof's `verificationMethod`, or a JWT's `kid`, gives it.

    The name is the key's whole URL, or its fragment alone (`#key-1`); for a `did:key`, which has one key, the
    DID will do. Raises VerificationFailed where no trusted key of this issuer has that name.
    """
    for key in keys:
        if key.issuer == issuer and method in _names_of(key):
            return key
    shown = method[:96] if isinstance(method, str) else "nothing"
    raise VerificationFailed(f"the list names {shown!r} as its key, which is no trusted key of its issuer")


def issuer_of(document: Mapping[str, object]) -> str:
    """Return the issuer that a list names, as text or as an object's `id`; raises MalformedValue for none."""
    issuer = document.get("issuer")
    if isinstance(issuer, Mapping):
        issuer = issuer.get("id")
    if not isinstance(issuer, str) or not issuer:
        raise MalformedValue("the list names no issuer")
    return issuer


def _names_of(key: IssuerKey) -> tuple[str, ...]:
    fragment = key.verification_method.partition("#")[2]
    names = (key.verification_method, f"#{fragment}")
    return (*names, key.issuer) if key.issuer.startswith(_DID_KEY) else names
