"""What a check found: each problem names the promise that it breaks and the place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is not as promised; `where` names a batch, list, digest or file."""

    check: str
    where: str
    message: str


@dataclass(slots=True)
class Check:
    """One check under way: counts what was looked at, collects what is wrong."""

    name: str
    looked_at: int = 0
    problems: list[Problem] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)

    def expect(self, holds: bool, where: str, message: str) -> bool:  # noqa: FBT001 - the claim itself
        """Count one look; note a problem unless the claim holds, and return whether it does."""
        self.looked_at += 1
        if not holds:
            self.problems.append(Problem(self.name, where, message))
        return holds

    def leave_open(self, reason: str) -> None:
        """Note that something could not be looked at."""
        self.unchecked.append(reason)

    def fail(self, where: str, message: str) -> None:
        """Note a problem."""
        self.expect(False, where, message)  # noqa: FBT003 - a claim that does not hold


def all_problems(checks: list[Check]) -> Iterator[Problem]:
    """Yield the problems of all checks, in their order."""
    for check in checks:
        yield from check.problems
