"""Looks up what status lists say of a credential: this service's own lists, and others' where it may fetch them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from anchor.clock import Clock
from anchor.core.strict_json import JsonValue, parse_strict_json
from anchor.errors import InvalidInput
from anchor.service.linked_data_worker import LinkedDataWorker
from anchor.service.lists import ListPublisher
from anchor.store.protocol import StatusStore
from anchor.vc.data_integrity import ASSERTION, Expected
from anchor.vc.data_model import identifier
from anchor.vc.did_key import did_key_method
from anchor.vc.problems import Kind, Problem, Rejected
from anchor.vc.verification import check_credential
from status_lists.errors import StatusListError
from status_lists.fetch import FetchedList
from status_lists.published import PublishedList, StatusEntry, parse_list_document, parse_status_entry
from status_lists.validation import check_status

MAX_BITS_BYTES = 16 * 1024 * 1024
"""Lists of up to 134 million entries are read."""

_KINDS = {
    "MALFORMED_VALUE_ERROR": Kind.STATUS_MALFORMED,
    "RANGE_ERROR": Kind.STATUS_RANGE,
    "STATUS_LIST_LENGTH_ERROR": Kind.STATUS_LENGTH,
    "STATUS_RETRIEVAL_ERROR": Kind.STATUS_RETRIEVAL,
    "STATUS_VERIFICATION_ERROR": Kind.STATUS_VERIFICATION,
}
_SET = {"revocation": Kind.REVOKED, "suspension": Kind.SUSPENDED}


class ListSource(Protocol):
    """Fetches a list that somebody else publishes; raises RetrievalFailed (of `status_lists`)."""

    async def fetch(self, url: str) -> FetchedList:
        """Return what is served at a URL; nothing of it is trusted yet."""
        ...


@dataclass(frozen=True, slots=True)
class StatusFindings:
    """What was found: problems rule out that the credential holds, warnings do not."""

    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()


class CredentialStatus:
    """Reads the status of credentials; what cannot be read is a problem, never silence."""

    def __init__(
        self,
        *,
        store: StatusStore,
        lists: ListPublisher,
        worker: LinkedDataWorker,
        clock: Clock,
        source: ListSource | None,
    ) -> None:
        self._store = store
        self._worker = worker
        self._clock = clock
        self._source = source
        self._own_url = re.compile(re.escape(lists.url(0)[:-1]) + r"(0|[1-9][0-9]{0,14})", re.ASCII)

    async def look_up(self, credential: dict[str, JsonValue]) -> StatusFindings:
        """Return what all the status entries of a credential say that keeps the rules of the data model."""
        value = credential.get("credentialStatus", [])
        problems: list[Problem] = []
        warnings: list[Problem] = []
        for item in value if isinstance(value, list) else [value]:
            finding = await self._entry(item, identifier(credential.get("issuer")))
            if finding is not None:
                (warnings if finding.kind is Kind.STATUS_SET else problems).append(finding)
        return StatusFindings(tuple(problems), tuple(warnings))

    async def _entry(self, item: JsonValue, issuer: str | None) -> Problem | None:
        try:
            entry = parse_status_entry(item)
            own = self._own_url.fullmatch(entry.list_url)
            published = await (self._own(int(own[1])) if own else self._foreign(entry, issuer))
            status = check_status(entry, published, now_ms=self._clock.now_ms())
        except StatusListError as exc:
            return Problem(_KINDS[exc.code], str(exc))
        except Rejected as exc:
            return exc.problem
        if status.is_valid:
            return None
        shown = status.message or f"the {entry.purpose} status is {status.status}"
        return Problem(_SET.get(entry.purpose, Kind.STATUS_SET), shown)

    async def _own(self, number: int) -> PublishedList:
        version = await self._store.list_version(number, None)
        if version is None:
            raise Rejected(Kind.STATUS_RETRIEVAL, f"this service publishes no status list {number}")
        return await asyncio.to_thread(_parse, version.document)

    async def _foreign(self, entry: StatusEntry, issuer: str | None) -> PublishedList:
        """Fetch a list, check that the credential's own issuer signed it, and read it."""
        if self._source is None:
            raise Rejected(Kind.STATUS_RETRIEVAL, "lists that others publish are not fetched here")
        fetched = await self._source.fetch(entry.list_url)
        try:
            document = await asyncio.to_thread(parse_strict_json, fetched.body)
        except InvalidInput as exc:
            raise Rejected(Kind.STATUS_MALFORMED, f"the status list: {exc}") from exc
        if not isinstance(document, dict) or identifier(document.get("issuer")) != issuer:
            raise Rejected(Kind.STATUS_VERIFICATION, "the status list is not by the credential's issuer")
        expected = Expected(purpose=ASSERTION, now_ms=self._clock.now_ms())
        problems: Sequence[Problem] = await self._worker.run(
            lambda linked_data: check_credential(
                document, expected=expected, keys=did_key_method, linked_data=linked_data
            )
        )
        if problems:
            raise Rejected(Kind.STATUS_VERIFICATION, f"the status list: {problems[0].detail}")
        return await asyncio.to_thread(_parse, fetched.body)


def _parse(document: bytes) -> PublishedList:
    return parse_list_document(document, max_bits_bytes=MAX_BITS_BYTES)
