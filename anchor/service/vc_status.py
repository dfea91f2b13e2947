"""Looks up what status lists say of credentials: this service's own lists, and others' where it may fetch them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from anchor.clock import Clock
from anchor.core.strict_json import JsonValue
from anchor.service.foreign_status import MAX_BITS_BYTES, ForeignStatusLists, ListSource
from anchor.service.linked_data_worker import LinkedDataWorker
from anchor.service.lists import ListPublisher
from anchor.store.protocol import Store
from anchor.vc.data_integrity import KeyResolver
from anchor.vc.data_model import identifier
from anchor.vc.problems import Kind, Problem, Rejected
from status_lists.credential import MIN_ENTRIES
from status_lists.errors import StatusListError, VerificationFailed
from status_lists.published import PublishedList, StatusEntry, parse_list_document, parse_status_entry
from status_lists.validation import check_status

KEPT_LISTS = 8
"""Lists of this service that are held expanded at once for one request, each up to MAX_BITS_BYTES."""

_KINDS = {
    "MALFORMED_VALUE_ERROR": Kind.STATUS_MALFORMED,
    "RANGE_ERROR": Kind.STATUS_RANGE,
    "STATUS_LIST_LENGTH_ERROR": Kind.STATUS_LENGTH,
    "STATUS_RETRIEVAL_ERROR": Kind.STATUS_RETRIEVAL,
    "STATUS_VERIFICATION_ERROR": Kind.STATUS_VERIFICATION,
}
_SET = {"revocation": Kind.REVOKED, "suspension": Kind.SUSPENDED}


@dataclass(frozen=True, slots=True)
class StatusFindings:
    """What was found: problems rule out that the credential holds, warnings do not."""

    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class _Lists:
    """The lists that were read for one request, each once, as far as they are kept."""

    foreign: ForeignStatusLists
    own: dict[int, PublishedList] = field(default_factory=dict)


class CredentialStatus:
    """Reads the status of credentials; what cannot be read is a problem, never silence."""

    def __init__(
        self,
        *,
        store: Store,
        lists: ListPublisher,
        worker: LinkedDataWorker,
        clock: Clock,
        source: ListSource,
        min_entries: int = MIN_ENTRIES,
    ) -> None:
        self._store = store
        self._worker = worker
        self._clock = clock
        self._source = source
        self._min_entries = min_entries
        self._own_url = re.compile(re.escape(lists.url(0)[:-1]) + r"(0|[1-9][0-9]{0,14})", re.ASCII)

    async def look_up(
        self, credentials: Sequence[dict[str, JsonValue]], *, keys: KeyResolver
    ) -> StatusFindings:
        """
        Return what all the status entries of credentials say that keep the rules of the data model.

        A list counts only where the credential's own issuer signed it.
        """
        lists = _Lists(
            foreign=ForeignStatusLists(
                source=self._source, worker=self._worker, clock=self._clock, min_entries=self._min_entries
            )
        )
        problems: list[Problem] = []
        warnings: list[Problem] = []
        for credential in credentials:
            issuer = identifier(credential.get("issuer")) or ""
            value = credential.get("credentialStatus", [])
            for item in value if isinstance(value, list) else [value]:
                finding = await self._entry(item, issuer, lists, keys)
                if finding is not None:
                    (warnings if finding.kind is Kind.STATUS_SET else problems).append(finding)
        return StatusFindings(tuple(problems), tuple(warnings))

    async def _entry(self, item: JsonValue, issuer: str, lists: _Lists, keys: KeyResolver) -> Problem | None:
        try:
            entry = parse_status_entry(item)
            published = await self._published(entry, issuer, lists, keys)
            status = check_status(
                entry, published, now_ms=self._clock.now_ms(), min_entries=self._min_entries
            )
        except StatusListError as exc:
            return Problem(_KINDS[exc.code], str(exc))
        except Rejected as exc:
            return exc.problem
        if status.is_valid:
            return None
        shown = status.message or f"the {entry.purpose} status is {status.status}"
        return Problem(_SET.get(entry.purpose, Kind.STATUS_SET), shown)

    async def _published(
        self, entry: StatusEntry, issuer: str, lists: _Lists, keys: KeyResolver
    ) -> PublishedList:
        own = self._own_url.fullmatch(entry.list_url)
        if own is None:
            return await lists.foreign.read(entry.list_url, issuer=issuer, keys=keys)
        published = await self._own(int(own[1]), lists)
        if published.issuer != issuer and not await self._signs_for(published.issuer, issuer):
            raise VerificationFailed("the status list is not by the credential's issuer")
        return published

    async def _own(self, number: int, lists: _Lists) -> PublishedList:
        if number not in lists.own:
            version = await self._store.list_version(number, None)
            if version is None:
                raise Rejected(Kind.STATUS_RETRIEVAL, f"this service publishes no status list {number}")
            if len(lists.own) >= KEPT_LISTS:
                lists.own.clear()
            lists.own[number] = await asyncio.to_thread(
                parse_list_document, version.document, max_bits_bytes=MAX_BITS_BYTES
            )
        return lists.own[number]

    async def _signs_for(self, signer: str | None, issuer: str) -> bool:
        """Whether a stand-in of this service signs the lists of an issuer."""
        keys = await self._store.issuer_keys(issuer)
        return keys is not None and keys.issuer.signer.did == signer
