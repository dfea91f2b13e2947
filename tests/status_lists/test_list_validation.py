"""Lists and entries by anyone, and the verifier's algorithm: what is wrong, by the specification's names."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from status_lists.bitstring import set_entry
from status_lists.credential import StatusList, list_document, status_entry
from status_lists.encoding import encode_list
from status_lists.errors import ListNotCurrent, StatusListError, UnsupportedEntry
from status_lists.json_text import write_json_object
from status_lists.published import StatusEntry, parse_list_document, parse_status_entry
from status_lists.validation import EntryStatus, check_status
from tests.status_lists.json_values import JSON
from tests.status_lists.linked_data import load_vectors

SAMPLES = Path(__file__).parents[3] / "shared" / "samples"
URL = "https://lists.example/status-lists/0"
FROM_MS = 1_780_000_000_000
NOW_MS = FROM_MS + 60_000
MAX_BYTES = 16_384

Change = Callable[[dict[str, Any], dict[str, Any]], None]


def _document(*, set_index: int = 94_567) -> dict[str, Any]:
    status_list = StatusList(url=URL, issuer="did:web:college.example", purpose="revocation")
    bits = status_list.empty_bits()
    set_entry(bits, set_index, 1)
    return list_document(
        status_list, bits, valid_from_ms=FROM_MS, valid_until_ms=FROM_MS + 86_400_000, ttl_ms=300_000
    )


def _entry(index: int = 94_567) -> dict[str, Any]:
    return status_entry(URL, "revocation", index)


def _check(document: dict[str, Any], entry: dict[str, Any], *, now_ms: int = NOW_MS) -> EntryStatus:
    published = parse_list_document(write_json_object(document), max_bits_bytes=MAX_BYTES)
    return check_status(parse_status_entry(entry), published, now_ms=now_ms)


def test_check_status_set_bit_is_not_valid_and_neighbours_are() -> None:
    """The one credential whose bit is set is revoked; those beside it, and at its mirror place, are not."""
    assert _check(_document(), _entry()) == EntryStatus(
        status=1, purpose="revocation", is_valid=False, message=None
    )
    for index in (94_566, 94_568, 131_071 - 94_567, 94_567 ^ 7):
        assert _check(_document(), _entry(index)).is_valid


@given(st.integers(0, 131_071), st.integers(0, 131_071))
def test_check_status_reads_its_own_index_only(set_index: int, index: int) -> None:
    """A credential is revoked exactly if its own bit is set."""
    assert _check(_document(set_index=set_index), _entry(index)).is_valid == (set_index != index)


def _set_document(**members: object) -> Change:
    return lambda document, _entry: document.update(members)


def _set_subject(**members: object) -> Change:
    return lambda document, _entry: document["credentialSubject"].update(members)


def _set_entry(**members: object) -> Change:
    return lambda _document, entry: entry.update(members)


def _drop(*path: str) -> Change:
    def change(document: dict[str, Any], _entry: dict[str, Any]) -> None:
        holder = document
        for name in path[:-1]:
            holder = holder[name]
        del holder[path[-1]]

    return change


def _drop_entry(name: str) -> Change:
    return lambda _document, entry: entry.pop(name)


MALFORMED = "MALFORMED_VALUE_ERROR"
VERIFICATION = "STATUS_VERIFICATION_ERROR"
LENGTH = "STATUS_LIST_LENGTH_ERROR"
RANGE = "RANGE_ERROR"

BAD: dict[str, tuple[Change, str]] = {
    # the list: form
    "no context": (_drop("@context"), MALFORMED),
    "context as text": (_set_document(**{"@context": "https://www.w3.org/ns/credentials/v2"}), MALFORMED),
    "context of version 1": (
        _set_document(**{"@context": ["https://www.w3.org/2018/credentials/v1"]}),
        MALFORMED,
    ),
    "no type": (_drop("type"), MALFORMED),
    "another type": (_set_document(type=["VerifiableCredential"]), MALFORMED),
    "not a credential": (_set_document(type=["BitstringStatusListCredential"]), MALFORMED),
    "old type": (_set_document(type=["VerifiableCredential", "StatusList2021Credential"]), MALFORMED),
    "no issuer": (_drop("issuer"), MALFORMED),
    "issuer without id": (_set_document(issuer={"name": "College"}), MALFORMED),
    "issuer is a name": (_set_document(issuer="College"), MALFORMED),
    "id is a number": (_set_document(id=3), MALFORMED),
    "id is null": (_set_document(id=None), MALFORMED),
    "validFrom without offset": (_set_document(validFrom="2026-05-28T20:26:40"), MALFORMED),
    "validUntil is a number": (_set_document(validUntil=1_780_000_000), MALFORMED),
    "validUntil is null": (_set_document(validUntil=None), MALFORMED),
    "no subject": (_drop("credentialSubject"), MALFORMED),
    "two subjects": (_set_document(credentialSubject=[{}, {}]), MALFORMED),
    "subject of another type": (_set_subject(type="StatusList2021"), MALFORMED),
    "subject without type": (_drop("credentialSubject", "type"), MALFORMED),
    "no purpose in the list": (_drop("credentialSubject", "statusPurpose"), MALFORMED),
    "empty purposes": (_set_subject(statusPurpose=[]), MALFORMED),
    "purpose is a number": (_set_subject(statusPurpose=[1]), MALFORMED),
    "ttl is text": (_set_subject(ttl="300000"), MALFORMED),
    "ttl is true": (_set_subject(ttl=True), MALFORMED),
    "ttl is negative": (_set_subject(ttl=-1), MALFORMED),
    "ttl is a float": (_set_subject(ttl=1.5), MALFORMED),
    "statusSize of the list 0": (_set_subject(statusSize=0), MALFORMED),
    "statusSize of the list as text": (_set_subject(statusSize="1"), MALFORMED),
    "list of messages without messages": (_set_subject(statusPurpose="message", statusSize=2), MALFORMED),
    "statusMessages is text": (_set_subject(statusSize=1, statusMessages="a"), MALFORMED),
    "a message of the list twice": (
        _set_subject(statusSize=1, statusMessages=[{"status": "0x1", "message": "a"}] * 2),
        MALFORMED,
    ),
    # the list: bits
    "no encodedList": (_drop("credentialSubject", "encodedList"), MALFORMED),
    "encodedList is a number": (_set_subject(encodedList=1), MALFORMED),
    "encodedList without prefix": (_set_subject(encodedList="H4sIAAAAAAAAA"), MALFORMED),
    "encodedList cut short": (
        _set_subject(encodedList="uH4sIAAAAAAAAA-3BMQEAAADCoPVPbQwfoAAAAAAAAAAAAAAAAAAAAIC3AYbSVKsAQA"),
        MALFORMED,
    ),
    "encodedList padded": (_set_subject(encodedList=encode_list(bytes(MAX_BYTES), level=9) + "="), MALFORMED),
    "encodedList too large": (
        _set_subject(encodedList=encode_list(bytes(MAX_BYTES + 1), level=9)),
        MALFORMED,
    ),
    "one byte too short": (_set_subject(encodedList=encode_list(bytes(MAX_BYTES - 1), level=9)), LENGTH),
    "empty": (_set_subject(encodedList=encode_list(b"", level=9)), LENGTH),
    # the entry: form
    "entry of another type": (_set_entry(type="StatusList2021Entry"), MALFORMED),
    "entry without type": (_drop_entry("type"), MALFORMED),
    "entry id is the list": (_set_entry(id=URL), MALFORMED),
    "no list URL": (_drop_entry("statusListCredential"), MALFORMED),
    "relative list URL": (_set_entry(statusListCredential="/status-lists/0"), MALFORMED),
    "no purpose": (_drop_entry("statusPurpose"), MALFORMED),
    "several purposes in an entry": (_set_entry(statusPurpose=["revocation"]), MALFORMED),
    "no index": (_drop_entry("statusListIndex"), MALFORMED),
    "index -1": (_set_entry(statusListIndex="-1"), MALFORMED),
    "index with leading zero": (_set_entry(statusListIndex="01"), MALFORMED),
    "index is a float": (_set_entry(statusListIndex=1.0), MALFORMED),
    "index is true": (_set_entry(statusListIndex=True), MALFORMED),
    "index with space": (_set_entry(statusListIndex=" 1"), MALFORMED),
    "statusSize 0": (_set_entry(statusSize=0), MALFORMED),
    "statusSize as text": (_set_entry(statusSize="2"), MALFORMED),
    "statusSize 3": (_set_entry(statusSize=3), MALFORMED),
    "statusSize 2 without messages": (_set_entry(statusSize=2), MALFORMED),
    "three messages": (_set_entry(statusMessage=[{"status": "0x0", "message": "a"}] * 3), MALFORMED),
    "a message twice": (_set_entry(statusMessage=[{"status": "0x0", "message": "a"}] * 2), MALFORMED),
    "message is text": (_set_entry(statusMessage=["a", "b"]), MALFORMED),
    "message without 0x": (
        _set_entry(statusMessage=[{"status": "0", "message": "a"}, {"status": "1", "message": "b"}]),
        MALFORMED,
    ),
    # both together
    "index = length": (_set_entry(statusListIndex="131072"), RANGE),
    "index huge": (_set_entry(statusListIndex="9" * 1_000), RANGE),
    "list names another URL": (_set_document(id="https://lists.example/status-lists/1"), VERIFICATION),
    "list names its version": (_set_document(id=URL + "/versions/1"), VERIFICATION),
    "entry names another list": (_set_entry(statusListCredential=URL + "0"), VERIFICATION),
    "another purpose": (_set_subject(statusPurpose="suspension"), VERIFICATION),
    "none of several purposes": (_set_subject(statusPurpose=["suspension", "refresh"]), VERIFICATION),
    "entry for another purpose": (_set_entry(statusPurpose="suspension"), VERIFICATION),
    "from the future": (_set_document(validFrom="2026-05-28T20:27:40.001Z"), VERIFICATION),
    "ended": (_set_document(validUntil="2026-05-28T20:27:39.999Z"), VERIFICATION),
}


@pytest.mark.parametrize("name", BAD)
def test_check_status_bad_list_or_entry_raises_by_name(name: str) -> None:
    """Each fault raises the error that the specification names for it; the same without the fault is read."""
    change, code = BAD[name]
    document, entry = copy.deepcopy(_document()), copy.deepcopy(_entry())
    assert _check(document, entry).status == 1
    change(document, entry)

    with pytest.raises(StatusListError) as raised:
        _check(document, entry)

    assert raised.value.code == code


def _without_dates(document: dict[str, Any], _entry: dict[str, Any]) -> None:
    del document["validFrom"], document["validUntil"]


GOOD: dict[str, Change] = {
    "issuer as object": _set_document(issuer={"id": "did:web:college.example", "name": "College"}),
    "no id": _drop("id"),
    "no dates": _without_dates,
    "no ttl": _drop("credentialSubject", "ttl"),
    "several purposes": _set_subject(statusPurpose=["suspension", "revocation"]),
    "types of the subject as array": _set_subject(type=["BitstringStatusList"]),
    "further types": _set_document(type=["VerifiableCredential", "BitstringStatusListCredential", "Other"]),
    "further contexts": _set_document(
        **{"@context": ["https://www.w3.org/ns/credentials/v2", "https://x.example"]}
    ),
    "further members": _set_document(name="List", proof=[{}, {}]),
    "index as integer": _set_entry(statusListIndex=94_567),
    "no entry id": _drop_entry("id"),
    "statusSize 1": _set_entry(statusSize=1),
    "entry type as array": _set_entry(type=["BitstringStatusListEntry"]),
    "valid from this very millisecond": _set_document(validFrom="2026-05-28T20:27:40.000Z"),
    "valid until this very millisecond": _set_document(validUntil="2026-05-28T20:27:40.000Z"),
    "offset in a date": _set_document(validUntil="2026-05-28T22:27:40+02:00"),
}


@pytest.mark.parametrize("name", GOOD)
def test_check_status_what_the_specification_allows_is_read(name: str) -> None:
    """Other people's lists use all the freedom they are given."""
    document, entry = copy.deepcopy(_document()), copy.deepcopy(_entry())
    GOOD[name](document, entry)

    assert _check(document, entry).status == 1


@pytest.mark.parametrize("now_ms", [FROM_MS, FROM_MS + 1, FROM_MS + 86_400_000])
def test_check_status_in_force_is_read(now_ms: int) -> None:
    """A list counts from its first to its last millisecond."""
    assert _check(_document(), _entry(), now_ms=now_ms).status == 1


@pytest.mark.parametrize("now_ms", [0, FROM_MS - 1, FROM_MS + 86_400_001])
def test_check_status_out_of_force_says_it_is_a_matter_of_time(now_ms: int) -> None:
    """Before and after, the caller can tell that another time or another copy would do."""
    with pytest.raises(ListNotCurrent):
        _check(_document(), _entry(), now_ms=now_ms)


@pytest.mark.parametrize(
    ("bits_per_entry", "value", "message"), [(1, 1, "b"), (2, 2, "c"), (4, 15, "p"), (8, 255, None)]
)
def test_check_status_message_list_gives_the_message(
    bits_per_entry: int, value: int, message: str | None
) -> None:
    """A list of messages answers with the text of its value, whatever the size of its entries."""
    messages = [chr(97 + number) if number < 26 else f"m{number}" for number in range(2**bits_per_entry)]
    status_list = StatusList(
        url=URL,
        issuer="did:web:college.example",
        purpose="message",
        bits_per_entry=bits_per_entry,
        messages=tuple(messages),
    )
    bits = status_list.empty_bits()
    set_entry(bits, 94_567, value, bits_per_entry)
    document = list_document(
        status_list, bits, valid_from_ms=FROM_MS, valid_until_ms=FROM_MS + 10**6, ttl_ms=1_000
    )
    published = parse_list_document(document, max_bits_bytes=status_list.size_bytes)
    entry = parse_status_entry(status_entry(URL, "message", 94_567, messages=messages))

    result = check_status(entry, published, now_ms=NOW_MS)

    assert result == EntryStatus(
        status=value, purpose="message", is_valid=False, message=message or messages[value]
    )


def test_check_status_message_without_texts_says_set_or_unset() -> None:
    """The specification's words where an issuer gives none."""
    document = _document()
    document["credentialSubject"]["statusPurpose"] = "message"

    answers = [_check(document, status_entry(URL, "message", index)).message for index in (94_567, 94_568)]

    assert answers == ["set", "unset"]


def test_check_status_list_with_other_entry_size_is_refused() -> None:
    """A list of two-bit entries read one bit at a time would give this credential another one's status."""
    status_list = StatusList(
        url=URL,
        issuer="did:web:college.example",
        purpose="message",
        bits_per_entry=2,
        messages=("a", "b", "c", "d"),
    )
    document = list_document(
        status_list, status_list.empty_bits(), valid_from_ms=FROM_MS, valid_until_ms=NOW_MS, ttl_ms=1
    )
    published = parse_list_document(document, max_bits_bytes=status_list.size_bytes)

    with pytest.raises(StatusListError) as raised:
        check_status(parse_status_entry(status_entry(URL, "message", 1)), published, now_ms=NOW_MS)

    assert raised.value.code == VERIFICATION
    assert check_status(parse_status_entry(status_list.entry(1)), published, now_ms=NOW_MS).message == "a"


def test_check_status_entry_without_messages_takes_the_lists() -> None:
    """A one-bit entry that explains nothing is explained by its list; one that does explains itself."""
    document = _document()
    document["credentialSubject"].update(
        statusPurpose="message",
        statusSize=1,
        statusMessages=[{"status": "0x0", "message": "no"}, {"status": "0x1", "message": "yes"}],
    )

    assert _check(document, status_entry(URL, "message", 94_567)).message == "yes"
    assert _check(document, status_entry(URL, "message", 94_567, messages=("nein", "ja"))).message == "ja"


def test_check_status_entry_size_counts_in_the_length() -> None:
    """16 KiB hold 131,072 entries of one bit, but only 65,536 of two: too few."""
    published = parse_list_document(_document(), max_bits_bytes=MAX_BYTES)
    entry = StatusEntry(list_url=URL, purpose="revocation", index=0, bits_per_entry=2, messages=("a",) * 4)

    with pytest.raises(StatusListError) as raised:
        check_status(entry, published, now_ms=NOW_MS)

    assert raised.value.code == LENGTH
    assert check_status(entry, published, now_ms=NOW_MS, min_entries=65_536).status == 0


def test_parse_status_entry_other_mechanism_is_told_apart() -> None:
    """A caller can tell a mechanism it does not know from a broken entry of the one it knows."""
    with pytest.raises(UnsupportedEntry):
        parse_status_entry({"id": "https://x.example/1", "type": "1EdTechRevocationList"})


@pytest.mark.parametrize("value", [None, "x", 1, [], ["BitstringStatusListEntry"]])
def test_parse_status_entry_no_object_is_malformed(value: object) -> None:
    """Only an object is an entry."""
    with pytest.raises(StatusListError) as raised:
        parse_status_entry(value)

    assert raised.value.code == MALFORMED


@given(
    st.sampled_from(sorted(_document())),
    JSON,
    st.sampled_from(sorted(_document()["credentialSubject"])),
    JSON,
)
def test_parse_list_document_any_member_raises_only_typed_errors(
    name: str, value: object, subject_name: str, subject_value: object
) -> None:
    """Whatever JSON stands in place of a member, no other exception than the package's own comes out."""
    document = _document()
    document["credentialSubject"][subject_name] = subject_value
    document[name] = value
    try:
        published = parse_list_document(document, max_bits_bytes=MAX_BYTES)
    except StatusListError:
        return

    assert len(published.bits) == MAX_BYTES


@given(st.sampled_from([*_entry(), "statusSize", "statusMessage"]), JSON)
def test_parse_status_entry_any_member_raises_only_typed_errors(name: str, value: object) -> None:
    """Whatever JSON stands in place of a member, no other exception than the package's own comes out."""
    entry = _entry()
    entry[name] = value
    try:
        parsed = parse_status_entry(entry)
    except StatusListError:
        return

    assert parsed.index >= 0


def test_check_status_specification_example_is_not_revoked() -> None:
    """The credential and the list of the W3C's appendix: index 94,567, not set."""
    credential, listed = load_vectors()["bsl"]["rec_signed_examples"][1::2]

    published = parse_list_document(listed, max_bits_bytes=MAX_BYTES)
    result = check_status(parse_status_entry(credential["credentialStatus"]), published, now_ms=NOW_MS)

    assert result.is_valid


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the folder of real credentials is not here")
@pytest.mark.parametrize(
    ("name", "min_entries", "set_indexes"),
    [
        ("1edtech__vc--ob30--bit-string-list--testlist.json", 131_072, [23]),
        (
            "dcc-statuslist__statusLists--didkey-ed25519Signature2020--e5WK8CbZ1GjycuPombrj.json",
            100_000,
            [2, 6, 8],
        ),
    ],
)
def test_parse_list_document_real_list_is_read(name: str, min_entries: int, set_indexes: list[int]) -> None:
    """Lists that others publish read as their authors say; one of them only under a lower bound of length."""
    document = json.loads((SAMPLES / name).read_text("utf-8"))

    published = parse_list_document(document, max_bits_bytes=MAX_BYTES, min_entries=min_entries)

    found = [index for index in range(1_000) if published.bits[index // 8] & 0x80 >> index % 8]
    assert found == set_indexes


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the folder of real credentials is not here")
@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("dcc-statuslist__statusLists--didkey-ed25519Signature2020--e5WK8CbZ1GjycuPombrj.json", LENGTH),
        ("dcc-statuslist__statusLists--didkey-ed25519Signature2020--tampered.json", MALFORMED),
        ("1edtech__clr--clr20--simple.json", MALFORMED),
    ],
)
def test_parse_list_document_real_bad_list_is_refused(name: str, code: str) -> None:
    """A short list, a damaged one and a credential that is no list fail by name."""
    with pytest.raises(StatusListError) as raised:
        parse_list_document((SAMPLES / name).read_bytes(), max_bits_bytes=MAX_BYTES)

    assert raised.value.code == code
