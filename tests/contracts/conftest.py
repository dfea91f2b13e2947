"""A development chain for the contract tests, and a fresh contract for each of them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from web3 import HTTPProvider, Web3
from web3.types import RPCEndpoint

from tests.contracts.registry import REPOSITORY, Registry
from tests.contracts.verifier import Verifier

HARDFORK = "osaka"
"""Pinned, since the gas snapshot depends on the gas schedule."""
STOP_TIMEOUT_S = 10


def find_anvil() -> Path:
    """Return the anvil program: ANCHOR_ANVIL, else the one on the PATH, else the npm package's."""
    configured = os.environ.get("ANCHOR_ANVIL") or shutil.which("anvil")
    if configured:
        return Path(configured)
    packaged = sorted(REPOSITORY.glob("contracts/node_modules/@foundry-rs/anvil-*/bin/anvil"))
    if not packaged:
        pytest.fail("anvil not found: set ANCHOR_ANVIL, or run npm ci in contracts/")
    return packaged[0]


def listening_url(anvil: subprocess.Popen[str]) -> str:
    """Return the URL that anvil prints once it takes connections; it has chosen a free port itself."""
    assert anvil.stdout is not None
    for line in anvil.stdout:
        if line.startswith("Listening on "):
            return f"http://{line.removeprefix('Listening on ').strip()}"
    pytest.fail(f"anvil ended with exit code {anvil.wait()} before it listened")


@pytest.fixture(scope="module")
def web3() -> Iterator[Web3]:
    """Run an anvil of its own for each test module, mining every transaction at once."""
    command = [str(find_anvil()), "--port", "0", "--hardfork", HARDFORK]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as anvil,
        requests.Session() as session,
    ):
        try:
            connected = Web3(HTTPProvider(listening_url(anvil), session=session))
            # Nobody reads the pipe from here on: were anvil to fill it, it would stop.
            connected.provider.make_request(RPCEndpoint("anvil_setLoggingEnabled"), [False])
            yield connected
        finally:
            anvil.terminate()
            anvil.wait(timeout=STOP_TIMEOUT_S)


@pytest.fixture
def registry(web3: Web3) -> Registry:
    """Deploy a contract that nobody has used yet."""
    return Registry.deploy(web3)


@pytest.fixture
def verifier(registry: Registry) -> Verifier:
    """Deploy an AnchorVerifier over the fresh registry."""
    return Verifier.deploy(registry)


@pytest.fixture
def accounts(web3: Web3) -> list[str]:
    """Give the funded accounts; the last one deploys and never anchors."""
    return list(web3.eth.accounts[:-1])
