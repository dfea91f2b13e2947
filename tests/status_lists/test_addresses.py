"""Which addresses are public: one for each block that is not, and its neighbours that are."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from status_lists.addresses import is_public_address

NOT_PUBLIC = [
    "0.0.0.0",
    "0.255.255.255",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.255",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.8",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:0:127.0.0.1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::7f00:1",
    "64:ff9b:1::808:808",
    "100::1",
    "2001::1",
    "2001:0:7f00:1::",
    "2001:10::1",
    "2001:20::1",
    "2001:1ff:ffff::",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:808:808::1",
    "3fff::1",
    "4000::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "2606:4700::1111%1",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
    "",
    "localhost",
    "127.1",
    "0x7f000001",
    "2130706433",
    "010.8.8.8",
    " 8.8.8.8",
]

PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "128.0.0.0",
    "168.63.129.17",
    "169.253.255.255",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.0",
    "192.169.0.0",
    "198.20.0.0",
    "223.255.255.255",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
    "2001:200::1",
    "2001:4860:4860::8888",
    "2003::1",
    "2606:4700::1111",
    "2a00:1450::1",
]


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_is_public_address_special_purpose_is_false(address: str) -> None:
    """Nothing near this machine, reserved, or written in another way counts as public."""
    assert not is_public_address(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_is_public_address_ordinary_host_is_true(address: str) -> None:
    """The blocks end where they end."""
    assert is_public_address(address)


@given(st.ip_addresses())
def test_is_public_address_is_never_wider_than_python(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    """Whatever Python knows as private, loopback, link-local, multicast, reserved or unspecified is not public."""
    special = (
        address.is_private
        or address.is_loopback
        or address.is_link_local
        or address.is_multicast
        or address.is_unspecified
    )
    is_carrier = isinstance(address, ipaddress.IPv6Address) and (
        address.ipv4_mapped is not None or address in ipaddress.IPv6Network("64:ff9b::/96")
    )

    assert is_carrier or not (special and is_public_address(str(address)))


@given(st.ip_addresses(v=4))
def test_is_public_address_carried_v4_is_judged_by_itself(address: ipaddress.IPv4Address) -> None:
    """Mapped and NAT64 addresses are as public as the address they carry; 6to4 never is."""
    expected = is_public_address(str(address))
    number = int(address)

    assert is_public_address(f"::ffff:{address}") is expected
    assert is_public_address(f"64:ff9b::{address}") is expected
    assert not is_public_address(f"2002:{number >> 16:x}:{number & 0xFFFF:x}::1")
