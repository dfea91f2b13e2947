"""A publisher changes its key on a real chain: commands, service, verifiers, auditors and fsck follow."""

from __future__ import annotations

import asyncio
import json
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from anchor.chain.client import Web3Chain
from anchor.chain.keystore import create_keystore
from anchor.chain.signer import LocalSigner
from tests.support import rpc_proxy
from tests.support.anvil import SECOND_KEY, THIRD_KEY, AnvilChain, control, mined, signed_anchor
from tests.support.issued import export_trust, issue, revoke, verify
from tests.support.rpc_proxy import RpcProxy
from tests.support.running_service import COMMAND_TIMEOUT_S, RunningService
from tests.support.signer_server import CLEF, SignerServer, running_signer

pytestmark = pytest.mark.anvil

SUCCESSOR = LocalSigner(private_key=SECOND_KEY)
THIRD = LocalSigner(private_key=THIRD_KEY)
SUCCESSOR_KEY = "ANCHOR_SUCCESSOR_PRIVATE_KEY"


async def _rotate(service: RunningService, private_key: bytes) -> dict[str, Any]:
    """Appoint and rotate, on a stopped service, and switch its key."""
    account = LocalSigner(private_key=private_key).address
    await service.command("key", "appoint", account)
    printed = await service.command("key", "rotate", "--json", environment={SUCCESSOR_KEY: private_key.hex()})
    service.use_key(private_key)
    change: dict[str, Any] = json.loads(printed)
    return change


async def test_old_and_new_proofs_hold_by_a_trust_file_that_nobody_edits(
    service: RunningService, anvil: AnvilChain
) -> None:
    """Two rotations: verdicts, status now and then, evidence of an old root, audit and fsck, across all three keys."""
    issuer = await service.add_issuer()
    old = await issue(service, issuer, "old")
    trust = await export_trust(service, anvil.rpc_url)
    await service.command("evidence", str(old), "--trust", "trust.toml", "--ask")
    before = datetime.now(UTC)
    await service.stop()

    change = await _rotate(service, SECOND_KEY)
    first = change["line"][0]
    assert (change["publisher"], change["line"]) == (SUCCESSOR.address, [first, SUCCESSOR.address])
    await service.start()
    new = await issue(service, issuer, "new")
    await service.stop()
    await _rotate(service, THIRD_KEY)
    await service.start()
    newest = await issue(service, issuer, "newest")

    # An old head's evidence speaks until the root that replaced it: under another account's address.
    stapled = await verify(service, old, "--evidence", f"{old}.status.json")
    assert any("not of the newest batch" in note for note in stapled["notes"])
    for path, publisher in ((old, first), (new, SUCCESSOR.address), (newest, THIRD.address)):
        report = await verify(service, path)
        assert (report["verdict"], report["anchor"]["publisher"]) == ("valid", publisher)
    then = await verify(service, old, "--at", before.strftime("%Y-%m-%dT%H:%M:%SZ"))
    assert then["verdict"] == "valid"
    await revoke(service, issuer, old)
    assert (await verify(service, old, code=1))["verdict"] == "revoked"
    assert (await verify(service, old, "--at", before.strftime("%Y-%m-%dT%H:%M:%SZ")))["verdict"] == "valid"

    _, published = await service.request("GET", "/v1/publisher")
    assert (published["publisher"], published["successors"]) == (first, [SUCCESSOR.address, THIRD.address])
    assert await export_trust(service, anvil.rpc_url, "again.toml") == trust
    audit = json.loads(await service.command("audit", "--trust", "trust.toml", "--json"))
    assert audit["publishers"] == [first, SUCCESSOR.address, THIRD.address]
    assert {anchor["publisher"] for anchor in audit["anchors"]} == set(audit["publishers"])
    await service.command("fsck", "--service", service.base_url)


async def test_commands_say_what_is_wrong_and_cost_nothing(
    service: RunningService, anvil: AnvilChain
) -> None:
    """Before, during and after a rotation, with every wrong key and at every wrong moment."""
    issuer = await service.add_issuer()
    await issue(service, issuer, "old")
    shown = json.loads(await service.command("key", "show", "--json"))
    assert (shown["appointed"], shown["settings"]["role"]) == (None, "the publisher")
    assert "another service is using" in await service.command("key", "appoint", SUCCESSOR.address, code=1)
    await service.stop()

    rotate = ("key", "rotate", "--json")
    as_successor = {SUCCESSOR_KEY: SECOND_KEY.hex()}
    assert "has appointed nobody" in await service.command(*rotate, code=1, environment=as_successor)
    assert "is the publisher already" in await service.command(*rotate, code=1)
    assert "wrong checksum" in await service.command(
        "key", "appoint", SUCCESSOR.address.replace("7", "8"), code=2
    )
    assert "the endpoint has chain 31337" in await service.command(
        "key", "appoint", SUCCESSOR.address, code=1, environment={"ANCHOR_CHAIN_PRESET": "sepolia"}
    )
    poor = LocalSigner(private_key=b"\x05" * 32)
    await service.command("key", "appoint", poor.address)
    assert "send it some" in await service.command(*rotate, code=1, environment={SUCCESSOR_KEY: "05" * 32})
    await service.command("key", "appoint", "none")
    assert json.loads(await service.command("key", "show", "--json"))["appointed"] is None

    await _rotate(service, SECOND_KEY)
    assert f"succeeded by {SUCCESSOR.address}" in await service.command(
        *rotate, code=1, environment={SUCCESSOR_KEY: anvil.development.private_key.hex()}
    )
    again = json.loads(await service.command(*rotate))
    assert (again["publisher"], again["transaction"]) == (SUCCESSOR.address, None)
    service.use_key(anvil.development.private_key)
    assert "use that account's key" in await service.command("serve", code=1)
    service.use_key(THIRD_KEY)
    assert "the database was made with publisher" in await service.command("serve", code=1)


async def test_new_key_in_a_keystore_tells_the_lines_to_change(
    service: RunningService, anvil: AnvilChain
) -> None:
    """With the lines put in as told, the service starts with the keystore."""
    issuer = await service.add_issuer()
    await issue(service, issuer, "old")
    await service.stop()
    made = json.loads(await service.command("key", "new", "--keystore", "new.json", "--json"))
    await control(anvil.rpc_url, "anvil_setBalance", made["address"], hex(10**18))
    await service.command("key", "appoint", made["address"])
    assert "exists already" in await service.command("key", "new", "--keystore", "new.json", code=2)
    printed = await service.command(
        "key", "rotate", "--keystore", "new.json", "--password-file", "new.password"
    )
    assert "under [publisher], put these lines" in printed
    lines = printed.partition("\n\n")[2]
    settings = service.folder / "anchor.toml"
    settings.write_text(f"{settings.read_text('utf-8')}\n[publisher]\n{lines}", "utf-8")
    assert "wins over publisher.keystore in the settings: unset it" in await service.command("serve", code=1)
    service.use_key(b"")

    await service.start()
    await issue(service, issuer, "new")


async def test_remote_signer_appoints_and_succeeds(service: RunningService, anvil: AnvilChain) -> None:
    """Both keys stay in their signers; the settings that are told lead the service to the new one."""
    issuer = await service.add_issuer()
    await issue(service, issuer, "old")
    await service.stop()
    old_key = anvil.development.private_key
    async with (
        running_signer(SignerServer(key=old_key)) as old,
        running_signer(SignerServer(key=SECOND_KEY, method=CLEF)) as new,
    ):
        service.use_key(b"")
        account = LocalSigner(private_key=old_key).address
        signed_there = {"ANCHOR_PUBLISHER_REMOTE_SIGNER_URL": old.url, "ANCHOR_PUBLISHER_ADDRESS": account}
        await service.command("key", "appoint", SUCCESSOR.address, environment=signed_there)
        options = ("--remote-signer", new.url, "--address", SUCCESSOR.address)
        assert SUCCESSOR.address in await service.command("key", "rotate", *options, environment=signed_there)
        assert (len(old.calls), len(new.calls)) == (1, 2)
        settings = service.folder / "anchor.toml"
        lines = f'[publisher]\nremote_signer_url = "{new.url}"\naddress = "{SUCCESSOR.address}"\n'
        settings.write_text(settings.read_text("utf-8") + lines, "utf-8")
        await service.start()
        await issue(service, issuer, "new")
        await service.stop()


@pytest.mark.parametrize("fault", ["hang_before", "hang_after"])
async def test_rotation_killed_at_its_broadcast_goes_on(
    service: RunningService, anvil: AnvilChain, fault: str
) -> None:
    """Kill -9 before or after the endpoint has the transaction: the next run ends in the same one."""
    issuer = await service.add_issuer()
    await issue(service, issuer, "old")
    await service.stop()
    await service.command("key", "appoint", SUCCESSOR.address)
    key = {SUCCESSOR_KEY: SECOND_KEY.hex()}
    async with RpcProxy(upstream_url=anvil.rpc_url) as proxy:
        proxy.fail("eth_sendRawTransaction", getattr(rpc_proxy, fault)())
        process = await service.begin_command(
            "key", "rotate", environment=key | {"ANCHOR_CHAIN_RPC_URL": proxy.url}
        )
        async with asyncio.timeout(COMMAND_TIMEOUT_S):
            while not proxy.count("eth_sendRawTransaction"):  # noqa: ASYNC110 - another process's request
                await asyncio.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        await process.wait()

    change = json.loads(await service.command("key", "rotate", "--json", environment=key))

    assert change["publisher"] == SUCCESSOR.address
    chain = Web3Chain(rpc_url=anvil.rpc_url, contract=anvil.contract)
    try:
        assert await chain.nonce(SUCCESSOR.address, "latest") == 1
    finally:
        await chain.close()


async def test_running_service_ends_when_it_is_succeeded_and_old_bytes_anchor_nothing(
    service: RunningService, anvil: AnvilChain
) -> None:
    """Somebody rotates from another machine: the service says who the publisher is now, and refuses the next start."""
    issuer = await service.add_issuer()
    await issue(service, issuer, "old")
    chain = Web3Chain(rpc_url=anvil.rpc_url, contract=anvil.contract)
    old = LocalSigner(private_key=anvil.development.private_key)
    copy = service.folder / "elsewhere"
    copy.mkdir()
    await service.stop()
    (copy / "anchor.db").write_bytes((service.folder / "data" / "anchor.db").read_bytes())
    elsewhere = {"ANCHOR_DATA_DIR": str(copy)}
    await service.command("key", "appoint", SUCCESSOR.address)
    await service.start()

    await service.command("key", "rotate", environment=elsewhere | {SUCCESSOR_KEY: SECOND_KEY.hex()})
    assert await service.wait_for_exit() == 1
    assert f"was succeeded by {SUCCESSOR.address}: start again with that account's key" in service.log

    try:
        signed = await signed_anchor(chain, old, contract=anvil.contract, sequence=2, root=b"\x07" * 32)
        await chain.broadcast(signed.raw)
        assert not (await mined(chain, signed.hash)).succeeded
    finally:
        await chain.close()
    service.use_key(SECOND_KEY)
    await service.start()
    await issue(service, issuer, "new")
    await service.command("fsck", "--service", service.base_url)


def test_keystores_are_never_overwritten(tmp_path: Path) -> None:
    """`anchor key new` goes the same way as `anchor init`."""
    address = create_keystore(tmp_path / "new.json", tmp_path / "new.password")
    assert LocalSigner.from_keystore(tmp_path / "new.json", tmp_path / "new.password").address == address
