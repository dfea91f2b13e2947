"""Speak HTTP to a server that a stranger named, so that this machine cannot be turned against its neighbours.

https alone; addresses judged where the socket is made, so that no literal, no redirect and no name that
resolves otherwise a second time gets past; one limit on the time of everything together, since a limit on
single reads lets an answer drip for ever; no cookies, no proxy, no credentials of any kind.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager

import aiohttp
from aiohttp.abc import AbstractResolver

from status_lists.addresses import is_public_address
from status_lists.errors import RetrievalFailed
from status_lists.targets import Target, parse_authority, parse_target


class GuardedHttp:
    """Opens sessions with public https servers, and with those that are allowed by name.

    `allowed_hosts` names servers as `host:port` for which http and any address will do: those of a test, or
    of one's own network. `resolver`, `ssl_context` and `is_allowed_address` replace the system's names, its
    certificates, and the rule for addresses. Raises RetrievalFailed for an allowed host of another form.
    """

    __slots__ = ("_allowed_hosts", "_is_allowed_address", "_resolver", "_ssl_context")

    def __init__(
        self,
        *,
        allowed_hosts: Collection[str] = (),
        resolver: AbstractResolver | None = None,
        ssl_context: ssl.SSLContext | None = None,
        is_allowed_address: Callable[[str], bool] = is_public_address,
    ) -> None:
        self._allowed_hosts = frozenset(parse_authority(host) for host in allowed_hosts)
        self._resolver = resolver
        self._ssl_context = ssl_context
        self._is_allowed_address = is_allowed_address

    def target(self, url: str) -> Target:
        """Read a URL that may be spoken to: https, or http for a server allowed by name; else RetrievalFailed."""
        target = parse_target(url)
        if target.scheme != "https" and target.authority not in self._allowed_hosts:
            raise RetrievalFailed(f"{target.origin} is not https; only servers allowed by name may use http")
        return target

    @asynccontextmanager
    async def session(
        self, target: Target, *, total_s: float, headers: Mapping[str, str]
    ) -> AsyncIterator[aiohttp.ClientSession]:
        """Open a session for requests to a target's origin.

        Guarantees that the block ends within `total_s`, and that no connection is begun to an address that is
        not allowed. Bodies come as they were sent, compressed or not; redirects are the caller's to refuse or
        follow. Raises RetrievalFailed for every failure of the network; its message shows the origin of the
        URL, never its path or query.
        """
        is_trusted = target.authority in self._allowed_hosts
        guard = _Guard(_any_address if is_trusted else self._is_allowed_address)
        try:
            async with (
                asyncio.timeout(total_s),
                aiohttp.ClientSession(
                    connector=self._connector(guard),
                    cookie_jar=aiohttp.DummyCookieJar(),
                    headers=headers,
                    timeout=aiohttp.ClientTimeout(total=total_s),
                    auto_decompress=False,  # it takes a gzip stream cut short for a whole one
                ) as session,
            ):
                yield session
        except TimeoutError as exc:
            raise RetrievalFailed(
                f"{target.origin} gave no complete answer within {total_s} s; try again later"
            ) from exc
        except (aiohttp.ClientError, OSError, ValueError) as exc:
            raise RetrievalFailed(_explained(target, exc, guard)) from exc

    def _connector(self, guard: _Guard) -> aiohttp.TCPConnector:
        return aiohttp.TCPConnector(
            resolver=self._resolver,
            socket_factory=guard.open_socket,
            ssl=self._ssl_context or True,
            use_dns_cache=False,
        )


class _Guard:
    """Opens the sockets of one session, unless the address that the connection really goes to is not allowed."""

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
