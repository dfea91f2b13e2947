"""`anchor backup` and `anchor restore` on a running installation and its chain."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.anvil import AnvilChain
from tests.support.operating import anchor, new_digest, submit
from tests.support.running_service import IssuerAccess, RunningService

pytestmark = pytest.mark.anvil


async def anchored(service: RunningService, issuer: IssuerAccess) -> str:
    """Submit a digest and wait until it is final."""
    digest = new_digest()
    await submit(service, issuer, digest=digest, method="raw")
    await service.wait_for_state(issuer, digest, "final")
    return digest


async def test_backup_of_running_service_restored_after_kill_goes_on(
    service: RunningService, tmp_path: Path
) -> None:
    """The newest backup comes back, passes fsck, and the service goes on with its keys and digests."""
    issuer = await service.add_issuer()
    digest = await anchored(service, issuer)
    made = await anchor("backup", tmp_path / "backup", "--json", service=service)
    await service.kill()
    again = service.lost(tmp_path / "again")

    restored = await anchor("restore", tmp_path / "backup", "--json", service=again)
    checked = await anchor("fsck", "--json", service=again)
    await again.start()
    try:
        known = await submit(again, issuer, digest=digest, method="raw")
        await anchored(again, issuer)
    finally:
        await again.stop()

    assert (made.exit_code, json.loads(made.stdout)["minedSequence"]) == (0, 1)
    assert (restored.exit_code, json.loads(restored.stdout)["batchesMissing"]) == (0, 0)
    assert (checked.exit_code, json.loads(checked.stdout)["sound"]) == (0, True), checked.stdout
    assert (known[0], known[1]["state"]) == (200, "final")


async def test_old_backup_is_refused_by_restore_and_by_start(service: RunningService, tmp_path: Path) -> None:
    """Fault 9: the chain knows more: restore says by how many batches, and what is put back does not start."""
    issuer = await service.add_issuer()
    await anchored(service, issuer)
    await anchor("backup", tmp_path / "backup", service=service)
    await anchored(service, issuer)
    await anchored(service, issuer)
    await service.stop()
    again = service.lost(tmp_path / "again")

    refused = await anchor("restore", tmp_path / "backup", service=again)
    assert not (again.folder / "data").exists()
    put_back = await anchor("restore", tmp_path / "backup", "--accept-older", service=again)
    with pytest.raises(AssertionError, match="an old backup was put back"):
        await again.start()
    assert await again.wait_for_exit() == 1

    assert (refused.exit_code, "the chain holds 2 batches" in refused.stderr) == (1, True)
    assert "anchor rebuild --base" in refused.stderr
    assert (put_back.exit_code, "refuse to start" in put_back.stdout) == (0, True)


async def test_restore_without_an_answer_of_the_chain_needs_to_be_told(
    service: RunningService, anvil: AnvilChain, tmp_path: Path
) -> None:
    """An age that cannot be checked is not assumed: exit code 3, unless the operator says so."""
    issuer = await service.add_issuer()
    await anchored(service, issuer)
    await anchor("backup", tmp_path / "backup", service=service)
    again = service.lost(tmp_path / "again")
    settings = (again.folder / "anchor.toml").read_text("utf-8")
    (again.folder / "anchor.toml").write_text(settings.replace(anvil.rpc_url, "http://127.0.0.1:9"), "utf-8")

    unchecked = await anchor("restore", tmp_path / "backup", service=again)
    told = await anchor("restore", tmp_path / "backup", "--without-chain", service=again)

    assert (unchecked.exit_code, told.exit_code) == (3, 0)
