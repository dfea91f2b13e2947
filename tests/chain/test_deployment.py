"""A deployment ends with the contract on chain, or with an error that says why."""

from __future__ import annotations

import pytest

from anchor.chain import registry
from anchor.chain.client import Web3Chain
from anchor.chain.contract_code import expected_verifier_code, registry_code, verifier_code
from anchor.chain.deployment import deploy, deploy_code, deployment_gas_limit
from anchor.chain.signer import LocalSigner
from anchor.errors import ChainUnavailable, ConfigError, FatalError
from tests.support import rpc_proxy
from tests.support.anvil import POLL_INTERVAL_S, AnvilChain
from tests.support.rpc_proxy import RpcProxy

pytestmark = [pytest.mark.anvil, pytest.mark.asyncio(loop_scope="module")]

POOR_KEY = bytes([0x42] * 32)
OTHER_ADDRESS = "0x" + "5e" * 20


async def test_deploy_puts_the_registry_where_it_says(chain: Web3Chain, signer: LocalSigner) -> None:
    """The code at the address is the artifact's, mined in the block returned, within the gas limit."""
    deployment = await deploy(chain=chain, signer=signer, poll_interval_s=POLL_INTERVAL_S)
    receipt = await chain.receipt(deployment.transaction_hash)

    assert receipt is not None
    assert receipt.block_number == deployment.block_number
    assert receipt.gas_used <= deployment_gas_limit(registry_code())
    assert await chain.code_hash(deployment.address, receipt.block_hash) == registry.code_hash()


async def test_deploy_without_funds_is_fatal_error(chain: Web3Chain) -> None:
    """An account without ether is told so."""
    with pytest.raises(FatalError, match=r"refused: .*nsufficient funds"):
        await deploy(chain=chain, signer=LocalSigner(private_key=POOR_KEY), poll_interval_s=POLL_INTERVAL_S)


async def test_deploy_with_lost_answer_deploys_once(
    chain: Web3Chain, signer: LocalSigner, proxy: RpcProxy
) -> None:
    """Fault 15: the answer to the broadcast is lost, the same bytes are sent again, one contract stands."""
    before = await chain.nonce(signer.address, "latest")
    proxy.fail("eth_sendRawTransaction", rpc_proxy.drop_after(), times=1)
    await deploy(chain=chain, signer=signer, poll_interval_s=POLL_INTERVAL_S)

    assert await chain.nonce(signer.address, "latest") == before + 1


async def test_deploy_lost_on_the_way_is_sent_again(
    chain: Web3Chain, signer: LocalSigner, proxy: RpcProxy
) -> None:
    """Fault 16: an endpoint that swallows the transaction is given it again."""
    proxy.fail("eth_sendRawTransaction", rpc_proxy.result("0x" + "00" * 32), times=2)
    await deploy(chain=chain, signer=signer, poll_interval_s=POLL_INTERVAL_S)

    assert proxy.count("eth_sendRawTransaction") >= 3


async def test_deploy_never_mined_is_chain_unavailable_with_the_hash(
    chain: Web3Chain, signer: LocalSigner, proxy: RpcProxy
) -> None:
    """The wait is bounded, and its end names the transaction to look for."""
    proxy.fail("eth_sendRawTransaction", rpc_proxy.result("0x" + "00" * 32))

    with pytest.raises(ChainUnavailable, match=r"0x[0-9a-f]{64} is not mined yet"):
        await deploy(chain=chain, signer=signer, poll_interval_s=0.0, attempts=3)
    assert proxy.count("eth_sendRawTransaction") == 4


async def test_deploy_of_other_code_is_fatal_error(
    chain: Web3Chain, signer: LocalSigner, proxy: RpcProxy
) -> None:
    """What stands at the address is compared with what was meant."""
    proxy.fail("eth_getCode", rpc_proxy.result("0x6001"))

    with pytest.raises(FatalError, match="is not that of AnchorRegistry"):
        await deploy(chain=chain, signer=signer, poll_interval_s=POLL_INTERVAL_S)


async def test_deploy_mined_but_failed_is_fatal_error(
    chain: Web3Chain, signer: LocalSigner, proxy: RpcProxy
) -> None:
    """A transaction that ran out of gas deploys nothing."""
    proxy.fail(
        "eth_getTransactionReceipt", rpc_proxy.changed(lambda found: found and found | {"status": "0x0"})
    )

    with pytest.raises(FatalError, match="was mined, but failed"):
        await deploy(chain=chain, signer=signer, poll_interval_s=POLL_INTERVAL_S)


async def test_deploy_code_puts_the_verifier_of_the_registry_where_it_says(
    anvil: AnvilChain, chain: Web3Chain, signer: LocalSigner
) -> None:
    """Every byte on chain is the expected one, within the gas limit."""
    code = verifier_code(anvil.contract)
    deployment = await deploy_code(code, chain=chain, signer=signer, poll_interval_s=POLL_INTERVAL_S)
    receipt = await chain.receipt(deployment.transaction_hash)
    on_chain = await anvil.control("eth_getCode", deployment.address, "latest")

    assert on_chain == "0x" + expected_verifier_code(anvil.contract).hex()
    assert receipt is not None
    assert receipt.gas_used <= deployment_gas_limit(code)


async def test_deploy_code_of_verifier_of_another_registry_is_fatal_error(
    anvil: AnvilChain, chain: Web3Chain, signer: LocalSigner, proxy: RpcProxy
) -> None:
    """A verifier whose answers rest on a contract of somebody else's choice is told from the one that was meant."""
    registry_on_chain = "0x" + registry_code().deployed_code.hex()
    foreign = "0x" + expected_verifier_code(OTHER_ADDRESS).hex()
    proxy.fail("eth_getCode", rpc_proxy.changed(lambda code: code if code == registry_on_chain else foreign))

    with pytest.raises(FatalError, match="is not that of AnchorVerifier"):
        await deploy_code(
            verifier_code(anvil.contract), chain=chain, signer=signer, poll_interval_s=POLL_INTERVAL_S
        )


@pytest.mark.parametrize("code", ["0x", "0x6001"], ids=["no code", "other code"])
async def test_deploy_code_of_verifier_without_registry_spends_nothing(
    anvil: AnvilChain, chain: Web3Chain, signer: LocalSigner, proxy: RpcProxy, code: str
) -> None:
    """What the constructor would refuse is never sent."""
    proxy.fail("eth_getCode", rpc_proxy.result(code))

    with pytest.raises(ConfigError, match=f"none stands at {anvil.contract}"):
        await deploy_code(
            verifier_code(anvil.contract), chain=chain, signer=signer, poll_interval_s=POLL_INTERVAL_S
        )
    assert proxy.count("eth_sendRawTransaction") == 0
