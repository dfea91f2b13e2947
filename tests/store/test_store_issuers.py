"""Issuers and their API keys, and pinned facts, in every store."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

import pytest

from anchor.errors import Conflict, NotFound
from anchor.store.protocol import Store
from anchor.store.records import Issuer
from tests.support.store_values import NOW_MS, new_issuer


async def test_add_issuer_returns_what_was_given_with_a_number(store: Store) -> None:
    """An issuer comes back as it was given."""
    given = new_issuer("university")

    issuer = await store.add_issuer(given, now_ms=NOW_MS)

    assert issuer == Issuer(
        number=issuer.number,
        identifier=given.identifier,
        name=given.name,
        signer=given.signer,
        created_ms=NOW_MS,
        is_disabled=False,
    )


async def test_add_issuer_taken_identifier_conflict(store: Store, issuer: Issuer) -> None:
    """A second issuer of one identifier is refused, and the first keeps its key."""
    again = replace(new_issuer("university"), api_key_hash=sha256(b"another").digest())

    with pytest.raises(Conflict, match=r"university\.example\.org"):
        await store.add_issuer(again, now_ms=NOW_MS)

    assert list(await store.issuers()) == [issuer]
    assert await store.issuer_by_key(again.api_key_hash) is None


async def test_issuers_are_listed_in_the_order_they_were_added(
    store: Store, issuer: Issuer, other: Issuer
) -> None:
    """The list keeps the order."""
    assert list(await store.issuers()) == [issuer, other]


async def test_issuer_by_key_unknown_hash_none(store: Store, issuer: Issuer) -> None:
    """Only the exact hash finds an issuer."""
    key_hash = new_issuer("university").api_key_hash

    assert await store.issuer_by_key(key_hash) == issuer
    assert await store.issuer_by_key(bytes(32)) is None
    assert await store.issuer_by_key(key_hash[:31]) is None


async def test_rotate_key_old_key_finds_nobody(store: Store, issuer: Issuer, other: Issuer) -> None:
    """After rotation the new key is the issuer's and the old one nobody's; others keep theirs."""
    fresh = sha256(b"fresh").digest()

    assert await store.rotate_key(issuer.number, api_key_hash=fresh) == issuer

    assert await store.issuer_by_key(fresh) == issuer
    assert await store.issuer_by_key(new_issuer("university").api_key_hash) is None
    assert await store.issuer_by_key(new_issuer("academy").api_key_hash) == other


async def test_disable_issuer_is_told_and_stays(store: Store, issuer: Issuer, other: Issuer) -> None:
    """A disabled issuer is still listed, as disabled, and nobody else is."""
    disabled = await store.disable_issuer(issuer.number)

    assert disabled == replace(issuer, is_disabled=True)
    assert list(await store.issuers()) == [disabled, other]
    assert await store.disable_issuer(issuer.number) == disabled


async def test_rotate_and_disable_unknown_number_not_found(store: Store, issuer: Issuer) -> None:
    """A number that is nobody's is refused."""
    with pytest.raises(NotFound, match="77"):
        await store.rotate_key(77, api_key_hash=bytes(32))
    with pytest.raises(NotFound, match="77"):
        await store.disable_issuer(77)

    assert list(await store.issuers()) == [issuer]


async def test_pin_keeps_the_first_value_for_ever(store: Store) -> None:
    """A fact is stored once and returned whatever comes later; facts do not mix."""
    assert await store.pin("base_url", "1") == "1"
    assert await store.pin("base_url", "2") == "1"
    assert await store.pin("another", "2") == "2"
    assert await store.pin("base_url", "") == "1"


async def test_rotate_key_of_a_disabled_issuer_conflict(store: Store, issuer: Issuer) -> None:
    """A new key that nobody may use is not made; the old one stays on record."""
    await store.disable_issuer(issuer.number)

    with pytest.raises(Conflict, match="is disabled"):
        await store.rotate_key(issuer.number, api_key_hash=sha256(b"fresh").digest())

    assert await store.issuer_by_key(sha256(b"fresh").digest()) is None
