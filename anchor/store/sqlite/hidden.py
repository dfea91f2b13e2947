"""Leaves that a rebuilt database cannot find by a digest, and what is said where one may be asked for."""

from __future__ import annotations

from anchor.core.entries import Purpose
from anchor.errors import MayBeAnchored
from anchor.store.sqlite.writer import Session
from status_lists.multibase import encode_digest

_HIDES = """
    select exists (select 1 from missing_batches) or exists (select 1 from missing_former_batches)
        or exists (select 1 from orphan_leaves) and exists (
            select 1 from rebuilt_lists join lists on lists.number = rebuilt_lists.list
            where issuer = ? and purpose = ?
        ) as hides
"""
"""
Whether an unknown digest of an issuer may have a leaf all the same: in a batch that could not be had, or bound.

A binding is in the leaf hash. Trying every index of a list takes 131,072 hashes for each digest, and would keep the one
thread that writes for hours where ten thousand are submitted.
"""


def hides_leaves(session: Session, issuer: int) -> bool:
    """Whether a digest of this issuer that is not known may have a leaf all the same."""
    row = session.one(_HIDES, (issuer, Purpose.REVOCATION))
    return bool(row and row["hides"])


def hidden_words(session: Session, issuer: int) -> str:
    """Return what to add where a digest is not known: that it may be all the same, or nothing."""
    if not hides_leaves(session, issuer):
        return ""
    return (
        "; or before the database was rebuilt after a loss: submit it with the status entry of the proof or receipt "
        "that was kept of it, and it is known again"
    )


def may_be_anchored(digest: bytes | None) -> MayBeAnchored:
    """Return the refusal of a digest that is not known (None: of one of many), where leaves are hidden."""
    named = "a digest of this body" if digest is None else f"the digest {encode_digest(digest)}"
    return MayBeAnchored(
        f"the database was rebuilt after a loss, and {named} may be anchored already: submit it with the status entry "
        "of the proof or receipt that was kept of it; or, where it is new or shall have a second leaf, say so with "
        "'again'"
    )
