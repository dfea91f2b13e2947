"""Lists that are sound but not the one that the entry needs, and lists that nobody entitled to has signed."""

from __future__ import annotations

from bad_lists.model import (
    MALFORMED,
    NOW_MS,
    URL,
    VERIFICATION,
    Case,
    entered,
    good_entry,
    listed,
    with_members,
    with_subject,
)
from status_lists.datetimes import format_datetime


def match_cases() -> list[Case]:
    """Give lists that are sound, and not the one that the entry needs, or not now."""
    early, late = format_datetime(NOW_MS + 1), format_datetime(NOW_MS - 1)
    entity = URL + "?of=college&amp;part=1"
    return [
        listed(
            "list of another URL", "not the list the entry names", VERIFICATION, with_members(id=URL + "1")
        ),
        entered(
            "entry of another URL",
            "not the list the entry names",
            VERIFICATION,
            good_entry(5, statusListCredential=URL + "1"),
        ),
        Case(
            name="HTML entity in the URL",
            why="&amp; is five characters, not &: a reader that decodes entities takes two URLs for one",
            expect=VERIFICATION,
            change=with_members(id=entity),
            entry=good_entry(5, statusListCredential=entity.replace("&amp;", "&")),
        ),
        listed(
            "another purpose",
            "a suspension is no revocation",
            VERIFICATION,
            with_subject(statusPurpose="suspension"),
        ),
        listed(
            "array of other purposes",
            "none of them is the entry's; two deployed readers stumble over the array",
            VERIFICATION,
            with_subject(statusPurpose=["suspension", "refresh"]),
        ),
        entered(
            "entry for another purpose",
            "the list does not serve it",
            VERIFICATION,
            good_entry(5, statusPurpose="suspension"),
        ),
        listed("list from the future", "by one millisecond", VERIFICATION, with_members(validFrom=early)),
        listed("expired list", "by one millisecond", VERIFICATION, with_members(validUntil=late)),
        Case(
            name="list of larger entries",
            why="its statusSize is 2, the entry's 1: the bits at 5 are another credential's",
            expect=VERIFICATION,
            entry=good_entry(5, statusPurpose="message"),
            securing="messages",
        ),
    ]


def signature_cases() -> list[Case]:
    """Give lists that are what the entry needs, and that nobody entitled to has signed."""
    reasons = {
        "no proof": "an unsigned list can be anyone's",
        "bits changed after signing": "entry 5 was cleared; a verifier that checks no signature reads: not revoked",
        "signature of another issuer": "the key is trusted, but for the lists of another issuer",
        "issuer not trusted": "soundly signed by its issuer, of whom the verifier knows nothing",
        "key not trusted": "the list names a key that its issuer has withdrawn",
        "another key than it names": "signed with one key under the name of another",
        "signature cut short": "63 bytes",
        "proof for another purpose": "authentication proves no list",
        "undefined member added": "no context defines it, so the signature does not cover it",
        "member named twice": "two readers read two lists",
        "token with alg none": "an unsigned token",
        "token with a MAC": "made with the public key as the secret",
        "token of another type": "signed by the issuer for something else",
        "token that has expired": "its own exp has passed",
        "token for another issuer": "its iss is not the list's issuer",
    }
    other = {"member named twice": MALFORMED}
    return [
        Case(name=name, why=why, expect=other.get(name, VERIFICATION), securing=name)
        for name, why in reasons.items()
    ]
