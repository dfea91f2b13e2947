"""List keys that are replaced, in every store: who signs, who signed, and what is signed again."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from anchor.errors import Conflict, NotFound
from anchor.store.protocol import Store
from anchor.store.records import Issuer, ListSigner, NewVersion, RetiredKey, SignerKind
from tests.support.store_values import NOW_MS, PLAN, OpenStore, new_issuer, publish_due

DID = "did:web:college.example.org"


def signer(number: int, *, did: str = DID, kind: SignerKind = SignerKind.DID_WEB) -> ListSigner:
    """Return the signer of a did:web with its key of this number."""
    return ListSigner(
        kind=kind,
        did=did,
        verification_method=f"{did}#key-{number}",
        public_key=sha256(b"list key %d" % number).digest(),
        sealed_seed=b"sealed %d" % number,
    )


async def add_did_web(store: Store) -> Issuer:
    """Add an issuer that is a did:web."""
    new = replace(new_issuer("college"), identifier=DID, signer=signer(0))
    return await store.add_issuer(new, now_ms=NOW_MS)


async def test_rotate_list_key_signer_is_new_and_old_keys_stay_named(store: Store) -> None:
    """After two rotations the third key signs, and both before it are kept, oldest first."""
    issuer = await add_did_web(store)

    first = await store.rotate_list_key(issuer.number, signer(1), now_ms=NOW_MS + 1)
    second = await store.rotate_list_key(issuer.number, signer(2), now_ms=NOW_MS + 2)

    retired = tuple(
        RetiredKey(signer(number).verification_method, signer(number).public_key, NOW_MS + 1 + number)
        for number in (0, 1)
    )
    assert (first.issuer, first.retired) == (replace(issuer, signer=signer(1)), retired[:1])
    assert (second.issuer, second.retired) == (replace(issuer, signer=signer(2)), retired)
    assert await store.issuer_keys(DID) == second
    assert await store.issuer(issuer.number) == second.issuer
    assert await store.issuer_keys("did:web:nobody.example.org") is None


async def test_rotate_list_key_every_list_of_the_issuer_is_due_and_no_other(
    store: Store, other: Issuer
) -> None:
    """Each list is signed again, once, by the new key, with its bits; lists of others are left alone."""
    issuer = await add_did_web(store)
    for number in (issuer.number, other.number):
        await store.allocate(number, 1, idempotency_key=None, plan=PLAN, now_ms=NOW_MS)
    assert await publish_due(store, version=1000) == [0, 1, 2, 3]

    await store.rotate_list_key(issuer.number, signer(1), now_ms=NOW_MS + 1)

    due = await store.due_lists(expiring_before_ms=0)
    assert [(item.number, item.signer) for item in due] == [(0, signer(1)), (1, signer(1))]
    assert await publish_due(store, version=1001) == [0, 1]
    assert await publish_due(store, version=1002) == []


async def test_rotate_list_key_version_signed_meanwhile_by_the_old_key_is_not_the_last(store: Store) -> None:
    """A version that the old key was signing when the key was replaced is published, and superseded."""
    issuer = await add_did_web(store)
    await store.allocate(issuer.number, 1, idempotency_key=None, plan=PLAN, now_ms=NOW_MS)
    (first, _) = await store.due_lists(expiring_before_ms=0)

    await store.rotate_list_key(issuer.number, signer(1), now_ms=NOW_MS + 1)
    await store.add_version(
        NewVersion(
            list_number=first.number,
            version=1000,
            valid_until_ms=2000,
            bits_root=bytes(32),
            changes=first.changes,
            document=b"signed by the old key",
        )
    )

    assert [item.number for item in await store.due_lists(expiring_before_ms=0)] == [0, 1]


async def test_rotate_list_key_refused_changes_nothing(store: Store, issuer: Issuer) -> None:
    """Another kind of signer, another DID, a key of before and an unknown number are refused."""
    mine = await add_did_web(store)
    keys = await store.rotate_list_key(mine.number, signer(1), now_ms=NOW_MS)

    with pytest.raises(Conflict, match="only a did:web"):
        await store.rotate_list_key(issuer.number, signer(2), now_ms=NOW_MS)
    with pytest.raises(Conflict, match="only a did:web"):
        await store.rotate_list_key(mine.number, signer(2, kind=SignerKind.MANAGED), now_ms=NOW_MS)
    with pytest.raises(Conflict, match="only a did:web"):
        await store.rotate_list_key(mine.number, signer(2, did="did:web:other.example.org"), now_ms=NOW_MS)
    for known in (0, 1):
        with pytest.raises(Conflict, match="had this list key before"):
            await store.rotate_list_key(mine.number, signer(known), now_ms=NOW_MS)
    with pytest.raises(NotFound, match="77"):
        await store.rotate_list_key(77, signer(2), now_ms=NOW_MS)
    with pytest.raises(NotFound, match="77"):
        await store.issuer(77)

    assert await store.issuer_keys(DID) == keys
    assert await store.issuer(issuer.number) == issuer


async def test_rotated_keys_are_there_after_opening_again(open_store: OpenStore, tmp_path: Path) -> None:
    """What was replaced is durable."""
    store = await open_store(tmp_path)
    issuer = await add_did_web(store)
    keys = await store.rotate_list_key(issuer.number, signer(1), now_ms=NOW_MS)
    await store.close()

    store = await open_store(tmp_path)
    found = await store.issuer_keys(DID)
    await store.close()

    assert found == keys
