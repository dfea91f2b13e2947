"""Related resources of credentials: fetched and compared where the operator allows it, told of where not."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Protocol

from anchor.core.strict_json import JsonValue
from anchor.vc.problems import Kind, Problem
from anchor.vc.related_digest import is_committed
from status_lists.errors import RetrievalFailed
from status_lists.fetch import FetchedList, FetchLimits

MAX_RESOURCES = 8
"""Of one request: a document of many resources must not make many calls of one."""

LIMITS = FetchLimits(total_s=10, body_bytes=4 * 1024 * 1024)
"""Contexts, schemas, pictures."""


class ResourceSource(Protocol):
    """Fetches what a credential names, from hosts that are allowed; RetrievalFailed for every failure."""

    async def fetch(self, url: str, *, accept: str) -> FetchedList:
        """Return what is served at a URL; nothing of it is trusted yet."""
        ...


class RelatedResources:
    """
    Compares related resources with the digests that a credential commits to (Data Model 2.0, section 5.3).

    One that is another is a problem. One that was not compared, since it was not to be had or nobody allowed to ask for
    it, is a warning: this service makes no use of it, and whoever does has to compare it then.
    """

    def __init__(self, *, source: ResourceSource) -> None:
        self._source = source

    async def check(self, credentials: Sequence[dict[str, JsonValue]]) -> tuple[Problem, ...]:
        """Return what is to be said of the related resources of credentials that keep the rules of the data model."""
        resources = [resource for credential in credentials for resource in _resources(credential)]
        findings = [await self._compare(resource) for resource in resources[:MAX_RESOURCES]]
        findings += [
            _unchecked(resource, f"more than {MAX_RESOURCES} are named")
            for resource in resources[MAX_RESOURCES:]
        ]
        return tuple(finding for finding in findings if finding is not None)

    async def _compare(self, resource: dict[str, JsonValue]) -> Problem | None:
        try:
            fetched = await self._source.fetch(str(resource["id"]), accept=_accepted(resource))
        except RetrievalFailed as exc:
            return _unchecked(resource, str(exc))
        if await asyncio.to_thread(is_committed, resource, fetched.body):
            return None
        return Problem(
            Kind.RELATED_CHANGED, f"{_shown(resource)} is not what the credential commits to by its digest"
        )


def _resources(credential: dict[str, JsonValue]) -> Iterator[dict[str, JsonValue]]:
    value = credential.get("relatedResource", [])
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, dict):
            yield item


def _accepted(resource: dict[str, JsonValue]) -> str:
    media_type = resource.get("mediaType")
    is_plain = isinstance(media_type, str) and media_type.isascii() and media_type.isprintable()
    return f"{media_type}, */*;q=0.1" if is_plain and len(str(media_type)) <= 100 else "*/*"


def _unchecked(resource: dict[str, JsonValue], why: str) -> Problem:
    return Problem(Kind.RELATED_UNCHECKED, f"{_shown(resource)} was not compared with its digest: {why}")


def _shown(resource: dict[str, JsonValue]) -> str:
    return f"the related resource {str(resource.get('id'))[:200]}"
