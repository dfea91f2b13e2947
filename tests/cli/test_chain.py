"""`anchor chain`: a development chain until it is told to end, and the same one again."""

from __future__ import annotations

import asyncio
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from anchor.chain.client import Web3Chain
from anchor.chain.development import DEVELOPMENT_PRIVATE_KEY, DevelopmentChain
from anchor.chain.protocol import ChainIdentity

pytestmark = pytest.mark.anvil


def _identity_and_output(state: Path, end: signal.Signals) -> tuple[ChainIdentity, str]:
    """Run the command, ask its chain, end it; it must end by itself and with exit code 0."""
    url = DevelopmentChain().rpc_url
    command = [
        sys.executable,
        "-m",
        "anchor.cli",
        "chain",
        "--state",
        str(state),
        "--port",
        url.split(":")[-1],
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=_heed_interrupts) as process:
        try:
            assert process.stdout is not None
            told = ""
            while "Ctrl-C" not in told:
                line = process.stdout.readline()
                assert line, told
                told += line
            identity = asyncio.run(_identity(url))
            process.send_signal(end)
            assert process.wait(timeout=30) == 0
        finally:
            process.kill()
    assert re.search(rf"^RPC URL +{url}$", told, re.MULTILINE), told
    return identity, told


def _heed_interrupts() -> None:
    """Undo what a shell does for commands in its background: they, and all their children, ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


async def _identity(url: str) -> ChainIdentity:
    client = Web3Chain(rpc_url=url, contract="0x" + "00" * 20)
    try:
        return await client.identity()
    finally:
        await client.close()


def test_chain_is_the_same_again_and_tells_its_public_key(tmp_path: Path) -> None:
    """Ctrl-C and SIGTERM end it in order; the state file keeps its genesis hash."""
    first, told = _identity_and_output(tmp_path / "chain.json", signal.SIGINT)
    second, _told = _identity_and_output(tmp_path / "chain.json", signal.SIGTERM)

    assert first == second
    assert re.search(r"^chain id +31337$", told, re.MULTILINE)
    assert f"export ANCHOR_PUBLISHER_PRIVATE_KEY=0x{DEVELOPMENT_PRIVATE_KEY.hex()}\n" in told
    assert "is public: use it here only" in told
