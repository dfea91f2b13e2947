"""Evidence is small: what a holder carries is about a kilobyte, however many lists its publisher has."""

from __future__ import annotations

import json

import pytest

from anchor.core.entries import BatchHeader, Purpose, StatusListEntry, bits_root, identifier_hash
from anchor.core.proof import BatchDescription
from anchor.documents import (
    AnchorClaim,
    BatchDocument,
    ListState,
    cut_evidence,
    evidence_to_json,
    parse_evidence,
)
from status_lists.bitstring import set_entry

LENGTH = 131_072
INDEX = 117_390
ISSUER = "did:key:z6MkqVnw9obR6wftT1vZ8hdLx2Bc7PMYotAPgtwSswHWENwx"
ADDRESS = "0x" + "00" * 20


@pytest.mark.parametrize(("list_count", "limit_bytes"), [(2, 1000), (1024, 1400)])
def test_evidence_of_usual_list_stays_below_its_limit(list_count: int, limit_bytes: int) -> None:
    """131,072 entries: at most 1,000 bytes of JSON where there are two lists, 1,400 where there are 1,024."""
    bits = bytearray(LENGTH // 8)
    set_entry(bits, INDEX, 1)
    states = tuple(_state(number, bytes(bits)) for number in range(list_count))
    description = BatchDescription(
        header=BatchHeader(sequence=123_456, previous_root=b"p" * 32, created_s=1_795_338_234),
        leaf_count=5,
        credential_root=b"c" * 32,
        list_entries=tuple(state.entry for state in states),
    )
    claim = AnchorClaim(
        chain_id=1,
        contract=ADDRESS,
        publisher=ADDRESS,
        sequence=123_456,
        transaction=bytes(32),
        block_number=1,
        block_time_s=1,
    )
    batch = BatchDocument(
        description=description, root=description.root(), lists=states, claim=claim, is_final=True
    )
    evidence = cut_evidence(batch, list_count - 1, bytes(bits), INDEX)
    text = json.dumps(evidence_to_json(evidence), separators=(",", ":")).encode()
    read = parse_evidence(text)

    assert len(text) <= limit_bytes
    assert (read.root(), read.value()) == (description.root(), 1)


def _state(number: int, bits: bytes) -> ListState:
    url = f"https://anchor.university.example/status-lists/{number}"
    entry = StatusListEntry(
        issuer_id=identifier_hash(ISSUER),
        list_id=identifier_hash(url),
        purpose=Purpose.SUSPENSION if number % 2 else Purpose.REVOCATION,
        bits_per_entry=1,
        length=LENGTH,
        version=1_795_338_234_126,
        bits_root=bits_root(bits),
    )
    return ListState(number=number, url=url, issuer=ISSUER, entry=entry)
