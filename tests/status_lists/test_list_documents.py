"""The documents an issuer publishes, and that a strict reader reads them back."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from status_lists.credential import PURPOSES, StatusList, list_document, status_entry
from status_lists.errors import ListTooShort, MalformedValue, OutOfRange
from status_lists.published import StatusEntry, parse_list_document, parse_status_entry
from tests.status_lists.linked_data import load_vectors

URL = "https://lists.example/status-lists/0"
ISSUER = "did:web:college.example"
FROM_MS = 1_780_000_000_123


def _list(**changes: Any) -> StatusList:
    return StatusList(**{"url": URL, "issuer": ISSUER, "purpose": "revocation", **changes})


def test_list_document_has_exactly_the_published_shape() -> None:
    """Every member, in the words of the specification; nothing the context does not define."""
    bits = _list().empty_bits()
    document = list_document(_list(), bits, valid_from_ms=FROM_MS, valid_until_ms=FROM_MS + 1, ttl_ms=300_000)
    encoded = document["credentialSubject"].pop("encodedList")  # type: ignore[attr-defined]  # a nested object

    assert document == {
        "@context": ["https://www.w3.org/ns/credentials/v2"],
        "id": URL,
        "type": ["VerifiableCredential", "BitstringStatusListCredential"],
        "issuer": ISSUER,
        "validFrom": "2026-05-28T20:26:40.123Z",
        "validUntil": "2026-05-28T20:26:40.124Z",
        "credentialSubject": {
            "id": f"{URL}#list",
            "type": "BitstringStatusList",
            "statusPurpose": "revocation",
            "ttl": 300_000,
        },
    }
    assert encoded.startswith("uH4sI")


@given(
    st.sampled_from(PURPOSES),
    st.sampled_from([1, 2, 4, 8]),
    st.integers(0, 2**41),
    st.integers(1, 2**40),
    st.sets(st.integers(0, 16_383), max_size=20),
)
def test_list_document_reads_back_as_it_was(
    purpose: str, bits_per_entry: int, valid_from_ms: int, ttl_ms: int, touched: set[int]
) -> None:
    """Bits, purpose, issuer, times and address survive the way through the document."""
    messages = tuple(f"meaning {value}" for value in range(2**bits_per_entry)) if purpose == "message" else ()
    status_list = _list(purpose=purpose, bits_per_entry=bits_per_entry, messages=messages)
    bits = status_list.empty_bits()
    for position in touched:
        bits[position] = 0xA5
    document = list_document(
        status_list, bits, valid_from_ms=valid_from_ms, valid_until_ms=valid_from_ms + 1, ttl_ms=ttl_ms
    )

    published = parse_list_document(document, max_bits_bytes=status_list.size_bytes)

    assert published.bits == bits
    assert (published.url, published.issuer, published.purposes) == (URL, ISSUER, (purpose,))
    assert (published.valid_from_ms, published.valid_until_ms) == (valid_from_ms, valid_from_ms + 1)
    assert published.ttl_ms == ttl_ms
    assert (published.bits_per_entry, published.messages) == (
        (bits_per_entry, messages) if purpose == "message" else (None, ())
    )


def test_list_document_of_messages_says_size_and_messages() -> None:
    """What section 2.2 asks of a list of messages, and of no other: `statusSize` and `statusMessages`."""
    messages = ("pending_review", "accepted", "rejected", "undefined")
    status_list = _list(purpose="message", bits_per_entry=2, messages=messages)
    document = list_document(
        status_list, status_list.empty_bits(), valid_from_ms=FROM_MS, valid_until_ms=FROM_MS + 1, ttl_ms=1
    )
    subject: Any = document["credentialSubject"]

    assert subject["statusSize"] == 2
    assert subject["statusMessages"] == [
        {"status": "0x0", "message": "pending_review"},
        {"status": "0x1", "message": "accepted"},
        {"status": "0x2", "message": "rejected"},
        {"status": "0x3", "message": "undefined"},
    ]


def test_list_document_of_one_bit_messages_means_unset_and_set() -> None:
    """The specification's words where the issuer gives none; the entry then leaves them out."""
    status_list = _list(purpose="message")
    document = list_document(
        status_list, status_list.empty_bits(), valid_from_ms=FROM_MS, valid_until_ms=FROM_MS + 1, ttl_ms=1
    )

    assert parse_list_document(document, max_bits_bytes=16_384).messages == ("unset", "set")
    assert "statusMessage" not in status_list.entry(0)


@pytest.mark.parametrize("bits_per_entry", [1, 2, 4, 8])
def test_status_list_entry_carries_what_the_list_says(bits_per_entry: int) -> None:
    """A credential's entry names the same size and messages as its list, at an index that the list has."""
    messages = tuple(f"meaning {value}" for value in range(2**bits_per_entry))
    status_list = _list(purpose="message", bits_per_entry=bits_per_entry, messages=messages)

    entry = parse_status_entry(status_list.entry(131_071))

    assert (entry.list_url, entry.index) == (URL, 131_071)
    assert (entry.bits_per_entry, entry.messages) == (bits_per_entry, messages)
    with pytest.raises(OutOfRange):
        status_list.entry(131_072)
    with pytest.raises(OutOfRange):
        status_list.entry(-1)


def test_status_list_empty_bits_equal_the_specification_example() -> None:
    """The standard list, 131,072 entries of one bit, is the one in the W3C's appendix."""
    example = load_vectors()["bsl"]["rec_signed_examples"][3]

    assert parse_list_document(example, max_bits_bytes=16_384).bits == _list().empty_bits()


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"url": "http://lists.example/0"}, MalformedValue),
        ({"url": URL + "#list"}, MalformedValue),
        ({"issuer": "College"}, MalformedValue),
        ({"issuer": 'did:web:college.example"'}, MalformedValue),
        ({"purpose": "Revocation"}, MalformedValue),
        ({"bits_per_entry": 3}, MalformedValue),
        ({"purpose": "message", "bits_per_entry": 2}, MalformedValue),
        ({"purpose": "message", "messages": ("no",)}, MalformedValue),
        ({"purpose": "message", "messages": ("no", "")}, MalformedValue),
        ({"purpose": "message", "bits_per_entry": 2, "messages": ("a", "b")}, MalformedValue),
        ({"messages": ("no", "yes")}, MalformedValue),
        ({"length": 131_071}, ListTooShort),
        ({"length": 131_073}, OutOfRange),
        ({"length": 131_072 + 8}, OutOfRange),
    ],
)
def test_status_list_impossible_list_is_refused(changes: dict[str, object], error: type[Exception]) -> None:
    """A wrong address, issuer, purpose or size never gets as far as a document."""
    with pytest.raises(error):
        _list(**changes)


def test_status_list_of_100_million_entries_has_its_size() -> None:
    """The largest lists planned for fit the same type, rounded up to whole chunks."""
    assert _list(length=100_000_256).size_bytes == 12_500_032


@pytest.mark.parametrize(
    ("size_bytes", "until_ms", "ttl_ms"), [(16_383, 1, 1), (16_385, 1, 1), (16_384, 0, 1), (16_384, 1, 0)]
)
def test_list_document_impossible_arguments_are_refused(size_bytes: int, until_ms: int, ttl_ms: int) -> None:
    """Bits of another list, an end before the beginning, no time to live."""
    with pytest.raises(OutOfRange):
        list_document(
            _list(),
            bytes(size_bytes),
            valid_from_ms=FROM_MS,
            valid_until_ms=FROM_MS + until_ms,
            ttl_ms=ttl_ms,
        )


def test_status_entry_equals_the_specification_example() -> None:
    """The entry of the W3C's appendix, member by member."""
    example = load_vectors()["bsl"]["rec_signed_examples"][1]["credentialStatus"]

    assert status_entry("https://example.com/credentials/status/3", "revocation", 94_567) == example


@given(st.sampled_from(PURPOSES), st.integers(0, 2**40), st.sampled_from([0, 2, 4, 16, 256]))
def test_status_entry_reads_back_as_it_was(purpose: str, index: int, count: int) -> None:
    """List, purpose, index, size and messages survive the way through the entry."""
    messages = tuple(f"meaning {value}" for value in range(count))

    entry = parse_status_entry(status_entry(URL, purpose, index, messages=messages))

    assert entry == StatusEntry(
        list_url=URL,
        purpose=purpose,
        index=index,
        bits_per_entry={0: 1, 2: 1, 4: 2, 16: 4, 256: 8}[count],
        messages=messages,
    )


@pytest.mark.parametrize(
    ("url", "purpose", "index", "messages"),
    [
        ("status-lists/0", "revocation", 0, ()),
        (URL, "expiry", 0, ()),
        (URL, "message", 0, ("one",)),
        (URL, "message", 0, ("one", "two", "three")),
    ],
)
def test_status_entry_impossible_entry_is_refused(
    url: str, purpose: str, index: int, messages: tuple[str, ...]
) -> None:
    """A relative address, an unknown purpose, or messages for a size that does not exist."""
    with pytest.raises(MalformedValue):
        status_entry(url, purpose, index, messages=messages)


def test_status_entry_negative_index_is_refused() -> None:
    """There is no index before the first."""
    with pytest.raises(OutOfRange):
        status_entry(URL, "revocation", -1)
