"""Re-verifies every promise from database, chain and published files (docs/protocol.md, Promises)."""

from anchor.fsck.findings import Check, Problem
from anchor.fsck.run import FsckReport, check_everything

__all__ = ["Check", "FsckReport", "Problem", "check_everything"]
