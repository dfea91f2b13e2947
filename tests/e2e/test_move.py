"""A publisher moves from one chain to another, on two real chains: commands, service, verifiers, auditors, fsck."""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.anvil import AnvilChain, running_chain
from tests.support.issued import export_trust, issue, proof_of, revoke, verify
from tests.support.running_service import RunningService

pytestmark = pytest.mark.anvil


@pytest.fixture
async def second(tmp_path: Path) -> AsyncIterator[AnvilChain]:
    """Run another chain: the same chain id, another genesis block."""
    async with running_chain(state_path=tmp_path / "second.json") as chain:
        yield chain


async def _verdicts(service: RunningService, *expected: tuple[Path, int]) -> list[str]:
    return [str((await verify(service, path, code=code))["verdict"]) for path, code in expected]


async def test_move_to_another_chain(service: RunningService, anvil: AnvilChain, second: AnvilChain) -> None:
    """Finish, move, go on: old proofs hold on the old chain, status is read on the new one, lists go on."""
    issuer = await service.add_issuer()
    old, revoked = await issue(service, issuer, "old"), await issue(service, issuer, "revoked")
    proof = await proof_of(service, issuer, old)
    await revoke(service, issuer, revoked)
    _, former = await service.request("GET", "/v1/batches/1")
    _, lists = await service.request("GET", "/status-lists/0")
    last = {"digest": "ab" * 32, "method": "raw"}
    _, promised = await service.request("POST", "/v1/digests", headers=issuer.headers, json=last)
    assert promised["receipt"]["promise"]["contract"] == anvil.contract
    await export_trust(service, anvil.rpc_url, "old.toml")
    await service.stop()
    await service.command("serve", "--finish")

    service.settle_on(second)
    await _move_once(service)
    await service.start()
    first = await service.wait_for_sequence(1)
    assert first["header"]["previousRoot"] == "A" * 43
    assert (first["anchor"]["contract"], len(first["lists"])) == (second.contract, 2)
    new = await issue(service, issuer, "new")
    assert await proof_of(service, issuer, old) == proof
    # What was promised on the old chain was anchored there, and is not promised on the new one.
    _, again = await service.request("POST", "/v1/digests", headers=issuer.headers, json=last)
    assert (again["state"], again["receipt"]) == ("final", None)
    _, kept = await service.request("GET", f"/v1/digests/{'ab' * 32}/proof", headers=issuer.headers)
    assert kept["anchor"]["contract"] == anvil.contract
    assert (await service.request("GET", "/v1/anchorages/1/batches/1"))[1] == former
    assert (await service.request("GET", "/status-lists/0"))[1]["id"] == lists["id"]

    await _require_old_trust_goes_on(service, old=old, revoked=revoked, new=new)

    text = await export_trust(service, second.rpc_url)
    trust = service.folder / "trust.toml"
    assert text.count("[[anchorage]]") == 2
    # The former chain's endpoint is the verifier's to name; without it nothing can be said of old proofs.
    assert await _verdicts(service, (old, 3)) == ["unknown"]
    trust.write_text(text.replace('# rpc = "https://…"', f'rpc = "{anvil.rpc_url}"  #', 1), "utf-8")
    expected = ["valid", "valid", "revoked"]
    assert await _verdicts(service, (old, 0), (new, 0), (revoked, 1)) == expected
    await revoke(service, issuer, old)
    assert await _verdicts(service, (old, 1)) == ["revoked"]

    await _require_audits_agree(service)
    await _require_fsck_reads_both_chains(service, first=anvil, second=second)


async def _require_old_trust_goes_on(service: RunningService, *, old: Path, revoked: Path, new: Path) -> None:
    """Verify by a trust file from before the move: the former chain alone counts, and that it was left is told."""
    for path, code, verdict in ((old, 0, "valid"), (revoked, 1, "revoked"), (new, 3, "unknown")):
        report = await verify(service, path, "--trust", "old.toml", code=code)
        assert report["verdict"] == verdict
        assert "has moved" in json.dumps(report)


async def _move_once(service: RunningService) -> None:
    """Move: nothing else leads to the new chain, a dry run changes nothing, and a second move nothing more."""
    assert "only by `anchor move`" in await service.command("serve", code=1)
    dry = json.loads(await service.command("move", "--dry-run", "--json"))
    assert (dry["moved"], dry["from"]["number"], dry["to"]["number"]) == (False, 1, 2)
    done = json.loads(await service.command("move", "--yes", "--json"))
    assert (done["moved"], done["sealedAgain"]) == (True, {"batches": 0, "digests": 0})
    assert json.loads(await service.command("move", "--yes", "--json"))["isThere"] is True


async def _require_audits_agree(service: RunningService) -> None:
    """Audit both anchorages by the trust file."""
    for position in ("1", "2"):
        audit = json.loads(
            await service.command("audit", "--trust", "trust.toml", "--anchorage", position, "--json")
        )
        assert (audit["agrees"], audit["filesChecked"], audit["unchecked"]) == (True, True, [])
        assert len(audit["anchors"]) > 1


async def _require_fsck_reads_both_chains(
    service: RunningService, *, first: AnvilChain, second: AnvilChain
) -> None:
    """Where not everything can be checked fsck ends with 3, until the operator says that the chain is gone."""
    fsck = ("fsck", "--service", service.base_url)
    await service.command(*fsck, "--earlier-rpc", f"1={first.rpc_url}")
    await service.command(*fsck, code=3)
    await service.command(*fsck, "--earlier-rpc", f"1={second.rpc_url}", code=3)
    await service.command(*fsck, "--without-anchorage", "1")


async def test_move_away_from_a_chain_that_is_gone(
    service: RunningService, anvil: AnvilChain, second: AnvilChain
) -> None:
    """A chain that stopped making blocks holds a batch back: abandoned, its digests become final on the new chain."""
    issuer = await service.add_issuer()
    await issue(service, issuer, "old")
    await anvil.control("evm_setIntervalMining", 0)
    await anvil.control("evm_setAutomine", False)  # noqa: FBT003 - anvil's own parameter
    digests = [secrets.token_bytes(32).hex() for _ in range(3)]
    for digest in digests:
        await service.request(
            "POST",
            "/v1/digests",
            headers=issuer.headers,
            json={"digest": digest, "method": "raw", "status": "allocate"},
        )
    await service.wait_for_state(issuer, digests[0], "sent")
    await service.stop()
    service.settle_on(second)
    assert "give --abandon" in await service.command("move", "--yes", code=1)

    done = json.loads(await service.command("move", "--abandon", "--yes", "--json"))
    assert done["sealedAgain"]["digests"] + done["waitingDigests"] == 3
    await service.start()

    for digest in digests:
        receipt = await service.wait_for_state(issuer, digest, "final")
        assert receipt["state"] == "final"
    fsck = ("fsck", "--service", service.base_url)
    await service.command(*fsck, "--without-anchorage", "1")
    # The abandoned transaction is mined after all: the anchor that nothing published explains is known by its payload.
    await anvil.control("anvil_mine", 8)
    await service.command(*fsck, "--earlier-rpc", f"1={anvil.rpc_url}")
    _, former = await service.request("GET", "/v1/anchorages/1/batches/1")
    assert former["header"]["sequence"] == 1
