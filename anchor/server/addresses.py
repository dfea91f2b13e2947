"""Who is at the other end: client addresses, also behind proxies that are trusted to name them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

from anchor.errors import ConfigError

IPV6_SITE_BITS = 64
"""One customer is given at least a /64: whoever has one address of it has all (RFC 6177)."""

MAX_FORWARDED = 32
"""Addresses of X-Forwarded-For that are looked at: no chain of proxies is longer."""


class TrustedProxies:
    """Addresses whose X-Forwarded-For is believed, and that may hold many connections since many stand behind them."""

    def __init__(self, networks: Iterable[str]) -> None:
        """Read addresses and networks such as 10.0.0.0/8; ConfigError names one that is neither."""
        try:
            self._networks = tuple(ip_network(text) for text in networks)
        except ValueError as exc:
            raise ConfigError(f"server.trusted_proxies: {exc}: write addresses or networks") from exc

    def trusts(self, address: str) -> bool:
        """Return whether an address is a trusted proxy's; what is no address is not."""
        parsed = _parsed(address)
        return parsed is not None and any(parsed in network for network in self._networks)

    def client(self, peer: str, forwarded: Sequence[str]) -> str:
        """
        Return the address on whose behalf a request came.

        `forwarded` holds the values of X-Forwarded-For. Each proxy appends whom it saw, so the list is believed from
        its end, as far as trusted proxies wrote it: what stands before the first stranger is that stranger's word.
        """
        client = peer
        hops = [hop.strip() for hop in ",".join(forwarded).split(",")[-MAX_FORWARDED:]]
        while self.trusts(client) and hops:
            hop = hops.pop()
            if _parsed(hop) is None:
                break
            client = hop
        return client


def counted_as(address: str) -> str:
    """Return what connections and failures of an address are counted under: itself, or its IPv6 site."""
    parsed = _parsed(address)
    if isinstance(parsed, IPv6Address):
        return str(IPv6Network((int(parsed), IPV6_SITE_BITS), strict=False))
    return str(parsed) if parsed else address


def _parsed(address: str) -> IPv4Address | IPv6Address | None:
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return None
    # A socket for both families shows IPv4 clients as ::ffff:192.0.2.1.
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    return mapped or parsed
