"""A did:web with a token key: P-256 signs what is JOSE or COSE, Ed25519 the rest, and one DID document names both."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

import cbor2
import pytest

from anchor.errors import Conflict, FatalError, InvalidInput, NotFound
from anchor.service.issuers import NewTokenKey
from anchor.service.keys import KeyVault
from anchor.service.list_signing import ListForm
from anchor.store.records import Issuer, SignerKind
from status_lists import VerificationFailed, parse_json_object, verify_list
from status_lists.cose import split_message
from status_lists.cwt import verify_token_list_cwt
from status_lists.jose import verify_list_jwt
from status_lists.jws import split_token
from status_lists.key_selection import select_key_by_name
from status_lists.p256 import P256Key
from status_lists.public_keys import PublicKey
from status_lists.signing_jcs import verify_list_jcs
from status_lists.token_jwt import verify_token_list_jwt
from tests.support.assembly import Running
from tests.support.did_documents import keys_of

DID = "did:web:anchor.example.org:dids:utopia-university"
SECRET = bytes(31) + b"\x07"
LIST_BYTES = 16_384
MAX_CHARS = 1_000_000


@dataclass(frozen=True, slots=True)
class Forms:
    """The newest version of a list in each of its forms."""

    rdfc: dict[str, object]
    jcs: dict[str, object]
    jwt: str
    token_jwt: str
    token_cwt: bytes

    @property
    def token_methods(self) -> set[str]:
        """The names of the keys that the three tokens say they are signed with."""
        key_id = split_message(self.token_cwt, max_bytes=MAX_CHARS).key_id
        assert key_id is not None
        named = [split_token(text, max_chars=MAX_CHARS).key_id for text in (self.jwt, self.token_jwt)]
        return {key_id.decode("ascii"), *map(str, named)}


async def add(service: Running, token_key: NewTokenKey | None = NewTokenKey()) -> Issuer:  # noqa: B008 - frozen
    """Add an issuer whose DID document is hosted here, with a list."""
    new = await service.services.issuers.add(
        identifier=None,
        name="utopia",
        kind=SignerKind.DID_WEB,
        seed=None,
        hosted="utopia-university",
        token_key=token_key,
    )
    assert new.warnings == ()
    await service.services.intake.allocate(new.issuer, 1, idempotency_key=None)
    return new.issuer


async def newest(service: Running, number: int = 0) -> Forms:
    """Return all forms of the newest version of a list."""
    stored = {}
    for form in ListForm:
        found = await service.store.list_version(
            number, None, form=None if form is ListForm.VC else form.value
        )
        assert found is not None
        stored[form] = found.document
    return Forms(
        rdfc=parse_json_object(stored[ListForm.VC]),
        jcs=parse_json_object(stored[ListForm.VC_JCS]),
        jwt=stored[ListForm.VC_JWT].decode(),
        token_jwt=stored[ListForm.TOKEN_JWT].decode(),
        token_cwt=stored[ListForm.TOKEN_CWT],
    )


async def document(service: Running) -> dict[str, Any]:
    """Return the hosted DID document."""
    found: dict[str, Any] = json.loads(await service.services.list_keys.hosted_document("utopia-university"))
    return found


async def verify(service: Running, forms: Forms) -> None:
    """Verify every form as a stranger does: by the key that it names, looked up in the DID document."""
    keys = keys_of(await document(service))

    def named(method: object) -> PublicKey:
        return select_key_by_name(DID, method, keys).public_key

    for signed, check in ((forms.rdfc, verify_list), (forms.jcs, verify_list_jcs)):
        proof = signed["proof"]
        assert isinstance(proof, dict)
        check(signed, public_key=named(proof["verificationMethod"]).key_bytes)
    (method,) = forms.token_methods
    now_ms = service.clock.now_ms()
    verify_list_jwt(forms.jwt, public_key=named(method), now_ms=now_ms, max_chars=MAX_CHARS)
    verify_token_list_jwt(forms.token_jwt, public_key=named(method), max_bits_bytes=LIST_BYTES)
    verify_token_list_cwt(forms.token_cwt, public_key=named(method), max_bits_bytes=LIST_BYTES)


async def test_token_key_signs_tokens_and_list_key_signs_json(service: Running) -> None:
    """ES256 (COSE -7) in the three tokens, Data Integrity by Ed25519, and one document by which all verify."""
    issuer = await add(service)
    signer = issuer.signer
    assert signer.token_key is not None
    forms = await newest(service)
    await verify(service, forms)

    headers = [split_token(text, max_chars=MAX_CHARS).header for text in (forms.jwt, forms.token_jwt)]
    protected = cbor2.loads(split_message(forms.token_cwt, max_bytes=MAX_CHARS).protected)
    proof = forms.rdfc["proof"]
    assert isinstance(proof, dict)
    assert [header["alg"] for header in headers] == ["ES256", "ES256"]
    assert protected[1] == -7
    assert forms.token_methods == {signer.token_key.verification_method}
    assert proof["verificationMethod"] == signer.verification_method
    assert (
        forms.rdfc["issuer"]
        == split_payload(forms.jwt)["issuer"]
        == split_payload(forms.token_jwt)["iss"]
        == DID
    )
    assert (await document(service))["assertionMethod"] == [
        signer.verification_method,
        signer.token_key.verification_method,
    ]


def split_payload(text: str) -> dict[str, object]:
    """Return the payload of a token, unverified."""
    return parse_json_object(split_token(text, max_chars=MAX_CHARS).payload)


async def test_token_key_of_another_issuer_verifies_nothing(service: Running) -> None:
    """The name decides which key is looked up, and only keys of the list's issuer are looked at."""
    await add(service)
    forms = await newest(service)
    stranger = PublicKey(algorithm="ES256", key_bytes=P256Key(SECRET).public_key)

    with pytest.raises(VerificationFailed):
        verify_list_jwt(forms.jwt, public_key=stranger, now_ms=service.clock.now_ms(), max_chars=MAX_CHARS)
    with pytest.raises(VerificationFailed):
        verify_token_list_cwt(forms.token_cwt, public_key=stranger, max_bits_bytes=LIST_BYTES)


async def test_token_key_imported_is_the_key_of_its_secret(service: Running) -> None:
    """An issuer that has a P-256 key already goes on with it."""
    issuer = await add(service, NewTokenKey(SECRET))
    key = P256Key(SECRET)
    assert issuer.signer.token_key is not None

    assert issuer.signer.token_key.public_key == key.public_key
    assert issuer.signer.token_key.verification_method == f"{DID}#{key.multikey}"
    assert SECRET not in issuer.signer.token_key.sealed_secret
    assert repr(SECRET) not in repr(issuer)
    await verify(service, await newest(service))


async def test_rotate_token_key_gives_the_first_and_keeps_those_before(service: Running) -> None:
    """An issuer without one gets one; later ones replace it, and every version still verifies by the document."""
    issuer = await add(service, None)
    versions = [await newest(service)]
    methods: list[str] = []
    for _ in range(2):
        rotated = await service.services.list_keys.rotate_token_key(issuer.number)
        assert rotated.issuer.signer.token_key is not None
        assert (rotated.retired_method, rotated.warnings) == (methods[-1] if methods else None, ())
        assert rotated.issuer.signer.verification_method == issuer.signer.verification_method
        methods.append(rotated.issuer.signer.token_key.verification_method)
        versions.append(await newest(service))
    for version in versions:
        await verify(service, version)

    assert [version.token_methods for version in versions] == [
        {method} for method in (issuer.signer.verification_method, *methods)
    ]
    assert (await document(service))["assertionMethod"] == [
        issuer.signer.verification_method,
        *reversed(methods),
    ]
    assert await service.services.lists.publish_due() == 0


async def test_rotate_list_key_leaves_the_token_key(service: Running) -> None:
    """The two keys are replaced each on its own."""
    issuer = await add(service)
    rotated = await service.services.list_keys.rotate(issuer.number)
    await verify(service, await newest(service))

    assert rotated.issuer.signer.token_key == issuer.signer.token_key
    assert rotated.issuer.signer.verification_method != issuer.signer.verification_method


async def test_token_key_is_for_a_did_web_alone(service: Running) -> None:
    """A did:key is its one key, the issuer's own or a stand-in; and the secret must be one of P-256."""
    add_issuer = service.services.issuers.add
    wishes: list[tuple[str | None, SignerKind]] = [
        (None, SignerKind.MANAGED),
        ("https://college.example.org", SignerKind.SERVICE),
    ]
    for identifier, kind in wishes:
        with pytest.raises(InvalidInput, match="a did:key is its one key"):
            await add_issuer(identifier=identifier, name="x", kind=kind, seed=None, token_key=NewTokenKey())
    for secret in (bytes(32), b"\xff" * 32, bytes(31)):
        with pytest.raises(InvalidInput, match="'tokenKey'"):
            await add_issuer(
                identifier=None,
                name="x",
                kind=SignerKind.DID_WEB,
                seed=None,
                hosted="x",
                token_key=NewTokenKey(secret),
            )
    assert await service.services.issuers.all() == []

    managed = await add_issuer(identifier=None, name="x", kind=SignerKind.MANAGED, seed=None)
    with pytest.raises(Conflict, match="the key itself"):
        await service.services.list_keys.rotate_token_key(managed.issuer.number)
    with pytest.raises(NotFound, match="77"):
        await service.services.list_keys.rotate_token_key(77)


async def test_did_web_of_another_host_is_told_to_name_both_keys(service: Running) -> None:
    """Its own document must name each key that signs, and keep each that did."""
    new = await service.services.issuers.add(
        identifier="did:web:college.example.org",
        name="college",
        kind=SignerKind.DID_WEB,
        seed=None,
        token_key=NewTokenKey(),
    )
    rotated = await service.services.list_keys.rotate_token_key(new.issuer.number)
    before, after = new.issuer.signer, rotated.issuer.signer

    assert [before.verification_method in new.warnings[0], before.token_method in new.warnings[1]] == [
        True,
        True,
    ]
    named, present, kept = rotated.warnings
    assert after.verification_method in named
    assert after.token_method in present
    assert before.token_method in kept


def test_token_key_sealed_opens_only_as_what_it_is() -> None:
    """A secret of one curve is never opened as a seed of the other, nor for another DID, nor by another file's key."""
    vault = KeyVault(bytes(32))
    signer = vault.signer(SignerKind.DID_WEB, identifier=DID, seed=SECRET)
    token_key = vault.token_key(DID, secret=SECRET)
    opened = vault.open_token_key(replace(signer, token_key=token_key))
    assert opened is not None
    assert opened.secret == SECRET
    assert vault.open_token_key(signer) is None

    crossed = replace(token_key, sealed_secret=signer.sealed_seed)
    with pytest.raises(FatalError, match=r"lists\.key"):
        vault.open_token_key(replace(signer, token_key=crossed))
    with pytest.raises(FatalError, match=r"lists\.key"):
        vault.open(replace(signer, sealed_seed=token_key.sealed_secret))
    with pytest.raises(FatalError, match=r"lists\.key"):
        vault.open_token_key(replace(signer, did="did:web:other.example.org", token_key=token_key))
    with pytest.raises(FatalError, match=r"lists\.key"):
        KeyVault(b"\x01" * 32).open_token_key(replace(signer, token_key=token_key))
