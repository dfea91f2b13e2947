"""A verifier may name several RPC endpoints, and how many of them must agree."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from anchor.chain.protocol import ChainIdentity, ChainReader
from anchor.errors import ChainUnavailable, ConfigError, InvalidInput
from anchor.verify import Anchorage, TrustedIssuer, TrustSet, parse_trust, write_trust
from anchor.verify.chain_view import open_anchorage, open_view
from anchor.verify.opening import open_chain
from tests.support.fake_chain import CONTRACT, FakeChain, address

ANCHORAGE = f"""
[[anchorage]]
chain_id = 11155111
genesis_hash = "0x{"ab" * 32}"
contract = "{CONTRACT}"
publisher = "{address(1)}"
"""
ISSUER = '[[issuer]]\nid = "did:web:x.example"\n'
ONE, TWO, THREE = "https://one.example/secret1", "https://two.example/secret2", "https://three.example"


def _parsed(*lines: str) -> Anchorage:
    return parse_trust("\n".join([ANCHORAGE, *lines, ISSUER]).encode()).current


@pytest.mark.parametrize(
    ("lines", "rpc", "quorum"),
    [
        ([], "", 1),
        ([f'rpc = "{ONE}"'], ONE, 1),
        ([f'rpc = "{ONE} {TWO}"'], f"{ONE} {TWO}", 1),
        ([f'rpc = ["{ONE}"]'], ONE, 1),
        ([f'rpc = ["{ONE}", "{TWO}", "{THREE}"]', "quorum = 2"], f"{ONE} {TWO} {THREE}", 2),
        ([f'rpc = ["{ONE}", "{TWO}"]', "quorum = 2"], f"{ONE} {TWO}", 2),
    ],
)
def test_trust_file_rpc_is_one_url_or_several(lines: list[str], rpc: str, quorum: int) -> None:
    """A text, or an array of texts; one endpoint's word is enough unless the verifier asks for more."""
    anchorage = _parsed(*lines)

    assert (anchorage.rpc, anchorage.quorum) == (rpc, quorum)
    assert "secret" not in repr(anchorage)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["rpc = 1"], "'rpc' must be the URL of an RPC endpoint, or an array"),
        ([f'rpc = ["{ONE}", 1]'], "'rpc' must be the URL of an RPC endpoint, or an array"),
        ([f'rpc = ["{ONE}", " "]'], "'rpc' must be the URL of an RPC endpoint, or an array"),
        (['rpc = ""'], "'rpc' must be the URL of an RPC endpoint, or an array"),
        (["rpc = []"], "'rpc' must be the URL of an RPC endpoint, or an array"),
        ([f'rpc = "{ONE}"', "quorum = 2"], "'quorum' must be an integer from 1 to 1"),
        ([f'rpc = "{ONE} {TWO}"', "quorum = 0"], "'quorum' must be an integer from 1 to 2"),
        ([f'rpc = "{ONE} {TWO}"', "quorum = true"], "'quorum' must be an integer"),
    ],
)
def test_trust_file_rpc_with_fault_is_named(lines: list[str], words: str) -> None:
    """A quorum that the endpoints cannot give, or an endpoint that is none, is refused when the file is read."""
    with pytest.raises(InvalidInput) as caught:
        _parsed(*lines)

    assert words in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("rpc", ["", ONE, f"{ONE} {TWO}", f"{ONE} {TWO} {THREE}"])
def test_trust_file_with_several_endpoints_written_is_read_back_the_same(rpc: str) -> None:
    """What is exported says the same when it is read."""
    anchorage = Anchorage(
        chain_id=1,
        genesis_hash=bytes(32),
        contract=CONTRACT,
        publisher=address(1),
        rpc=rpc,
        quorum=max(1, len(rpc.split())),
    )
    trust = TrustSet(anchorages=(anchorage,), issuers=(TrustedIssuer(id="did:web:x.example"),))

    assert parse_trust(write_trust(trust, comment=[]).encode()) == trust


async def test_anchorage_is_opened_by_all_its_endpoints_with_its_quorum() -> None:
    """What opens the chain is given every URL, the contract and the quorum."""
    given: list[tuple[str, str, int]] = []

    @asynccontextmanager
    async def note(rpc: str, contract: str, quorum: int) -> AsyncIterator[ChainReader]:
        given.append((rpc, contract, quorum))
        yield FakeChain()

    async with open_anchorage(_parsed(f'rpc = ["{ONE}", "{TWO}"]', "quorum = 2"), note):
        pass

    assert given == [(f"{ONE} {TWO}", CONTRACT, 2)]


@pytest.mark.parametrize(
    ("rpc", "quorum", "shown"),
    [
        (ONE, 1, f"Web3Chain(https://one.example, contract={CONTRACT})"),
        (f"{ONE} {TWO}", 2, "FailoverChain(https://one.example, https://two.example)"),
    ],
)
async def test_open_chain_of_several_urls_fails_over(rpc: str, quorum: int, shown: str) -> None:
    """The command line opens the same class as the service."""
    async with open_chain(rpc, CONTRACT.lower(), quorum) as reader:
        assert repr(reader).lower() == shown.lower()


@pytest.mark.parametrize(
    ("rpc", "quorum"), [(f"{ONE} {ONE}", 1), (f"{ONE} {TWO}", 3), (f"{ONE} ftp://x.example", 1), ("", 1)]
)
async def test_open_chain_of_impossible_endpoints_is_invalid_input(rpc: str, quorum: int) -> None:
    """A mistake of the verifier's is told as such, without a key."""
    with pytest.raises(InvalidInput) as caught:
        async with open_chain(rpc, CONTRACT, quorum):
            pass

    assert "secret" not in str(caught.value)


async def test_view_over_endpoints_of_different_chains_is_chain_unavailable() -> None:
    """Nothing can be said of a credential while one of the endpoints speaks for another chain."""

    class Divided(FakeChain):
        async def identity(self) -> ChainIdentity:
            raise ConfigError("the RPC endpoints speak for different chains")

    with pytest.raises(ChainUnavailable, match="different chains"):
        await open_view(Divided(), _parsed(f'rpc = "{ONE} {TWO}"'))


async def test_view_of_another_genesis_shows_both_hashes() -> None:
    """Under the same chain id the genesis hash alone tells two chains apart."""
    anchorage = _parsed(f'rpc = "{ONE}"')
    other = FakeChain(chain_id=anchorage.chain_id)

    with pytest.raises(ChainUnavailable) as caught:
        await open_view(other, anchorage)

    theirs, ours = other.genesis_hash.hex(), anchorage.genesis_hash.hex()
    assert theirs != ours
    assert f"its genesis hash is 0x{theirs}, yours is 0x{ours}" in str(caught.value)
