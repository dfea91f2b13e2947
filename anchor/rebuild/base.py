"""An old backup as what a rebuild begins with: what it knew is taken over, what came after it is published files'."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from itertools import groupby
from pathlib import Path

from anchor.assembly import LIST_KEYS_FILE, OPERATOR_KEY_FILE
from anchor.config import Settings
from anchor.core.entries import StatusEntry, identifier_hash
from anchor.durable_files import PRIVATE, copy_durably
from anchor.errors import ConfigError, Conflict, FatalError, InvalidInput
from anchor.rebuild.base_files import BaseFiles
from anchor.rebuild.proofs import IssuerNumber
from anchor.rebuild.report import RebuildReport
from anchor.rebuild.signers import SeenKeys, SignerMaker
from anchor.service.keys import KeyVault
from anchor.service.receipts import RECEIPT_KEY_FILE
from anchor.store.records import Anchorage, ListPlan, ListSigner, Submission
from anchor.store.sqlite.anchorages import anchorages
from anchor.store.sqlite.connection import open_for_reading, open_for_writing
from anchor.store.sqlite.digests import accept
from anchor.store.sqlite.issuers import read_signer
from anchor.store.sqlite.migrations import migrations
from anchor.store.sqlite.orphans import Orphans
from anchor.store.sqlite.takeover import (
    HISTORY,
    KNOWLEDGE,
    StoredTokenKey,
    add_token_keys,
    retired_token_key,
    stored_entries,
    stored_issuers,
    stored_token_keys,
    take_issuer,
    take_rows,
    take_transactions,
)
from anchor.store.sqlite.writer import Session

KEY_FILES = (LIST_KEYS_FILE, OPERATOR_KEY_FILE, RECEIPT_KEY_FILE)
"""The keys that a service makes for itself, beside its database."""

_ACCEPTED_AT_ONCE = 10_000


class Base:
    """The backup's own knowledge, written into the database that is rebuilt."""

    __slots__ = ("_session", "files", "places")

    def __init__(self, session: Session, base_url: str) -> None:
        self._session = session
        self.places = anchorages(session)
        if not self.places:
            raise ConfigError("the backup does not say where it anchored: no service has worked with it yet")
        self.files = BaseFiles(session, base_url, self.places[-1])

    def explains(self, transaction: bytes, anchorage: int) -> bool:
        """Whether an anchor was sent for a batch that was given up in its anchorage, and sealed for a later one."""
        return bool(
            self._session.one(
                """
                select 1 from payloads join batches on batches.id = payloads.batch
                where hash = ? and payloads.anchorage = ? and coalesce(batches.anchorage, 0) != payloads.anchorage
                """,
                (transaction, anchorage),
            )
        )

    def held_signers(self, vault: KeyVault) -> list[ListSigner]:
        """Return the signers whose keys the vault opens; those that another lists.key sealed are as good as lost."""
        held = []
        for row in stored_issuers(self._session):
            signer = read_signer(row)
            try:
                is_held = vault.open(signer).public_key == signer.public_key
            except (FatalError, Conflict):
                continue
            if is_held:
                held.append(signer)
        return held

    def permutation_key(self, number: int) -> bytes | None:
        """Return by what a list's indexes were scattered: a repeated allocation is answered as before."""
        row = self._session.one("select permutation_key from lists where number = ?", (number,))
        return bytes(row["permutation_key"]) if row else None

    def write_issuers(
        self, session: Session, seen: Mapping[str, SeenKeys], signers: SignerMaker
    ) -> dict[str, int]:
        """Insert the backup's issuers under their numbers, with the keys that signed their newest lists."""
        numbers = {}
        for row in stored_issuers(self._session):
            keys = seen.get(row["identifier"], SeenKeys(row["identifier"]))
            self._see_keys(row["number"], keys)
            stored = read_signer(row)
            signer = signers.signer(row["identifier"], keys) if keys.newest else signers.known(stored)
            take_issuer(session, row, signer)
            add_token_keys(session, row["number"], self._token_keys(row, keys, signers))
            numbers[row["identifier"]] = int(row["number"])
        return numbers

    def _token_keys(self, row: sqlite3.Row, seen: SeenKeys, signers: SignerMaker) -> list[StoredTokenKey]:
        """
        Return an issuer's token keys, those included that are younger than the backup; the last may sign.

        A key signs on where its secret can be opened, and nothing tells that it was replaced after the backup.
        """
        known = stored_token_keys(self._session, row["number"])
        newer = [
            method for method in seen.token_keys if method not in {key.verification_method for key in known}
        ]
        signer = read_signer(row)
        can_sign = not newer and signers.opens_token_key(signer)
        held = [
            key if key.retired_ms is not None or can_sign else replace(key, sealed_secret=None, retired_ms=0)
            for key in known
        ]
        return [*held, *(retired_token_key(method, seen.token_keys[method]) for method in reversed(newer))]

    def _see_keys(self, number: int, keys: SeenKeys) -> None:
        """Note keys that signed nothing that is left: what they signed and others kept must verify on."""
        rows = self._session.all(
            "select verification_method, public_key, retired_ms from retired_list_keys where issuer = ? order by id",
            (number,),
        )
        for row in rows:
            if row["verification_method"] not in keys.keys:
                keys.keys[row["verification_method"]] = row["public_key"]
                keys.first_ms[row["verification_method"]] = row["retired_ms"] - 1

    def write_entries(self, session: Session, number_of: IssuerNumber, report: RebuildReport) -> None:
        """
        Give the backup's digests their leaves back, and accept those again that no rebuilt batch holds.

        An acknowledged digest is never lost: one whose batch is missing gets a second leaf rather than none.
        """
        lists = {row["number"] for row in session.all("select number from lists")}
        homeless = 0
        session.execute("begin")
        for identifier, own in groupby(stored_entries(self._session), key=lambda row: str(row["identifier"])):
            number = number_of(identifier)
            orphans = Orphans(session, number, identifier_hash(identifier))
            waiting = []
            for row in own:
                status = None if row["list"] is None else StatusEntry(row["list"], row["list_index"])
                if status is not None and status.list_number not in lists:
                    homeless += 1
                elif not orphans.claim(row["method"], row["digest"], status):
                    waiting.append(Submission(row["method"], row["digest"], status, again=True))
            report.reaccepted += len(waiting)
            for start in range(0, len(waiting), _ACCEPTED_AT_ONCE):
                accept(session, number, waiting[start : start + _ACCEPTED_AT_ONCE], _NO_LISTS, report.now_s)
        session.execute("commit")
        if homeless:
            report.lose(
                None,
                "binding_lost",
                f"{homeless} digests of the backup are bound to lists that are in no batch that could be had: their "
                "issuers submit them again",
            )

    def write_history(self, session: Session) -> None:
        """Insert who changed which status, when and why, up to the backup."""
        take_rows(self._session, session, HISTORY)

    def write_rest(self, session: Session) -> None:
        """Insert what only a database knows: ids of credentials, idempotency keys, webhooks, signed transactions."""
        take_rows(self._session, session, KNOWLEDGE)
        numbers = {_identity(place): place.number for place in anchorages(session)}
        mapped = {place.number: numbers.get(_identity(place)) for place in self.places}
        known = {old: new for old, new in mapped.items() if new is not None}
        take_transactions(self._session, session, known)


def _no_new_list() -> bytes:
    raise AssertionError("nothing is allocated when a backup's digests are accepted again")


_NO_LISTS = ListPlan(length=0, new_permutation_key=_no_new_list)


@contextmanager
def open_base(path: Path | None, settings: Settings) -> Iterator[Base | None]:
    """
    Open a backup, or a database file, through a copy of it that may be brought to the newest shape; None for none.

    Key files of a backup are taken over where the data folder has none. Raises ConfigError where it is another
    service's, FatalError where it cannot be read.
    """
    if path is None:
        yield None
        return
    source = path / settings.database.name if path.is_dir() else path
    if not source.is_file():
        raise FatalError(f"there is no {source}: name a backup's folder or a database file")
    if path.is_dir():
        _take_keys(path, settings.data_dir)
    copy = settings.database.with_name(settings.database.name + ".base")
    try:
        _copy_database(source, copy)
        database = open_for_writing(copy)
        try:
            migrations.apply(database)
            session = Session(database)
            facts = {row["name"]: str(row["value"]) for row in session.all("select name, value from facts")}
            _require_same_service(facts, settings)
            yield Base(session, facts["base_url"])
        finally:
            database.conn.close()
    finally:
        for suffix in ("", "-wal", "-shm"):
            copy.with_name(copy.name + suffix).unlink(missing_ok=True)


def _take_keys(folder: Path, data_dir: Path) -> None:
    present, kept = data_dir / LIST_KEYS_FILE, folder / LIST_KEYS_FILE
    if present.is_file() and kept.is_file() and present.read_bytes() != kept.read_bytes():
        raise InvalidInput(
            f"{present} is another key than {kept}, and would open none of the backup's list keys: move it away"
        )
    for name in KEY_FILES:
        if (folder / name).is_file() and not (data_dir / name).exists():
            copy_durably(folder / name, data_dir / name, mode=PRIVATE)


def _copy_database(source: Path, copy: Path) -> None:
    try:
        with closing(open_for_reading(source).conn) as reading, closing(sqlite3.connect(copy)) as writing:
            reading.backup(writing)
    except sqlite3.Error as exc:
        raise FatalError(
            f"{source} cannot be read: {exc}; rebuild from another backup, or from none"
        ) from exc


def _require_same_service(facts: Mapping[str, str], settings: Settings) -> None:
    base_url, configured = facts.get("base_url"), settings.server.base_url
    if base_url != configured:
        raise ConfigError(
            f"the backup is of a service with base_url {base_url}, the settings say {configured}"
        )


def _identity(place: Anchorage) -> tuple[int, bytes, str]:
    return place.chain_id, place.genesis_hash, place.contract.lower()
