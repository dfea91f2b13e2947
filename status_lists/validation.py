"""The verifier's algorithm: what a list that was had and verified says about one credential."""

from __future__ import annotations

from dataclasses import dataclass

from status_lists.bitstring import entry_count, get_entry
from status_lists.credential import MESSAGE, MIN_ENTRIES, UNSET_AND_SET
from status_lists.errors import ListNotCurrent, ListTooShort, VerificationFailed
from status_lists.published import PublishedList, StatusEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryStatus:
    """The result of the specification's algorithm: the entry's value, its purpose, and what they mean.

    `is_valid` is the specification's `valid`: the value is 0. For the purposes `refresh` and `message`
    another value does not make the credential invalid; for `revocation` and `suspension` it does.
    """

    status: int
    purpose: str
    is_valid: bool
    message: str | None


def check_status(
    entry: StatusEntry,
    published: PublishedList,
    *,
    now_ms: int,
    min_entries: int = MIN_ENTRIES,
) -> EntryStatus:
    """Read a credential's status from its list, by W3C Bitstring Status List v1.0, section 3.2.

    Requires a list whose signature was verified (first half of step 4). `now_ms` is the verifier's time in
    Unix milliseconds. Steps by the specification's numbers:

    1. `entry` is the BitstringStatusListEntry of the credential to validate. 2. `min_entries` is 131,072
    unless an ecosystem sets another bound. 3. the purpose is the entry's. 4. the list is the one that the
    entry names, so that no other list of the same issuer passes for it, and it is in force now, so that no
    old list hides a revocation. Else VerificationFailed, or ListNotCurrent for the dates. 5. the list serves
    the entry's purpose, so that a suspension is not read as a revocation; and its entries, where it says
    their size, are as large as this one, so that no other credential's bits are read. Else
    VerificationFailed. 6. to 8. the bitstring was expanded when the list was parsed. 9. the list is long
    enough to hide the holder among others. Else ListTooShort. 10. the index lies in the list. Else
    OutOfRange. 11. to 15. the result; the messages are the entry's, to which the issuer committed when it
    issued the credential, before the list's.
    """
    if published.url is not None and published.url != entry.list_url:  # (4)
        raise VerificationFailed("the list names another URL as its own than the entry does")
    _check_dates(published, now_ms)
    if entry.purpose not in published.purposes:  # (5)
        raise VerificationFailed(f"the list does not serve the purpose {entry.purpose[:32]!r}")
    if published.bits_per_entry not in (None, entry.bits_per_entry):
        raise VerificationFailed(
            f"the list has entries of {published.bits_per_entry} bits, and the credential one of "
            f"{entry.bits_per_entry}"
        )
    count = entry_count(published.bits, entry.bits_per_entry)
    if count < min_entries:  # (9)
        raise ListTooShort(f"the list has {count} entries; {min_entries} is the least")
    status = get_entry(published.bits, entry.index, entry.bits_per_entry)  # (10)
    message = None
    if entry.purpose == MESSAGE:  # (14)
        message = (entry.messages or published.messages or UNSET_AND_SET)[status]
    return EntryStatus(status=status, purpose=entry.purpose, is_valid=status == 0, message=message)


def _check_dates(published: PublishedList, now_ms: int) -> None:
    """Check the validity period, both ends included (VC Data Model v2.0, section 4.9)."""
    if published.valid_from_ms is not None and now_ms < published.valid_from_ms:
        early_s = (published.valid_from_ms - now_ms) / 1_000
        raise ListNotCurrent(f"the list is from {early_s:.1f} s in the future; check both clocks")
    if published.valid_until_ms is not None and now_ms > published.valid_until_ms:
        late_s = (now_ms - published.valid_until_ms) / 1_000
        raise ListNotCurrent(f"the list ended {late_s:.1f} s ago; fetch it again")
