"""The development chain starts, survives a kill with its genesis hash, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from anchor.chain import registry
from anchor.chain.client import Web3Chain
from anchor.chain.deployment import deploy
from anchor.chain.development import DevelopmentChain, find_anvil
from anchor.chain.protocol import Block, ChainIdentity
from anchor.chain.signer import LocalSigner
from anchor.errors import ConfigError
from tests.support.anvil import BLOCK_TIME_S, POLL_INTERVAL_S, ZERO_ADDRESS, mined, signed_anchor

anvil_needed = pytest.mark.anvil


@pytest.fixture
async def chains() -> AsyncIterator[list[Web3Chain]]:
    """Close whatever clients a test puts here."""
    made: list[Web3Chain] = []
    yield made
    for chain in made:
        await chain.close()


async def _identity(development: DevelopmentChain, chains: list[Web3Chain]) -> ChainIdentity:
    chain = Web3Chain(rpc_url=development.rpc_url, contract=ZERO_ADDRESS)
    chains.append(chain)
    return await chain.identity()


def _is_alive(pid: int | None) -> bool:
    return pid is not None and Path(f"/proc/{pid}").exists()


@anvil_needed
async def test_development_chain_entered_answers_and_left_is_gone(chains: list[Web3Chain]) -> None:
    """Inside, it answers with its chain id and a funded account; outside, no process is left."""
    async with DevelopmentChain(block_time_s=BLOCK_TIME_S) as development:
        pid = development.pid
        identity = await _identity(development, chains)
        balance_wei = await chains[0].balance_wei(LocalSigner(private_key=development.private_key).address)
        alive_inside = _is_alive(pid)

    assert (identity.chain_id, balance_wei) == (31_337, 10_000 * 10**18)
    assert alive_inside
    assert not _is_alive(pid)
    assert development.pid is None


@anvil_needed
@pytest.mark.parametrize("end", ["stop", "kill"])
async def test_development_chain_restarted_on_its_state_is_the_same_chain(
    tmp_path: Path, chains: list[Web3Chain], end: str
) -> None:
    """Genesis hash, contract, head and finalized state are there again, after SIGTERM and SIGKILL alike."""
    development = DevelopmentChain(state_path=tmp_path / "state.json", block_time_s=BLOCK_TIME_S)
    signer = LocalSigner(private_key=development.private_key)
    async with development:
        before = await _identity(development, chains)
        deployment = await deploy(chain=chains[0], signer=signer, poll_interval_s=POLL_INTERVAL_S)
        chain = Web3Chain(rpc_url=development.rpc_url, contract=deployment.address)
        chains.append(chain)
        anchor = await signed_anchor(
            chain, signer, contract=deployment.address, sequence=1, root=bytes([7] * 32)
        )
        await chain.broadcast(anchor.raw)
        receipt = await mined(chain, anchor.hash)
        await _until_saved(tmp_path / "state.json", anchor.hash)
        await (development.stop() if end == "stop" else development.kill())
    async with development:
        after = await _identity(development, chains)
        finalized = await chain.block("finalized")
        assert finalized is not None
        head = await chain.head(signer.address, finalized.hash)
        again = await chain.receipt(anchor.hash)

    assert after == before
    assert head is not None
    assert (head.root, head.record.block_number) == (bytes([7] * 32), receipt.block_number)
    assert again == receipt


@anvil_needed
async def test_development_chain_restarted_nine_times_keeps_genesis_blocks_and_contract(
    tmp_path: Path, chains: list[Web3Chain]
) -> None:
    """SIGTERM and SIGKILL in turn: what each start adds to the state never takes the place of what was."""
    state_path = tmp_path / "state.json"
    development = DevelopmentChain(state_path=state_path, block_time_s=BLOCK_TIME_S)
    async with development:
        before = await _identity(development, chains)
        signer = LocalSigner(private_key=development.private_key)
        deployment = await deploy(chain=chains[0], signer=signer, poll_interval_s=POLL_INTERVAL_S)
        numbers = range(deployment.block_number + 1)
        blocks = [await _block(chains[0], number) for number in numbers]
        await _until_saved(state_path, deployment.transaction_hash)
    for restart in range(9):
        async with development:
            assert await _identity(development, chains) == before
            reader = chains[-1]
            assert [await _block(reader, number) for number in numbers] == blocks
            finalized = await reader.block("finalized")
            assert finalized is not None
            assert await reader.code_hash(deployment.address, finalized.hash) == registry.code_hash()
            await (development.kill() if restart % 2 else development.stop())


async def _block(chain: Web3Chain, number: int) -> Block:
    block = await chain.block(number)
    assert block is not None
    return block


async def _until_saved(state_path: Path, transaction_hash: bytes) -> None:
    """Wait, bounded, until anvil's periodic save holds the transaction."""
    for _ in range(500):
        state = await asyncio.to_thread(state_path.read_text)
        if f'"transaction_hash":"0x{transaction_hash.hex()}"' in state:
            return
        await asyncio.sleep(POLL_INTERVAL_S)
    raise AssertionError("anvil did not save the transaction")


@anvil_needed
async def test_development_chain_on_half_written_state_starts_from_the_copy(
    tmp_path: Path, chains: list[Web3Chain]
) -> None:
    """A kill in the middle of anvil's write costs the last blocks, not the chain."""
    state_path = tmp_path / "state.json"
    development = DevelopmentChain(state_path=state_path, block_time_s=BLOCK_TIME_S)
    async with development:
        before = await _identity(development, chains)
        await development.kill()
    state_path.write_bytes(state_path.read_bytes()[:-100])
    async with development:
        after = await _identity(development, chains)

    assert after == before


@anvil_needed
async def test_development_chain_on_a_state_in_use_is_config_error(tmp_path: Path) -> None:
    """Two chains in one file would overwrite each other, also when one has outlived its owner."""
    async with DevelopmentChain(state_path=tmp_path / "state.json", block_time_s=BLOCK_TIME_S):
        with pytest.raises(ConfigError, match="in use"):
            async with DevelopmentChain(state_path=tmp_path / "state.json", block_time_s=BLOCK_TIME_S):
                pytest.fail("it must not start")


@anvil_needed
async def test_development_chain_on_taken_port_is_config_error() -> None:
    """Whatever answers there would be taken for the chain."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(ConfigError, match=f"port {port} is not free"):
            async with DevelopmentChain(port=port):
                pytest.fail("it must not start")


async def test_development_chain_whose_program_exits_is_config_error(tmp_path: Path) -> None:
    """The message holds what the program said last."""
    program = tmp_path / "anvil"
    program.write_text("#!/bin/sh\necho 'no such option: --silent' >&2\nexit 2\n")
    program.chmod(0o700)
    with pytest.raises(ConfigError, match="exited with 2: no such option: --silent"):
        async with DevelopmentChain(environment={"ANCHOR_ANVIL": str(program)}):
            pytest.fail("it must not start")


async def test_development_chain_that_cannot_be_started_is_config_error(tmp_path: Path) -> None:
    """Neither a program for another machine nor a directory that cannot be written to is a crash."""
    program = _program(tmp_path / "bin")
    program.write_bytes(b"\x7fELF of another machine")
    (tmp_path / "file").touch()
    for state_path in (None, tmp_path / "file" / "state.json"):
        with pytest.raises(ConfigError, match="cannot be started"):
            async with DevelopmentChain(state_path=state_path, environment={"ANCHOR_ANVIL": str(program)}):
                pytest.fail("it must not start")


def _program(directory: Path) -> Path:
    directory.mkdir()
    program = directory / "anvil"
    program.write_text("")
    program.chmod(0o700)
    return program


def test_find_anvil_prefers_the_variable_then_the_path(tmp_path: Path) -> None:
    """ANCHOR_ANVIL comes before the PATH, and the PATH before the checkout."""
    named, on_path = _program(tmp_path / "named"), _program(tmp_path / "path")

    assert find_anvil({"ANCHOR_ANVIL": str(named), "PATH": str(on_path.parent)}) == named
    assert find_anvil({"PATH": str(on_path.parent)}) == on_path


@anvil_needed
def test_find_anvil_of_the_checkout_is_the_last_resort() -> None:
    """Without variable and PATH, the node package of the checkout is used."""
    assert "@foundry-rs" in find_anvil({}).parts


@pytest.mark.parametrize("name", ["missing", "."])
def test_find_anvil_named_wrongly_is_config_error(tmp_path: Path, name: str) -> None:
    """A variable that is set is not silently ignored."""
    with pytest.raises(ConfigError, match="ANCHOR_ANVIL"):
        find_anvil({"ANCHOR_ANVIL": str(tmp_path / name), "PATH": os.environ["PATH"]})


def test_find_anvil_nowhere_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An installation without checkout is told how to get anvil."""
    elsewhere = tmp_path / "a" / "b" / "c" / "development.py"
    monkeypatch.setattr("anchor.chain.development.__file__", str(elsewhere))

    with pytest.raises(ConfigError, match="make setup"):
        find_anvil({})


def test_importing_the_chain_package_keeps_the_recursion_limit() -> None:
    """A library raises it a hundredfold: nested JSON would then kill the process, not raise an error."""
    program = (
        "import sys, json; before = sys.getrecursionlimit()\n"
        "import anchor.chain.signer, anchor.chain.client\n"
        "assert sys.getrecursionlimit() == before, sys.getrecursionlimit()\n"
        "try: json.loads('[' * 200_000)\n"
        "except RecursionError: print('refused')"
    )
    command = [sys.executable, "-c", program]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (finished.returncode, finished.stdout) == (0, "refused\n"), finished.stderr
