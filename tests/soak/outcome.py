"""What a soak run came to, and its table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Outcome:
    """Figures of one run; `violations` are broken promises in words, `fsck` and `audit` exit codes."""

    seed: int
    seconds: float
    faults: Mapping[str, int]
    starts: int
    requests: int
    repeats: int
    digests: int
    lost: int
    twice: int
    changes: int
    changes_lost: int
    sequences: int
    reverted: int
    fsck: int
    audit: int
    violations: tuple[str, ...]

    @property
    def is_sound(self) -> bool:
        """Whether nothing was lost, and nothing happened twice."""
        return not (
            self.lost or self.twice or self.changes_lost or self.fsck or self.audit or self.violations
        )

    def table(self) -> str:
        """Return the table: faults by kind, then what came of it."""
        rows: list[tuple[str, object]] = [
            *sorted(self.faults.items()),
            ("faults injected", sum(self.faults.values())),
            ("starts of the service", self.starts),
            ("", ""),
            ("requests", self.requests),
            ("requests sent again", self.repeats),
            ("digests acknowledged", self.digests),
            ("digests lost", self.lost),
            ("digests anchored twice", self.twice),
            ("status entries changed", self.changes),
            ("status entries whose change was lost", self.changes_lost),
            ("sequences anchored", self.sequences),
            ("transactions that reverted", self.reverted),
            ("anchor fsck, exit code", self.fsck),
            ("anchor audit, exit code", self.audit),
            ("other broken promises", len(self.violations)),
            ("seconds", round(self.seconds)),
            ("seed", self.seed),
        ]
        width = max(len(name) for name, _ in rows)
        return "\n".join(f"{name:<{width}}  {value!s:>10}".rstrip() for name, value in rows)
