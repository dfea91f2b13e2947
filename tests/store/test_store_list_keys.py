"""List keys that are replaced, in every store: who signs, who signed, and what is signed again."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from anchor.errors import Conflict, NotFound
from anchor.store.protocol import Store
from anchor.store.records import Issuer, ListSigner, NewVersion, RetiredKey, SignerKind, TokenKey
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


def token_key(number: int) -> TokenKey:
    """Return the token key of this number."""
    point = b"\x02" + sha256(b"token key %d" % number).digest()
    return TokenKey(f"{DID}#token-{number}", point, b"sealed token key %d" % number)


async def test_token_key_of_a_new_issuer_is_there_wherever_it_is_read(store: Store) -> None:
    """By number, by key, in the list of all, and with each list that is due."""
    signed = replace(signer(0), token_key=token_key(0))
    issuer = await store.add_issuer(
        replace(new_issuer("college"), identifier=DID, signer=signed), now_ms=NOW_MS
    )
    await store.allocate(issuer.number, 1, idempotency_key=None, plan=PLAN, now_ms=NOW_MS)
    keys = await store.issuer_keys(DID)
    assert keys is not None

    assert issuer.signer == signed
    assert await store.issuer(issuer.number) == issuer
    assert await store.issuers() == [issuer]
    assert (keys.issuer, keys.retired, keys.retired_token_keys) == (issuer, (), ())
    assert [item.signer for item in await store.due_lists(expiring_before_ms=0)] == [signed, signed]


async def test_rotate_token_key_replaces_and_keeps_and_makes_due(store: Store, other: Issuer) -> None:
    """The first is added, the next retires it; only lists of this issuer are signed again."""
    issuer = await add_did_web(store)
    for number in (issuer.number, other.number):
        await store.allocate(number, 1, idempotency_key=None, plan=PLAN, now_ms=NOW_MS)
    await publish_due(store, version=1000)

    first = await store.rotate_token_key(issuer.number, token_key(0), now_ms=NOW_MS + 1)
    assert await publish_due(store, version=1001) == [0, 1]
    second = await store.rotate_token_key(issuer.number, token_key(1), now_ms=NOW_MS + 2)
    assert await publish_due(store, version=1002) == [0, 1]
    third = await store.rotate_list_key(issuer.number, signer(1), now_ms=NOW_MS + 3)

    retired = RetiredKey(token_key(0).verification_method, token_key(0).public_key, NOW_MS + 2)
    assert (first.issuer.signer.token_key, first.retired_token_keys) == (token_key(0), ())
    assert (second.issuer.signer.token_key, second.retired_token_keys) == (token_key(1), (retired,))
    assert (second.issuer.signer.public_key, second.retired) == (signer(0).public_key, ())
    assert (third.issuer.signer.token_key, third.retired_token_keys) == (token_key(1), (retired,))
    assert await store.issuer_keys(DID) == third


async def test_rotate_token_key_refused_changes_nothing(store: Store, issuer: Issuer) -> None:
    """An issuer that is no did:web, a key of before, an unknown number."""
    mine = await add_did_web(store)
    await store.rotate_token_key(mine.number, token_key(0), now_ms=NOW_MS)
    keys = await store.rotate_token_key(mine.number, token_key(1), now_ms=NOW_MS)

    with pytest.raises(Conflict, match="only a did:web"):
        await store.rotate_token_key(issuer.number, token_key(2), now_ms=NOW_MS)
    for known in (0, 1):
        with pytest.raises(Conflict, match="has, or had, this token key"):
            await store.rotate_token_key(mine.number, token_key(known), now_ms=NOW_MS)
    with pytest.raises(NotFound, match="77"):
        await store.rotate_token_key(77, token_key(2), now_ms=NOW_MS)

    assert await store.issuer_keys(DID) == keys
    assert await store.issuer(issuer.number) == issuer


def _all_bytes(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


async def test_retired_token_key_secret_is_gone_from_the_file(open_store: OpenStore, tmp_path: Path) -> None:
    """Public halves are kept for ever, secrets that sign no more are not."""
    store = await open_store(tmp_path)
    issuer = await add_did_web(store)
    await store.rotate_token_key(issuer.number, token_key(0), now_ms=NOW_MS)
    keys = await store.rotate_token_key(issuer.number, token_key(1), now_ms=NOW_MS + 1)
    await store.close()
    files = _all_bytes(tmp_path)
    assert token_key(1).sealed_secret in files

    store = await open_store(tmp_path)
    assert await store.issuer_keys(DID) == keys
    await store.close()
    assert token_key(0).sealed_secret not in files
