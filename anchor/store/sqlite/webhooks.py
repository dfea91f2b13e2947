"""Operations on webhooks: who is to be told of which publications, and how that went."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from anchor.errors import Conflict, NotFound
from anchor.store.records import ListEvent
from anchor.store.sqlite.lists import newest_list_event
from anchor.store.sqlite.writer import Session
from anchor.store.webhooks import DeliveryFailure, NewWebhook, Webhook

_COLUMNS = """
    webhooks.id, webhooks.issuer, url, sealed_secret, webhooks.created_ms, failures, failing_since_ms, last_failure,
    webhooks.is_disabled
"""


def add_webhook(session: Session, webhook: NewWebhook, limit: int, now_ms: int) -> Webhook:
    """Insert a webhook that has seen everything so far."""
    if len(webhooks(session, webhook.issuer)) >= limit:
        raise Conflict(f"there are {limit} webhooks already, and no more are allowed: delete one first")
    number = session.insert(
        """
        insert into webhooks (issuer, url, sealed_secret, created_ms, delivered, attempt_at_ms)
        values (?, ?, ?, ?, ?, ?)
        """,
        (webhook.issuer, webhook.url, webhook.sealed_secret, now_ms, newest_list_event(session), now_ms),
    )
    return next(item for item in webhooks(session, webhook.issuer) if item.id == number)


def webhooks(session: Session, issuer: int) -> Sequence[Webhook]:
    """Return an issuer's webhooks."""
    rows = session.all(f"select {_COLUMNS} from webhooks where issuer = ? order by id", (issuer,))
    return [_webhook(row) for row in rows]


def delete_webhook(session: Session, issuer: int, webhook: int) -> None:
    """Delete a webhook of an issuer."""
    if not session.execute("delete from webhooks where id = ? and issuer = ?", (webhook, issuer)):
        raise NotFound(f"you have no webhook {webhook}")


def due_webhooks(session: Session, now_ms: int, longest_wait_ms: int) -> Sequence[Webhook]:
    """Return webhooks to call; of each list only the newest version is looked at, whatever others published."""
    rows = session.all(
        f"""
        select {_COLUMNS} from webhooks join issuers on issuers.number = webhooks.issuer
        where webhooks.is_disabled = 0 and issuers.is_disabled = 0 and (attempt_at_ms <= ? or attempt_at_ms > ?)
          and exists (
            select 1 from lists where lists.issuer = webhooks.issuer and webhooks.delivered < (
                select rowid from list_versions as newest
                where newest.list = lists.number order by newest.version desc limit 1))
        order by attempt_at_ms, webhooks.id
        """,
        (now_ms, now_ms + longest_wait_ms),
    )
    return [_webhook(row) for row in rows]


def undelivered(session: Session, webhook: int, limit: int) -> Sequence[ListEvent]:
    """Return what a webhook misses: of each list the versions after the newest that it was told of."""
    rows = session.all(
        """
        select missed.rowid as id, missed.list, missed.version
        from webhooks join lists on lists.issuer = webhooks.issuer
        join list_versions as missed on missed.list = lists.number and missed.version > coalesce((
            select version from list_versions as told
            where told.list = lists.number and told.rowid <= webhooks.delivered
            order by told.version desc limit 1), -1)
        where webhooks.id = ? order by missed.rowid limit ?
        """,
        (webhook, limit),
    )
    return [ListEvent(id=row["id"], list_number=row["list"], version=row["version"]) for row in rows]


def record_delivery(session: Session, webhook: int, event: int, now_ms: int) -> bool:
    """Move a webhook's place forward, never back, and forget its failures."""
    changed = session.execute(
        """
        update webhooks set delivered = max(delivered, ?), attempt_at_ms = ?, failures = 0, failing_since_ms = null,
                            last_failure = null
        where id = ?
        """,
        (event, now_ms, webhook),
    )
    return changed > 0


def record_failure(session: Session, webhook: int, failure: DeliveryFailure) -> None:
    """Count a failure; the first one since a success says since when."""
    session.execute(
        """
        update webhooks set failures = failures + 1, failing_since_ms = coalesce(failing_since_ms, ?), last_failure = ?,
                            attempt_at_ms = ?, is_disabled = ?
        where id = ?
        """,
        (failure.failed_ms, failure.reason, failure.retry_at_ms, failure.is_last, webhook),
    )


def _webhook(row: sqlite3.Row) -> Webhook:
    return Webhook(
        id=row["id"],
        issuer=row["issuer"],
        url=row["url"],
        sealed_secret=row["sealed_secret"],
        created_ms=row["created_ms"],
        failures=row["failures"],
        failing_since_ms=row["failing_since_ms"],
        last_failure=row["last_failure"],
        is_disabled=bool(row["is_disabled"]),
    )
