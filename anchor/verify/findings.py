"""What one step of a verification found: a sentence for people and, unless it passed, what it rules for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from anchor.core.verdict import Reason, Verdict


class Outcome(Enum):
    """How a step ended: checked and good, checked and bad, or not (yet) to be decided."""

    PASSED = "passed"
    FAILED = "failed"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of a report; `reason` is None where the step passed, `is_caution` where that holds with a limit."""

    step: str
    sentence: str
    reason: Reason | None = None
    is_caution: bool = False

    @property
    def outcome(self) -> Outcome:
        """Whether the step passed, failed, or stays open."""
        if self.reason is None:
            return Outcome.PASSED
        return Outcome.FAILED if self.reason.verdict.is_definite_no else Outcome.OPEN


def printable(text: str) -> str:
    """Return text with all escaped that a terminal would obey or hide: credentials bring their own words."""
    return "".join(
        character
        if character.isprintable()
        else character.encode("unicode_escape", "backslashreplace").decode()
        for character in text
    )


def passed(step: str, sentence: str) -> Finding:
    """Return the finding of a step in which nothing was wrong."""
    return Finding(step=step, sentence=printable(sentence))


def cautioned(step: str, sentence: str) -> Finding:
    """Return the finding of a step that passed, with a limit that people must see; it rules nothing out."""
    return Finding(step=step, sentence=printable(sentence), is_caution=True)


def ruled(step: str, verdict: Verdict, code: str, sentence: str) -> Finding:
    """Return a finding that rules for a verdict; `code` is stable, for programs."""
    shown = printable(sentence)
    return Finding(step=step, sentence=shown, reason=Reason(verdict=verdict, code=code, message=shown))


def unknown(step: str, code: str, sentence: str) -> Finding:
    """Return the finding of a step that could not be carried out: never `valid`, and never a definite no."""
    return ruled(step, Verdict.UNKNOWN, code, sentence)
