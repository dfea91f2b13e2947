"""Keeps the large lists that changed lately at hand, so that a change costs what changed and not the whole list."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from anchor.core.entries import bits_root, bits_tree, chunk_leaf
from anchor.core.merkle import Tree
from anchor.store.records import DueList
from status_lists.encoding import compression_level, encode_list
from status_lists.segments import SegmentedBits
from status_lists.token_bits import compress_token_bits, swap_bit_order

LARGE_LIST_BYTES = 125_000
"""Lists of a million one-bit entries; below, encoding and hashing afresh take a few milliseconds."""

MAX_LIVE_LISTS = 8
"""A list of a hundred million entries takes up to 55 MB here."""

REBUILD_DIVISOR = 16
"""Where more than a 16th of the chunks changed, hashing all of them afresh is quicker than path by path."""


@dataclass(frozen=True, slots=True)
class EncodedBits:
    """The bits of one version: the text of `encodedList`, the bytes of `lst`, and the root over their chunks."""

    encoded_list: str
    token_list: bytes
    bits_root: bytes


class LiveLists:
    """Encodes and hashes lists; calls must not overlap."""

    __slots__ = ("_live",)

    def __init__(self) -> None:
        self._live: OrderedDict[int, tuple[SegmentedBits, Tree]] = OrderedDict()

    def encode(self, due: DueList) -> EncodedBits:
        """Return the two encodings and the bits root of a list as it is due."""
        if len(due.bits) <= LARGE_LIST_BYTES:
            return EncodedBits(
                encoded_list=encode_list(due.bits, level=compression_level(len(due.bits))),
                token_list=compress_token_bits(swap_bit_order(due.bits, due.bits_per_entry)),
                bits_root=bits_root(due.bits),
            )
        segments, tree = self._live.pop(due.number) if due.number in self._live else _begin(due)
        segments.replace(due.bits)
        tree = _hashed_again(segments, tree, due.bits)
        self._live[due.number] = (segments, tree)
        if len(self._live) > MAX_LIVE_LISTS:
            self._live.popitem(last=False)
        return EncodedBits(
            encoded_list=segments.encoded(), token_list=segments.token_list(), bits_root=tree.root()
        )


def _begin(due: DueList) -> tuple[SegmentedBits, Tree]:
    return SegmentedBits.from_bits(due.bits, due.bits_per_entry), bits_tree(due.bits)


def _hashed_again(segments: SegmentedBits, tree: Tree, bits: bytes) -> Tree:
    changed = list(segments.changed_chunks())
    if len(changed) > tree.size // REBUILD_DIVISOR:
        return bits_tree(bits)
    for index in changed:
        tree.replace(index, chunk_leaf(segments.chunk(index)))
    return tree
