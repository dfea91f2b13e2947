"""From URLs to a chain: one endpoint, or several that fail over; what cannot work is refused."""

from __future__ import annotations

import pytest

from anchor.chain.client import Web3Chain
from anchor.chain.failover import connect
from anchor.chain.protocol import Chain
from anchor.errors import ConfigError
from tests.support.anvil import ZERO_ADDRESS

URL = "http://127.0.0.1:8545"


def test_connect_one_url_is_that_endpoint_alone_and_several_fail_over() -> None:
    """The type checker is asked here too: both are chains."""
    one: Chain = connect(rpc_urls=[URL], contract=ZERO_ADDRESS)
    several: Chain = connect(rpc_urls=[URL, "http://127.0.0.1:1/key"], contract=ZERO_ADDRESS)

    assert isinstance(one, Web3Chain)
    assert repr(several) == f"FailoverChain({URL}, http://127.0.0.1:1)"


@pytest.mark.parametrize(
    ("urls", "quorum", "words"),
    [
        ([], 1, "no RPC endpoint is named"),
        (["http://a.example/secretkey"], 2, "a quorum of 2"),
        (["http://a.example/secretkey", "http://b.example"], 3, "a quorum of 3"),
        (["http://a.example/secretkey", "http://b.example"], 0, "a quorum of 0"),
        (["http://a.example/secretkey", "http://a.example/secretkey"], 1, "named twice"),
        (["http://a.example/secretkey", "http://a.example/secretkey2"], 2, "one server"),
        (["http://a.example/secretkey", "ftp://b.example/secretkey"], 1, "rpc_url"),
    ],
)
def test_connect_impossible_endpoints_are_config_error(urls: list[str], quorum: int, words: str) -> None:
    """What cannot work is refused with the reason, and without a key."""
    with pytest.raises(ConfigError, match=words) as caught:
        connect(rpc_urls=urls, contract=ZERO_ADDRESS, quorum=quorum)

    assert "secretkey" not in str(caught.value)


CHECKSUMMED = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"  # EIP-55, its first example


@pytest.mark.parametrize(
    "contract", [CHECKSUMMED, CHECKSUMMED.lower(), "0x" + CHECKSUMMED[2:].upper(), ZERO_ADDRESS]
)
def test_connect_contract_with_right_checksum_or_none_is_taken(contract: str) -> None:
    """An address in one case carries no checksum."""
    assert CHECKSUMMED in repr(connect(rpc_urls=[URL], contract=contract)) or contract == ZERO_ADDRESS


def test_connect_contract_with_wrong_checksum_is_config_error() -> None:
    """A mistyped character shows: nothing is looked for at somebody else's address."""
    mistyped = CHECKSUMMED.replace("aAeb", "aaeb")
    with pytest.raises(ConfigError, match="EIP-55"):
        connect(rpc_urls=[URL], contract=mistyped)
