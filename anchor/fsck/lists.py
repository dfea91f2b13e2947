"""Every status list equal to its history, every published version what it says it is."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from anchor.core.entries import Purpose, bits_root, list_url
from anchor.fsck.findings import Check
from anchor.fsck.list_forms import check_forms
from anchor.store.sqlite.status_changes import all_bits
from anchor.store.sqlite.writer import Session
from status_lists.allocation import IndexPermutation
from status_lists.bitstring import bytes_needed, set_entry
from status_lists.errors import StatusListError
from status_lists.json_text import parse_json_object
from status_lists.published import parse_list_document
from status_lists.signing import verify_list
from status_lists.signing_jcs import verify_list_jcs


def check_lists(session: Session, base_url: str) -> Check:
    """
    Replay every list's history, and read every published version as a verifier would.

    Promise 5: an index is used once, a published list parses, verifies and equals the database, versions rise, no
    revocation is ever cleared.
    """
    check = Check("lists")
    for row in session.all(
        """
        select lists.number, purpose, bits_per_entry, length, changes, published_changes, lists.issuer, signer_did
        from lists join issuers on issuers.number = lists.issuer order by lists.number
        """
    ):
        bits = all_bits(session, row["number"], bytes_needed(row["length"], row["bits_per_entry"]))
        _check_history(session, check, row, bits, _first_bits(session, check, row, len(bits)))
        _check_versions(session, check, row, bits, list_url(base_url, row["number"]))
    _check_bindings(session, check)
    return check


@dataclass(frozen=True, slots=True)
class _Start:
    """What a list's history begins with: nothing, or in a rebuilt database the bits of a published version."""

    bits: bytes
    last_change: int


def _first_bits(session: Session, check: Check, row: sqlite3.Row, size: int) -> _Start:
    """Return the bits that a list's history begins with, and the newest change that is in them already."""
    rebuilt = session.one(
        """
        select last_change, document from rebuilt_lists left join list_versions
             on list_versions.list = rebuilt_lists.list and list_versions.version = rebuilt_lists.version
        where rebuilt_lists.list = ?
        """,
        (row["number"],),
    )
    if rebuilt is None or not rebuilt["document"]:
        return _Start(bytes(size), rebuilt["last_change"] if rebuilt else 0)
    try:
        bits = parse_list_document(rebuilt["document"], max_bits_bytes=size).bits
    except StatusListError as exc:
        check.fail(f"list {row['number']}", f"the version that it was rebuilt from cannot be read: {exc}")
        bits = bytes(size)
    return _Start(bits, rebuilt["last_change"])


def _check_history(session: Session, check: Check, row: sqlite3.Row, bits: bytes, start: _Start) -> None:
    where = f"list {row['number']}"
    replayed = bytearray(start.bits)
    for change in session.iterate(
        "select list_index, value from status_changes where list = ? and id > ? order by id",
        (row["number"], start.last_change),
    ):
        cleared = row["purpose"] == Purpose.REVOCATION and not change["value"]
        check.expect(not cleared, where, f"the revocation of index {change['list_index']} was taken back")
        set_entry(replayed, change["list_index"], change["value"], row["bits_per_entry"])
    check.expect(replayed == bits, where, "its bits are not those that its history gives")


def _check_versions(session: Session, check: Check, row: sqlite3.Row, bits: bytes, url: str) -> None:
    where = f"list {row['number']}"
    keys = _keys(session, row["issuer"])
    newest: bytes | None = None
    before: bytes | None = None
    for version in session.iterate(
        """
        select version, bits_root, document, exists (
            select 1 from missing_versions as missing
            where missing.list = list_versions.list and missing.version = list_versions.version) as is_missing
        from list_versions where list = ? order by version
        """,
        (row["number"],),
    ):
        place = f"{where}, version {version['version']}"
        if version["is_missing"] and not version["document"]:
            check.leave_open(f"{place} was missing when the database was rebuilt")
            continue
        newest = _published_bits(check, row, version, url, place, keys)
        if newest is None:
            continue
        check.expect(bits_root(newest) == version["bits_root"], place, "its bits give another root")
        kept = row["purpose"] != Purpose.REVOCATION or before is None or _is_superset(newest, before)
        check.expect(kept, place, "a revocation of the version before is missing")
        before = newest
    if newest is not None:
        check_forms(session, check, row, newest, url)
    is_published = row["changes"] == row["published_changes"]
    check.expect(
        not is_published or newest == bits, where, "its newest version is not what the database holds"
    )


def _published_bits(
    check: Check,
    row: sqlite3.Row,
    version: sqlite3.Row,
    url: str,
    place: str,
    keys: Mapping[str, bytes],
) -> bytes | None:
    """Return the bits of a published version after checking its signature and members; None where it cannot be read."""
    size = bytes_needed(row["length"], row["bits_per_entry"])
    try:
        published = parse_list_document(version["document"], max_bits_bytes=size)
        _verify(version["document"], keys)
    except StatusListError as exc:
        check.fail(place, f"it cannot be relied on: {exc}")
        return None
    purpose = Purpose(row["purpose"]).label
    said = (published.url, published.issuer, published.purposes, published.valid_from_ms)
    expected = (url, row["signer_did"], (purpose,), version["version"])
    check.expect(said == expected, place, "it speaks of another list, issuer, purpose or version")
    return published.bits


def _verify(document: bytes, keys: Mapping[str, bytes]) -> None:
    listed = parse_json_object(document)
    proof = listed.get("proof")
    method = proof.get("verificationMethod") if isinstance(proof, dict) else None
    key = keys.get(str(method))
    if key is None or not isinstance(proof, dict):
        raise StatusListError(f"it is signed by {str(method)[:80]!r}, which is no key of its issuer")
    verify = verify_list_jcs if proof.get("cryptosuite") == "eddsa-jcs-2022" else verify_list
    verify(listed, public_key=key)


def _keys(session: Session, issuer: int) -> dict[str, bytes]:
    """Return the present and retired list keys of an issuer by their verification methods."""
    rows = session.all(
        """
        select verification_method, public_key from issuers where number = ?
        union all select verification_method, public_key from retired_list_keys where issuer = ?
        """,
        (issuer, issuer),
    )
    return {row["verification_method"]: row["public_key"] for row in rows}


def _check_bindings(session: Session, check: Check) -> None:
    """Check that every bound index was handed out, to the issuer that bound it; the table itself keeps it unique."""
    for row in session.iterate(
        """
        select entries.issuer, entries.list, list_index, lists.issuer as owner, length, permutation_key, allocated
        from entries left join lists on lists.number = entries.list where entries.list is not null
        """
    ):
        where = f"list {row['list']}, index {row['list_index']}"
        if not check.expect(
            row["owner"] == row["issuer"], where, "it is bound by an issuer whose list it is not"
        ):
            continue
        counter = IndexPermutation(row["permutation_key"], row["length"]).counter_of(row["list_index"])
        check.expect(counter < row["allocated"], where, "it is bound and was never handed out")


def _is_superset(later: bytes, earlier: bytes) -> bool:
    return int.from_bytes(earlier, "big") & ~int.from_bytes(later, "big") == 0
