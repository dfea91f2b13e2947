"""Status lists that others publish, for one request: each fetched once, few of them, believed only if the issuer's."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from anchor.clock import Clock
from anchor.core.strict_json import parse_strict_json
from anchor.errors import InvalidInput
from anchor.service.linked_data_worker import LinkedDataWorker
from anchor.vc.data_integrity import ASSERTION, Expected, KeyResolver
from anchor.vc.data_model import identifier
from anchor.vc.problems import Kind, Problem, Rejected
from anchor.vc.verification import check_credential
from status_lists.errors import StatusListError
from status_lists.fetch import FetchedList
from status_lists.public_keys import key_of_did_key
from status_lists.published import PublishedList, parse_list_document
from status_lists.secured import read_secured_list

MAX_BITS_BYTES = 16 * 1024 * 1024
"""Lists of up to 134 million entries are read."""

MAX_LISTS = 8
"""Of one request: a document of many entries must not make many calls of one."""


class ListSource(Protocol):
    """Fetches a list that somebody else publishes; raises RetrievalFailed (of `status_lists`)."""

    async def fetch(self, url: str) -> FetchedList:
        """Return what is served at a URL; nothing of it is trusted yet."""
        ...


class ForeignStatusLists:
    """Fetches and verifies lists for one request."""

    __slots__ = ("_clock", "_min_entries", "_read", "_source", "_worker")

    def __init__(
        self, *, source: ListSource, worker: LinkedDataWorker, clock: Clock, min_entries: int
    ) -> None:
        self._source = source
        self._min_entries = min_entries
        self._worker = worker
        self._clock = clock
        self._read: dict[tuple[str, str], PublishedList | StatusListError | Rejected] = {}

    async def read(self, url: str, *, issuer: str, keys: KeyResolver) -> PublishedList:
        """
        Return the list at a URL, signed by a key of this issuer, the credential's own.

        Raises StatusListError or Rejected, the same ones where it is asked for again.
        """
        if (url, issuer) not in self._read:
            self._read[url, issuer] = await self._attempt(url, issuer, keys)
        found = self._read[url, issuer]
        if isinstance(found, Exception):
            raise found
        return found

    async def _attempt(
        self, url: str, issuer: str, keys: KeyResolver
    ) -> PublishedList | StatusListError | Rejected:
        if len(self._read) >= MAX_LISTS:
            return Rejected(Kind.STATUS_RETRIEVAL, f"more than {MAX_LISTS} lists of others are named")
        try:
            fetched = await self._source.fetch(url)
            if fetched.body.lstrip()[:1] == b"{":
                return await self._json(fetched.body, issuer, keys)
            return await asyncio.to_thread(self._token, fetched.body, issuer)
        except (StatusListError, Rejected) as exc:
            return exc

    async def _json(self, body: bytes, issuer: str, keys: KeyResolver) -> PublishedList:
        try:
            document = await asyncio.to_thread(parse_strict_json, body)
        except InvalidInput as exc:
            raise Rejected(Kind.STATUS_MALFORMED, f"the status list: {exc}") from exc
        if not isinstance(document, dict) or identifier(document.get("issuer")) != issuer:
            raise Rejected(Kind.STATUS_VERIFICATION, "the status list is not by the credential's issuer")
        expected = Expected(purpose=ASSERTION, now_ms=self._clock.now_ms())
        problems: Sequence[Problem] = await self._worker.run(
            lambda linked_data: check_credential(
                document, expected=expected, keys=keys, linked_data=linked_data
            )
        )
        if problems:
            raise Rejected(Kind.STATUS_VERIFICATION, f"the status list: {problems[0].detail}")
        return await asyncio.to_thread(
            parse_list_document, body, max_bits_bytes=MAX_BITS_BYTES, min_entries=self._min_entries
        )

    def _token(self, body: bytes, issuer: str) -> PublishedList:
        """Read a `vc+jwt`: its key must be the issuer's did:key, of either curve, since nothing is looked up."""
        return read_secured_list(
            body,
            keys=[key_of_did_key(issuer)],
            now_ms=self._clock.now_ms(),
            max_bits_bytes=MAX_BITS_BYTES,
            min_entries=self._min_entries,
        )
