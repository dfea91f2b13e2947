"""Receipts from submission to proof, on a real service and a real chain, by the commands alone."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from anchor.cli import main
from anchor.client import ServiceClient, receipts_of_packed
from anchor.core.digest import Method
from anchor.documents import receipt_to_json
from tests.support.anvil import AnvilChain
from tests.support.running_service import RunningService

pytestmark = pytest.mark.anvil

PACKED_DIGESTS = 3000


def _run(arguments: list[str], environment: dict[str, str]) -> Result:
    return CliRunner().invoke(main, arguments, env=environment)


async def _anchor(*arguments: object, **environment: str) -> Result:
    return await asyncio.to_thread(_run, [str(argument) for argument in arguments], environment)


async def test_receipt_from_submission_to_proof(
    service: RunningService, anvil: AnvilChain, tmp_path: Path
) -> None:
    """Given at once, waiting, kept once the anchor is final, upgraded to the proof; a packed one stands alone too."""
    issuer = await service.add_issuer()
    asking = {"ANCHOR_SERVICE": service.base_url, "ANCHOR_API_KEY": issuer.api_key}
    badge, trust, packed = tmp_path / "badge.json", tmp_path / "trust.toml", tmp_path / "packed.receipt.json"
    badge.write_text('{"name": "Ada"}')
    exported = await _anchor(
        "trust", "export", "--service", service.base_url, "--rpc", anvil.rpc_url, "-o", trust
    )
    assert exported.exit_code == 0, exported.output
    assert 'receipt_keys = ["z6Mk' in trust.read_text()

    submitted = await _anchor("submit", "--wait", "none", badge, **asking)
    assert submitted.exit_code == 0, submitted.output
    body = b"".join(number.to_bytes(32, "big") for number in range(1, PACKED_DIGESTS + 1))
    async with ServiceClient(service.base_url, issuer.api_key) as client:
        answer = await client.submit_packed(body, method=Method.RAW)
    assert answer.promise is not None
    (one,) = receipts_of_packed(answer.promise, body, method=Method.RAW, positions=[PACKED_DIGESTS - 1])
    packed.write_text(json.dumps(receipt_to_json(one)))
    await service.wait_for_state(issuer, body[-32:].hex(), "final")

    checked = await _anchor("receipt", "check", badge, packed, "--trust", trust, "--json")
    assert checked.exit_code == 0, checked.output
    assert [each["verdict"] for each in json.loads(checked.stdout)["receipts"]] == ["kept", "kept"]

    proved = await _anchor("proof", badge, **asking)
    assert proved.exit_code == 0, proved.output
    assert badge.with_name("badge.json.receipt.json").exists()
    verified = await _anchor("verify", badge, "--trust", trust)
    assert verified.exit_code == 0, verified.output


async def test_receipt_of_a_promise_that_nobody_keeps_is_evidence(anvil: AnvilChain, tmp_path: Path) -> None:
    """The service ends for good before its first batch: once a final block is past the time, that is proved."""
    service = RunningService(folder=tmp_path / "service", chain=anvil, max_age_s=600)
    await service.start()
    issuer = await service.add_issuer()
    asking = {"ANCHOR_SERVICE": service.base_url, "ANCHOR_API_KEY": issuer.api_key}
    badge, trust, empty = tmp_path / "badge.json", tmp_path / "trust.toml", tmp_path / "mirror"
    empty.mkdir()
    badge.write_text('{"name": "Ada"}')
    await _anchor("trust", "export", "--service", service.base_url, "--rpc", anvil.rpc_url, "-o", trust)
    submitted = await _anchor("submit", "--wait", "none", badge, **asking)
    assert submitted.exit_code == 0, submitted.output
    await service.kill()
    # Until a final block has the contract, nothing can be said.
    await anvil.control("anvil_mine", "0x10")
    waiting = await _anchor("receipt", "check", badge, "--trust", trust, "--mirror", empty)

    await anvil.control("evm_increaseTime", 2 * 86_400)
    await anvil.control("anvil_mine", "0x50")
    broken = await _anchor("receipt", "check", badge, "--trust", trust, "--mirror", empty)

    assert (waiting.exit_code, "waiting" in waiting.stdout) == (3, True), waiting.output
    assert (broken.exit_code, "broken" in broken.stdout) == (1, True), broken.output
