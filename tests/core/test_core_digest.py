"""Digests: what each method hashes, what it refuses, and that no bytes pass under another method."""

from __future__ import annotations

import hmac
import json
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchor.core.digest import (
    Method,
    compact_jwt,
    credential_digest,
    derive_salt,
    detect_method,
    issuer_signed_jwt,
    salted_digest,
)
from anchor.core.entries import CredentialEntry
from anchor.core.merkle import leaf_hash
from anchor.core.strict_json import canonical_json
from anchor.errors import InvalidInput, NotStrictJson
from status_lists.multibase import encode_digest
from tests.support.vector_files import load_vectors, named

VECTORS = load_vectors("digests.json")

base64url_parts = st.text("ABCxyz019-_", min_size=1, max_size=8)
tokens = st.builds(".".join, st.tuples(base64url_parts, base64url_parts, base64url_parts)).map(str.encode)
spaces = st.text(" \t\r\n", max_size=4).map(str.encode)


@pytest.mark.parametrize(**named(VECTORS["digests"]))
def test_credential_digest_of_the_vectors_is_the_hash_of_the_bytes_named(case: dict[str, Any]) -> None:
    """Each digest is SHA-256 of what the method takes from the content."""
    content, hashed = bytes.fromhex(case["content"]), bytes.fromhex(case["hashed"])
    digest = credential_digest(Method.from_label(case["method"]), content)

    assert digest == sha256(hashed).digest()
    assert digest.hex() == case["digest"]
    assert encode_digest(digest) == case["digestMultibase"]


@pytest.mark.parametrize(**named(VECTORS["refused"]))
def test_credential_digest_of_another_form_is_refused(case: dict[str, Any]) -> None:
    """A method takes its own form only; the advice names the form."""
    with pytest.raises(InvalidInput):
        credential_digest(Method.from_label(case["method"]), bytes.fromhex(case["content"]))


@pytest.mark.parametrize(**named(VECTORS["detected"]))
def test_detect_method_of_the_vectors_is_the_one_named(case: dict[str, Any]) -> None:
    """The table of files and the methods that fit them."""
    content = bytes.fromhex(case["content"])

    assert detect_method(content, named_json=case["namedJson"]).label == case["method"]


@pytest.mark.parametrize("case", VECTORS["salted"])
def test_salted_digest_of_the_vectors_is_the_hash_of_domain_salt_and_digest(case: dict[str, Any]) -> None:
    """Salt and salted digest, computed again from what the protocol says."""
    secret, digest = bytes.fromhex(case["secret"]), bytes.fromhex(case["digest"])
    salt = hmac.new(secret, digest, "sha256").digest()

    assert derive_salt(secret, digest) == salt == bytes.fromhex(case["salt"])
    assert salted_digest(salt, digest) == bytes.fromhex(case["saltedDigest"])
    assert salted_digest(salt, digest) == sha256(b"credential-anchor salt v1\x00" + salt + digest).digest()


@pytest.mark.parametrize(
    ("salt_bytes", "digest_bytes"), [(31, 32), (33, 32), (32, 31), (32, 33), (0, 0), (0, 64)]
)
def test_salted_digest_of_other_lengths_is_refused(salt_bytes: int, digest_bytes: int) -> None:
    """Without fixed lengths one hash would stand for several pairs of salt and digest."""
    with pytest.raises(InvalidInput, match="32 bytes each"):
        salted_digest(bytes(salt_bytes), bytes(digest_bytes))


def test_method_labels_and_codes_are_those_of_the_protocol() -> None:
    """The names in documents and the codes in entries never change: proofs live for decades."""
    assert {method.label: int(method) for method in Method} == {"jcs": 1, "jwt": 2, "sd-jwt": 3, "raw": 4}


@pytest.mark.parametrize("label", ["", "JCS", "sd_jwt", "sha256", "raw ", "1"])
def test_method_from_another_label_is_refused(label: str) -> None:
    """A label has one spelling."""
    with pytest.raises(InvalidInput, match="use one of jcs, jwt, sd-jwt, raw"):
        Method.from_label(label)


@given(st.binary(max_size=80))
def test_credential_digest_by_raw_is_the_hash_of_the_file(content: bytes) -> None:
    """Byte for byte: no space is stripped and no line end changed."""
    assert credential_digest(Method.RAW, content) == sha256(content).digest()


@given(tokens, spaces, spaces, st.lists(base64url_parts, max_size=3))
def test_credential_digest_of_a_token_ignores_only_what_the_method_leaves_out(
    token: bytes, before: bytes, after: bytes, disclosures: list[str]
) -> None:
    """Space around a token and disclosures behind it do not count; the token itself does."""
    digest = sha256(token).digest()
    presented = token + b"~" + "".join(f"{item}~" for item in disclosures).encode()

    assert compact_jwt(before + token + after) == token
    assert credential_digest(Method.JWT, before + token + after) == digest
    assert issuer_signed_jwt(before + presented + after) == token
    assert credential_digest(Method.SD_JWT, before + presented + after) == digest
    assert detect_method(before + token + after, named_json=False) is Method.JWT
    assert detect_method(before + presented + after, named_json=False) is Method.SD_JWT


@given(content=st.binary(max_size=30) | tokens.map(lambda token: token + b"~"), named_json=st.booleans())
def test_detect_method_of_any_bytes_names_a_method_that_takes_them(
    *, content: bytes, named_json: bool
) -> None:
    """What is detected can be hashed, but for damaged JSON, named as JSON or begun as such: it is refused."""
    method = detect_method(content, named_json=named_json)
    try:
        credential_digest(method, content)
    except NotStrictJson:
        assert named_json or content.strip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[")


@pytest.mark.parametrize(
    "content",
    [
        b'{"a": 1,}',
        b'{"a": 1',
        b' \n{ "a b\\"c" : NaN}',
        b'\xef\xbb\xbf {"a": 1}',
        b'{"a": "\xff"}',
        b'[{"a": 1},]',
        b"[1, 2, NaN]",
        b"[0.1000000000000000000000001]",
        b"[" + b"1, " * 40 + b"x]",
        b"[" * 200_000,
    ],
)
def test_detect_method_of_nearly_json_is_jcs_so_that_it_is_refused(content: bytes) -> None:
    """A file that begins as JSON is not hashed as bytes for a small fault: the place is told."""
    method = detect_method(content, named_json=False)

    assert method is Method.JCS
    with pytest.raises(NotStrictJson) as error:
        credential_digest(method, content)
    assert error.value.line >= 1


@pytest.mark.parametrize(
    "content",
    [
        rb"{\rtf1\ansi Diploma}",
        b"{'a': 1}",
        b"[1] Ada Lovelace was awarded the degree of Bachelor of Science, and here is why she was",
        b"[2026-11-22 10:00:00] a line of a log",
        b'{"a quotation" in braces}',
        b"[Ada]",
        b"{",
        b'{"' + b'\\"' * 100_000,
    ],
)
def test_detect_method_of_text_in_brackets_is_raw(content: bytes) -> None:
    """RTF, notes and logs begin with brackets and are no JSON."""
    assert detect_method(content, named_json=False) is Method.RAW


@given(st.text(max_size=8))
def test_derive_salt_of_one_digest_is_the_same_at_every_retry(text: str) -> None:
    """A retry gives the same leaf; another secret or digest another salt."""
    digest = sha256(text.encode()).digest()

    assert derive_salt(b"secret", digest) == derive_salt(b"secret", digest)
    assert derive_salt(b"secret", digest) != derive_salt(b"another", digest)
    assert derive_salt(b"secret", digest) != derive_salt(b"secret", sha256(digest).digest())


def leaf_of(method: Method, content: bytes, *, salted: bool = False) -> bytes:
    """Return the leaf that a credential has under one issuer."""
    digest = credential_digest(method, content)
    return leaf_hash(CredentialEntry(bytes(32), method, digest, salted=salted).encode())


def test_text_anchored_as_raw_does_not_pass_as_an_sd_jwt() -> None:
    """
    The digest is the same, the entry is not.

    An issuer anchors a text of three parts as a file; somebody appends disclosures and offers it as an SD-JWT.
    """
    text = b"eyJhbGciOiJub25lIn0.e30.c2ln"
    extended = text + b"~WyJzYWx0IiwiZGVncmVlIiwiUGhEIl0~"

    assert credential_digest(Method.RAW, text) == credential_digest(Method.SD_JWT, extended)
    assert leaf_of(Method.RAW, text) != leaf_of(Method.SD_JWT, extended)


def test_json_anchored_as_raw_does_not_pass_as_jcs() -> None:
    """A canonical JSON file has one digest by both methods, and two entries."""
    text = canonical_json(json.loads('{"a": 1}'))

    assert credential_digest(Method.RAW, text) == credential_digest(Method.JCS, text)
    assert leaf_of(Method.RAW, text) != leaf_of(Method.JCS, text)


def test_one_digest_has_another_leaf_under_each_method_salted_or_not() -> None:
    """Eight codes, eight leaves."""
    leaves = {
        leaf_hash(CredentialEntry(bytes(32), method, bytes(32), salted=salted).encode())
        for method in Method
        for salted in (False, True)
    }

    assert len(leaves) == 8
