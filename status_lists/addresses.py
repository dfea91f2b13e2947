"""Which IP addresses a stranger's URL may lead to: public hosts, and nothing near this machine.

The tables are written out, not taken from `ipaddress.is_global`: that is true for NAT64, 6to4, site-local and
multicast addresses, and its answers change with the version of Python (CVE-2024-4032).

Source: IANA's special-purpose address registries for IPv4 and IPv6 (RFC 6890), RFC 6052 (NAT64).
"""

from __future__ import annotations

import ipaddress

_SPECIAL_V4 = tuple(
    ipaddress.IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network; Linux connects 0.0.0.0 to itself
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared by a carrier's customers; one cloud keeps its metadata service here
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # a public number that one cloud answers from each machine's own host
        "169.254.0.0/16",  # link-local, with the metadata service of most clouds
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks between networks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)

_PUBLIC_V6 = ipaddress.IPv6Network("2000::/3")  # all that was ever given out for public use
_SPECIAL_V6 = tuple(
    ipaddress.IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments, with Teredo, which carries an IPv4 address
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4, which carries an IPv4 address
        "3fff::/20",  # documentation
    )
)

_MAPPED_V4 = ipaddress.IPv6Network("::ffff:0:0/96")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_V4_MASK = 2**32 - 1


def is_public_address(text: str) -> bool:
    """Say whether an IP address, as the system gives it to a socket, belongs to a host of the public internet.

    False for private, loopback, link-local, multicast, documentation and reserved addresses, for text that is
    no address, and for an address with a zone (`fe80::1%eth0`), which is local by nature. An IPv4 address
    carried in an IPv6 one is judged by itself where a public host may be reached that way (mapped, and NAT64
    on networks without IPv4); 6to4 and Teredo are never public here.
    """
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv4Address):
        return _is_public_v4(address)
    if address.scope_id is not None:
        return False
    if address in _MAPPED_V4 or address in _NAT64:
        return _is_public_v4(ipaddress.IPv4Address(int(address) & _V4_MASK))
    return address in _PUBLIC_V6 and not any(address in network for network in _SPECIAL_V6)


def _is_public_v4(address: ipaddress.IPv4Address) -> bool:
    return not any(address in network for network in _SPECIAL_V4)
