"""The cases that must be read: a verifier that refuses everything is no verifier."""

from __future__ import annotations

from typing import Any

from bad_lists.model import MESSAGES, Case, good_entry, with_bits, with_subject, without


def good_cases() -> list[Case]:
    """Give lists and entries that must be read: a verifier that refuses everything is no verifier."""

    def read(name: str, why: str, index: object, status: int, **facts: Any) -> Case:
        expect = {"status": status, "purpose": "revocation", "valid": status == 0}
        return Case(name=name, why=why, expect=expect, entry=good_entry(index), **facts)

    return [
        read("good: a set bit", "entry 5 is set: 0x04 in the first byte", 5, 1),
        read(
            "good: mirrored within its byte",
            "a reader that counts bits from the right takes this entry for revoked, and entry 5 for fine",
            2,
            0,
        ),
        read(
            "good: mirrored within the list",
            "so does one that counts from the end of the list",
            131_066,
            0,
        ),
        read("good: the first entry", "index 0 is the left-most bit", 0, 0),
        read("good: the last entry", "index 131,071 is the right-most bit", 131_071, 0),
        read("good: the other set bit", "entry 94,567 is the right-most bit of its byte", 94_567, 1),
        read(
            "good: several purposes",
            "the entry's purpose is one of the list's",
            5,
            1,
            change=with_subject(statusPurpose=["suspension", "revocation"]),
        ),
        read("good: no validUntil", "a list need not say when it ends", 5, 1, change=without("validUntil")),
        read("good: no id", "a list need not name its URL", 5, 1, change=without("id")),
        read(
            "good: issuer as object",
            "the issuer may be an object with an id",
            5,
            1,
            change=lambda document: document.update(issuer={"id": document["issuer"], "name": "College"}),
        ),
        read(
            "good: 100,000 entries where that is allowed",
            "deployed lists of this size are read under a lower bound that the verifier has set",
            5,
            0,
            change=with_bits(bytes(12_500)),
            min_entries=100_000,
        ),
        read(
            "good: an earlier key of the issuer",
            "keys change; a list keeps the key it was signed with",
            5,
            1,
            securing="earlier key",
        ),
        read("good: ES256", "a token signed on P-256", 5, 1, securing="ES256"),
        Case(
            name="good: a message",
            why="bits 10 and 11: the value is 0x2",
            expect={"status": 2, "purpose": "message", "valid": False, "message": "m2"},
            entry=good_entry(5, statusPurpose="message", statusSize=2, statusMessage=MESSAGES),
            securing="messages",
        ),
    ]
