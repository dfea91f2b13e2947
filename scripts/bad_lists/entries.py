"""Entries that no status can be read for."""

from __future__ import annotations

from bad_lists.model import MALFORMED, MESSAGES, RANGE, URL, Case, Document, entered, good_entry


def entry_cases() -> list[Case]:
    """Give entries that no status can be read for."""
    good = good_entry(5)
    two_bits = {"statusSize": 2, "statusMessage": MESSAGES}
    indexes: list[tuple[str, object, str]] = [
        (
            "hexadecimal",
            "0x0c",
            "read as 0 or 12 by lenient parsers, so that a revoked credential reads as fine",
        ),
        ("with letters", "12abc", "read as 12 by lenient parsers"),
        ("negative", "-1", "must not wrap round to the last entry"),
        ("with a leading zero", "05", "read as octal by some parsers; not how an integer is written"),
        ("with a fraction", "5.0", "an index is an integer"),
        ("with an exponent", "5e0", "an index is an integer in base 10"),
        ("with a space", " 5", "an index has digits only"),
        ("with a sign", "+5", "an index has digits only"),
        ("in other digits", "\u0665", "digits are those of ASCII"),
        ("empty", "", "read as 0 by lenient parsers"),
        ("true", True, "read as 1 by lenient parsers"),
        ("a fraction", 5.5, "an index is an integer"),
        ("an array", ["5"], "one index, not a list of them"),
    ]
    return [
        *(entered(f"index {name}", why, MALFORMED, good_entry(index)) for name, index, why in indexes),
        entered("no index", "statusListIndex is required", MALFORMED, _without(good, "statusListIndex")),
        entered("index of the length", "the last index is 131,071", RANGE, good_entry("131072")),
        entered("index beyond all lists", "no wrapping round at 2^64", RANGE, good_entry(2**64 + 5)),
        entered(
            "entry of another type", "another mechanism", MALFORMED, good_entry(5, type="StatusList2021Entry")
        ),
        entered(
            "entry with the list's URL as id",
            "the id must not be the list's URL",
            MALFORMED,
            good_entry(5, id=URL),
        ),
        entered("no list URL", "nothing to fetch", MALFORMED, _without(good, "statusListCredential")),
        entered(
            "relative list URL", "no URL", MALFORMED, good_entry(5, statusListCredential="/status-lists/0")
        ),
        entered("entry without purpose", "required", MALFORMED, _without(good, "statusPurpose")),
        entered(
            "entry of several purposes", "one string", MALFORMED, good_entry(5, statusPurpose=["revocation"])
        ),
        entered("entry of 0 bits", "positive", MALFORMED, good_entry(5, statusSize=0)),
        entered(
            "entry size as text", "an integer", MALFORMED, good_entry(5, **{**two_bits, "statusSize": "2"})
        ),
        entered(
            "two bits without messages",
            "statusMessage is then required",
            MALFORMED,
            good_entry(5, statusSize=2),
        ),
        entered(
            "three messages for two bits",
            "one for each possible value",
            MALFORMED,
            good_entry(5, statusSize=2, statusMessage=MESSAGES[:3]),
        ),
        entered(
            "message status without 0x",
            "hexadecimal with its prefix",
            MALFORMED,
            good_entry(5, statusMessage=[{"status": "0", "message": "a"}, {"status": "1", "message": "b"}]),
        ),
    ]


def _without(entry: Document, name: str) -> Document:
    return {member: value for member, value in entry.items() if member != name}
