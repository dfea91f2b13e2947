"""Verdicts: the order in which the first that applies is given."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from anchor.core.verdict import Reason, Verdict, decide

PRECEDENCE = [
    "tampered",
    "not_anchored",
    "issuer_mismatch",
    "revoked",
    "expired",
    "suspended",
    "not_yet_valid",
    "unknown",
    "pending",
    "valid",
]


def reason(verdict: Verdict) -> Reason:
    """Return some reason for a verdict."""
    return Reason(verdict=verdict, code="code", message="message")


def test_verdicts_stand_in_the_order_of_the_protocol() -> None:
    """The ten verdicts and their precedence are a promise to programs."""
    assert [verdict.value for verdict in Verdict] == PRECEDENCE


def test_decide_without_reasons_is_valid() -> None:
    """Nothing was found against the credential, and nothing was left unchecked."""
    assert decide([]) is Verdict.VALID


@given(st.lists(st.sampled_from(Verdict)))
def test_decide_among_any_reasons_gives_the_first_in_precedence(verdicts: list[Verdict]) -> None:
    """Neither the order of the reasons nor their number matters."""
    expected = next((name for name in PRECEDENCE if Verdict(name) in verdicts), "valid")

    assert decide(reason(verdict) for verdict in verdicts).value == expected


@given(st.lists(st.sampled_from(Verdict)))
def test_decide_with_anything_unchecked_is_never_valid(verdicts: list[Verdict]) -> None:
    """What could not be checked rules out `valid`, and turns no other verdict into a better one."""
    before = decide(map(reason, verdicts))
    after = decide(map(reason, [*verdicts, Verdict.UNKNOWN]))

    assert after not in (Verdict.VALID, Verdict.PENDING)
    assert after is (before if before.is_definite_no else Verdict.UNKNOWN)


def test_definite_no_is_every_verdict_but_the_last_three() -> None:
    """`unknown`, `pending` and `valid` are no refusal on checked facts."""
    assert [verdict.value for verdict in Verdict if verdict.is_definite_no] == PRECEDENCE[:7]
