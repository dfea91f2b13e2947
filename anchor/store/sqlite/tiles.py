"""A batch's tree in rows: each level cut into tiles of 256 nodes, so that reading and appending touch little."""

from __future__ import annotations

from collections.abc import Iterator

from anchor.core.merkle import HASH_BYTES, inclusion_path
from anchor.store.records import NodeLevels
from anchor.store.sqlite.writer import Session

TILE_NODES = 256
_TILE_BYTES = TILE_NODES * HASH_BYTES

_UPSERT = """
    insert into nodes (batch, level, tile, hashes) values (?, ?, ?, ?)
    on conflict (batch, level, tile) do update set hashes = excluded.hashes
"""


def append_leaves(session: Session, batch: int, size: int, leaf_hashes: bytes) -> None:
    """Append leaf hashes to a tree of `size` leaves."""
    tile, used = divmod(size, TILE_NODES)
    if used:
        leaf_hashes = read_nodes(session, batch, 0, tile * TILE_NODES, used) + leaf_hashes
    session.execute_many(_UPSERT, _tiles(batch, 0, tile, leaf_hashes))


def store_levels(session: Session, batch: int, levels: NodeLevels) -> None:
    """Store the inner levels of a finished tree, and the tile of its leaves that holds the header."""
    session.execute_many(_UPSERT, [(batch, 0, 0, bytes(levels[0][:_TILE_BYTES]))])
    for level, nodes in enumerate(levels[1:], start=1):
        session.execute_many(_UPSERT, _tiles(batch, level, 0, nodes))


def replace_left_edge(session: Session, batch: int, left_edge: list[bytes]) -> None:
    """Put another first node at each level."""
    for level, node in enumerate(left_edge):
        row = session.one(
            "select hashes from nodes where batch = ? and level = ? and tile = 0", (batch, level)
        )
        if row is not None:
            hashes = node + row["hashes"][HASH_BYTES:]
            session.execute(_UPSERT, (batch, level, 0, hashes))


def read_nodes(session: Session, batch: int, level: int, start: int, count: int) -> bytes:
    """Return nodes of a level; fewer where the level ends."""
    first, last = start // TILE_NODES, (start + count - 1) // TILE_NODES
    rows = session.all(
        "select hashes from nodes where batch = ? and level = ? and tile between ? and ? order by tile",
        (batch, level, first, last),
    )
    offset = (start - first * TILE_NODES) * HASH_BYTES
    return b"".join(row["hashes"] for row in rows)[offset : offset + count * HASH_BYTES]


def read_path(session: Session, batch: int, leaf_index: int, tree_size: int) -> list[bytes]:
    """Return the inclusion path of a leaf, reading one or two nodes a level."""

    def read(level: int, start: int, count: int) -> bytes:
        return read_nodes(session, batch, level, start, count)

    return inclusion_path(read, leaf_index, tree_size)


def _tiles(
    batch: int, level: int, first: int, nodes: bytes | bytearray
) -> Iterator[tuple[int, int, int, bytes]]:
    for number, start in enumerate(range(0, len(nodes), _TILE_BYTES), start=first):
        yield batch, level, number, bytes(nodes[start : start + _TILE_BYTES])
