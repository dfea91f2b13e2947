"""Loss of power: what was answered was on disk before, and survives without anything that was not."""

from __future__ import annotations

import random
import re
import secrets
from pathlib import Path

import pytest

from tests.support.anvil import running_chain
from tests.support.fast_folder import fast_folder
from tests.support.power_loss import TRACE_OPTIONS, Disk
from tests.support.prepared import Prepared, prepare
from tests.support.running_service import RunningService
from tests.support.storage_work import later_work, told_digests
from tests.support.survivors import check_survivor
from tests.support.tracing import Traced, attached, requires_strace, traced

pytestmark = requires_strace

SEEDS = (None, 1, 2)
"""Without a seed every write that was not synced is lost; with one, some are kept, torn and out of order."""

LEAST_LINES = 15


async def _watched_run(folder: Path) -> tuple[Prepared, Disk, Traced]:
    """Work on an installation, and return the trace with the disk as it was before."""
    prepared = await prepare(folder)
    copy = prepared.copy(folder)
    disk = Disk(copy)
    run = await traced(later_work, [str(copy), str(folder / "history")], folder, options=TRACE_OPTIONS)
    assert run.exit_code == 0, run.errors
    return prepared, disk, run


async def test_power_is_lost_after_each_answer_and_everything_told_is_there() -> None:
    """Fault 5: at each thing that a client or the chain was told, drop the un-synced writes and start again."""
    with fast_folder() as folder:
        prepared, disk, run = await _watched_run(folder)
        lines = list(prepared.history)
        for line in disk.lines(run.trace):
            lines.append(line)
            for seed in SEEDS:
                left = folder / f"left-{len(lines)}-{seed}"
                disk.write_to(left, dice=None if seed is None else random.Random(seed))
                await check_survivor(left, lines)

    assert len(lines) - len(prepared.history) >= LEAST_LINES
    assert lines[len(prepared.history) :] == list(run.lines)


async def test_dropping_a_synced_write_is_found_out() -> None:
    """Negative control of fault 5: had the last commit before an answer not been synced, digests would be missing."""
    with fast_folder() as folder:
        prepared, disk, run = await _watched_run(folder)
        unsynced = re.sub(r"(?m)^.*fdatasync.*$", "", run.trace)
        lines = list(prepared.history)
        for line in disk.lines(unsynced):
            lines.append(line)
            if len(told_digests(lines)) > len(told_digests(prepared.history)):
                break
        disk.write_to(folder / "left", dice=None)

        with pytest.raises(AssertionError, match="is lost"):
            await check_survivor(folder / "left", lines)


@pytest.mark.anvil
async def test_response_is_written_after_the_log_of_writes_is_synced(tmp_path: Path) -> None:
    """Fault 5: in the real service, fdatasync of the WAL has returned before the first byte of a 201."""
    async with running_chain() as chain:
        # Nothing is sealed meanwhile: a commit of the sealer would be under way while answers go out.
        service = RunningService(folder=tmp_path / "service", chain=chain, max_age_s=1800.0)
        await service.start()
        issuer = await service.add_issuer()
        calls = "trace=pwrite64,fdatasync,sendto,sendmsg,write,writev"
        async with attached(service.pid, tmp_path / "trace", "-e", calls) as tracer:
            for _ in range(5):
                body = {"digest": secrets.token_bytes(32).hex(), "method": "raw"}
                status, _ = await service.request("POST", "/v1/digests", headers=issuer.headers, json=body)
                assert status == 201
            await service.stop()
            await tracer.communicate()

    answers = 0
    unsynced = commits = 0
    for line in (tmp_path / "trace").read_text("utf-8", "replace").splitlines():
        if "pwrite64(" in line and "anchor.db-wal>" in line:
            unsynced += 1
        elif re.search(r"fdatasync(\(\d+<[^>]*anchor\.db-wal>\)| resumed>\)) += 0", line):
            commits, unsynced = commits + (unsynced > 0), 0
        elif '"HTTP/1.1 201' in line:
            assert commits > 0, "a 201 went out, and nothing was committed since the one before"
            assert unsynced == 0, "a 201 went out while writes of the log were not synced"
            answers, commits = answers + 1, 0
    assert answers == 5
