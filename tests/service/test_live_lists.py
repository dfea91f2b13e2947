"""Large lists: after any changes the text and the root are those of the bits, though only what changed is worked on."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anchor.core.entries import Purpose, bits_root
from anchor.service.live_lists import LARGE_LIST_BYTES, LiveLists
from anchor.store.records import DueList, ListSigner, SignerKind
from status_lists.bitstring import set_entry
from status_lists.encoding import compression_level, decode_list, encode_list
from status_lists.token_bits import compress_token_bits, expand_token_bits, swap_bit_order

ENTRIES = 2_097_152
SIGNER = ListSigner(
    kind=SignerKind.MANAGED,
    did="did:key:z6Mk",
    verification_method="did:key:z6Mk#z6Mk",
    public_key=bytes(32),
    sealed_seed=b"sealed",
)


def _due(bits: bytes, number: int = 0) -> DueList:
    return DueList(
        number=number,
        issuer_number=1,
        issuer="did:key:z6Mk",
        purpose=Purpose.REVOCATION,
        bits_per_entry=1,
        length=len(bits) * 8,
        messages=(),
        signer=SIGNER,
        previous_version=None,
        changes=0,
        bits=bits,
    )


@settings(max_examples=10, deadline=None)
@given(st.lists(st.lists(st.integers(0, ENTRIES - 1), max_size=40), min_size=1, max_size=4))
def test_live_list_after_any_changes_equals_its_bits(rounds: list[list[int]]) -> None:
    """The same text decodes to the bits and the root is that of all chunks, round after round."""
    lists = LiveLists()
    bits = bytearray(ENTRIES // 8)
    for indexes in rounds:
        for index in indexes:
            set_entry(bits, index, 1)
        encoded = lists.encode(_due(bytes(bits)))

        assert decode_list(encoded.encoded_list, max_bytes=len(bits)) == bits
        assert expand_token_bits(encoded.token_list, max_bytes=len(bits)) == swap_bit_order(bits, 1)
        assert encoded.bits_root == bits_root(bits)


def test_live_list_most_chunks_changed_equals_its_bits() -> None:
    """Where nearly everything changed at once the tree is built afresh, with the same result."""
    lists = LiveLists()
    lists.encode(_due(bytes(ENTRIES // 8)))
    changed = bytes([0b01010101]) * (ENTRIES // 8)
    encoded = lists.encode(_due(changed))

    assert decode_list(encoded.encoded_list, max_bytes=len(changed)) == changed
    assert encoded.bits_root == bits_root(changed)


def test_live_lists_more_than_are_kept_stay_right() -> None:
    """A list that was let go begins again from its bits."""
    lists = LiveLists()
    contents = {number: bytes([number]) * (ENTRIES // 8) for number in range(10)}
    for _ in range(2):
        for number, bits in contents.items():
            assert lists.encode(_due(bits, number)).bits_root == bits_root(bits)


@pytest.mark.parametrize("size", [16_384, LARGE_LIST_BYTES - LARGE_LIST_BYTES % 64])
def test_small_list_is_encoded_as_ever(size: int) -> None:
    """Up to a million entries both encodings are exactly what compressing in one piece writes."""
    due = replace(_due(bytes(size)), bits=b"\x81" * size)

    encoded = LiveLists().encode(due)

    assert encoded.encoded_list == encode_list(due.bits, level=compression_level(size))
    assert encoded.token_list == compress_token_bits(swap_bit_order(due.bits, 1))
