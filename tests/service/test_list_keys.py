"""List keys of did:web issuers are replaced, and everything that old keys signed goes on to verify."""

from __future__ import annotations

import json
from typing import Any

import pytest

from anchor.errors import Conflict, InvalidInput, NotFound
from anchor.service.issuers import LOOPBACK_DID_WARNING, Issuers
from anchor.service.keys import KeyVault
from anchor.store.records import Issuer, SignerKind
from status_lists import VerificationFailed, parse_json_object, verify_list
from status_lists.key_selection import select_key
from tests.support.assembly import Running
from tests.support.did_documents import keys_of

DID = "did:web:anchor.example.org:dids:utopia-university"


@pytest.fixture
async def hosted(service: Running) -> Issuer:
    """Add an issuer whose DID document is hosted here."""
    new = await service.services.issuers.add(
        identifier=None, name="utopia", kind=SignerKind.DID_WEB, seed=None, hosted="utopia-university"
    )
    assert new.warnings == ()
    return new.issuer


async def document(service: Running) -> dict[str, Any]:
    """Return the hosted DID document."""
    found: dict[str, Any] = json.loads(await service.services.list_keys.hosted_document("utopia-university"))
    return found


async def newest(service: Running, number: int) -> dict[str, object]:
    """Return the newest version of a list."""
    found = await service.store.list_version(number, None)
    assert found is not None
    return parse_json_object(found.document)


async def verify(service: Running, published: dict[str, object]) -> str:
    """Verify a list as a stranger does, by the key that it names and the DID document has; return the key's name."""
    keys = keys_of(await document(service))
    key = select_key(published, keys)
    verify_list(published, public_key=key.public_key.key_bytes)
    return key.verification_method


async def test_hosted_document_names_the_key_that_signs(service: Running, hosted: Issuer) -> None:
    """The document is of the shape that resolvers expect, and a list verifies by it alone."""
    await service.services.intake.allocate(hosted, 1, idempotency_key=None)
    published = await newest(service, 0)
    found = await document(service)
    method = hosted.signer.verification_method

    assert (hosted.identifier, hosted.signer.did) == (DID, DID)
    assert found == {
        "@context": ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1"],
        "id": DID,
        "verificationMethod": [
            {
                "id": method,
                "type": "Multikey",
                "controller": DID,
                "publicKeyMultibase": method.partition("#")[2],
            }
        ],
        "assertionMethod": [method],
    }
    assert published["issuer"] == DID
    assert await verify(service, published) == method


async def test_rotate_signs_all_lists_again_and_old_versions_verify(service: Running, hosted: Issuer) -> None:
    """After two rotations each version of every list verifies by the document, the newest by the newest key."""
    await service.services.intake.allocate(hosted, 1, idempotency_key=None)
    versions = [[await newest(service, number)] for number in (0, 1)]
    methods = [hosted.signer.verification_method]
    for _ in range(2):
        rotated = await service.services.list_keys.rotate(hosted.number)
        assert (rotated.retired_method, rotated.warnings) == (methods[-1], ())
        methods.append(rotated.issuer.signer.verification_method)
        for number in (0, 1):
            versions[number].append(await newest(service, number))

    assert len(set(methods)) == 3
    assert [[await verify(service, version) for version in of_list] for of_list in versions] == [methods] * 2
    assert (await document(service))["assertionMethod"] == methods[::-1]
    assert await service.services.lists.publish_due() == 0


async def test_rotate_old_key_signs_nothing_more(service: Running, hosted: Issuer) -> None:
    """The next change is signed by the new key, and does not verify under the old one."""
    await service.services.list_keys.rotate(hosted.number)
    await service.services.intake.allocate(hosted, 1, idempotency_key=None)

    with pytest.raises(VerificationFailed):
        verify_list(await newest(service, 0), public_key=hosted.signer.public_key)


async def test_rotate_in_the_middle_of_a_publication_ends_with_the_new_key(
    service: Running, hosted: Issuer
) -> None:
    """A publication that began under the old key does not leave a list under it."""
    await service.services.intake.allocate(hosted, 1, idempotency_key=None)

    async def rotate() -> None:
        service.hooks.clear()
        signer = service.services.list_keys._vault.signer(SignerKind.DID_WEB, identifier=DID, seed=None)
        await service.store.rotate_list_key(hosted.number, signer, now_ms=service.clock.now_ms())

    service.hooks.after["due_lists"] = rotate
    service.clock.advance(4 * 86_400)
    assert await service.services.lists.publish_due() == 2
    assert await service.services.lists.publish_due() == 0

    present = (await service.store.issuer(hosted.number)).signer.verification_method
    assert [await verify(service, await newest(service, number)) for number in (0, 1)] == [present] * 2


async def test_rotate_while_clock_is_wrong_is_done_and_says_what_waits(
    service: Running, hosted: Issuer
) -> None:
    """The new key is durable though nothing may be signed now; a repetition would only make another."""
    await service.services.intake.allocate(hosted, 1, idempotency_key=None)
    service.services.lists.set_clock_fault("the clock is wrong")

    rotated = await service.services.list_keys.rotate(hosted.number)

    assert [warning for warning in rotated.warnings if "the clock is wrong" in warning] != []
    assert await verify(service, await newest(service, 0)) == hosted.signer.verification_method
    service.services.lists.set_clock_fault(None)
    await service.services.lists.publish_due()
    assert await verify(service, await newest(service, 0)) == rotated.issuer.signer.verification_method


async def test_rotate_key_that_is_the_identifier_conflict(service: Running, issuer: Issuer) -> None:
    """A did:key, the issuer's own or a stand-in, cannot have another key."""
    stand_in = await service.services.issuers.add(
        identifier="https://academy.example.org", name="academy", kind=SignerKind.SERVICE, seed=None
    )
    for number, reason in ((issuer.number, "the key itself"), (stand_in.issuer.number, "stands in for it")):
        with pytest.raises(Conflict, match=reason):
            await service.services.list_keys.rotate(number)
    with pytest.raises(NotFound, match="77"):
        await service.services.list_keys.rotate(77)

    assert await service.services.issuers.all() == [issuer, stand_in.issuer]


async def test_rotate_did_web_of_another_host_warns_what_to_publish(service: Running) -> None:
    """The issuer's own document must name the new key, and keep the old one."""
    new = await service.services.issuers.add(
        identifier="did:web:academy.example.org", name="academy", kind=SignerKind.DID_WEB, seed=None
    )

    rotated = await service.services.list_keys.rotate(new.issuer.number)

    added, kept = rotated.warnings
    assert rotated.issuer.signer.verification_method in added
    assert new.issuer.signer.verification_method in kept
    assert rotated.issuer.signer.did == "did:web:academy.example.org"


async def test_add_hosted_is_the_only_way_into_this_services_names(service: Running, hosted: Issuer) -> None:
    """Nobody takes a DID of this host by its identifier, a name twice, or a name of other characters."""
    add = service.services.issuers.add
    for identifier in (DID, "did:web:anchor.example.org:dids:other"):
        for kind in (SignerKind.DID_WEB, SignerKind.SERVICE):
            with pytest.raises(InvalidInput, match="give 'hosted' instead"):
                await add(identifier=identifier, name="x", kind=kind, seed=None)
    with pytest.raises(Conflict, match="exists already"):
        await add(identifier=None, name="x", kind=SignerKind.DID_WEB, seed=None, hosted="utopia-university")
    for slug in ("", "Utopia", "a/b", "a:b", "a" * 61, "ä"):
        with pytest.raises(InvalidInput, match="'hosted'"):
            await add(identifier=None, name="x", kind=SignerKind.DID_WEB, seed=None, hosted=slug)
    other_ways: list[tuple[str | None, SignerKind]] = [
        (DID, SignerKind.DID_WEB),
        (None, SignerKind.MANAGED),
        (None, SignerKind.SERVICE),
    ]
    for given, kind in other_ways:
        with pytest.raises(InvalidInput, match="leave out 'id'"):
            await add(identifier=given, name="x", kind=kind, seed=None, hosted="other")

    assert await service.services.issuers.all() == [hosted]


async def test_hosted_document_unknown_name_not_found(service: Running) -> None:
    """Only issuers that are hosted have a document."""
    for slug in ("nobody", "..", "A", ""):
        with pytest.raises(NotFound):
            await service.services.list_keys.hosted_document(slug)


async def test_add_hosted_on_loopback_warns_that_nobody_can_resolve_it(service: Running) -> None:
    """A did:web is looked up over https; on a development machine it is not found."""
    issuers = Issuers(
        store=service.store,
        vault=KeyVault(bytes(32)),
        clock=service.clock,
        base_url="http://127.0.0.1:8080",
        operator_key_hash=bytes(32),
    )

    new = await issuers.add(identifier=None, name="x", kind=SignerKind.DID_WEB, seed=None, hosted="x")

    assert new.issuer.identifier == "did:web:127.0.0.1%3A8080:dids:x"
    assert new.warnings == (LOOPBACK_DID_WARNING,)
