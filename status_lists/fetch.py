"""Download a status list that somebody else publishes, from a URL that somebody else chose.

The URL stands in a credential, so whoever made the credential decides whom this machine asks. What keeps that
harmless is `guarded_http`, and here: redirects within one origin, few of them; one limit on the bytes, before
and after decompression.
"""

from __future__ import annotations

import ssl
import zlib
from collections.abc import Callable, Collection
from dataclasses import dataclass

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from status_lists.addresses import is_public_address
from status_lists.errors import RetrievalFailed
from status_lists.guarded_http import GuardedHttp
from status_lists.targets import Target, redirected_target

TOTAL_TIMEOUT_S = 30
MAX_BODY_BYTES = 32 * 1024 * 1024
"""Room for a list of a hundred million entries, half of them set at random, inside a JWT: 22 MB."""

MAX_REDIRECTS = 3

ACCEPT = "application/vc, application/vc+jwt, application/json;q=0.9, */*;q=0.1"

_PIECE_BYTES = 64 * 1024
_GZIP = 31
_OK = 200
_REDIRECTS = (301, 302, 303, 307, 308)


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchLimits:
    """What one download may cost: seconds for everything together, bytes of the body, redirects followed."""

    total_s: float = TOTAL_TIMEOUT_S
    body_bytes: int = MAX_BODY_BYTES
    redirects: int = MAX_REDIRECTS


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedList:
    """What was served: the bytes, of which nothing is trusted yet, and their media type without parameters."""

    body: bytes
    media_type: str


class ListFetcher:
    """Downloads lists from public https servers, and from those that are allowed by name.

    `allowed_hosts`, `resolver`, `ssl_context` and `is_allowed_address` are those of GuardedHttp. Raises
    RetrievalFailed for an allowed host of another form than `host:port`.
    """

    __slots__ = ("_http", "_limits")

    def __init__(
        self,
        *,
        allowed_hosts: Collection[str] = (),
        limits: FetchLimits | None = None,
        resolver: AbstractResolver | None = None,
        ssl_context: ssl.SSLContext | None = None,
        is_allowed_address: Callable[[str], bool] = is_public_address,
    ) -> None:
        self._limits = limits or FetchLimits()
        self._http = GuardedHttp(
            allowed_hosts=allowed_hosts,
            resolver=resolver,
            ssl_context=ssl_context,
            is_allowed_address=is_allowed_address,
        )

    async def fetch(self, url: str, *, accept: str = ACCEPT) -> FetchedList:
        """Download what is published at a URL.

        Guarantees at most `body_bytes` of body, within `total_s`, from the URL's own origin, and that no
        connection was begun to an address that is not allowed. Raises RetrievalFailed for every failure; its
        message shows the origin of the URL, never its path or query.
        """
        target = self._http.target(url)
        headers = {"Accept": accept, "Accept-Encoding": "gzip"}
        async with self._http.session(target, total_s=self._limits.total_s, headers=headers) as session:
            return await self._follow(session, target)

    async def _follow(self, session: aiohttp.ClientSession, target: Target) -> FetchedList:
        for _ in range(self._limits.redirects + 1):
            url = URL(target.url, encoded=True)
            async with session.get(url, allow_redirects=False) as response:
                if response.status not in _REDIRECTS:
                    return await self._read(response, target)
                target = redirected_target(target, response.headers.get("Location", ""))
        raise RetrievalFailed(f"{target.origin} redirects more than {self._limits.redirects} times")

    async def _read(self, response: aiohttp.ClientResponse, target: Target) -> FetchedList:
        if response.status != _OK:
            raise RetrievalFailed(
                f"{target.origin} answered {response.status}; ask its publisher, or try again later"
            )
        coding = response.headers.get("Content-Encoding", "identity").lower()
        if coding not in ("identity", "gzip"):
            raise RetrievalFailed(f"{target.origin} sent a content coding that it was not asked for")
        pieces: list[bytes] = []
        rest_bytes = self._limits.body_bytes
        async for piece in response.content.iter_chunked(_PIECE_BYTES):
            rest_bytes -= len(piece)
            if rest_bytes < 0:
                raise self._too_large(target)
            pieces.append(piece)
        body = b"".join(pieces)
        return FetchedList(
            body=self._expanded(body, target) if coding == "gzip" else body,
            media_type=response.content_type.lower(),
        )

    def _expanded(self, packed: bytes, target: Target) -> bytes:
        unpacker = zlib.decompressobj(wbits=_GZIP)
        try:
            body = unpacker.decompress(packed, self._limits.body_bytes + 1)
        except zlib.error as exc:
            raise RetrievalFailed(
                f"{target.origin} sent a body that is not the gzip it claims to be"
            ) from exc
        if len(body) > self._limits.body_bytes:
            raise self._too_large(target)
        if not unpacker.eof or unpacker.unused_data:
            raise RetrievalFailed(f"{target.origin} sent a gzip body cut short, or with bytes after its end")
        return body

    def _too_large(self, target: Target) -> RetrievalFailed:
        return RetrievalFailed(
            f"{target.origin} sent more than {self._limits.body_bytes} bytes; raise the limit if that is expected"
        )
