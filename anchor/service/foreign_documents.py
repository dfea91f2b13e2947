"""Documents of others that a credential names: fetched from the hosts that the operator named, and from no other."""

from __future__ import annotations

from collections.abc import Collection

from status_lists.errors import RetrievalFailed
from status_lists.fetch import ACCEPT, FetchedList, FetchLimits, ListFetcher
from status_lists.targets import parse_host, parse_target


class ForeignDocuments:
    """
    Fetches from named hosts, each `host` (https) or `host:port`; without any, nothing is ever fetched.

    Whoever writes a credential chooses the URLs in it: a host must be named here, its address be public, and one limit
    on time and bytes holds for the whole answer (`status_lists.fetch`). Hosts that are named in `local_hosts` too may
    be asked over http and at private addresses.
    """

    __slots__ = ("_fetcher", "_hosts", "_setting")

    def __init__(
        self,
        *,
        hosts: Collection[str],
        local_hosts: Collection[str] = (),
        limits: FetchLimits | None = None,
        setting: str,
    ) -> None:
        self._hosts = frozenset(map(parse_host, hosts))
        self._fetcher = ListFetcher(allowed_hosts=frozenset(map(parse_host, local_hosts)), limits=limits)
        self._setting = setting

    async def fetch(self, url: str, *, accept: str = ACCEPT) -> FetchedList:
        """Return what is served at a URL, of which nothing is trusted yet; RetrievalFailed for every failure."""
        target = parse_target(url)
        if target.authority not in self._hosts:
            raise RetrievalFailed(
                f"{target.origin} is not asked from here: the operator can name it in {self._setting}"
            )
        return await self._fetcher.fetch(url, accept=accept)
