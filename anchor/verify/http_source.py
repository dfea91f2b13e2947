"""Published files over HTTP: bounded in size and time, without redirects, from an address of our choice."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from urllib.parse import urlsplit

import aiohttp

from anchor.errors import NotFound, ServiceUnavailable
from anchor.failure_words import failure_words
from anchor.verify.layout import MAX_DOCUMENT_BYTES, Layout
from status_lists.jose import MEDIA_TYPE as LIST_JWT

CONNECT_TIMEOUT_S = 10
TOTAL_TIMEOUT_S = 300
"""Bounds a whole answer: a limit on single reads would let one arrive byte by byte for ever."""

_PIECE_BYTES = 256 * 1024
_ANYTHING = "*/*"
_OK = 200
_NOT_FOUND = 404


def client_session() -> aiohttp.ClientSession:
    """Return a session with this module's time limits; the caller closes it."""
    timeout = aiohttp.ClientTimeout(total=TOTAL_TIMEOUT_S, connect=CONNECT_TIMEOUT_S)
    return aiohttp.ClientSession(timeout=timeout)


class HttpSource:
    """A service or a mirror behind a base URL; messages name its host only: a path may hold a secret."""

    __slots__ = ("_base_url", "_host", "_layout", "_session")

    def __init__(self, *, session: aiohttp.ClientSession, base_url: str, layout: Layout) -> None:
        self._session = session
        self._base_url = base_url.rstrip("/")
        self._host = urlsplit(base_url).hostname
        self._layout = layout

    async def publisher(self) -> bytes:
        """Return the publisher document."""
        return await self._document(self._layout.publisher)

    async def receipt_keys(self) -> bytes:
        """Return the receipt keys document."""
        return await self._document(self._layout.receipt_keys)

    async def batch(self, sequence: int) -> bytes:
        """Return the document of a batch."""
        return await self._document(self._layout.batch.format(sequence=sequence))

    async def status_list(self, number: int, version: int | None) -> bytes:
        """Return a list as signed: the version named, or the newest for None."""
        return await self._document(self._layout.status_list(number, version))

    async def did_document(self, slug: str) -> bytes:
        """Return the DID document of an issuer that has it hosted by the service."""
        return await self._document(self._layout.did_document.format(slug=slug))

    async def list_jwt(self, number: int) -> bytes:
        """Return the newest version of a list as `vc+jwt`; a mirror has its files in one form (NotFound)."""
        if self._layout.evidence is None:
            raise NotFound(f"{self._host} is a mirror, which has no tokens: ask the service")
        return await self._document(self._layout.status_list(number, None), accept=LIST_JWT)

    async def evidence(self, number: int, index: int) -> bytes:
        """Return the evidence of one entry, which tells the service which one; a mirror has none (NotFound)."""
        if self._layout.evidence is None:
            raise NotFound(f"{self._host} is a mirror, which cuts no evidence: ask the service")
        return await self._document(self._layout.evidence.format(number=number, index=index))

    async def leaves(self, sequence: int, *, max_bytes: int) -> AsyncGenerator[bytes]:
        """Yield the leaf hashes of a batch in pieces; more than `max_bytes` is refused."""
        async for piece in self._pieces(self._layout.leaves.format(sequence=sequence), max_bytes):
            yield piece

    def of_anchorage(self, number: int) -> HttpSource:
        """Return the files of an earlier anchorage."""
        layout = self._layout.of_anchorage(number)
        return HttpSource(session=self._session, base_url=self._base_url, layout=layout)

    async def _document(self, path: str, *, accept: str = _ANYTHING) -> bytes:
        pieces = self._pieces(path, MAX_DOCUMENT_BYTES, accept=accept)
        return b"".join([piece async for piece in pieces])

    async def _pieces(self, path: str, max_bytes: int, *, accept: str = _ANYTHING) -> AsyncGenerator[bytes]:
        received = 0
        try:
            # A redirect would let the server choose whom this machine asks next.
            async with self._session.get(
                f"{self._base_url}/{path}", allow_redirects=False, headers={"Accept": accept}
            ) as response:
                self._check_status(response.status, path)
                async for piece in response.content.iter_chunked(_PIECE_BYTES):
                    received += len(piece)
                    if received > max_bytes:
                        raise ServiceUnavailable(f"{self._host} sends more than {max_bytes} bytes for {path}")
                    yield piece
        except (aiohttp.ClientError, TimeoutError, OSError) as exc:
            raise ServiceUnavailable(f"{self._host} did not answer for {path}: {failure_words(exc)}") from exc

    def _check_status(self, status: int, path: str) -> None:
        if status == _NOT_FOUND:
            raise NotFound(f"{self._host} has no {path}")
        if status != _OK:
            raise ServiceUnavailable(f"{self._host} answered {status} for {path}")
