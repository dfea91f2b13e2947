"""
Measure the service against the bare work that it cannot avoid, in one run.

Three rows, the same digests: packed into the service over HTTP until they are durable, indexed and anchored on a
development chain; inserted raw into SQLite; hashed into a plain hashlib tree. Figures are worth something only as
ratios of one run: machines differ.

Examples:
    python scripts/bench.py
    python scripts/bench.py --digests 100000 --json

"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import aiohttp

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.support.anvil import running_chain
from tests.support.running_service import IssuerAccess, RunningService

DIGESTS = 967_734
METHOD_JCS = 1
REVOCATIONS = 200


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement."""

    name: str
    seconds: float
    ratio: float
    note: str = ""


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--digests", type=int, default=DIGESTS, help="how many (default %(default)s)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    digests = random.Random(2026).randbytes(32 * arguments.digests)
    with tempfile.TemporaryDirectory() as folder:
        raw_s = _timed(lambda: _insert_raw(Path(folder) / "raw.db", digests))
        tree_s = _timed(lambda: _plain_tree(digests))
        rows = asyncio.run(_service_rows(Path(folder), digests, baseline_s=raw_s + tree_s))
    baseline_s = raw_s + tree_s
    rows += [
        Row("raw SQLite insert", raw_s, raw_s / baseline_s, "same rows, one transaction, synchronous=FULL"),
        Row("plain hashlib tree", tree_s, tree_s / baseline_s, "same leaves, root only"),
    ]
    _print(rows, arguments.digests, as_json=arguments.json)


async def _service_rows(folder: Path, digests: bytes, *, baseline_s: float) -> list[Row]:
    async with running_chain(state_path=folder / "chain.json", block_time_s=0.5) as chain:
        service = RunningService(folder=folder / "service", chain=chain)
        await service.start()
        try:
            return await _measure_service(service, digests, baseline_s)
        finally:
            await service.stop()


async def _measure_service(service: RunningService, digests: bytes, baseline_s: float) -> list[Row]:
    issuer = await service.add_issuer()
    started = time.perf_counter()
    status, receipt = await service.request(
        "POST",
        "/v1/digests?method=jcs",
        headers={**issuer.headers, "Content-Type": "application/octet-stream"},
        data=digests,
    )
    durable_s = time.perf_counter() - started
    if status != 200:
        raise SystemExit(f"the service refused the body: {receipt}")
    await service.wait_for_state(issuer, digests[-32:].hex(), "mined")
    anchored_s = time.perf_counter() - started
    started = time.perf_counter()
    status, _ = await service.request(
        "GET", f"/v1/digests/{digests[:32].hex()}/proof", headers=issuer.headers
    )
    proof_s = time.perf_counter() - started
    peak = f"peak memory of the service {_peak_mib(service)} MiB"
    revoked_s = await _median_revocation(service, issuer)
    return [
        Row(
            "service: durable and indexed",
            durable_s,
            durable_s / baseline_s,
            f"{receipt['new']} new over HTTP",
        ),
        Row("service: anchored", anchored_s, anchored_s / baseline_s, f"mined, blocks of 0.5 s; {peak}"),
        Row("service: one proof", proof_s, proof_s / baseline_s, "made when asked for"),
        Row(
            "service: revoked → list served",
            revoked_s,
            revoked_s / baseline_s,
            f"median of {REVOCATIONS}, a list of 131,072 entries in five signed forms",
        ),
    ]


async def _median_revocation(service: RunningService, issuer: IssuerAccess) -> float:
    """Return the median time from asking for a revocation to having the new signed list in hand."""
    _, allocated = await service.request(
        "POST", "/v1/status-entries", headers=issuer.headers, json={"count": REVOCATIONS}
    )
    times = []
    async with aiohttp.ClientSession(service.base_url, headers=issuer.headers) as session:
        for entry in allocated["entries"]:
            change = {"list": entry["list"], "index": entry["index"], "purpose": "revocation", "value": True}
            started = time.perf_counter()
            async with session.post("/v1/status-changes", json={**change, "reason": "bench"}) as response:
                response.raise_for_status()
            async with session.get(f"/status-lists/{entry['list']}") as response:
                await response.read()
            times.append(time.perf_counter() - started)
    return statistics.median(times)


def _peak_mib(service: RunningService) -> int:
    status = Path(f"/proc/{service.pid}/status")
    if not status.exists():
        return 0
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) // 1024


def _insert_raw(path: Path, digests: bytes) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("pragma journal_mode = wal")
    connection.execute("pragma synchronous = full")
    connection.execute("pragma cache_size = -131072")
    connection.execute(
        """
        create table entries (
            issuer integer not null, method integer not null, digest blob not null, batch integer not null,
            leaf_index integer not null, accepted_s integer not null, list integer, list_index integer,
            primary key (issuer, method, digest)
        ) strict, without rowid
        """
    )
    connection.execute("begin immediate")
    connection.executemany(
        "insert into entries (issuer, method, digest, batch, leaf_index, accepted_s) values (1, ?, ?, 1, ?, 0)",
        ((METHOD_JCS, digests[at : at + 32], at // 32 + 1) for at in range(0, len(digests), 32)),
    )
    connection.execute("commit")
    connection.close()


def _plain_tree(digests: bytes) -> None:
    prefix = b"\x00\x01\x01" + bytes(32) + bytes([METHOD_JCS])
    suffix = b"\xff" * 16
    sha256 = hashlib.sha256
    level = [sha256(prefix + digests[at : at + 32] + suffix).digest() for at in range(0, len(digests), 32)]
    while len(level) > 1:
        odd = level[len(level) & ~1 :]
        level = [sha256(b"\x01" + level[at] + level[at + 1]).digest() for at in range(0, len(level) - 1, 2)]
        level += odd


def _timed(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _print(rows: list[Row], digests: int, *, as_json: bool) -> None:
    if as_json:
        print(
            json.dumps({"digests": digests, "cores": os.cpu_count(), "rows": [asdict(row) for row in rows]})
        )
        return
    print(f"{digests:,} digests, {os.cpu_count()} cores; ratio to raw insert plus plain tree\n")
    for row in rows:
        print(f"{row.name:<32} {row.seconds:8.3f} s  x{row.ratio:6.3f}  {row.note}")


if __name__ == "__main__":
    main()
