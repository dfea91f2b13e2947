"""
Measure what it costs to verify evidence of a status entry: from the file's bytes to the root, without any chain.

Evidence of one entry, and of both lists of a pair, for publishers with 2 and with 1,024 lists of 131,072 entries.

Examples:
    python scripts/bench_evidence.py
    python scripts/bench_evidence.py --rounds 5000

"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from anchor.documents import BatchDocument, cut_evidence
from anchor.verify.evidence_files import evidence_text, parse_evidence_file
from tests.support.fake_chain import FakeChain, address
from tests.support.publisher import Publisher, did_key_issuer

ROUNDS = 2_000
PAIRS = (1, 512)
INDEX = 4_711


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement: microseconds of CPU for one verification, and the size of the file."""

    name: str
    cpu_us: float
    size_bytes: int


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--rounds", type=int, default=ROUNDS, help="how many times each (default %(default)s)"
    )
    rounds = parser.parse_args().rounds
    for row in rows(rounds=rounds):
        print(f"{row.name:<46} {row.cpu_us:8.1f} µs of CPU  {row.size_bytes:6,} bytes")


def rows(*, rounds: int = ROUNDS) -> Iterator[Row]:
    """Yield the measurements."""
    for pairs in PAIRS:
        batch, bits = _batch(pairs)
        for numbers in ((0,), (0, 1)):
            content = evidence_text([cut_evidence(batch, number, bits, INDEX) for number in numbers]).encode()
            name = f"evidence of {len(numbers)} of {2 * pairs:,} lists: verified"
            yield Row(name, _cpu_us(content, batch.root, rounds), len(content))


def _batch(pairs: int) -> tuple[BatchDocument, bytes]:
    chain = FakeChain()
    chain.mine()
    with tempfile.TemporaryDirectory() as folder:
        publisher = Publisher(chain=chain, account=address(1), folder=Path(folder))
        for _ in range(pairs):
            publisher.add_pair(did_key_issuer(1))
        return publisher.anchor(publish=False).document, bytes(publisher.lists[0].bits)


def _cpu_us(content: bytes, root: bytes, rounds: int) -> float:
    started = time.process_time()
    for _ in range(rounds):
        for document in parse_evidence_file(content):
            if document.root() != root or document.value() != 0:
                raise SystemExit("the evidence does not lead to its root")
    return (time.process_time() - started) / rounds * 1_000_000


if __name__ == "__main__":
    main()
