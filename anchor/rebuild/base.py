"""An old backup as what a rebuild begins with: what it knew is taken over, what came after it is published files'."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import closing, contextmanager
from itertools import groupby
from pathlib import Path

from anchor.assembly import LIST_KEYS_FILE, OPERATOR_KEY_FILE
from anchor.config import Settings
from anchor.core.entries import BatchHeader, StatusEntry, identifier_hash, list_url
from anchor.core.lifecycle import BatchState
from anchor.core.merkle import HASH_BYTES
from anchor.core.proof import BatchDescription
from anchor.documents import AnchorClaim, BatchDocument, ListState, batch_to_json
from anchor.durable_files import PRIVATE, copy_durably
from anchor.errors import ConfigError, Conflict, FatalError, NotFound
from anchor.rebuild.proofs import IssuerNumber
from anchor.rebuild.report import RebuildReport
from anchor.rebuild.signers import SeenKeys, SignerMaker
from anchor.service.keys import KeyVault
from anchor.store.records import ListPlan, ListSigner, Submission
from anchor.store.sqlite.batches import read_batch
from anchor.store.sqlite.connection import open_for_reading, open_for_writing
from anchor.store.sqlite.digests import accept
from anchor.store.sqlite.issuers import read_signer
from anchor.store.sqlite.lists import list_states_at, list_version
from anchor.store.sqlite.migrations import migrations
from anchor.store.sqlite.orphans import Orphans
from anchor.store.sqlite.takeover import (
    HISTORY,
    KNOWLEDGE,
    stored_entries,
    stored_issuers,
    take_issuer,
    take_rows,
    take_token_keys,
)
from anchor.store.sqlite.tiles import read_nodes
from anchor.store.sqlite.writer import Session

_LEAVES_AT_ONCE = 32_768
_ACCEPTED_AT_ONCE = 10_000


class BaseFiles:
    """What the backup's service had published: one more place to read batches and lists from."""

    __slots__ = ("_base_url", "_facts", "_session")

    def __init__(self, session: Session, facts: Mapping[str, str]) -> None:
        self._session = session
        self._facts = facts
        self._base_url = facts["base_url"]

    async def publisher(self) -> bytes:
        """Raise NotFound: who publishes is for the settings to say."""
        raise NotFound("a backup names no publisher")

    async def did_document(self, slug: str) -> bytes:
        """Raise NotFound: the backup's keys are read from its issuers."""
        raise NotFound(f"a backup holds no DID document of {slug}")

    async def list_jwt(self, number: int) -> bytes:
        """Raise NotFound: tokens are signed anew."""
        raise NotFound(f"a backup is not asked for list {number} as a token")

    async def receipt_keys(self) -> bytes:
        """Raise NotFound: the backup keeps them in its database."""
        raise NotFound("a backup publishes no receipt keys")

    async def batch(self, sequence: int) -> bytes:
        """Return the document of a batch that the backup knew as mined."""
        batch = read_batch(self._session, "sequence = ? and state in ('mined', 'final')", sequence)
        if batch is None or not (
            batch.previous_root and batch.root and batch.credential_root and batch.transaction
        ):
            raise NotFound(f"the backup has no batch {sequence}")
        states = list_states_at(self._session, batch.id, self._base_url)
        document = BatchDocument(
            description=BatchDescription(
                header=BatchHeader(
                    sequence=sequence, previous_root=batch.previous_root, created_s=batch.sealed_s or 0
                ),
                leaf_count=batch.leaf_count,
                credential_root=batch.credential_root,
                list_entries=tuple(state.entry for state in states),
            ),
            root=batch.root,
            lists=tuple(
                ListState(state.number, list_url(self._base_url, state.number), state.issuer, state.entry)
                for state in states
            ),
            claim=AnchorClaim(
                chain_id=int(self._facts["chain_id"]),
                contract=self._facts["contract"],
                publisher=self._facts["publisher"],
                sequence=sequence,
                transaction=batch.transaction,
                block_number=batch.block_number or 0,
                block_time_s=batch.block_time_s or 0,
            ),
            is_final=batch.state is BatchState.FINAL,
        )
        return json.dumps(batch_to_json(document)).encode()

    async def status_list(self, number: int, version: int | None) -> bytes:
        """Return a list as signed: the version named, or the newest for None."""
        found = list_version(self._session, number, version)
        if found is None:
            raise NotFound(f"the backup has no such version of list {number}")
        return found.document

    def of_anchorage(self, number: int) -> BaseFiles:
        """Raise NotFound: what is rebuilt is the last anchorage."""
        raise NotFound(f"a backup's batches of anchorage {number} are not read")

    async def leaves(self, sequence: int, *, max_bytes: int) -> AsyncGenerator[bytes]:
        """Yield the leaf hashes of a batch in pieces."""
        batch = read_batch(self._session, "sequence = ?", sequence)
        if batch is None:
            raise NotFound(f"the backup has no batch {sequence}")
        for start in range(0, min(batch.leaf_count, max_bytes // HASH_BYTES), _LEAVES_AT_ONCE):
            yield read_nodes(self._session, batch.id, 0, start, _LEAVES_AT_ONCE)


class Base:
    """The backup's own knowledge, written into the database that is rebuilt."""

    __slots__ = ("_session", "files")

    def __init__(self, session: Session, facts: Mapping[str, str]) -> None:
        self._session = session
        self.files = BaseFiles(session, facts)

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
            take_token_keys(session, self._session, row["number"])
            numbers[row["identifier"]] = int(row["number"])
        return numbers

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
                    waiting.append(Submission(row["method"], row["digest"], status))
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
        """Insert what only a database knows: ids of credentials, idempotency keys, webhooks."""
        take_rows(self._session, session, KNOWLEDGE)


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
            yield Base(session, facts)
        finally:
            database.conn.close()
    finally:
        for suffix in ("", "-wal", "-shm"):
            copy.with_name(copy.name + suffix).unlink(missing_ok=True)


def _take_keys(folder: Path, data_dir: Path) -> None:
    for name in (LIST_KEYS_FILE, OPERATOR_KEY_FILE):
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
    for name, configured in (
        ("chain_id", str(settings.chain_id)),
        ("contract", settings.chain.contract.lower()),
        ("base_url", settings.server.base_url),
        ("publisher", facts.get("publisher", "")),
    ):
        if not facts.get(name) or facts[name] != configured:
            raise ConfigError(
                f"the backup is of a service with {name} {facts.get(name)}, the settings say {configured}"
            )
