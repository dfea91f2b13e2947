"""Operations on issuers."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from anchor.errors import Conflict, NotFound
from anchor.store.records import (
    Issuer,
    IssuerKeys,
    ListSigner,
    NewIssuer,
    RetiredKey,
    SignerKind,
    TokenKey,
)
from anchor.store.sqlite.writer import Session

SIGNER_COLUMNS = """
    signer_kind, signer_did, issuers.verification_method, issuers.public_key, sealed_seed,
    token_keys.verification_method as token_method, token_keys.public_key as token_public_key, sealed_secret
"""
"""What `read_signer` reads, of issuers joined with SIGNER_TABLES."""

SIGNER_TABLES = """
    issuers left join token_keys on token_keys.issuer = issuers.number and token_keys.retired_ms is null
"""

_SELECT = f"""
    select number, identifier, name, {SIGNER_COLUMNS}, created_ms, is_disabled from {SIGNER_TABLES}
"""


def add_issuer(session: Session, issuer: NewIssuer, now_ms: int) -> Issuer:
    """Insert an issuer."""
    if session.one("select 1 from issuers where identifier = ?", (issuer.identifier,)):
        raise Conflict(f"an issuer named {issuer.identifier!r} exists already: rotate its key if it was lost")
    signer = issuer.signer
    number = session.insert(
        """
        insert into issuers (identifier, name, api_key_hash, signer_kind, signer_did, verification_method,
                             public_key, sealed_seed, created_ms)
        values (?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
        (
            issuer.identifier,
            issuer.name,
            issuer.api_key_hash,
            signer.kind.value,
            signer.did,
            signer.verification_method,
            signer.public_key,
            signer.sealed_seed,
            now_ms,
        ),
    )
    if signer.token_key is not None:
        _insert_token_key(session, number, signer.token_key)
    return issuer_by_number(session, number)


def issuers(session: Session) -> Sequence[Issuer]:
    """Return all issuers."""
    return [read_issuer(row) for row in session.all(f"{_SELECT} order by number")]


def issuer_by_number(session: Session, number: int) -> Issuer:
    """Return an issuer or raise NotFound."""
    row = session.one(f"{_SELECT} where number = ?", (number,))
    if row is None:
        raise NotFound(f"there is no issuer number {number}")
    return read_issuer(row)


def issuer_by_key(session: Session, api_key_hash: bytes) -> Issuer | None:
    """Return the issuer of a key."""
    row = session.one(f"{_SELECT} where api_key_hash = ?", (api_key_hash,))
    return None if row is None else read_issuer(row)


def rotate_key(session: Session, number: int, api_key_hash: bytes) -> Issuer:
    """Replace a key; Conflict for a disabled issuer, whose new key would be refused as well."""
    if issuer_by_number(session, number).is_disabled:
        raise Conflict(f"issuer {number} is disabled: no key of it is accepted, so there is none to rotate")
    session.execute("update issuers set api_key_hash = ? where number = ?", (api_key_hash, number))
    return issuer_by_number(session, number)


def disable_issuer(session: Session, number: int) -> Issuer:
    """Disable an issuer."""
    session.execute("update issuers set is_disabled = 1 where number = ?", (number,))
    return issuer_by_number(session, number)


def rotate_list_key(session: Session, number: int, signer: ListSigner, now_ms: int) -> IssuerKeys:
    """Replace the list key, keep the public half of the old one, and make every list due."""
    old = issuer_by_number(session, number).signer
    _require_rotation(session, number, old, signer)
    session.execute(
        "insert into retired_list_keys (issuer, verification_method, public_key, retired_ms) values (?, ?, ?, ?)",
        (number, old.verification_method, old.public_key, now_ms),
    )
    session.execute(
        "update issuers set verification_method = ?, public_key = ?, sealed_seed = ? where number = ?",
        (signer.verification_method, signer.public_key, signer.sealed_seed, number),
    )
    _make_lists_due(session, number, now_ms)
    return _with_retired_keys(session, issuer_by_number(session, number))


def rotate_token_key(session: Session, number: int, key: TokenKey, now_ms: int) -> IssuerKeys:
    """Give an issuer a token key, keep the public half of the one before, and make every list due."""
    if issuer_by_number(session, number).signer.kind is not SignerKind.DID_WEB:
        raise Conflict(f"issuer {number} is given no token key: only a did:web names keys apart from itself")
    if session.one("select 1 from token_keys where verification_method = ?", (key.verification_method,)):
        raise Conflict(f"issuer {number} has, or had, this token key: a rotation takes a new one")
    session.execute(
        "update token_keys set retired_ms = ?, sealed_secret = null where issuer = ? and retired_ms is null",
        (now_ms, number),
    )
    _insert_token_key(session, number, key)
    _make_lists_due(session, number, now_ms)
    return _with_retired_keys(session, issuer_by_number(session, number))


def _insert_token_key(session: Session, number: int, key: TokenKey) -> None:
    session.execute(
        "insert into token_keys (issuer, verification_method, public_key, sealed_secret) values (?, ?, ?, ?)",
        (number, key.verification_method, key.public_key, key.sealed_secret),
    )


def _make_lists_due(session: Session, number: int, now_ms: int) -> None:
    # As a change of bits would: so a version that the old key is signing at this moment does not pass for the newest.
    session.execute(
        "update lists set changes = changes + 1, changed_ms = ? where issuer = ?", (now_ms, number)
    )


def _require_rotation(session: Session, number: int, old: ListSigner, new: ListSigner) -> None:
    if not (old.kind is new.kind is SignerKind.DID_WEB) or old.did != new.did:
        raise Conflict(
            f"the list key of issuer {number} is not rotated: only a did:web names its keys apart from itself"
        )
    known = session.one(
        "select 1 from retired_list_keys where verification_method = ?", (new.verification_method,)
    )
    if known or old.public_key == new.public_key:
        raise Conflict(f"issuer {number} had this list key before: a rotation takes a new one")


def require_list_key(session: Session, number: int) -> None:
    """Raise Conflict for an issuer whose list key was lost with the database: nothing new can be signed."""
    row = session.one(
        "select signer_did from issuers where number = ? and length(sealed_seed) = 0", (number,)
    )
    if row is not None:
        raise Conflict(
            f"the key {row['signer_did'][:100]} that signs your lists was lost: the operator must import it, or rotate "
            "it where it is a did:web, before statuses can change"
        )


def issuer_keys(session: Session, identifier: str) -> IssuerKeys | None:
    """Return an issuer with the keys that signed its lists before."""
    row = session.one(f"{_SELECT} where identifier = ?", (identifier,))
    return None if row is None else _with_retired_keys(session, read_issuer(row))


def _with_retired_keys(session: Session, issuer: Issuer) -> IssuerKeys:
    columns = "verification_method, public_key, retired_ms"
    list_keys = session.all(
        f"select {columns} from retired_list_keys where issuer = ? order by id", (issuer.number,)
    )
    token_keys = session.all(
        f"select {columns} from token_keys where issuer = ? and retired_ms is not null order by id",
        (issuer.number,),
    )
    return IssuerKeys(
        issuer=issuer,
        retired=tuple(map(_retired_key, list_keys)),
        retired_token_keys=tuple(map(_retired_key, token_keys)),
    )


def _retired_key(row: sqlite3.Row) -> RetiredKey:
    return RetiredKey(row["verification_method"], row["public_key"], row["retired_ms"])


def read_issuer(row: sqlite3.Row) -> Issuer:
    """Return the issuer that a row holds."""
    return Issuer(
        number=row["number"],
        identifier=row["identifier"],
        name=row["name"],
        signer=read_signer(row),
        created_ms=row["created_ms"],
        is_disabled=bool(row["is_disabled"]),
    )


def read_signer(row: sqlite3.Row) -> ListSigner:
    """Return the signer that a row with SIGNER_COLUMNS holds."""
    token_key = None
    if row["token_method"] is not None:
        token_key = TokenKey(row["token_method"], row["token_public_key"], row["sealed_secret"])
    return ListSigner(
        kind=SignerKind(row["signer_kind"]),
        did=row["signer_did"],
        verification_method=row["verification_method"],
        public_key=row["public_key"],
        sealed_seed=row["sealed_seed"],
        token_key=token_key,
    )
