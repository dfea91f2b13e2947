"""The other forms of a list's newest version: signed by its issuer's keys, and saying what the usual one says."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from typing import NoReturn

from anchor.fsck.findings import Check
from anchor.service.list_signing import ListForm
from anchor.store.sqlite.writer import Session
from status_lists.cose import split_message
from status_lists.cwt import verify_token_list_cwt
from status_lists.errors import StatusListError, VerificationFailed
from status_lists.jose import verify_list_jwt
from status_lists.json_text import parse_json_object
from status_lists.jws import split_token
from status_lists.public_keys import PublicKey
from status_lists.published import PublishedList, parse_list_document
from status_lists.signing_jcs import verify_list_jcs
from status_lists.signing_keys import Algorithm
from status_lists.token_bits import swap_bit_order
from status_lists.token_jwt import verify_token_list_jwt
from status_lists.token_list import TokenList

MAX_BYTES = 64 * 1024 * 1024

Keys = Mapping[str, PublicKey]


def check_forms(session: Session, check: Check, row: sqlite3.Row, bits: bytes, url: str) -> None:
    """Check every form that is served of a list's newest version against the bits of its usual form."""
    keys = _keys(session, row["issuer"])
    for form in session.iterate(
        """
        select version, form, body from list_forms
        where list = ?1 and version = (select max(version) from list_versions where list = ?1)
        """,
        (row["number"],),
    ):
        place = f"list {row['number']}, version {form['version']}, {form['form']}"
        try:
            said = _READERS[ListForm(form["form"])](form["body"], keys, row, form["version"], len(bits))
        except (StatusListError, UnicodeDecodeError, ValueError) as exc:
            check.fail(place, f"it cannot be relied on: {exc}")
            continue
        check.expect(
            said == (url, row["signer_did"], bits), place, "it says another thing than the usual form"
        )


Said = tuple[str | None, str | None, bytes]
"""The address, the issuer and the bits that a form has, the bits in the order of W3C lists."""


def _read_jcs(body: bytes, keys: Keys, _row: sqlite3.Row, _version: int, size: int) -> Said:
    document = parse_json_object(body)
    proof = document.get("proof")
    key = _named(keys, proof.get("verificationMethod") if isinstance(proof, dict) else None)
    verify_list_jcs(document, public_key=key.key_bytes)
    return _of_list(parse_list_document(document, max_bits_bytes=size))


def _read_jwt(body: bytes, keys: Keys, _row: sqlite3.Row, version: int, size: int) -> Said:
    text = body.decode("ascii")
    key = _named(keys, split_token(text, max_chars=MAX_BYTES).key_id)
    document = verify_list_jwt(text, public_key=key, now_ms=version, max_chars=MAX_BYTES)
    return _of_list(parse_list_document(document, max_bits_bytes=size))


def _read_token_jwt(body: bytes, keys: Keys, row: sqlite3.Row, _version: int, size: int) -> Said:
    text = body.decode("ascii")
    key = _named(keys, split_token(text, max_chars=MAX_BYTES).key_id)
    return _of_token(verify_token_list_jwt(text, public_key=key, max_bits_bytes=size), row)


def _read_token_cwt(body: bytes, keys: Keys, row: sqlite3.Row, _version: int, size: int) -> Said:
    key_id = split_message(body, max_bytes=MAX_BYTES).key_id
    key = _named(keys, None if key_id is None else key_id.decode("ascii"))
    return _of_token(verify_token_list_cwt(body, public_key=key, max_bits_bytes=size), row)


def _no_form(_body: bytes, _keys: Keys, _row: sqlite3.Row, _version: int, _size: int) -> NoReturn:
    raise VerificationFailed("the usual form is stored among the others")


_READERS: Mapping[ListForm, Callable[[bytes, Keys, sqlite3.Row, int, int], Said]] = {
    ListForm.VC: _no_form,
    ListForm.VC_JCS: _read_jcs,
    ListForm.VC_JWT: _read_jwt,
    ListForm.TOKEN_JWT: _read_token_jwt,
    ListForm.TOKEN_CWT: _read_token_cwt,
}


def _of_list(published: PublishedList) -> Said:
    return published.url, published.issuer, published.bits


def _of_token(token: TokenList, row: sqlite3.Row) -> Said:
    return token.uri, token.issuer, swap_bit_order(token.bits, row["bits_per_entry"])


def _named(keys: Keys, method: object) -> PublicKey:
    if not isinstance(method, str) or method not in keys:
        raise VerificationFailed(f"it is signed by {str(method)[:80]!r}, which is no key of its issuer")
    return keys[method]


def _keys(session: Session, issuer: int) -> dict[str, PublicKey]:
    """Return the present and retired keys of an issuer, of both curves, by their verification methods."""
    named: dict[str, PublicKey] = {}
    tables: tuple[tuple[str, Algorithm], ...] = (
        (
            """
            select verification_method, public_key from issuers where number = ?1
            union all select verification_method, public_key from retired_list_keys where issuer = ?1
            """,
            "EdDSA",
        ),
        ("select verification_method, public_key from token_keys where issuer = ?1", "ES256"),
    )
    for query, algorithm in tables:
        for row in session.all(query, (issuer,)):
            named[row["verification_method"]] = PublicKey(algorithm=algorithm, key_bytes=row["public_key"])
    return named
