"""Download a status list that somebody else publishes, from a URL that somebody else chose.

The URL stands in a credential, so whoever made the credential decides whom this machine asks. What keeps that
harmless: https alone; addresses judged where the socket is made, so that no literal, no redirect and no name
that resolves otherwise a second time gets past; redirects within one origin, few of them; one limit on the
time of everything together, since a limit on single reads lets an answer drip for ever; one on the bytes,
before and after decompression; no cookies, no proxy, no credentials of any kind.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import zlib
from collections.abc import Callable, Collection
from dataclasses import dataclass

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from status_lists.addresses import is_public_address
from status_lists.errors import RetrievalFailed
from status_lists.targets import Target, parse_authority, parse_target, redirected_target

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

    `allowed_hosts` names servers as `host:port` for which http and any address will do: those of a test, or
    of one's own network. `resolver`, `ssl_context` and `is_allowed_address` replace the system's names, its
    certificates, and the rule for addresses. Raises RetrievalFailed for an allowed host of another form.
    """

    __slots__ = ("_allowed_hosts", "_is_allowed_address", "_limits", "_resolver", "_ssl_context")

    def __init__(
        self,
        *,
        allowed_hosts: Collection[str] = (),
        limits: FetchLimits | None = None,
        resolver: AbstractResolver | None = None,
        ssl_context: ssl.SSLContext | None = None,
        is_allowed_address: Callable[[str], bool] = is_public_address,
    ) -> None:
        self._allowed_hosts = frozenset(parse_authority(host) for host in allowed_hosts)
        self._limits = limits or FetchLimits()
        self._resolver = resolver
        self._ssl_context = ssl_context
        self._is_allowed_address = is_allowed_address

    async def fetch(self, url: str, *, accept: str = ACCEPT) -> FetchedList:
        """Download what is published at a URL.

        Guarantees at most `body_bytes` of body, within `total_s`, from the URL's own origin, and that no
        connection was begun to an address that is not allowed. Raises RetrievalFailed for every failure; its
        message shows the origin of the URL, never its path or query.
        """
        target = parse_target(url)
        is_trusted = target.authority in self._allowed_hosts
        if target.scheme != "https" and not is_trusted:
            raise RetrievalFailed(f"{target.origin} is not https; only servers allowed by name may use http")
        guard = _Guard(_any_address if is_trusted else self._is_allowed_address)
        try:
            async with asyncio.timeout(self._limits.total_s), self._session(guard, accept) as session:
                return await self._follow(session, target)
        except TimeoutError as exc:
            raise RetrievalFailed(
                f"{target.origin} gave no complete answer within {self._limits.total_s} s; try again later"
            ) from exc
        except (aiohttp.ClientError, OSError, ValueError) as exc:
            raise RetrievalFailed(_explained(target, exc, guard)) from exc

    def _session(self, guard: _Guard, accept: str) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            resolver=self._resolver,
            socket_factory=guard.open_socket,
            ssl=self._ssl_context or True,
            use_dns_cache=False,
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"Accept": accept, "Accept-Encoding": "gzip"},
            timeout=aiohttp.ClientTimeout(total=self._limits.total_s),
            auto_decompress=False,  # it takes a gzip stream cut short for a whole one
        )

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


class _Guard:
    """Opens the sockets of one download, unless the address that the connection really goes to is not allowed."""

    __slots__ = ("_is_allowed", "has_refused")

    def __init__(self, is_allowed: Callable[[str], bool]) -> None:
        self._is_allowed = is_allowed
        self.has_refused = False

    def open_socket(self, addr_info: aiohttp.AddrInfoType) -> socket.socket:
        """Open a socket for one resolved address; raises PermissionError, before any packet is sent."""
        family, kind, protocol, _, address = addr_info
        if not self._is_allowed(str(address[0])):
            self.has_refused = True
            raise PermissionError("address not allowed")
        return socket.socket(family, kind, protocol)


def _any_address(_: str) -> bool:
    return True


def _explained(target: Target, exc: Exception, guard: _Guard) -> str:
    """Say what to do about a failure in words of our own: the library's may hold the URL, or private addresses."""
    if guard.has_refused:
        return (
            f"{target.origin} leads to a private, local or reserved address; "
            f"allow {target.authority!r} by name if it is yours"
        )
    return f"{target.origin} {_reason(exc)}"


def _reason(exc: Exception) -> str:
    match exc:
        case aiohttp.ClientSSLError() | ssl.SSLError():
            return "has no certificate that is trusted here, or speaks no TLS"
        case aiohttp.ClientConnectorDNSError():
            return "has no address in DNS; check the name"
        case aiohttp.ClientConnectorError():
            return "cannot be reached; try again later"
        case aiohttp.ClientPayloadError():
            return "sent a body cut short; try again"
        case aiohttp.InvalidURL():
            return "is an address written in no ordinary way; write it as four decimal numbers"
        case _:
            return f"gave no sound http answer ({type(exc).__name__}); try again later"
