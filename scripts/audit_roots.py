#!/usr/bin/env python3
"""List and check everything that a publisher anchored: `anchor audit` as a program.

python scripts/audit_roots.py --rpc URL --contract 0x… --publisher 0x… [--service URL]
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from anchor.cli import main

main(["audit", *sys.argv[1:]], prog_name="anchor")
