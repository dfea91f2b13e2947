"""`Store` on SQLite: every write goes to the writing thread, every read to a small pool of read-only connections."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sqlite_utils import Database

from anchor.core.entries import Purpose, StatusEntry
from anchor.durable_files import make_folder
from anchor.errors import FatalError
from anchor.store.records import (
    Accepted,
    Anchorage,
    AnchoredList,
    Backlog,
    Batch,
    ChangeOutcome,
    DigestPlace,
    DueList,
    HistoryItem,
    Issuer,
    IssuerKeys,
    IssuerList,
    ListEvent,
    ListPlan,
    ListSigner,
    ListSpec,
    Mined,
    NewAnchorage,
    NewIssuer,
    NewVersion,
    NodeLevels,
    PackedAccepted,
    Payload,
    PayloadCost,
    PublishedVersion,
    Seal,
    SpentPeriod,
    StatusChange,
    Submission,
    TokenKey,
)
from anchor.store.sqlite import (
    allocation,
    anchorages,
    batches,
    costs,
    digests,
    issuers,
    lists,
    named_credentials,
    receipt_keys,
    status_changes,
    tiles,
    webhooks,
)
from anchor.store.sqlite.connection import FileLock, open_for_reading, open_for_writing
from anchor.store.sqlite.migrations import migrations
from anchor.store.sqlite.writer import Operation, Session, T, Writer
from anchor.store.webhooks import DeliveryFailure, NewWebhook, Webhook

READERS = 2


class SqliteStore:
    """Fulfils `anchor.store.protocol.Store`; see there for what each method guarantees."""

    def __init__(self, path: Path, *, base_url: str) -> None:
        self._path = path
        self._base_url = base_url
        self._writer = Writer(self._open)
        self._readers = ThreadPoolExecutor(READERS, "store-reader")
        self._local = threading.local()
        self._read_connections: list[sqlite3.Connection] = []
        self._lock: FileLock | None = None

    def open(self) -> None:
        """Lock the file, bring it to the newest shape, and start the writing thread; FatalError where that fails."""
        make_folder(self._path.parent)
        self._lock = FileLock(self._path)
        try:
            self._writer.start()
        except BaseException:
            self._lock.release()
            raise

    async def close(self) -> None:
        """Finish what is queued and let the file go, complete in itself: the log beside it is empty by then."""
        await asyncio.to_thread(self._readers.shutdown)
        for connection in self._read_connections:
            connection.close()
        # Last, since only a writing connection that is the last one moves the write-ahead log into the file.
        await asyncio.to_thread(self._writer.close)
        if self._lock is not None:
            self._lock.release()

    def _open(self) -> Database:
        database = open_for_writing(self._path)
        migrations.apply(database)
        return database

    async def _read(self, operation: Operation[T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(
            self._readers, self._read_in_thread, operation
        )

    def _read_in_thread(self, operation: Operation[T]) -> T:
        if not hasattr(self._local, "database"):
            self._local.database = open_for_reading(self._path)
            self._read_connections.append(self._local.database.conn)
        session = Session(self._local.database)
        try:
            # One read transaction, so that an operation of several statements sees one committed state.
            session.execute("begin")
            try:
                return operation(session)
            finally:
                session.execute("commit")
        except sqlite3.Error as exc:
            raise FatalError(
                f"the database cannot be read: {exc}; the process must stop and start again"
            ) from exc

    async def pin(self, name: str, value: str) -> str:
        """See Store."""
        return await self._writer.run(lambda session: _pin(session, name, value))

    async def begin_anchorage(self, place: NewAnchorage) -> Anchorage:
        """See Store."""
        return await self._writer.run(lambda session: anchorages.begin_anchorage(session, place))

    async def anchorages(self) -> Sequence[Anchorage]:
        """See Store."""
        return await self._read(anchorages.anchorages)

    async def former_head(self, anchorage: int) -> tuple[int, bytes] | None:
        """See Store."""
        return await self._read(lambda session: anchorages.former_head(session, anchorage))

    async def note_line(self, publishers: Sequence[str], *, contract: str, from_block: int) -> None:
        """See Store."""
        await self._writer.run(
            lambda session: anchorages.note_line(session, publishers, contract, from_block)
        )

    async def add_call(self, calldata: bytes, payload: Payload) -> None:
        """See Store."""
        await self._writer.run(lambda session: anchorages.add_call(session, calldata, payload))

    async def calls(self, sender: str, calldata: bytes) -> Sequence[Payload]:
        """See Store."""
        return await self._read(lambda session: anchorages.calls(session, sender, calldata))

    async def calls_from_nonce(self, sender: str, nonce: int) -> Sequence[Payload]:
        """See Store."""
        return await self._read(lambda session: anchorages.calls_from_nonce(session, sender, nonce))

    async def move(self, place: NewAnchorage, *, abandons: bool) -> Anchorage:
        """See Store."""
        return await self._writer.run(lambda session: anchorages.move(session, place, abandons))

    async def note_strangers(self, sequence: int) -> None:
        """See Store."""
        await self._writer.run(lambda session: _note_strangers(session, sequence))

    async def strangers_noted(self) -> int:
        """See Store."""
        return await self._read(_strangers_noted)

    async def add_issuer(self, issuer: NewIssuer, *, now_ms: int) -> Issuer:
        """See Store."""
        return await self._writer.run(lambda session: issuers.add_issuer(session, issuer, now_ms))

    async def issuers(self) -> Sequence[Issuer]:
        """See Store."""
        return await self._read(issuers.issuers)

    async def issuer_by_key(self, api_key_hash: bytes) -> Issuer | None:
        """See Store."""
        return await self._read(lambda session: issuers.issuer_by_key(session, api_key_hash))

    async def rotate_key(self, number: int, *, api_key_hash: bytes) -> Issuer:
        """See Store."""
        return await self._writer.run(lambda session: issuers.rotate_key(session, number, api_key_hash))

    async def disable_issuer(self, number: int) -> Issuer:
        """See Store."""
        return await self._writer.run(lambda session: issuers.disable_issuer(session, number))

    async def issuer(self, number: int) -> Issuer:
        """See Store."""
        return await self._read(lambda session: issuers.issuer_by_number(session, number))

    async def rotate_list_key(self, number: int, signer: ListSigner, *, now_ms: int) -> IssuerKeys:
        """See Store."""
        return await self._writer.run(
            lambda session: issuers.rotate_list_key(session, number, signer, now_ms)
        )

    async def rotate_token_key(self, number: int, key: TokenKey, *, now_ms: int) -> IssuerKeys:
        """See Store."""
        return await self._writer.run(lambda session: issuers.rotate_token_key(session, number, key, now_ms))

    async def issuer_keys(self, identifier: str) -> IssuerKeys | None:
        """See Store."""
        return await self._read(lambda session: issuers.issuer_keys(session, identifier))

    async def accept(
        self, issuer: int, submissions: Sequence[Submission], *, plan: ListPlan, now_s: int
    ) -> Sequence[Accepted]:
        """See Store."""
        return await self._writer.run(
            lambda session: digests.accept(session, issuer, submissions, plan, now_s)
        )

    async def accept_packed(
        self, issuer: int, method_code: int, packed: bytes, *, now_s: int, again: bool = False
    ) -> PackedAccepted:
        """See Store."""
        return await self._writer.run(
            lambda session: digests.accept_packed(session, issuer, method_code, packed, now_s, again=again)
        )

    async def add_receipt_key(self, public_key: bytes, *, now_ms: int) -> None:
        """See Store."""
        await self._writer.run(lambda session: receipt_keys.add_receipt_key(session, public_key, now_ms))

    async def receipt_keys(self) -> Sequence[bytes]:
        """See Store."""
        return await self._read(receipt_keys.receipt_keys)

    async def find_digest(self, issuer: int, digest: bytes) -> Sequence[DigestPlace]:
        """See Store."""
        return await self._read(lambda session: digests.find_digest(session, issuer, digest))

    async def allocate(
        self,
        issuer: int,
        count: int,
        *,
        purpose: Purpose = Purpose.REVOCATION,
        idempotency_key: str | None,
        plan: ListPlan,
        now_ms: int,
    ) -> Sequence[StatusEntry]:
        """See Store."""

        def operation(session: Session) -> Sequence[StatusEntry]:
            if idempotency_key is None:
                return allocation.allocate(session, issuer, count, purpose, plan, now_ms)
            return allocation.allocate_once(session, issuer, count, purpose, idempotency_key, plan, now_ms)

        return await self._writer.run(operation)

    async def add_list(self, issuer: int, spec: ListSpec, *, permutation_key: bytes, now_ms: int) -> int:
        """See Store."""
        return await self._writer.run(
            lambda session: allocation.add_list(session, issuer, spec, permutation_key, now_ms)
        )

    async def issuer_lists(self, issuer: int) -> Sequence[IssuerList]:
        """See Store."""
        return await self._read(lambda session: lists.issuer_lists(session, issuer))

    async def change_status(
        self, issuer: int, changes: Sequence[StatusChange], *, actor: str, now_ms: int
    ) -> ChangeOutcome:
        """See Store."""
        return await self._writer.run(
            lambda session: status_changes.change_status(session, issuer, changes, actor, now_ms)
        )

    async def status_history(self, issuer: int, entry: StatusEntry) -> Sequence[HistoryItem]:
        """See Store."""
        return await self._read(lambda session: status_changes.status_history(session, issuer, entry))

    async def due_lists(self, *, expiring_before_ms: int) -> Sequence[DueList]:
        """See Store."""
        return await self._read(lambda session: lists.due_lists(session, expiring_before_ms))

    async def earliest_expiry_ms(self) -> int | None:
        """See Store."""
        return await self._read(lists.earliest_expiry_ms)

    async def add_version(self, version: NewVersion) -> None:
        """See Store."""
        await self._writer.run(lambda session: lists.add_version(session, version))

    async def list_version(
        self, number: int, version: int | None, *, form: str | None = None
    ) -> PublishedVersion | None:
        """See Store."""
        return await self._read(lambda session: lists.list_version(session, number, version, form))

    async def list_version_at(
        self, number: int, time_ms: int, *, form: str | None = None
    ) -> PublishedVersion | None:
        """See Store."""
        return await self._read(lambda session: lists.list_version_at(session, number, time_ms, form))

    async def list_events(self, *, after: int, limit: int) -> Sequence[ListEvent]:
        """See Store."""
        return await self._read(lambda session: lists.list_events(session, after, limit))

    async def newest_list_event(self) -> int:
        """See Store."""
        return await self._read(lists.newest_list_event)

    async def list_states(self) -> Sequence[AnchoredList] | None:
        """See Store."""
        return await self._read(lambda session: lists.list_states(session, self._base_url))

    async def list_states_at(self, batch: int) -> Sequence[AnchoredList]:
        """See Store."""
        return await self._read(lambda session: lists.list_states_at(session, batch, self._base_url))

    async def named_entry(
        self, issuer: int, credential: bytes, *, plan: ListPlan, now_ms: int
    ) -> StatusEntry:
        """See Store."""
        return await self._writer.run(
            lambda session: named_credentials.named_entry(session, issuer, credential, plan, now_ms)
        )

    async def add_named_entry(
        self, issuer: int, credential: bytes, *, plan: ListPlan, now_ms: int
    ) -> StatusEntry:
        """See Store."""
        return await self._writer.run(
            lambda session: named_credentials.add_named_entry(session, issuer, credential, plan, now_ms)
        )

    async def named_entries(self, issuer: int, credential: bytes) -> Sequence[StatusEntry]:
        """See Store."""
        return await self._read(lambda session: named_credentials.named_entries(session, issuer, credential))

    async def backlog(self) -> Backlog:
        """See Store."""
        return await self._read(batches.backlog)

    async def unmined_entries(self) -> int:
        """See Store."""
        return await self._read(batches.unmined_entries)

    async def close_batch(self, *, now_s: int) -> Batch:
        """See Store."""
        return await self._writer.run(lambda session: batches.close_batch(session, now_s))

    async def unsealed_batch(self) -> Batch | None:
        """See Store."""
        return await self._read(
            lambda session: batches.read_batch(session, "is_closed = 1 and state = 'accepted'")
        )

    async def seal_batch(
        self, batch: int, seal: Seal, levels: NodeLevels, states: Sequence[AnchoredList]
    ) -> None:
        """See Store."""
        await self._writer.run(lambda session: batches.seal_batch(session, batch, seal, levels, states))

    async def reseal_batch(
        self, batch: int, seal: Seal, left_edge: Sequence[bytes], states: Sequence[AnchoredList]
    ) -> None:
        """See Store."""
        await self._writer.run(lambda session: batches.reseal_batch(session, batch, seal, left_edge, states))

    async def batch(self, batch: int) -> Batch | None:
        """See Store."""
        return await self._read(lambda session: batches.read_batch(session, "id = ?", batch))

    async def batch_by_sequence(self, sequence: int) -> Batch | None:
        """See Store."""
        return await self._read(lambda session: batches.read_batch(session, "sequence = ?", sequence))

    async def former_batch(self, anchorage: int, sequence: int) -> Batch | None:
        """See Store."""
        return await self._read(
            lambda session: batches.read_batch(
                session, "anchorage = ? and former_sequence = ? and state = 'final'", anchorage, sequence
            )
        )

    async def newest_sealed(self) -> Batch | None:
        """See Store."""
        return await self._read(
            lambda session: batches.read_batch(session, "sequence is not null order by sequence desc")
        )

    async def newest_mined(self) -> Batch | None:
        """See Store."""
        return await self._read(
            lambda session: batches.read_batch(
                session, "sequence is not null and state in ('mined', 'final') order by sequence desc"
            )
        )

    async def newest_final(self) -> Batch | None:
        """See Store."""
        return await self._read(
            lambda session: batches.read_batch(
                session, "sequence is not null and state = 'final' order by sequence desc"
            )
        )

    async def unfinished_batches(self) -> Sequence[Batch]:
        """See Store."""
        return await self._read(batches.unfinished_batches)

    async def nodes(self, batch: int, level: int, start: int, count: int) -> bytes:
        """See Store."""
        return await self._read(lambda session: tiles.read_nodes(session, batch, level, start, count))

    async def inclusion_path(self, batch: int, leaf_index: int, tree_size: int) -> Sequence[bytes]:
        """See Store."""
        return await self._read(lambda session: tiles.read_path(session, batch, leaf_index, tree_size))

    async def add_payload(self, batch: int, payload: Payload) -> None:
        """See Store."""
        await self._writer.run(lambda session: batches.add_payload(session, batch, payload))

    async def payloads(self, batch: int) -> Sequence[Payload]:
        """See Store."""
        return await self._read(lambda session: batches.payloads(session, batch))

    async def payloads_of_nonce(self, sender: str, nonce: int) -> Sequence[Payload]:
        """See Store."""
        return await self._read(lambda session: batches.payloads_of_nonce(session, sender, nonce))

    async def mark_mined(self, batch: int, mined: Mined) -> None:
        """See Store."""
        await self._writer.run(lambda session: batches.mark_mined(session, batch, mined))

    async def mark_unmined(self, batch: int) -> None:
        """See Store."""
        await self._writer.run(lambda session: batches.mark_unmined(session, batch))

    async def mark_final(self, batch: int) -> None:
        """See Store."""
        await self._writer.run(lambda session: batches.mark_final(session, batch))

    async def open_costs(self) -> Sequence[PayloadCost]:
        """See Store."""
        return await self._read(costs.open_costs)

    async def note_cost(self, payload: bytes, cost_wei: int, *, mined_s: int) -> None:
        """See Store."""
        await self._writer.run(lambda session: costs.note_cost(session, payload, cost_wei, mined_s))

    async def settle_costs(self, sender: str, nonce: int) -> None:
        """See Store."""
        await self._writer.run(lambda session: costs.settle_costs(session, sender, nonce))

    async def spent_since(self, time_s: int) -> SpentPeriod:
        """See Store."""
        return await self._read(lambda session: costs.spent_since(session, time_s))

    async def add_webhook(self, webhook: NewWebhook, *, limit: int, now_ms: int) -> Webhook:
        """See Store."""
        return await self._writer.run(lambda session: webhooks.add_webhook(session, webhook, limit, now_ms))

    async def webhooks(self, issuer: int) -> Sequence[Webhook]:
        """See Store."""
        return await self._read(lambda session: webhooks.webhooks(session, issuer))

    async def delete_webhook(self, issuer: int, webhook: int) -> None:
        """See Store."""
        await self._writer.run(lambda session: webhooks.delete_webhook(session, issuer, webhook))

    async def due_webhooks(self, *, now_ms: int, longest_wait_ms: int) -> Sequence[Webhook]:
        """See Store."""
        return await self._read(lambda session: webhooks.due_webhooks(session, now_ms, longest_wait_ms))

    async def undelivered(self, webhook: int, *, limit: int) -> Sequence[ListEvent]:
        """See Store."""
        return await self._read(lambda session: webhooks.undelivered(session, webhook, limit))

    async def record_delivery(self, webhook: int, event: int, *, now_ms: int) -> bool:
        """See Store."""
        return await self._writer.run(
            lambda session: webhooks.record_delivery(session, webhook, event, now_ms)
        )

    async def record_failure(self, webhook: int, failure: DeliveryFailure) -> None:
        """See Store."""
        await self._writer.run(lambda session: webhooks.record_failure(session, webhook, failure))


def _pin(session: Session, name: str, value: str) -> str:
    session.execute(
        "insert into facts (name, value) values (?, ?) on conflict (name) do nothing", (name, value)
    )
    row = session.one("select value from facts where name = ?", (name,))
    if row is None:
        raise AssertionError("the fact was just stored")
    return str(row["value"])


def _note_strangers(session: Session, sequence: int) -> None:
    session.execute(
        """
        insert into facts (name, value) values (?, ?) on conflict (name) do update set value = excluded.value
        """,
        (anchorages.STRANGERS, str(max(sequence, _strangers_noted(session)))),
    )


def _strangers_noted(session: Session) -> int:
    row = session.one("select value from facts where name = ?", (anchorages.STRANGERS,))
    return int(row["value"]) if row else 0
