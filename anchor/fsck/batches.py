"""Every digest in exactly one batch, every batch what its root says."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from itertools import groupby, pairwise

from anchor.core.entries import (
    BatchHeader,
    StatusEntry,
    StatusSummary,
    encode_credential,
    identifier_hash,
    join_root,
)
from anchor.core.lifecycle import BatchState
from anchor.core.merkle import HASH_BYTES, Tree, leaf_hash
from anchor.fsck.findings import Check
from anchor.store.records import Batch
from anchor.store.sqlite.lists import committed_versions, list_states_at
from anchor.store.sqlite.tiles import read_nodes
from anchor.store.sqlite.writer import Session

LEAVES_AT_ONCE = 65_536


def check_batches(session: Session, batches: list[Batch], base_url: str) -> Check:
    """
    Compute every leaf, tree and root again from the entries, and compare with what is stored.

    Promises 1 and 2: each accepted digest stands at one position of one batch, positions have no gaps, and sealed
    batches follow each other in sequence, each naming the root before it.
    """
    check = Check("batches")
    identifiers = {
        row["number"]: identifier_hash(row["identifier"])
        for row in session.all("select number, identifier from issuers")
    }
    rows = session.iterate(
        """
        select batch, issuer, method, digest, leaf_index, list, list_index, null as leaf from entries
        union all select batch, null, null, null, leaf_index, null, null, leaf from orphan_leaves
        order by batch, leaf_index
        """
    )
    groups = groupby(rows, key=lambda row: int(row["batch"]))
    number, entries = next(groups, (None, iter(())))
    for batch in sorted(batches, key=lambda item: item.id):
        own: Iterator[sqlite3.Row] = iter(())
        if number == batch.id:
            own = entries
        tree = _tree_of_entries(session, check, batch, _leaves(check, batch, own, identifiers))
        if number == batch.id:
            number, entries = next(groups, (None, iter(())))
        if batch.root is not None and tree is not None:
            _check_sealed(session, check, batch, tree, base_url)
    check.expect(number is None, "entries", f"entries name batch {number}, which does not exist")
    for place in sorted({batch.anchorage for batch in batches if batch.anchorage is not None}):
        _check_sequence(check, [batch for batch in batches if batch.anchorage == place])
    _check_versions(session, check, [batch for batch in batches if batch.state.is_mined])
    return check


def _tree_of_entries(session: Session, check: Check, batch: Batch, leaves: Iterator[bytes]) -> Tree | None:
    """Return the tree of a batch's entries, its header's place empty, after comparing each leaf with the stored one."""
    where = f"batch {batch.id}"
    tree = Tree()
    tree.extend(bytes(HASH_BYTES))
    for part in _sliced(leaves):
        stored = read_nodes(session, batch.id, 0, tree.size, len(part))
        check.expect(
            stored == b"".join(part), where, f"leaves from {tree.size} on are not those of its entries"
        )
        tree.extend(part)
    complete = tree.size == batch.leaf_count
    check.expect(complete, where, f"it has {tree.size - 1} entries and counts {batch.leaf_count - 1}")
    return tree if complete else None


def _leaves(
    check: Check, batch: Batch, rows: Iterator[sqlite3.Row], identifiers: dict[int, bytes]
) -> Iterator[bytes]:
    for position, row in enumerate(rows, start=1):
        if not check.expect(
            row["leaf_index"] == position, f"batch {batch.id}", f"position {position} is empty or taken twice"
        ):
            return
        yield _leaf(row, identifiers)


def _leaf(row: sqlite3.Row, identifiers: dict[int, bytes]) -> bytes:
    if row["leaf"] is not None:
        # Of a rebuilt batch: its digest is not known here, its leaf is held against the root like any other.
        return bytes(row["leaf"])
    status = None if row["list"] is None else StatusEntry(row["list"], row["list_index"])
    # An issuer that does not exist gives a leaf that cannot be the stored one.
    issuer_id = identifiers.get(row["issuer"], bytes(HASH_BYTES))
    return leaf_hash(encode_credential(issuer_id, row["method"], row["digest"], status))


def _sliced(leaves: Iterator[bytes]) -> Iterator[list[bytes]]:
    part: list[bytes] = []
    for leaf in leaves:
        part.append(leaf)
        if len(part) == LEAVES_AT_ONCE:
            yield part
            part = []
    if part:
        yield part


def _check_sealed(session: Session, check: Check, batch: Batch, tree: Tree, base_url: str) -> None:
    where = f"batch {batch.sequence}"
    header = BatchHeader(
        sequence=batch.sequence or 0,
        previous_root=batch.previous_root or b"",
        created_s=batch.sealed_s or 0,
    )
    tree.replace(0, leaf_hash(header.encode()))
    for level, nodes in enumerate(tree.levels):
        stored = read_nodes(session, batch.id, level, 0, max(1, len(nodes) // HASH_BYTES))
        check.expect(stored == nodes, where, f"level {level} of its tree is not that of its entries")
    check.expect(tree.root() == batch.credential_root, where, "its entries give another credential root")
    states = list_states_at(session, batch.id, base_url)
    numbers = [state.number for state in states]
    check.expect(numbers == list(range(len(numbers))), where, "its list tree has a gap")
    status_root = StatusSummary.of([state.entry for state in states]).status_root()
    check.expect(status_root == batch.status_root, where, "its lists give another status root")
    joined = join_root(batch.credential_root or b"", batch.status_root or b"")
    check.expect(joined == batch.root, where, "its halves give another root")


def _check_sequence(check: Check, sealed: list[Batch]) -> None:
    sealed = sorted(sealed, key=lambda batch: batch.sequence or 0)
    for first in sealed[:1]:
        # Sequences begin anew in each anchorage.
        is_begun = first.sequence != 1 or first.previous_root == bytes(HASH_BYTES)
        check.expect(is_begun, "batch 1", "it names a previous root, and none can be before it")
    for before, after in pairwise(sealed):
        where = f"batch {after.sequence}"
        follows = (after.sequence or 0) == (before.sequence or 0) + 1
        # A stranger's anchor may stand between two of ours: then the chain's check names it.
        check.expect(
            not follows or after.previous_root == before.root, where, "it names another previous root"
        )
    for batch in sealed:
        is_later = batch.state is BatchState.FINAL or batch.state.is_mined
        check.expect(
            not is_later or batch.transaction is not None,
            f"batch {batch.sequence}",
            "it is mined by no transaction",
        )


def _check_versions(session: Session, check: Check, mined: list[Batch]) -> None:
    """Check that no list's version falls, and none is missing, from one mined sequence to the next."""
    before: list[int] = []
    for batch in sorted(mined, key=lambda item: (item.anchorage or 0, item.sequence or 0)):
        versions = committed_versions(session, batch.id)
        fallen = [
            number
            for number, version in enumerate(before)
            if number >= len(versions) or versions[number] < version
        ]
        check.expect(
            not fallen, f"batch {batch.sequence}", f"lists {fallen[:5]} are older than in the batch before"
        )
        before = versions
