"""Hand out the indexes of a list in an order that nobody without the key can predict, and never one twice.

An index given in order of issue would tell the order, and nearly the time, of issue to anyone who sees two
credentials; and an index picked at random needs a search for one that is still free, in a table as long as
the list. A keyed permutation needs neither: the n-th credential takes the index that n is mapped to.
Different counters get different indexes because a permutation is one-to-one, so one counter for each list,
kept with it and only ever raised, is all the state there is. The last index of a list is found as fast as its
first.

The permutation is an alternating Feistel network over pairs (left, right) with left < a and right < b, where
a·b is just above the length (Black and Rogaway, "Ciphers with Arbitrary Finite Domains", CT-RSA 2002). Pairs
that stand for a number beyond the list are mapped again until one inside is met ("cycle walking"); with a·b
so close to the length this is rare. The round function is BLAKE2b keyed with the list's secret, and there are
ten rounds, as in NIST's FF1.
"""

from __future__ import annotations

import hashlib
import math

from status_lists.errors import KeyUnusable, OutOfRange

KEY_BYTES = 32

_ROUNDS = 10
_PERSONALISATION = b"status-index-v1"  # BLAKE2 takes at most 16 bytes


class IndexPermutation:
    """A secret permutation of range(length), fixed by its key and length.

    Requires a random key of 32 bytes (else KeyUnusable), one for each list and never changed while the list
    is in use, and 1 ≤ length ≤ 2**63 (else OutOfRange). Guarantees that `index_of` and `counter_of` are
    one-to-one and each other's inverse, and that indexes seen tell nothing about those to come.
    """

    __slots__ = ("_columns", "_length", "_round_hash", "_rows")

    def __init__(self, key: bytes, length: int) -> None:
        if len(key) != KEY_BYTES:
            raise KeyUnusable(f"an index key has {KEY_BYTES} bytes, not {len(key)}")
        if not 1 <= length <= 2**63:
            raise OutOfRange(f"a list of {length} entries cannot be permuted; 1 to 2**63 can")
        self._length = length
        self._rows = math.isqrt(length - 1) + 1
        self._columns = -(-length // self._rows)
        self._round_hash = hashlib.blake2b(
            length.to_bytes(8, "big"), digest_size=16, key=key, person=_PERSONALISATION
        )

    def __repr__(self) -> str:
        return f"IndexPermutation(length={self._length})"

    @property
    def length(self) -> int:
        """The number of entries of the list."""
        return self._length

    def index_of(self, counter: int) -> int:
        """Give the index of the credential that was the `counter`-th to get one, counted from 0.

        Raises OutOfRange when the list is full or the counter negative.
        """
        self._check(counter, "counter")
        index = self._forward(counter)
        while index >= self._length:
            index = self._forward(index)
        return index

    def counter_of(self, index: int) -> int:
        """Give the counter that `index_of` maps to this index; raises OutOfRange for one not in the list."""
        self._check(index, "index")
        counter = self._backward(index)
        while counter >= self._length:
            counter = self._backward(counter)
        return counter

    def _forward(self, number: int) -> int:
        left, right = divmod(number, self._columns)
        for round_number in range(0, _ROUNDS, 2):
            left = (left + self._round(round_number, right)) % self._rows
            right = (right + self._round(round_number + 1, left)) % self._columns
        return left * self._columns + right

    def _backward(self, number: int) -> int:
        left, right = divmod(number, self._columns)
        for round_number in range(_ROUNDS - 2, -1, -2):
            right = (right - self._round(round_number + 1, left)) % self._columns
            left = (left - self._round(round_number, right)) % self._rows
        return left * self._columns + right

    def _round(self, round_number: int, half: int) -> int:
        """Draw 128 bits, so many that reducing them to a half's range leaves no bias worth naming."""
        keyed = self._round_hash.copy()
        keyed.update((half << 8 | round_number).to_bytes(9, "big"))
        return int.from_bytes(keyed.digest(), "big")

    def _check(self, number: int, name: str) -> None:
        if not 0 <= number < self._length:
            raise OutOfRange(
                f"{name} {number} is outside a list of {self._length} entries; make a new list when full"
            )
