"""`anchor deploy`."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import click

from anchor.app import make_signer
from anchor.chain.contract_code import ContractCode, registry_code, verifier_code
from anchor.chain.deployment import Deployment, deploy_code, deployment_gas_limit, deployment_max_fee_wei
from anchor.chain.failover import connect
from anchor.chain.presets import DEVELOPMENT_CHAIN_ID, chain_name
from anchor.chain.protocol import Block, Chain, Signer
from anchor.cli.ether import balance_text, cost_text
from anchor.cli.help_text import examples
from anchor.cli.operator_options import config_option
from anchor.cli.output import print_fields, print_json
from anchor.config import Settings, load_settings
from anchor.core.strict_json import JsonValue
from anchor.errors import ChainUnavailable, ConfigError
from anchor.fields import encode_hex

_NO_CONTRACT = "0x" + "00" * 20


@click.command(
    epilog=examples(
        "anchor deploy                  shows account, chain and cost, and asks",
        "anchor deploy --yes --json     for programs",
        "anchor deploy --verifier       AnchorVerifier, over the contract in the settings",
    )
)
@config_option
@click.option(
    "--verifier",
    is_flag=True,
    help="Deploy AnchorVerifier, by which other contracts check credentials, over the contract in the settings.",
)
@click.option(
    "--again", is_flag=True, help="Deploy although the contract in the settings stands on the chain."
)
@click.option("--yes", is_flag=True, help="Do not ask before spending on a public chain.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def deploy(*, config: Path, verifier: bool, again: bool, yes: bool, as_json: bool) -> None:
    """Deploy the contract from the publisher's account, once for each chain.

    Anybody's contract of the same code will do as well: it has no owner, and every publisher writes under
    its own address.

    A running service sends from the same account: stop it before you deploy.
    """
    if verifier:
        settings = load_settings(config, os.environ)
        code = verifier_code(settings.chain.contract)
    else:
        settings = _settings_before_contract(config)
        code = registry_code()
    signer = make_signer(settings, os.environ)
    done = asyncio.run(_deploy(settings, signer, code, asks=not yes, again=again))
    if as_json:
        print_json(_done_json(settings, code, done))
        return
    click.echo(
        f"deployed in transaction {encode_hex(done.transaction_hash)}; {_done_text(config, code, done)}"
    )


def _settings_before_contract(config: Path) -> Settings:
    """Return the settings, with the zero address where they name no contract yet: no code ever stands there."""
    try:
        return load_settings(config, os.environ)
    except ConfigError:
        # Whatever else is wrong with them is found again.
        return load_settings(config, {**os.environ, "ANCHOR_CHAIN_CONTRACT": _NO_CONTRACT})


def _done_json(settings: Settings, code: ContractCode, done: Deployment) -> JsonValue:
    shared: dict[str, JsonValue] = {
        "transaction": encode_hex(done.transaction_hash),
        "chainId": settings.chain_id,
    }
    if code.registry is None:
        return {"contract": done.address, "fromBlock": done.block_number, **shared}
    return {"verifier": done.address, "contract": code.registry, **shared}


def _done_text(config: Path, code: ContractCode, done: Deployment) -> str:
    if code.registry is not None:
        return f"its registry is {code.registry}:\n\n{code.name} {done.address}"
    return (
        f"put this into {config}, under [chain]:\n\n"
        f'contract = "{done.address}"\nfrom_block = {done.block_number}'
    )


async def _deploy(
    settings: Settings, signer: Signer, code: ContractCode, *, asks: bool, again: bool
) -> Deployment:
    chain = connect(
        rpc_urls=settings.chain.reveal_rpc_urls(),
        contract=_NO_CONTRACT,
        quorum=settings.chain.quorum,
        request_timeout_s=settings.chain.request_timeout_s,
    )
    try:
        await require_chain(chain, settings)
        latest = await chain.block("latest")
        if latest is None:
            raise ChainUnavailable("the endpoint does not know its latest block: use another RPC endpoint")
        if code.registry is None and not again:
            await _require_none(chain, settings.chain.contract, latest)
        max_fee_wei = deployment_max_fee_wei(latest, await chain.priority_fee_wei())
        cost_wei = deployment_gas_limit(code) * max_fee_wei
        balance_wei = await chain.balance_wei(signer.address)
        if balance_wei < cost_wei:
            raise ConfigError(
                f"{signer.address} has {balance_text(balance_wei)} ether, the deployment may cost "
                f"{cost_text(cost_wei)}: send it some on the {chain_name(settings.chain_id)}"
            )
        if asks and settings.chain_id != DEVELOPMENT_CHAIN_ID:
            _confirm(settings, signer.address, code, cost_wei=cost_wei, balance_wei=balance_wei)
        return await deploy_code(code, chain=chain, signer=signer, poll_interval_s=settings.poll_s)
    finally:
        await signer.close()
        await chain.close()


async def require_chain(chain: Chain, settings: Settings) -> None:
    """Raise ConfigError unless the endpoint speaks for the chain that the settings name."""
    identity = await chain.identity()
    expected = settings.genesis_hash
    is_other_genesis = expected is not None and identity.genesis_hash != expected
    if identity.chain_id != settings.chain_id or is_other_genesis:
        raise ConfigError(
            f"the endpoint has chain {identity.chain_id}, genesis {encode_hex(identity.genesis_hash)}; "
            f"the settings name {chain_name(settings.chain_id)}: correct one of them"
        )


async def _require_none(chain: Chain, contract: str, latest: Block) -> None:
    if await chain.code_hash(contract, latest.hash) is not None:
        raise ConfigError(
            f"the contract in the settings, {contract}, stands on this chain already: one is enough; "
            "give --again to deploy another"
        )


def _confirm(
    settings: Settings, address: str, code: ContractCode, *, cost_wei: int, balance_wei: int
) -> None:
    print_fields(
        [
            ("chain", chain_name(settings.chain_id)),
            ("account", address),
            ("balance", f"{balance_text(balance_wei)} ether"),
            ("cost", f"at most {cost_text(cost_wei)} ether at the present price"),
        ]
    )
    click.confirm(f"Deploy {code.name}?", abort=True)
