"""
Disturb a service for some minutes, and count what it lost: nothing.

Kills, reorganisations, endpoints that fail or lie, fee spikes and parallel issuers, all drawn from one seed. At the
end everything is left to become final; then every acknowledged digest is looked up, its proof led to the chain, and
`anchor fsck` and `anchor audit` run. Exit code 1 where anything was lost, anchored twice, or is not as promised.

Examples:
    python scripts/soak.py --minutes 10
    python scripts/soak.py --minutes 1 --seed 7

"""

from __future__ import annotations

import argparse
import asyncio
import secrets
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.soak.run import soak

BAR = 40


def main() -> None:
    """Run, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--minutes", type=float, default=10.0, help="how long to disturb (default %(default)s)"
    )
    parser.add_argument("--seed", type=int, help="draw the same faults and load again; random where left out")
    arguments = parser.parse_args()
    seed = secrets.randbelow(2**32) if arguments.seed is None else arguments.seed
    seconds = arguments.minutes * 60
    print(f"soak: {arguments.minutes:g} minutes, seed {seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        run = soak(
            folder=Path(folder) / "service",
            seconds=seconds,
            seed=seed,
            on_progress=lambda passed: _show(passed, seconds),
        )
        outcome = asyncio.run(run)
    if sys.stderr.isatty():
        print(file=sys.stderr)
    print(outcome.table())
    for violation in outcome.violations[:20]:
        print(f"BROKEN: {violation}")
    raise SystemExit(0 if outcome.is_sound else 1)


def _show(passed: float, seconds: float) -> None:
    """Draw a progress bar, on a terminal only."""
    if sys.stderr.isatty():
        done = round(BAR * min(1.0, passed / seconds))
        print(
            f"\r[{'#' * done}{'.' * (BAR - done)}] {passed:4.0f} of {seconds:.0f} s", end="", file=sys.stderr
        )


if __name__ == "__main__":
    main()
