"""Operations that fill an empty database from what is published, in the order: issuers, lists, batches, versions."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field

from anchor.core.lifecycle import BatchState
from anchor.core.merkle import HASH_BYTES
from anchor.store.records import ListSpec, Mined, NodeLevels, RetiredKey, Seal
from anchor.store.sqlite.allocation import PAIR
from anchor.store.sqlite.status_changes import PAGE_BYTES
from anchor.store.sqlite.tiles import append_leaves, store_levels
from anchor.store.sqlite.writer import Session


@dataclass(frozen=True, slots=True)
class RebuiltList:
    """A list as its anchored entries describe it; `first_of_pair` is its own number where it is in no pair."""

    number: int
    issuer: int
    spec: ListSpec
    first_of_pair: int
    permutation_key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class RebuiltVersion:
    """A published version; `batch` is the first that commits to it, None for none; no document where it is missing."""

    list_number: int
    version: int
    valid_until_ms: int
    bits_root: bytes
    batch: int | None
    document: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class RebuiltPlace:
    """Where a batch stands: its id, which rises with age over all anchorages, and its anchorage."""

    batch: int
    anchorage: int
    is_last: bool


def pair_of(previous: RebuiltList | None, number: int, issuer: int, spec: ListSpec) -> int:
    """Return the first number of a list's pair: a suspension list follows the revocation list that it was made with."""
    if (
        previous is not None
        and (previous.spec.purpose, spec.purpose) == PAIR
        and (previous.issuer, previous.spec.length) == (issuer, spec.length)
    ):
        return previous.number
    return number


def add_retired_keys(session: Session, issuer: int, keys: Iterable[RetiredKey]) -> None:
    """Record keys that signed an issuer's lists before, oldest first."""
    session.execute_many(
        "insert into retired_list_keys (issuer, verification_method, public_key, retired_ms) values (?, ?, ?, ?)",
        [(issuer, key.verification_method, key.public_key, key.retired_ms) for key in keys],
    )


def add_list(session: Session, rebuilt: RebuiltList) -> None:
    """Insert a list that counts as full: nobody knows which of its indexes were handed out."""
    spec = rebuilt.spec
    session.execute(
        """
        insert into lists (number, issuer, purpose, bits_per_entry, length, messages, first_of_pair,
                           permutation_key, allocated, changed_ms)
        values (?, ?, ?, ?, ?, ?, ?, ?, ?, 0)
        """,
        (
            rebuilt.number,
            rebuilt.issuer,
            spec.purpose,
            spec.bits_per_entry,
            spec.length,
            json.dumps(spec.messages, ensure_ascii=False),
            rebuilt.first_of_pair,
            rebuilt.permutation_key,
            spec.length,
        ),
    )


def add_batch(session: Session, place: RebuiltPlace, seal: Seal, mined: Mined, levels: NodeLevels) -> int:
    """Insert a final batch with its tree; return how many orphan leaves it brought."""
    leaf_count = len(levels[0]) // HASH_BYTES
    session.execute(
        """
        insert into batches (id, state, created_s, leaf_count, is_closed, sequence, former_sequence, anchorage,
                             previous_root, sealed_s, root, credential_root, status_root, mined_transaction,
                             block_number, block_hash, block_time_s, publisher)
        values (?, ?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
        (
            place.batch,
            BatchState.FINAL.value,
            seal.sealed_s,
            leaf_count,
            seal.sequence if place.is_last else None,
            None if place.is_last else seal.sequence,
            place.anchorage,
            seal.previous_root,
            seal.sealed_s,
            seal.root,
            seal.credential_root,
            seal.status_root,
            mined.transaction,
            mined.block_number,
            mined.block_hash,
            mined.block_time_s,
            mined.publisher,
        ),
    )
    append_leaves(session, place.batch, 0, bytes(levels[0]))
    store_levels(session, place.batch, levels)
    session.execute("insert into rebuilt_batches (batch) values (?)", (place.batch,))
    leaves = levels[0]
    session.execute_many(
        "insert into orphan_leaves (leaf, batch, leaf_index) values (?, ?, ?)",
        (
            (bytes(leaves[at * HASH_BYTES : (at + 1) * HASH_BYTES]), place.batch, at)
            for at in range(1, leaf_count)
        ),
    )
    return leaf_count - 1


def add_version(session: Session, version: RebuiltVersion) -> None:
    """Insert a version; one without a document is noted as missing."""
    session.execute(
        """
        insert into list_versions (list, version, valid_until_ms, bits_root, batch, document)
        values (?, ?, ?, ?, ?, ?)
        """,
        (
            version.list_number,
            version.version,
            version.valid_until_ms,
            version.bits_root,
            version.batch,
            version.document,
        ),
    )
    if not version.document:
        session.execute(
            "insert into missing_versions (list, version) values (?, ?)",
            (version.list_number, version.version),
        )


def set_bits(session: Session, number: int, version: int | None, bits: bytes, *, signs_anew: bool) -> None:
    """Let a list go on from the bits of a version; where it can be signed, it is due at the first start."""
    session.execute_many(
        "insert into list_pages (list, page, bits) values (?, ?, ?)",
        [
            (number, page, bits[page * PAGE_BYTES : (page + 1) * PAGE_BYTES].ljust(PAGE_BYTES, b"\0"))
            for page in range(-(-len(bits) // PAGE_BYTES))
            if any(bits[page * PAGE_BYTES : (page + 1) * PAGE_BYTES])
        ],
    )
    session.execute(
        """
        insert into rebuilt_lists (list, version, last_change)
        values (?, ?, (select coalesce(max(id), 0) from status_changes))
        """,
        (number, version),
    )
    session.execute(
        "update lists set changes = ?, published_changes = 0, changed_ms = ? where number = ?",
        (int(signs_anew), version or 0, number),
    )


def add_missing_batch(session: Session, place: RebuiltPlace, sequence: int, root: bytes) -> None:
    """Note an anchored batch that could not be had."""
    if place.is_last:
        session.execute("insert into missing_batches (sequence, root) values (?, ?)", (sequence, root))
        return
    session.execute(
        "insert into missing_former_batches (anchorage, sequence, root) values (?, ?, ?)",
        (place.anchorage, sequence, root),
    )


def missing_batches(session: Session, anchorage: int, *, is_last: bool) -> dict[int, bytes]:
    """Return what of an anchorage could not be had when the database was rebuilt, root by sequence."""
    rows = (
        session.all("select sequence, root from missing_batches")
        if is_last
        else session.all(
            "select sequence, root from missing_former_batches where anchorage = ?", (anchorage,)
        )
    )
    return {row["sequence"]: row["root"] for row in rows}


def orphan_count(session: Session) -> int:
    """Return how many leaves have no digest yet."""
    row = session.one("select count(*) as leaves from orphan_leaves")
    return int(row["leaves"]) if row else 0
