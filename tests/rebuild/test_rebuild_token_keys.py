"""A DID document that names keys of both curves: those that sign lists come back, whatever stands beside them."""

from __future__ import annotations

from anchor.rebuild.signers import SeenKeys
from status_lists.did_web import did_document
from status_lists.json_text import write_json_object
from status_lists.keys import ListKey
from status_lists.p256 import P256Key
from status_lists.public_keys import IssuerKey, public_key_of
from status_lists.signing_keys import SigningKey

DID = "did:web:anchor.example.org:dids:utopia"


def named(key: SigningKey) -> IssuerKey:
    """Return a key as the DID document names it."""
    return IssuerKey(issuer=DID, verification_method=f"{DID}#{key.multikey}", public_key=public_key_of(key))


def test_see_document_with_token_keys_still_gives_the_list_keys() -> None:
    """Present and retired list keys are noted, whatever stands beside them."""
    present, retired = ListKey(bytes(range(32))), ListKey(bytes(range(1, 33)))
    tokens = [P256Key(bytes(31) + bytes([number])) for number in (5, 6)]
    seen = SeenKeys(DID)

    seen.see_document(write_json_object(did_document(DID, map(named, (present, retired, *tokens)))))

    assert seen.keys == {f"{DID}#{key.multikey}": key.public_key for key in (present, retired)}
