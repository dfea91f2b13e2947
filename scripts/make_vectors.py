"""Write the vectors of tests/vectors that this project defines itself (format: tests/vectors/README.md).

python scripts/make_vectors.py          write them
python scripts/make_vectors.py --check  exit 1 if a file differs from what would be written

Every input stands in the modules beside this one, so the files are the same on every machine.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from digest_vectors import digests
from proof_vectors import proofs
from tree_vectors import entries, roots, trees

VECTORS = Path(__file__).resolve().parent.parent / "tests" / "vectors"


def main() -> int:
    """Write all files, or compare them; return the exit code."""
    made = {
        "digests.json": digests(),
        "entries.json": entries(),
        "trees.json": trees(),
        "roots.json": roots(),
        "proofs.json": proofs(),
    }
    texts = {name: (json.dumps(value, indent=1) + "\n").encode("ascii") for name, value in made.items()}
    if "--check" in sys.argv[1:]:
        differing = [name for name, text in texts.items() if not _holds(VECTORS / name, text)]
        print("\n".join(f"differs: tests/vectors/{name}" for name in differing) or "all as they should be")
        return 1 if differing else 0
    for name, text in texts.items():
        (VECTORS / name).write_bytes(text)
        print(f"wrote tests/vectors/{name}")
    return 0


def _holds(path: Path, text: bytes) -> bool:
    return path.exists() and path.read_bytes() == text


if __name__ == "__main__":
    sys.exit(main())
