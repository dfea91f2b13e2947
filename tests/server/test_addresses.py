"""Whom connections and failures are counted under, also behind proxies."""

from __future__ import annotations

import pytest

from anchor.errors import ConfigError
from anchor.server.addresses import TrustedProxies, counted_as

PROXIES = TrustedProxies(["127.0.0.1", "10.0.0.0/8", "2001:db8:1::/48"])


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:2:3:4:5:6:7", "2001:db8:2:3::/64"),
        ("2001:db8:2:3::", "2001:db8:2:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("no address", "no address"),
    ],
)
def test_counted_as_address_or_site(address: str, counted: str) -> None:
    """IPv4 by address in whatever spelling, IPv6 by the /64 that one customer has; anything else as it is."""
    assert counted_as(address) == counted


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("192.0.2.1", [], "192.0.2.1"),
        ("192.0.2.1", ["198.51.100.1"], "192.0.2.1"),
        ("127.0.0.1", [], "127.0.0.1"),
        ("127.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("127.0.0.1", ["198.51.100.1, 198.51.100.2"], "198.51.100.2"),
        ("127.0.0.1", ["198.51.100.1", "198.51.100.2"], "198.51.100.2"),
        ("127.0.0.1", ["198.51.100.1, 198.51.100.2, 10.1.2.3"], "198.51.100.2"),
        ("127.0.0.1", ["10.0.0.1, 10.0.0.2"], "10.0.0.1"),
        ("127.0.0.1", ["198.51.100.1, unknown"], "127.0.0.1"),
        ("127.0.0.1", ["198.51.100.1, 10.0.0.1:4711"], "127.0.0.1"),
        ("127.0.0.1", [""], "127.0.0.1"),
        ("127.0.0.1", [", ," * 10_000 + "198.51.100.1"], "198.51.100.1"),
        ("::ffff:127.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("2001:db8:1::1", ["2001:db8:9::1"], "2001:db8:9::1"),
    ],
)
def test_client_is_whom_the_last_trusted_proxy_saw(peer: str, forwarded: list[str], client: str) -> None:
    """The list is believed from its end, as far as proxies that are trusted wrote it, and no further."""
    assert PROXIES.client(peer, forwarded) == client


@pytest.mark.parametrize("text", ["proxy.example.org", "10.0.0.1/8", "10.0.0.0/33", ""])
def test_proxies_that_are_no_addresses_are_refused(text: str) -> None:
    """Names and networks with host bits are mistakes that would trust the wrong ones."""
    with pytest.raises(ConfigError, match=r"server\.trusted_proxies"):
        TrustedProxies([text])
