"""Keys that their own names give away: `did:key` with Ed25519, nothing being looked up."""

from __future__ import annotations

from anchor.vc.data_integrity import VerificationKey
from anchor.vc.problems import Kind, Rejected
from status_lists.errors import StatusListError
from status_lists.keys import key_from_did_key

_DID_KEY = "did:key:"


def did_key_method(method: str) -> VerificationKey:
    """
    Return the key that a verification method of a `did:key` names, such as `did:key:z6Mk…#z6Mk…`.

    Raises Rejected for another DID method, another kind of key, and a fragment that is not the key itself.
    """
    did, _, fragment = method.partition("#")
    try:
        key = key_from_did_key(did)
    except StatusListError as exc:
        raise Rejected(Kind.VERIFICATION_METHOD, f"{method[:100]!r}: {exc}") from exc
    if did != _DID_KEY + fragment:
        raise Rejected(
            Kind.VERIFICATION_METHOD, "the verification method of a did:key names the key after '#'"
        )
    return VerificationKey(controller=did, public_key=key)
