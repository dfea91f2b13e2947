"""
Orphan leaves: leaves of a rebuilt database whose digests are not known, until somebody names one again.

A leaf hash is computed from issuer, method, digest and binding. So an issuer that submits a digest again gets its old
place back, and no second leaf: the service learns what it lost from those who kept it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence

from anchor.core.digest import METHOD_CODES
from anchor.core.entries import (
    StatusEntry,
    encode_credential,
    identifier_hash,
    unbound_credential_leaves,
)
from anchor.core.merkle import HASH_BYTES, leaf_hash
from anchor.errors import Conflict
from anchor.store.records import Accepted, DigestPlace
from anchor.store.sqlite.batches import read_batch
from anchor.store.sqlite.hidden import hides_leaves, may_be_anchored
from anchor.store.sqlite.issuers import issuer_by_number
from anchor.store.sqlite.writer import Session

_PLACE = """
    select orphan_leaves.leaf, orphan_leaves.batch, leaf_index, sealed_s
    from orphan_leaves join batches on batches.id = orphan_leaves.batch where orphan_leaves.leaf = ?
    order by orphan_leaves.batch, leaf_index limit 1
"""
"""The first place of a leaf: where it stands twice, that is the digest's, as of any digest."""


class Orphans:
    """Gives digests of one issuer their old leaves back; costs nothing where the database was never rebuilt."""

    __slots__ = ("_exist", "_hides", "_issuer", "_issuer_id", "_session")

    def __init__(self, session: Session, issuer: int, issuer_id: bytes) -> None:
        self._session = session
        self._issuer = issuer
        self._issuer_id = issuer_id
        self._exist = session.one("select 1 from orphan_leaves limit 1") is not None
        self._hides = hides_leaves(session, issuer)

    def claim(self, method_code: int, digest: bytes, status: StatusEntry | None) -> bool:
        """
        Let a digest have the orphan leaf that it gives, unbound or as bound; say whether it has one now.

        A digest that has its place already keeps it.
        """
        if not self._exist or self._is_known(method_code, digest):
            return False
        for binding in dict.fromkeys((None, status)):
            leaf = leaf_hash(encode_credential(self._issuer_id, method_code, digest, binding))
            row = self._session.one(_PLACE, (leaf,))
            if row is not None and not self._is_bound(binding):
                self._attach(row, method_code, digest, binding)
                return True
        return False

    def claim_unbound(self, method_code: int, digests: Sequence[bytes]) -> None:
        """Let digests without a binding have the orphan leaves that they give."""
        if not self._exist:
            return
        leaves = unbound_credential_leaves(self._issuer_id, method_code, digests)
        for position, digest in enumerate(digests):
            leaf = leaves[position * HASH_BYTES : (position + 1) * HASH_BYTES]
            row = self._session.one(_PLACE, (leaf,))
            if row is not None and not self._is_known(method_code, digest):
                self._attach(row, method_code, digest, None)

    def require_none_hidden(self, digest: bytes | None) -> None:
        """Raise MayBeAnchored where a digest that is not known (None: of many) may have a leaf all the same."""
        if self._hides:
            raise may_be_anchored(digest)

    def _is_known(self, method_code: int, digest: bytes) -> bool:
        return bool(
            self._session.one(
                "select 1 from entries where issuer = ? and method = ? and digest = ?",
                (self._issuer, method_code, digest),
            )
        )

    def _is_bound(self, binding: StatusEntry | None) -> bool:
        # Of two leaves that bind one index the first keeps it: the second was never to be.
        return binding is not None and bool(
            self._session.one(
                "select 1 from entries where list = ? and list_index = ?",
                (binding.list_number, binding.index),
            )
        )

    def _attach(self, row: sqlite3.Row, method_code: int, digest: bytes, binding: StatusEntry | None) -> None:
        bound = (binding.list_number, binding.index) if binding else (None, None)
        self._session.execute(
            """
            insert into entries (issuer, method, digest, batch, leaf_index, accepted_s, list, list_index)
            values (?, ?, ?, ?, ?, ?, ?, ?)
            """,
            (self._issuer, method_code, digest, row["batch"], row["leaf_index"], row["sealed_s"], *bound),
        )
        self._session.execute(
            "delete from orphan_leaves where leaf = ? and batch = ? and leaf_index = ?",
            (row["leaf"], row["batch"], row["leaf_index"]),
        )


def orphan_places(
    session: Session, issuer: int, digest: bytes, *, known: Collection[int]
) -> Sequence[DigestPlace]:
    """Return where an issuer's unbound digest stands that was not named again yet, under every method but the known."""
    if session.one("select 1 from orphan_leaves limit 1") is None:
        return []
    issuer_id = identifier_hash(issuer_by_number(session, issuer).identifier)
    places = []
    for method_code in (code for code in METHOD_CODES if code not in known):
        leaf = leaf_hash(encode_credential(issuer_id, method_code, digest, None))
        row = session.one(_PLACE, (leaf,))
        batch = None if row is None else read_batch(session, "id = ?", row["batch"])
        if row is None or batch is None:
            continue
        accepted = Accepted(
            method_code=method_code,
            digest=digest,
            status=None,
            batch=batch.id,
            leaf_index=row["leaf_index"],
            accepted_s=row["sealed_s"],
            is_new=False,
        )
        places.append(DigestPlace(accepted=accepted, batch=batch))
    return places


def require_not_rebuilt(session: Session, first_list: int) -> None:
    """Refuse a new binding to a list of which nobody knows any more which entries are bound."""
    if session.one("select 1 from rebuilt_lists where list = ?", (first_list,)):
        raise Conflict(
            f"list {first_list} was rebuilt after the database was lost, and which of its entries are bound is not "
            "known: give exactly the binding of the credential's proof, or allocate a fresh status entry"
        )
