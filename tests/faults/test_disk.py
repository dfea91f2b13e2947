"""Faults 4 and 10, under the real service: the disk is full, a page is damaged."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.anvil import AnvilChain
from tests.support.operating import anchor, new_digest, submit
from tests.support.running_service import IssuerAccess, RunningService

pytestmark = pytest.mark.anvil

DISK_BYTES = 4 * 1024 * 1024
PACKED = {"Content-Type": "application/octet-stream"}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a file system of four megabytes; this needs root, as CI is."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES},mode=0700", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


async def submit_packed(service: RunningService, issuer: IssuerAccess, count: int) -> tuple[int, bytes, Any]:
    """Submit random digests in one packed request; return status, the digests and the body."""
    digests = os.urandom(32 * count)
    status, body = await service.request(
        "POST", "/v1/digests?method=raw", headers={**issuer.headers, **PACKED}, data=digests
    )
    return status, digests, body


async def test_full_disk_accepts_nothing_serves_on_and_recovers_by_itself(
    chain: AnvilChain, small_disk: Path, tmp_path: Path
) -> None:
    """Fault 4: 503 and nothing acknowledged, reads are answered; with space again it goes on without a hand."""
    (tmp_path / "service").mkdir()
    (tmp_path / "service" / "data").symlink_to(small_disk)
    service = RunningService(folder=tmp_path / "service", chain=chain)
    await service.start()
    try:
        issuer = await service.add_issuer()
        first = new_digest()
        await submit(service, issuer, digest=first, method="raw")
        await service.wait_for_state(issuer, first, "mined")
        filler = small_disk / "filler"
        filler.write_bytes(b"")
        await asyncio.to_thread(_fill, filler)
        refused, lost, problem = await submit_packed(service, issuer, 20_000)
        read = await service.request("GET", f"/v1/digests/{first}", headers=issuer.headers)
        sample = lost[:32].hex()
        unknown = await service.request("GET", f"/v1/digests/{sample}", headers=issuer.headers)
        alive = await service.request("GET", "/healthz")
        filler.unlink()
        accepted, digests, body = await submit_packed(service, issuer, 2_000)
        final = await service.wait_for_state(issuer, digests[:32].hex(), "final")
    finally:
        await service.stop()
    checked = await anchor("fsck", "--json", service=service)

    assert refused in (503, 507), problem
    assert "disk is full" in problem["detail"]
    assert (read[0], unknown[0], alive[0]) == (200, 404, 200)
    assert (accepted, body["new"], final["state"]) == (200, 2_000, "final")
    assert checked.exit_code == 0, checked.stdout


async def test_damaged_page_refuses_start_and_fsck(chain: AnvilChain, tmp_path: Path) -> None:
    """Fault 10: bytes that changed under the database are found before anything is served from it."""
    service = RunningService(folder=tmp_path / "service", chain=chain)
    await service.start()
    issuer = await service.add_issuer()
    await submit_packed(service, issuer, 5_000)
    await service.stop()
    database = service.folder / "data" / "anchor.db"
    content = bytearray(database.read_bytes())
    page = _page_of_table(database, "entries")
    content[page * 4096 : page * 4096 + 64] = b"\xa5" * 64
    database.write_bytes(content)

    with pytest.raises(AssertionError, match=r"damaged|malformed"):
        await service.start()
    assert await service.wait_for_exit() == 1
    checked = await anchor("fsck", service=service)
    backed_up = await anchor("backup", tmp_path / "backup", service=service)

    assert (checked.exit_code, backed_up.exit_code) == (1, 1)
    assert not (tmp_path / "backup").exists()


def _fill(path: Path) -> None:
    """Write until the disk is full."""
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return


def _page_of_table(database: Path, table: str) -> int:
    """Return the number, from 0, of a table's root page."""
    connection = sqlite3.connect(database)
    try:
        (page,) = connection.execute("select rootpage from sqlite_schema where name = ?", (table,)).fetchone()
    finally:
        connection.close()
    return int(page) - 1
