#!/usr/bin/env python3
"""Check a credential with its proof: `anchor verify` as a program.

python scripts/check_proof.py CREDENTIAL [--proof FILE] [--trust FILE]
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from anchor.cli import main

main(["verify", *sys.argv[1:]], prog_name="anchor")
