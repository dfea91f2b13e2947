"""Money on a real chain: a storm of fees is waited out, an empty account pauses, and both end by themselves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from anchor.chain.signer import LocalSigner
from tests.support.anvil import AnvilChain
from tests.support.running_service import MAX_POLLS, POLL_S, RunningService

pytestmark = pytest.mark.anvil

GWEI = 10**9
CHEAP_GWEI = 5
HEADER_ONLY = (False,)
BLOCKS_TO_CALM = 60
DIGEST = sha256(b"a credential").hexdigest()


@pytest.fixture
async def patient(tmp_path: Path, anvil: AnvilChain) -> AsyncIterator[RunningService]:
    """Run a service that waits for a base fee of 5 gwei."""
    running = RunningService(folder=tmp_path / "service", chain=anvil)
    with (running.folder / "anchor.toml").open("a", encoding="utf-8") as settings:
        settings.write(f"[anchoring]\ncheap_base_fee_gwei = {CHEAP_GWEI}\ncheap_wait_s = 3600\n")
    await running.start()
    yield running
    await running.stop()


async def ready_when(service: RunningService, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Poll /readyz until something holds of it."""
    body: dict[str, Any] = {}
    for _ in range(MAX_POLLS):
        _, body = await service.request("GET", "/readyz")
        if holds(body):
            return body
        await asyncio.sleep(POLL_S)
    raise AssertionError(f"/readyz stays {body}: {service.log[-2000:]}")


async def submit(service: RunningService) -> Any:
    """Submit a digest with a key of its own; return the issuer and the answer."""
    issuer = await service.add_issuer("https://issuer.example")
    status, body = await service.request(
        "POST", "/v1/digests", headers=issuer.headers, json={"digest": DIGEST, "method": "raw"}
    )
    assert status == 201, body
    return issuer, body


async def test_storm_of_fees_is_waited_out(patient: RunningService, anvil: AnvilChain) -> None:
    """A base fee of a thousand gwei falls by an eighth a block: the anchor goes when it is below five."""
    await anvil.control("evm_setIntervalMining", 0)
    await anvil.control("anvil_setNextBlockBaseFeePerGas", hex(1000 * GWEI))
    await anvil.control("anvil_mine", "0x1")
    dear = int(await anvil.control("eth_blockNumber"), 16)
    await ready_when(patient, lambda body: body["ready"] and body["chain"]["latestBlock"] == dear)
    issuer, _ = await submit(patient)
    held = await ready_when(patient, lambda body: body["held"] is not None)
    assert "gwei, cheap is 5 gwei" in held["held"]
    assert held["ready"], "a wait that ends by itself needs nobody"

    await anvil.control("anvil_mine", hex(BLOCKS_TO_CALM))
    await anvil.control("evm_setIntervalMining", 1)
    mined = await patient.wait_for_state(issuer, DIGEST, "final")

    block = await anvil.control("eth_getBlockByNumber", hex(mined["anchor"]["blockNumber"]), *HEADER_ONLY)
    assert int(block["baseFeePerGas"], 16) <= CHEAP_GWEI * GWEI
    receipt = await anvil.control("eth_getTransactionReceipt", mined["anchor"]["transaction"])
    cost_wei = int(receipt["gasUsed"], 16) * int(receipt["effectiveGasPrice"], 16)
    after = await ready_when(patient, lambda body: body["funds"]["unminedAtMostWei"] == "0")
    assert int(after["funds"]["spent24hWei"]) >= cost_wei, "to the wei what the chain took"
    assert after["held"] is None


async def test_empty_account_pauses_and_a_refill_resumes(service: RunningService, anvil: AnvilChain) -> None:
    """Digests are taken and promised meanwhile; /readyz names the balance; nobody restarts anything (fault 29)."""
    address = LocalSigner(private_key=anvil.development.private_key).address
    await anvil.control("anvil_setBalance", address, "0x0")
    await ready_when(service, lambda body: body["balanceWei"] == "0")
    issuer, answer = await submit(service)
    paused = await ready_when(service, lambda body: body["held"] is not None)

    assert answer["receipt"]["promise"]["signature"]
    assert answer["expected"] is None
    assert not paused["ready"]
    assert "the publisher's account has 0 ether" in paused["problems"][0]
    assert "goes on by itself" in paused["problems"][0]

    await anvil.control("anvil_setBalance", address, hex(10**18))
    await service.wait_for_state(issuer, DIGEST, "final")
    resumed = await ready_when(service, lambda body: body["ready"])
    assert resumed["held"] is None
