"""What a verifier read in a credential, and the findings that rule out `valid` where it could not read all."""

from __future__ import annotations

from dataclasses import dataclass

from anchor.core.strict_json import JsonValue
from anchor.core.verdict import Verdict
from anchor.verify.findings import Finding, unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a credential says; of several values all count: latest start, earliest end, every issuer."""

    issuers: tuple[str, ...] = ()
    starts_ms: tuple[int, ...] = ()
    ends_ms: tuple[int, ...] = ()
    status_entries: tuple[JsonValue, ...] = ()
    status_claims: tuple[JsonValue, ...] = ()
    problems: tuple[Finding, ...] = ()

    @property
    def names_dates(self) -> bool:
        """Whether a start or an end was read."""
        return bool(self.starts_ms or self.ends_ms)

    @property
    def is_tampered(self) -> bool:
        """Whether something was added to the credential that its issuer never signed."""
        return any(
            problem.reason is not None and problem.reason.verdict is Verdict.TAMPERED
            for problem in self.problems
        )


NOTHING = Reading()


def merge(*readings: Reading) -> Reading:
    """Return all that several readings found, each issuer and each finding once."""
    return Reading(
        issuers=tuple(dict.fromkeys(name for reading in readings for name in reading.issuers)),
        starts_ms=tuple(start for reading in readings for start in reading.starts_ms),
        ends_ms=tuple(end for reading in readings for end in reading.ends_ms),
        status_entries=tuple(entry for reading in readings for entry in reading.status_entries),
        status_claims=tuple(claim for reading in readings for claim in reading.status_claims),
        problems=tuple(dict.fromkeys(problem for reading in readings for problem in reading.problems)),
    )


def problem_with(finding: Finding) -> Reading:
    """Return a reading of nothing but a finding."""
    return Reading(problems=(finding,))


def unreadable(detail: str) -> Reading:
    """Return the reading of a credential that has the form of one, but says nothing that can be read."""
    return problem_with(
        unknown("issuer", "credential_unreadable", f"the credential cannot be read: {detail}")
    )


def not_read(detail: str) -> Reading:
    """Return the reading of a file with a credential inside that is not looked into: it may name anybody."""
    return problem_with(
        unknown(
            "issuer", "credential_not_read", f"the file holds a credential that is not read here: {detail}"
        )
    )
