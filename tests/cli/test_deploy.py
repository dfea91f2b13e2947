"""`anchor deploy` against the development chain."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from anchor.chain import registry
from anchor.chain.client import Web3Chain
from anchor.chain.contract_code import verifier_code
from anchor.chain.development import DevelopmentChain
from anchor.chain.protocol import BlockTag
from anchor.chain.signer import LocalSigner
from anchor.cli import main
from anchor.cli.ether import cost_text

pytestmark = pytest.mark.anvil


@pytest.fixture
def chain() -> Iterator[DevelopmentChain]:
    """Return a running development chain; its event loop stands still while a command runs its own."""
    with asyncio.Runner() as runner:
        chain = DevelopmentChain(block_time_s=0.1)
        runner.run(chain.__aenter__())
        yield chain
        runner.run(chain.stop())


def _deploy(
    folder: Path, chain: DevelopmentChain, *arguments: str, preset: str = "anvil", contract: str | None = None
) -> Result:
    config = folder / "anchor.toml"
    settings = f'[server]\n[chain]\npreset = "{preset}"\nrpc_url = "{chain.rpc_url}"\npoll_s = 0.1\n'
    config.write_text(settings if contract is None else f'{settings}contract = "{contract}"\n')
    key = {"ANCHOR_PUBLISHER_PRIVATE_KEY": "0x" + chain.private_key.hex()}
    result = CliRunner().invoke(main, ["deploy", "--config", str(config), *arguments], env=key)

    assert chain.private_key.hex() not in result.output
    return result


def test_deploy_tells_address_and_block_of_the_contract(chain: DevelopmentChain, tmp_path: Path) -> None:
    """What is told for programs is where the registry's code stands."""
    result = _deploy(tmp_path, chain, "--json")

    told = json.loads(result.stdout)
    assert result.exit_code == 0, result.output
    assert asyncio.run(_code_hash(chain, told["contract"], told["fromBlock"])) == registry.code_hash()


def test_deploy_says_what_to_put_into_the_settings(chain: DevelopmentChain, tmp_path: Path) -> None:
    """For people it prints the lines of anchor.toml."""
    result = _deploy(tmp_path, chain)

    assert result.exit_code == 0, result.output
    assert 'anchor.toml, under [chain]:\n\ncontract = "0x' in result.stdout
    assert "\nfrom_block = " in result.stdout


def test_deploy_on_another_chain_than_named_is_refused(chain: DevelopmentChain, tmp_path: Path) -> None:
    """An endpoint of another chain than the settings name costs nobody any ether."""
    result = _deploy(tmp_path, chain, "--yes", preset="sepolia")

    assert result.exit_code == 1
    assert "the endpoint has chain 31337" in result.output
    assert "the settings name Ethereum Sepolia test network" in result.output


def test_deploy_verifier_tells_address_of_the_contract_over_that_of_the_settings(
    chain: DevelopmentChain, tmp_path: Path
) -> None:
    """What is told for programs is where the code of a verifier of the settings' contract stands."""
    contract = json.loads(_deploy(tmp_path, chain, "--json").stdout)["contract"]
    result = _deploy(tmp_path, chain, "--verifier", "--json", contract=contract)

    told = json.loads(result.stdout)
    assert result.exit_code == 0, result.output
    assert (told["contract"], told["chainId"]) == (contract, 31337)
    assert asyncio.run(_code_hash(chain, told["verifier"], "latest")) == verifier_code(contract).code_hash


def test_deploy_verifier_says_what_it_rests_on(chain: DevelopmentChain, tmp_path: Path) -> None:
    """For people it prints the address, with the registry's, and nothing to put into the settings."""
    contract = json.loads(_deploy(tmp_path, chain, "--json").stdout)["contract"]
    result = _deploy(tmp_path, chain, "--verifier", contract=contract)

    assert result.exit_code == 0, result.output
    assert f"its registry is {contract}" in result.stdout
    assert "\nAnchorVerifier 0x" in result.stdout
    assert "anchor.toml" not in result.stdout


def test_deploy_verifier_before_the_contract_is_refused(chain: DevelopmentChain, tmp_path: Path) -> None:
    """Without a contract in the settings, or with one that is none, nothing is sent."""
    unnamed = _deploy(tmp_path, chain, "--verifier")
    missing = _deploy(tmp_path, chain, "--verifier", contract="0x" + "5e" * 20)

    assert (unnamed.exit_code, missing.exit_code) == (1, 1)
    assert "chain.contract" in unnamed.output
    assert "rests on an AnchorRegistry, and none stands at" in missing.output
    assert asyncio.run(_balance_wei(chain)) == 10_000 * 10**18


def test_deploy_without_a_key_says_how_to_get_one(chain: DevelopmentChain, tmp_path: Path) -> None:
    """Neither keystore nor environment: one line of advice."""
    (tmp_path / "anchor.toml").write_text(f'[chain]\npreset = "anvil"\nrpc_url = "{chain.rpc_url}"\n')

    result = CliRunner().invoke(main, ["deploy", "--config", str(tmp_path / "anchor.toml")])

    assert result.exit_code == 1
    assert "see `anchor init`" in result.output
    assert "ANCHOR_PUBLISHER_PRIVATE_KEY" in result.output


def test_deploy_where_the_contract_stands_already_is_refused_unless_again(
    chain: DevelopmentChain, tmp_path: Path
) -> None:
    """A second contract by mistake would split the publisher's anchors; on a new chain the old address is no bar."""
    first = json.loads(_deploy(tmp_path, chain, "--json", contract="0x" + "5e" * 20).stdout)["contract"]
    balance_wei = asyncio.run(_balance_wei(chain))

    refused = _deploy(tmp_path, chain, contract=first)
    spent_wei = balance_wei - asyncio.run(_balance_wei(chain))
    again = _deploy(tmp_path, chain, "--again", "--json", contract=first)

    assert (refused.exit_code, spent_wei) == (1, 0)
    assert f"{first}, stands on this chain already" in refused.output
    assert "--again" in refused.output
    assert json.loads(again.stdout)["contract"] != first


def test_deploy_from_an_account_without_ether_is_refused_before_it_asks(
    chain: DevelopmentChain, tmp_path: Path
) -> None:
    """The refusal names the account, what it has and what it needs, in plain decimals."""
    signer = LocalSigner(private_key=bytes([7] * 32))
    config = tmp_path / "anchor.toml"
    config.write_text(f'[chain]\nchain_id = 31337\nrpc_url = "{chain.rpc_url}"\n')

    key = {"ANCHOR_PUBLISHER_PRIVATE_KEY": "0x" + "07" * 32}
    result = CliRunner().invoke(main, ["deploy", "--config", str(config)], env=key)

    assert result.exit_code == 1
    told = rf"{signer.address} has 0 ether, the deployment may cost 0\.0*[1-9]\d?: send it some"
    assert re.search(told, result.output), result.output
    assert "Deploy AnchorRegistry?" not in result.output


@pytest.mark.parametrize(
    ("cost_wei", "text"),
    [(10**15 - 24 * 10**12, "0.00098"), (123 * 10**16, "1.3"), (1, "0.000000000000000001")],
)
def testcost_text_is_plain_and_never_too_low(cost_wei: int, text: str) -> None:
    """Two significant digits, rounded up, without an exponent."""
    assert cost_text(cost_wei) == text


async def _code_hash(chain: DevelopmentChain, contract: str, tag: BlockTag) -> bytes | None:
    client = Web3Chain(rpc_url=chain.rpc_url, contract=contract)
    try:
        block = await client.block(tag)
        assert block is not None
        return await client.code_hash(contract, block.hash)
    finally:
        await client.close()


async def _balance_wei(chain: DevelopmentChain) -> int:
    client = Web3Chain(rpc_url=chain.rpc_url, contract="0x" + "00" * 20)
    try:
        return await client.balance_wei(LocalSigner(private_key=chain.private_key).address)
    finally:
        await client.close()
