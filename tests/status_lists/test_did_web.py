"""did:web names and documents for the places where they are hosted."""

from __future__ import annotations

import pytest

from status_lists import ListKey
from status_lists.did_web import did_document, hosted_did, is_hosted_did
from status_lists.errors import MalformedValue
from status_lists.public_keys import IssuerKey, public_key_of


@pytest.mark.parametrize(
    ("base_url", "did"),
    [
        ("https://anchor.example.org", "did:web:anchor.example.org:dids:x-1"),
        ("https://anchor.example.org:8443", "did:web:anchor.example.org%3A8443:dids:x-1"),
        ("http://127.0.0.1:8080", "did:web:127.0.0.1%3A8080:dids:x-1"),
        ("https://example.org/status/v2", "did:web:example.org:status:v2:dids:x-1"),
        ("https://EXAMPLE.org", "did:web:example.org:dids:x-1"),
    ],
)
def test_hosted_did_is_read_back_as_the_documents_address(base_url: str, did: str) -> None:
    """By the method's rule (section 3.2, Read) the DID leads to `{base_url}/dids/{slug}/did.json`."""
    assert hosted_did(base_url, "x-1") == did
    assert is_hosted_did(did, base_url)

    host, *path = did.removeprefix("did:web:").split(":")
    scheme = base_url.partition("://")[0]
    address = "/".join([f"{scheme}://{host.replace('%3A', ':')}", *path, "did.json"])
    assert address == f"{base_url.replace('EXAMPLE', 'example')}/dids/x-1/did.json"


@pytest.mark.parametrize(
    ("base_url", "slug"),
    [
        ("https://[2001:db8::1]", "x"),
        ("https://example.org/a%20b", "x"),
        ("https://example.org/~me", "x"),
        ("https://example.org", ""),
        ("https://example.org", "X"),
        ("https://example.org", "a.b"),
        ("https://example.org", "x\n"),
        ("https://example.org", "x" * 61),
    ],
)
def test_hosted_did_that_cannot_be_written_is_refused(base_url: str, slug: str) -> None:
    """What no did:web can say, or would say ambiguously, is an error."""
    with pytest.raises(MalformedValue):
        hosted_did(base_url, slug)


def test_is_hosted_did_other_places_are_not() -> None:
    """Another host, another path, another port and another method are elsewhere."""
    base_url = "https://example.org"

    assert is_hosted_did("did:web:example.org:dids:a:b", base_url)
    for did in (
        "did:web:example.org",
        "did:web:example.org:didsx",
        "did:web:example.org%3A443:dids:a",
        "did:web:www.example.org:dids:a",
        "did:key:z6Mk",
        "https://example.org/dids/a",
    ):
        assert not is_hosted_did(did, base_url)
    assert not is_hosted_did("did:web:x:dids:a", "https://[::1]:8080")


def test_did_document_names_each_key_in_the_order_given() -> None:
    """Present and retired keys alike may assert, under their own names."""
    did = "did:web:example.org:dids:x"
    keys = [ListKey(bytes([number]) * 32) for number in (1, 2)]
    named = [
        IssuerKey(issuer=did, verification_method=f"{did}#{key.multikey}", public_key=public_key_of(key))
        for key in keys
    ]

    document = did_document(did, named)

    assert document["id"] == did
    assert document["assertionMethod"] == [key.verification_method for key in named]
    assert document["verificationMethod"] == [
        {
            "id": f"{did}#{key.multikey}",
            "type": "Multikey",
            "controller": did,
            "publicKeyMultibase": key.multikey,
        }
        for key in keys
    ]


def test_did_document_key_of_another_did_is_refused() -> None:
    """A document speaks for its own DID only."""
    key = ListKey(bytes(32))
    did = "did:web:example.org"
    for issuer, method in (("did:web:other.example", f"{did}#a"), (did, "did:web:other.example#a")):
        with pytest.raises(MalformedValue, match="no key of"):
            did_document(
                did, [IssuerKey(issuer=issuer, verification_method=method, public_key=public_key_of(key))]
            )
