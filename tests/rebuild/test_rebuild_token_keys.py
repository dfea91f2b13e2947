"""Keys of both curves after a rebuild: from a DID document that names them, and from a backup that has a secret."""

from __future__ import annotations

import shutil
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from anchor.rebuild.base import Base
from anchor.rebuild.signers import SeenKeys, SignerMaker
from anchor.service.keys import KeyVault
from anchor.store.records import ListSigner, NewAnchorage, NewIssuer, SignerKind, TokenKey
from anchor.store.sqlite import SqliteStore
from anchor.store.sqlite.connection import open_for_writing
from anchor.store.sqlite.migrations import migrations
from anchor.store.sqlite.writer import Session
from status_lists.did_web import did_document
from status_lists.json_text import write_json_object
from status_lists.keys import ListKey
from status_lists.p256 import P256Key
from status_lists.public_keys import IssuerKey, public_key_of
from status_lists.signing_keys import SigningKey
from tests.support.store_values import BASE_URL

DID = "did:web:anchor.example.org:dids:utopia"


def named(key: SigningKey) -> IssuerKey:
    """Return a key as the DID document names it."""
    return IssuerKey(issuer=DID, verification_method=f"{DID}#{key.multikey}", public_key=public_key_of(key))


def test_see_document_with_token_keys_still_gives_the_list_keys() -> None:
    """Present and retired list keys are noted, whatever stands beside them."""
    present, retired = ListKey(bytes(range(32))), ListKey(bytes(range(1, 33)))
    tokens = [P256Key(bytes(31) + bytes([number])) for number in (5, 6)]
    keys: tuple[SigningKey, ...] = (present, retired, *tokens)
    seen = SeenKeys(DID)

    seen.see_document(write_json_object(did_document(DID, [named(key) for key in keys])))

    assert seen.keys == {f"{DID}#{key.multikey}": key.public_key for key in (present, retired)}
    assert list(seen.token_keys.items()) == [(f"{DID}#{key.multikey}", key.public_key) for key in tokens]


async def backup_with_token_keys(path: Path, vault: KeyVault) -> tuple[ListSigner, TokenKey]:
    """Write a database with an issuer whose first token key was replaced by the second; return its present keys."""
    store = SqliteStore(path, base_url=BASE_URL)
    store.open()
    signer = vault.signer(SignerKind.DID_WEB, identifier=DID, seed=None)
    signer = replace(signer, token_key=vault.token_key(DID, secret=None))
    issuer = await store.add_issuer(NewIssuer(DID, "Utopia", signer, sha256(b"key").digest()), now_ms=1)
    key = vault.token_key(DID, secret=None)
    await store.rotate_token_key(issuer.number, key, now_ms=2)
    await store.begin_anchorage(NewAnchorage(1, bytes(32), "0x" + "05" * 20, "0x" + "06" * 20, 0))
    await store.close()
    return signer, key


async def token_keys(folder: Path, vault: KeyVault, seen: SeenKeys) -> list[tuple[str, bool]]:
    """Rebuild the backup's issuer with a vault; return its token keys, and whether each signs."""
    base = Base(Session(open_for_writing(folder / "base.db")), BASE_URL)
    database = open_for_writing(folder / "new.db")
    migrations.apply(database)
    base.write_issuers(Session(database), {DID: seen}, SignerMaker(vault, seeds=()))
    rows = database.execute(
        "select verification_method, retired_ms is null from token_keys order by id"
    ).fetchall()
    return [(method, bool(signs)) for method, signs in rows]


async def test_token_key_of_a_backup_signs_on_only_where_nothing_says_otherwise(tmp_path: Path) -> None:
    """Its secret comes back, unless lists.key is another, or the hosted document names a key that is younger."""
    vault = KeyVault(bytes(32))
    signer, key = await backup_with_token_keys(tmp_path / "base.db", vault)
    assert signer.token_key is not None
    first, second = signer.token_key.verification_method, key.verification_method
    younger = P256Key.generate()
    replaced = SeenKeys(
        DID, token_keys={f"{DID}#{younger.multikey}": younger.public_key, second: key.public_key}
    )

    cases = {
        "as it was": (vault, SeenKeys(DID)),
        "other lists.key": (KeyVault(b"1" * 32), SeenKeys(DID)),
        "replaced": (vault, replaced),
    }
    found = {}
    for name, (opening, seen) in cases.items():
        folder = tmp_path / name
        folder.mkdir()
        shutil.copy(tmp_path / "base.db", folder / "base.db")
        found[name] = await token_keys(folder, opening, seen)

    assert found == {
        "as it was": [(first, False), (second, True)],
        "other lists.key": [(first, False), (second, False)],
        "replaced": [(first, False), (second, False), (f"{DID}#{younger.multikey}", False)],
    }
