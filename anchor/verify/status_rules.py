"""What the value of a status entry rules: the same for lists, for evidence, and for lists of others."""

from __future__ import annotations

from dataclasses import dataclass

from anchor.core.entries import Purpose
from anchor.core.verdict import Verdict
from anchor.verify.as_of import AsOf
from anchor.verify.findings import Finding, Outcome, passed, ruled, unknown
from anchor.verify.status_places import Place
from status_lists import StatusEntry as DeclaredEntry

STEP = "status"
RULES = {
    Purpose.REVOCATION: (Verdict.REVOKED, "revoked"),
    Purpose.SUSPENSION: (Verdict.SUSPENDED, "suspended"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusRead:
    """What was found out about status in the publisher's own lists.

    `elsewhere` are entries in lists of somebody else; `as_of` is None where nothing was read at any root;
    `is_superseded` says that some of it was read at a root that another replaced, `has_moved` that the publisher
    has left the anchorage.
    """

    findings: tuple[Finding, ...]
    elsewhere: tuple[DeclaredEntry, ...] = ()
    as_of: AsOf | None = None
    is_superseded: bool = False
    has_moved: bool = False

    @property
    def suffices(self) -> bool:
        """Whether nothing that could be read elsewhere would be of use: all is known, or enough against it."""
        outcomes = {finding.outcome for finding in self.findings}
        return Outcome.FAILED in outcomes or Outcome.OPEN not in outcomes


def judge(place: Place, *, now: int | None, soon: int | None = None) -> Finding | None:
    """Return what one entry says: the worse of its anchored value and of that in a newer list.

    None where the anchored value is missing and the newer one says nothing against the credential.
    """
    purpose = place.state.entry.purpose
    if purpose not in RULES:
        value = now if soon is None else soon
        return None if value is None else passed(STEP, f"its {purpose.label} entry is {value:#x}")
    verdict, word = RULES[purpose]
    where = f"list {place.state.number}, index {place.index}"
    if now:
        lifted = "; a newer list lifts it, but is not anchored yet" if soon == 0 else ""
        return ruled(STEP, verdict, word, f"it is {word} ({where}){lifted}")
    if soon:
        return ruled(
            STEP, verdict, "not_yet_anchored", f"it is {word} by a signed list not yet anchored ({where})"
        )
    return None if now is None else passed(STEP, f"it is not {word} ({where})")


def unreadable(code: str, sentence: str) -> StatusRead:
    """Return the reading that found nothing out."""
    return StatusRead(findings=(unknown(STEP, code, sentence),))
