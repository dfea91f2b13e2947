"""
Measure lists of many sizes beside the npm library that issuers use today, in one run.

For each size and share of entries set: encode in one piece and in segments, one change until the text is ready
again, the same until the list is signed (eddsa-rdfc-2022), and until it is signed in all five forms that the
service publishes, decode; and peak memory. Both libraries get the same
bits, each in a process of its own; a figure is the fastest of some runs, since other work on the machine only
adds. Figures are worth something only as ratios of one run: machines differ. Without Node.js or the npm packages
of tests/interop their columns stay empty.

Examples:
    python scripts/bench_lists.py
    python scripts/bench_lists.py --entries 131072 --entries 1000000
    python scripts/bench_lists.py --json

"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from anchor.core.entries import Purpose
from anchor.service.list_signing import Signing, sign_forms
from anchor.service.live_lists import EncodedBits
from anchor.store.records import DueList, ListSigner, SignerKind
from status_lists import ListKey, StatusList, list_document, sign_list, verification_method_of
from status_lists.encoding import compression_level, decode_list, encode_list
from status_lists.segments import SegmentedBits

ENTRIES = (131_072, 1_000_000, 10_000_000, 100_000_000)
NPM_MAX_ENTRIES = 10_000_000
FILLS = ("empty", "1 %", "half")

NPM_FOLDER = Path(__file__).parents[1] / "tests" / "interop"
NPM_SCRIPT = NPM_FOLDER / "bench_lists.mjs"
NPM_TIMEOUT_S = 1_800

MIN_RUNS = 3
MAX_RUNS = 50
ENOUGH_S = 1.0

CHUNK_BITS = 512
NOW_MS = 1_767_225_600_000
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What one library does with one list: milliseconds, the length of the text, peak memory of its process."""

    encode_ms: float
    decode_ms: float
    change_ms: float
    signed_ms: float
    text_chars: int
    peak_mib: int
    all_forms_ms: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One list: our figures, those of encoding in one piece, and npm's where there are any."""

    entries: int
    fill: str
    ours: Figures
    one_piece_ms: float
    one_piece_chars: int
    npm: Figures | None


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--entries", type=int, action="append", help="a size, repeatable (default: four sizes)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    reason = _why_no_npm()
    if reason:
        print(f"npm's figures are left out: {reason}", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        rows = [
            _measure(entries, fill, Path(folder), has_npm=not reason)
            for entries in arguments.entries or ENTRIES
            for fill in FILLS
        ]
    if arguments.json:
        print(json.dumps({"cores": os.cpu_count(), "rows": [asdict(row) for row in rows]}))
    else:
        _print(rows)


def _why_no_npm() -> str:
    if shutil.which("node") is None:
        return "there is no Node.js"
    if not (NPM_FOLDER / "node_modules" / "@digitalbazaar" / "vc-bitstring-status-list").is_dir():
        return "run `npm install` in tests/interop"
    return ""


def _measure(entries: int, fill: str, folder: Path, *, has_npm: bool) -> Row:
    path = folder / "bits"
    path.write_bytes(_bits(entries, fill))
    # A process of its own for each list, so that one's peak of memory is not another's.
    spawning = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=spawning) as pool:
        ours = pool.submit(_measure_ours, path).result()
    with ProcessPoolExecutor(max_workers=1, mp_context=spawning) as pool:
        one_piece_ms, one_piece_chars = pool.submit(_measure_one_piece, path).result()
    return Row(
        entries=entries,
        fill=fill,
        ours=ours,
        one_piece_ms=one_piece_ms,
        one_piece_chars=one_piece_chars,
        npm=_measure_npm(path) if has_npm and entries <= NPM_MAX_ENTRIES else None,
    )


def _bits(entries: int, fill: str) -> bytes:
    chance = random.Random(2026)
    size_bytes = -(-entries // CHUNK_BITS) * CHUNK_BITS // 8  # whole chunks, as a list that is anchored has
    if fill == "half":
        return chance.randbytes(size_bytes)
    bits = bytearray(size_bytes)
    for _ in range(0 if fill == "empty" else entries // 100):
        index = chance.randrange(entries)
        bits[index // 8] |= 0x80 >> index % 8
    return bytes(bits)


def _measure_ours(path: Path) -> Figures:
    bits = path.read_bytes()
    kept = SegmentedBits.from_bits(bits)
    text = kept.encoded()
    key = ListKey(bytes(32))
    status_list = StatusList(
        url="https://lists.example/3", issuer=key.did_key, purpose="revocation", length=len(bits) * 8
    )
    document = list_document(
        status_list, bytes(len(bits)), valid_from_ms=NOW_MS, valid_until_ms=NOW_MS + DAY_MS, ttl_ms=300_000
    )
    subject = document["credentialSubject"]
    if not isinstance(subject, dict):
        raise TypeError("credentialSubject is no object")
    chance = random.Random(7)

    def change() -> str:
        index = chance.randrange(kept.length)
        kept.set(index, 1 - kept.get(index))
        return kept.encoded()

    def change_and_sign() -> None:
        signed = {**document, "credentialSubject": {**subject, "encodedList": change()}}
        sign_list(signed, key=key, verification_method=verification_method_of(key), created_ms=NOW_MS)

    def change_and_sign_all() -> None:
        encoded = EncodedBits(encoded_list=change(), token_list=kept.token_list(), bits_root=b"")
        sign_forms(_due(kept.bits()), encoded, status_list, _signing(key))

    kept.token_list()
    return Figures(
        encode_ms=_fastest_ms(lambda: SegmentedBits.from_bits(bits).encoded()),
        decode_ms=_fastest_ms(lambda: decode_list(text, max_bytes=len(bits))),
        change_ms=_fastest_ms(change),
        signed_ms=_fastest_ms(change_and_sign),
        all_forms_ms=_fastest_ms(change_and_sign_all),
        text_chars=len(text),
        peak_mib=_peak_mib(),
    )


def _due(bits: bytes) -> DueList:
    signer = ListSigner(
        kind=SignerKind.MANAGED, did="", verification_method="", public_key=b"", sealed_seed=b""
    )
    return DueList(
        number=3,
        issuer_number=1,
        issuer="",
        purpose=Purpose.REVOCATION,
        bits_per_entry=1,
        length=len(bits) * 8,
        messages=(),
        signer=signer,
        previous_version=None,
        changes=0,
        bits=bits,
    )


def _signing(key: ListKey) -> Signing:
    return Signing(
        key=key,
        verification_method=verification_method_of(key),
        token_key=key,
        token_method=verification_method_of(key),
        version=NOW_MS,
        valid_until_ms=NOW_MS + DAY_MS,
        ttl_ms=300_000,
        aggregation_uri="https://lists.example/v1/issuers/1/status-lists",
    )


def _measure_one_piece(path: Path) -> tuple[float, int]:
    bits = path.read_bytes()
    level = compression_level(len(bits))
    return _fastest_ms(lambda: encode_list(bits, level=level)), len(encode_list(bits, level=level))


def _measure_npm(path: Path) -> Figures:
    completed = subprocess.run(  # noqa: S603 - our own script
        ["node", str(NPM_SCRIPT), str(path)],  # noqa: S607 - whichever Node.js is installed
        capture_output=True,
        check=True,
        timeout=NPM_TIMEOUT_S,
        cwd=NPM_FOLDER,
    )
    return Figures(**json.loads(completed.stdout))


def _fastest_ms(work: Callable[[], object]) -> float:
    runs: list[float] = []
    begun = time.perf_counter()
    while len(runs) < MIN_RUNS or (len(runs) < MAX_RUNS and time.perf_counter() - begun < ENOUGH_S):
        started = time.perf_counter()
        work()
        runs.append(time.perf_counter() - started)
    return min(runs) * 1_000


def _peak_mib() -> int:
    status = Path("/proc/self/status")
    if not status.exists():
        return 0
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) // 1024


def _print(rows: list[Row]) -> None:
    print(
        f"{os.cpu_count()} cores, zlib {zlib.ZLIB_RUNTIME_VERSION}; milliseconds, and how many times npm's are ours\n"
    )
    print(f"{'entries':>11} {'set':>5}  {'operation':<28} {'ours':>10} {'npm':>10} {'ratio':>8}")
    for row in rows:
        npm = row.npm
        lines = (
            ("encode, in one piece", row.one_piece_ms, npm and npm.encode_ms),
            ("encode, in segments", row.ours.encode_ms, npm and npm.encode_ms),
            ("one change, encoded", row.ours.change_ms, npm and npm.change_ms),
            ("one change, encoded, signed", row.ours.signed_ms, npm and npm.signed_ms),
            ("the same in all five forms", row.ours.all_forms_ms, None),
            ("decode", row.ours.decode_ms, npm and npm.decode_ms),
        )
        for operation, ours_ms, npm_ms in lines:
            if ours_ms is None:
                continue
            theirs = f"{npm_ms:10.2f} {npm_ms / ours_ms:7.1f}x" if npm_ms else ""
            print(f"{row.entries:>11,} {row.fill:>5}  {operation:<28} {ours_ms:10.2f} {theirs}")
        sizes = f"text {row.ours.text_chars:,} (one piece {row.one_piece_chars:,}"
        memory = f"peak memory {row.ours.peak_mib} MiB"
        if npm:
            sizes, memory = f"{sizes}, npm {npm.text_chars:,}", f"{memory}, npm {npm.peak_mib} MiB"
        print(f"{'':>17}  {sizes}); {memory}\n")


if __name__ == "__main__":
    main()
