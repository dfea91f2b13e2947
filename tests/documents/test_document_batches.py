"""Batch, publisher and evidence documents: parts that contradict each other, and what evidence says."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchor.core.entries import BITS_PER_ENTRY
from anchor.documents import (
    MAX_EVIDENCE_BYTES,
    batch_to_json,
    cut_evidence,
    evidence_to_json,
    parse_batch,
    parse_evidence,
    parse_publisher,
    publisher_to_json,
    read_address,
)
from anchor.errors import InvalidInput, InvalidProof
from tests.documents.samples import (
    batch_of,
    batch_sample,
    evidence_sample,
    having,
    list_state_of,
    publisher_sample,
    without,
)

ZERO_HASH = "A" * 43

CONTRADICTIONS: list[tuple[str, tuple[str | int, ...], Any, str]] = [
    ("another state", ("state",), "sealed", "contradicts itself in state"),
    ("another sequence", ("sequence",), 8, "contradicts itself in state or sequence"),
    ("another sequence in the header", ("header", "sequence"), 8, "contradicts itself in state or sequence"),
    ("another sequence in the claim", ("anchor", "sequence"), 8, "contradicts itself in state or sequence"),
    ("another root", ("root",), ZERO_HASH, "do not give the root"),
    ("another credential root", ("credentialRoot",), ZERO_HASH, "do not give the root"),
    ("another list tree root", ("statusSummary", "listTreeRoot"), ZERO_HASH, "do not give the root"),
    ("another count of lists", ("statusSummary", "listCount"), 3, "do not give the root"),
    ("another issuer of a list", ("lists", 0, "issuer"), "did:example:other", "do not give the root"),
    ("another URL of a list", ("lists", 0, "url"), "https://other.example/1", "do not give the root"),
    ("another purpose", ("lists", 0, "purpose"), "suspension", "do not give the root"),
    ("another version", ("lists", 1, "version"), 1_735_689_540_001, "do not give the root"),
    ("other bits", ("lists", 1, "bitsRoot"), ZERO_HASH, "do not give the root"),
    ("another length", ("lists", 1, "length"), 1024, "do not give the root"),
    ("a length without whole chunks", ("lists", 1, "length"), 513, "no whole number of 512-bit chunks"),
    ("another size of entries", ("lists", 1, "bitsPerEntry"), 2, "do not give the root"),
    ("a size of entries that there is not", ("lists", 1, "bitsPerEntry"), 3, "1, 2, 4 or 8 bits"),
    ("a list at another place", ("lists", 1, "number"), 0, "list 0 stands at position 1"),
]


def encoded(document: Any) -> bytes:
    """Return a document's JSON."""
    return json.dumps(document).encode("ascii")


@pytest.mark.parametrize(
    ("_name", "place", "value", "message"), CONTRADICTIONS, ids=[row[0] for row in CONTRADICTIONS]
)
def test_parse_batch_that_contradicts_itself_is_refused(
    _name: str, place: tuple[str | int, ...], value: Any, message: str
) -> None:
    """All that a batch document says of its root must give that root."""
    with pytest.raises(InvalidProof, match=message):
        parse_batch(encoded(having(batch_to_json(batch_sample()), place, value)))


def test_parse_batch_without_one_of_its_lists_is_refused() -> None:
    """The summary counts the lists, and the root commits to the summary."""
    with pytest.raises(InvalidProof, match="do not give the root"):
        parse_batch(encoded(without(batch_to_json(batch_sample()), ("lists", 1))))


def test_parse_publisher_with_an_unknown_member_in_its_head_is_refused() -> None:
    """The inner object is as strict as the outer one."""
    document = publisher_to_json(publisher_sample())

    with pytest.raises(InvalidInput, match=r"publisher\.head: unknown member 'note'"):
        parse_publisher(encoded(having(document, ("head", "note"), "x")))


@pytest.mark.parametrize(
    "text", ["", "0x", "0x" + "0" * 39, "0x" + "0" * 41, "0X" + "0" * 40, "0x" + "g" * 40]
)
def test_read_address_of_another_form_is_refused(text: str) -> None:
    """0x and 40 hex digits; the checksum is the chain adapter's to check."""
    with pytest.raises(InvalidInput, match="0x and 40 hex digits"):
        read_address(text)


def test_read_address_keeps_the_spelling() -> None:
    """A checksummed address stays one."""
    assert read_address("0x" + "aB" * 20) == "0x" + "aB" * 20


@given(st.data())
def test_cut_evidence_of_any_entry_says_what_the_list_says(data: st.DataObject) -> None:
    """For every size of entry, the value is the one at that place, counted from the left, and the root the batch's."""
    size = data.draw(st.sampled_from(BITS_PER_ENTRY))
    bits = data.draw(
        st.sampled_from([64, 128, 192]).flatmap(lambda count: st.binary(min_size=count, max_size=count))
    )
    index = data.draw(st.integers(0, len(bits) * 8 // size - 1))
    batch = batch_of(tuple(list_state_of(number, bits, size) for number in range(3)))
    number = data.draw(st.integers(0, 2))
    evidence = parse_evidence(encoded(evidence_to_json(cut_evidence(batch, number, bits, index))))

    as_digits = f"{int.from_bytes(bits, 'big'):0{len(bits) * 8}b}"
    assert evidence.value() == int(as_digits[index * size : (index + 1) * size], 2)
    assert evidence.root() == batch.root
    assert evidence.state == batch.lists[number]


def test_cut_evidence_of_other_bits_or_places_is_refused() -> None:
    """Evidence is cut only from the list that the batch commits to."""
    batch = batch_sample()

    with pytest.raises(InvalidProof, match="this is not list 0"):
        cut_evidence(batch, 0, bytes(63) + b"\x01", 0)
    for number, index in ((2, 0), (-1, 0), (0, 512), (0, -1)):
        with pytest.raises(InvalidInput, match=r"has no list|is beyond list"):
            cut_evidence(batch, number, bytes(64), index)


EVIDENCE_CHANGES: list[tuple[str, tuple[str | int, ...], Any]] = [
    ("the bit cleared", ("chunk",), "A" * 86),
    ("another list", ("list", "number"), 0),
    ("another URL", ("list", "url"), "https://anchor.example/status-lists/2"),
    ("another issuer", ("list", "issuer"), "did:example:other"),
    ("another purpose", ("list", "purpose"), "suspension"),
    ("another version", ("list", "version"), 1),
    ("another chunk", ("index",), 0),
    ("a path hash changed", ("chunkPath", 0), ZERO_HASH),
    ("a list path hash changed", ("listPath", 0), "B" * 42 + "A"),
    ("another credential root", ("credentialRoot",), ZERO_HASH),
]


@pytest.mark.parametrize(
    ("_name", "place", "value"), EVIDENCE_CHANGES, ids=[row[0] for row in EVIDENCE_CHANGES]
)
def test_parse_evidence_with_anything_changed_leads_to_another_root(
    _name: str, place: tuple[str | int, ...], value: Any
) -> None:
    """Whatever is claimed instead, the root is not the one on chain."""
    honest = evidence_sample()
    changed = parse_evidence(encoded(having(evidence_to_json(honest), place, value)))

    assert honest.value() == 1
    assert changed.root() != honest.root()


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("index",), 2048),
        (("list", "length"), 1024),
        (("list", "length"), 2049),
        (("list", "bitsPerEntry"), 2),
        (("list", "bitsPerEntry"), 3),
        (("list", "number"), 3),
        (("listCount",), 5),
        (("listCount",), 0),
        (("chunk",), "A" * 85),
        (("chunk",), "A" * 88),
        (("chunkPath",), []),
        (("listPath",), [ZERO_HASH] * 65),
    ],
)
def test_parse_evidence_whose_parts_do_not_fit_is_refused(place: tuple[str | int, ...], value: Any) -> None:
    """Sizes follow from what the root commits to: a path of another length has no place to stand."""
    with pytest.raises(InvalidProof):
        parse_evidence(encoded(having(evidence_to_json(evidence_sample()), place, value)))


def test_parse_evidence_of_too_many_bytes_is_refused_unread() -> None:
    """Evidence has about a kilobyte."""
    content = encoded(evidence_to_json(evidence_sample()))

    assert parse_evidence(content.ljust(MAX_EVIDENCE_BYTES)) == evidence_sample()
    with pytest.raises(InvalidProof, match="at most"):
        parse_evidence(content.ljust(MAX_EVIDENCE_BYTES + 1))
