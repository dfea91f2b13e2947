"""The keyed permutation that hands out indexes: one-to-one, invertible, and different under another key."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from status_lists.allocation import IndexPermutation
from status_lists.errors import KeyUnusable, OutOfRange

KEYS = st.binary(min_size=32, max_size=32)
KEY = bytes(range(32))
FIRST_INDEXES = [56_188, 51_529, 43_411, 41_081]


@given(KEYS, st.integers(1, 400))
def test_permutation_any_length_is_a_bijection(key: bytes, length: int) -> None:
    """Each index is given exactly once, for every key and length, prime and square lengths among them."""
    permutation = IndexPermutation(key, length)

    indexes = [permutation.index_of(counter) for counter in range(length)]

    assert sorted(indexes) == list(range(length))
    assert [permutation.counter_of(index) for index in indexes] == list(range(length))


def test_permutation_of_a_standard_list_is_a_bijection() -> None:
    """All 131,072 indexes of the standard list come out once."""
    permutation = IndexPermutation(KEY, 131_072)

    assert {permutation.index_of(counter) for counter in range(131_072)} == set(range(131_072))


@given(KEYS, st.integers(1, 2**63), st.data())
def test_permutation_long_list_inverts(key: bytes, length: int, data: st.DataObject) -> None:
    """In lists too long to walk, index and counter still lead to each other."""
    permutation = IndexPermutation(key, length)
    number = data.draw(st.integers(0, length - 1))

    assert permutation.counter_of(permutation.index_of(number)) == number
    assert permutation.index_of(permutation.counter_of(number)) == number
    assert 0 <= permutation.index_of(number) < length


@given(KEYS, KEYS)
def test_permutation_other_key_gives_other_order(key: bytes, other: bytes) -> None:
    """Two keys give the same first 16 indexes only if they are the same key."""
    first = [IndexPermutation(key, 131_072).index_of(counter) for counter in range(16)]
    second = [IndexPermutation(other, 131_072).index_of(counter) for counter in range(16)]

    assert (first == second) == (key == other)


def test_permutation_other_length_gives_other_order() -> None:
    """The length takes part in the key, or the orders of two lists under one key would run in parallel."""
    short = [IndexPermutation(KEY, 131_072).index_of(counter) for counter in range(16)]
    longer = [IndexPermutation(KEY, 131_073).index_of(counter) for counter in range(16)]

    assert short != longer


def test_permutation_follows_no_order() -> None:
    """Neighbouring counters go to both halves about equally often, and steps between them hardly repeat."""
    length = 131_072
    indexes = [IndexPermutation(KEY, length).index_of(counter) for counter in range(4_000)]
    low_half = sum(index < length // 2 for index in indexes)
    steps = {(after - before) % length for before, after in itertools.pairwise(indexes)}

    assert 1_800 < low_half < 2_200
    assert len(steps) > 3_800


def test_permutation_is_fixed_for_ever() -> None:
    """Indexes given out stand in credentials: the same key must give the same ones in every later version."""
    permutation = IndexPermutation(KEY, 131_072)

    assert [permutation.index_of(counter) for counter in range(4)] == FIRST_INDEXES


@pytest.mark.parametrize("number", [-1, 100, 2**70])
def test_permutation_outside_the_list_is_refused(number: int) -> None:
    """A full list gives no further index, and no index wraps round."""
    permutation = IndexPermutation(KEY, 100)

    with pytest.raises(OutOfRange):
        permutation.index_of(number)
    with pytest.raises(OutOfRange):
        permutation.counter_of(number)


@pytest.mark.parametrize("length", [0, -1, 2**63 + 1])
def test_permutation_impossible_length_is_refused(length: int) -> None:
    """There is no list of that length."""
    with pytest.raises(OutOfRange):
        IndexPermutation(KEY, length)


@pytest.mark.parametrize("size", [0, 16, 31, 33])
def test_permutation_key_of_other_size_is_refused(size: int) -> None:
    """A key has 32 bytes."""
    with pytest.raises(KeyUnusable):
        IndexPermutation(bytes(size), 100)


def test_permutation_repr_hides_the_key() -> None:
    """Nothing of the key shows where an object is logged."""
    assert repr(IndexPermutation(KEY, 100)) == "IndexPermutation(length=100)"
