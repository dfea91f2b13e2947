"""A list's URL cannot make this machine speak to itself or its neighbours, however the address is hidden (fault 47)."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from status_lists.addresses import is_public_address
from status_lists.errors import RetrievalFailed
from status_lists.fetch import FetchLimits, ListFetcher
from tests.status_lists.served import FakeResolver, Visit, certificates_for, ok, saying, serving

BODY = b"{}"

LOOPBACK_HOSTS = [
    "127.0.0.1",
    "127.0.0.2",
    "127.255.255.254",
    "0.0.0.0",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[0:0:0:0:0:ffff:7f00:0001]",
    "localhost",
    "LOCALHOST",
    "localhost.",
]

UNUSUAL_HOSTS = ["127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "017700000001", "0"]

NEIGHBOURS = [
    "10.0.0.1",
    "169.254.169.254",
    "192.168.1.1",
    "172.16.0.1",
    "100.64.0.1",
    "192.0.0.8",
    "224.0.0.1",
    "255.255.255.255",
    "[::]",
    "[::1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b::169.254.169.254]",
    "[2002:7f00:1::1]",
    "[2001:0:7f00:1::1]",
    "[fc00::1]",
    "[fe80::1]",
    "[fec0::1]",
    "[ff02::1]",
]


# "localhost." is a name that some systems know and others do not.
_UNREACHED = r"private, local or reserved|no ordinary way|no address in DNS"


def _unguarded(_: str) -> bool:
    return True


@pytest.mark.parametrize("host", [*LOOPBACK_HOSTS, *UNUSUAL_HOSTS])
async def test_fetch_url_of_this_machine_reaches_nothing(host: str) -> None:
    """No spelling of loopback opens a connection to the server that listens there."""
    async with serving(ok(BODY)) as served:
        with pytest.raises(RetrievalFailed, match=_UNREACHED):
            await ListFetcher().fetch(f"https://{host}:{served.port}/3")

        assert served.connections == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "[::ffff:127.0.0.1]", "localhost"])
async def test_fetch_without_the_guard_those_urls_reach_the_server(host: str) -> None:
    """The control: with the rule for addresses taken away, the same spellings do connect."""
    async with serving(ok(BODY)) as served:
        with pytest.raises(RetrievalFailed, match="TLS"):
            await ListFetcher(is_allowed_address=_unguarded).fetch(f"https://{host}:{served.port}/3")

        assert served.connections > 0


@pytest.mark.parametrize("host", NEIGHBOURS)
async def test_fetch_address_of_a_neighbour_is_refused(host: str) -> None:
    """Private, link-local, multicast and reserved addresses, and those that carry one, are refused unasked."""
    with pytest.raises(RetrievalFailed, match="private, local or reserved"):
        await ListFetcher(limits=FetchLimits(total_s=300)).fetch(f"https://{host}/3")


@pytest.mark.parametrize("host", [*LOOPBACK_HOSTS[:7], *NEIGHBOURS])
async def test_fetch_name_of_such_an_address_is_refused(host: str) -> None:
    """A public name that resolves to such an address, alone or among others like it, does not help."""
    address = host.strip("[]")
    names = FakeResolver({"lists.example": [[address]], "many.example": [["10.1.1.1", address, "::1"]]})
    async with serving(ok(BODY)) as served:
        fetcher = ListFetcher(resolver=names, limits=FetchLimits(total_s=300))
        for name in ("lists.example", "many.example"):
            with pytest.raises(RetrievalFailed, match="private, local or reserved") as refused:
                await fetcher.fetch(f"https://{name}:{served.port}/3")
            assert address not in str(refused.value)

        assert served.connections == 0


async def test_fetch_name_that_resolves_otherwise_the_second_time_is_refused(tmp_path: Path) -> None:
    """DNS rebinding between a redirect and its target: the second address is judged like the first."""
    certificates = certificates_for("lists.example", tmp_path)

    async def answer(visit: Visit) -> None:
        if visit.request.startswith(b"GET /there "):
            await ok(BODY)(visit)
        else:
            await saying("HTTP/1.1 302 Found\nLocation: /there\nConnection: close\nContent-Length: 0")(visit)

    async with serving(answer, tls=certificates.server) as served:
        rebinding = FakeResolver({"lists.example": [["127.0.0.1"], ["127.0.0.2"]]})
        faithful = FakeResolver({"lists.example": [["127.0.0.1"]]})

        def is_allowed(address: str) -> bool:
            return address == "127.0.0.1" or is_public_address(address)

        url = f"https://lists.example:{served.port}/here"
        fetcher = partial(ListFetcher, ssl_context=certificates.client, is_allowed_address=is_allowed)
        with pytest.raises(RetrievalFailed, match="private, local or reserved"):
            await fetcher(resolver=rebinding).fetch(url)
        assert rebinding.looked_up == ["lists.example"] * 2
        assert len(served.requests) == 1

        assert (await fetcher(resolver=faithful).fetch(url)).body == BODY


async def test_fetch_refused_address_beside_an_allowed_one_is_passed_over(tmp_path: Path) -> None:
    """Of several addresses only those that are allowed are connected to."""
    certificates = certificates_for("lists.example", tmp_path)
    async with serving(ok(BODY), tls=certificates.server) as served:
        fetcher = ListFetcher(
            resolver=FakeResolver({"lists.example": [["10.0.0.1", "::1", "127.0.0.2", "127.0.0.1"]]}),
            ssl_context=certificates.client,
            is_allowed_address=lambda address: address == "127.0.0.1",
        )
        fetched = await fetcher.fetch(f"https://lists.example:{served.port}/3")

    assert fetched.body == BODY


async def test_fetch_allowed_server_allows_no_other_port_and_no_other_name() -> None:
    """What is allowed is one name with one port, as it is written."""
    async with serving(ok(BODY)) as allowed, serving(ok(BODY)) as other:
        fetcher = ListFetcher(allowed_hosts=[f"localhost:{allowed.port}"])
        assert (await fetcher.fetch(f"http://localhost:{allowed.port}/3")).body == BODY
        for url in (
            f"https://localhost:{other.port}/3",
            f"https://127.0.0.1:{allowed.port}/3",
            f"https://localhost.:{allowed.port}/3",
        ):
            with pytest.raises(RetrievalFailed, match=_UNREACHED):
                await fetcher.fetch(url)

        assert (allowed.connections, other.connections) == (1, 0)


async def test_fetch_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy would connect in this machine's stead, to whatever address it finds."""
    async with serving(ok(BODY)) as proxy:
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        with pytest.raises(RetrievalFailed):
            await ListFetcher(resolver=FakeResolver({})).fetch("https://lists.example/3")
        with pytest.raises(RetrievalFailed):
            await ListFetcher(allowed_hosts=["lists.example:80"], resolver=FakeResolver({})).fetch(
                "http://lists.example/3"
            )

        assert proxy.connections == 0
