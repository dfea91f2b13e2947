"""Which addresses and issuers a list may have."""

from __future__ import annotations

import pytest

from status_lists.errors import MalformedValue
from status_lists.iris import check_http_url, check_issuer, check_safe_iri

UNSAFE = [
    "",
    "status-lists/0",
    "//example.com/0",
    "_:b0",
    "ftp://example.com/",
    "javascript:alert(1)",
    "https://example.com/a b",
    'https://example.com/"',
    "https://example.com/<x>",
    "https://example.com/\\",
    "https://example.com/^",
    "https://example.com/`",
    "https://example.com/{n}",
    "https://example.com/|",
    "https://example.com/\n",
    "https://exämple.com/",
    "did:web:exämple.com",
    "https://example.com/" + "a" * 3_000,
]


@pytest.mark.parametrize("text", [*UNSAFE, None, 1, ["https://example.com/"]])
def test_check_safe_iri_unsafe_text_is_refused(text: object) -> None:
    """Relative, blank, escaped, non-ASCII and endless identifiers are not left alone by every processor."""
    with pytest.raises(MalformedValue):
        check_safe_iri(text, "id")


@pytest.mark.parametrize(
    "text",
    [
        "https://example.com",
        "https://example.com/status-lists/0",
        "https://example.com:8443/a/b%20c/~0",
        "http://127.0.0.1:8080/status-lists/0",
        "http://localhost/0",
        "http://[::1]:80/0",
    ],
)
def test_check_http_url_plain_url_passes(text: str) -> None:
    """An https URL anywhere, an http URL on loopback."""
    assert check_http_url(text, "list URL") == text


@pytest.mark.parametrize(
    "text",
    [
        *UNSAFE,
        "http://example.com/0",
        "http://127.0.0.1.example.com/0",
        "http://128.0.0.1/0",
        "https://user:secret@example.com/0",
        "https://example.com/0?timestamp=1",
        "https://example.com/0#list",
        "https://example.com/a&amp;b",
        "https://Example.com/0",
        "HTTPS://example.com/0",
        "https:///0",
        "https://example.com:port/0",
        "did:web:example.com",
        "urn:uuid:58172aac-d8ba-11ed-83dd-0b3aef56cc33",
    ],
)
def test_check_http_url_other_text_is_refused(text: str) -> None:
    """No user, query, fragment, HTML entity, upper-case host, or http beyond loopback."""
    with pytest.raises(MalformedValue):
        check_http_url(text, "list URL")


@pytest.mark.parametrize(
    "text", ["did:key:z6Mk", "did:web:example.com%3A8443:issuers:1", "https://example.com/issuers/5678"]
)
def test_check_issuer_did_or_https_passes(text: str) -> None:
    """The two ways in which this project names an issuer."""
    assert check_issuer(text) == text


@pytest.mark.parametrize(
    "text", [*UNSAFE, "did:", "did:web:", "did:WEB:example.com", "did:web:a#key", "did:web:a/b", "urn:x:y"]
)
def test_check_issuer_other_text_is_refused(text: str) -> None:
    """A DID URL with path or fragment names a part of an issuer; other schemes name none."""
    with pytest.raises(MalformedValue):
        check_issuer(text)
