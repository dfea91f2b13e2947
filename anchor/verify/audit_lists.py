"""The history of status lists from batch to batch: what may never change, and bits that may never be cleared."""

from __future__ import annotations

from anchor.core.entries import Purpose
from anchor.documents import BatchDocument, ListState
from anchor.errors import InvalidProof, NotFound, ServiceUnavailable
from anchor.verify.audit_chain import Discrepancy
from anchor.verify.sources import ListSource
from anchor.verify.status_evidence import anchored_list
from anchor.verify.status_places import owns_url

_SHOWN_INDEXES = 5


class ListHistory:
    """Checks the lists of each batch against those of the batch before, and against the lists published."""

    __slots__ = ("_revocations", "_states")

    def __init__(self) -> None:
        self._states: tuple[ListState, ...] = ()
        # The bits of each revocation list as last anchored: what was set there must stay set.
        self._revocations: dict[int, bytes] = {}

    async def check(self, document: BatchDocument, files: ListSource) -> list[Discrepancy]:
        """Return what in a batch's lists breaks a rule; batches must be given in order of anchorage and sequence."""
        sequence = document.description.header.sequence
        found = []
        if len(document.lists) < len(self._states):
            found.append(("list_removed", "the batch holds fewer status lists than the one before"))
        for state in document.lists:
            before = self._states[state.number] if state.number < len(self._states) else None
            if before is not None:
                found += _against_before(state, before)
            if before is None or state.entry.version != before.entry.version:
                found += await self._check_published(state, files)
        self._states = document.lists
        return [Discrepancy(sequence, code, message) for code, message in found]

    async def _check_published(self, state: ListState, files: ListSource) -> list[tuple[str, str]]:
        number = state.number
        if not owns_url(state):
            return [("list_url", f"the URL of status list {number} does not end in its number")]
        try:
            published = await anchored_list(state, files, issuer_names=(state.issuer,))
        except (NotFound, ServiceUnavailable) as exc:
            return [("list_missing", f"status list {number} at the anchored version cannot be had: {exc}")]
        except InvalidProof as exc:
            return [("list_differs", str(exc))]
        if state.entry.purpose is not Purpose.REVOCATION:
            return []
        before = self._revocations.get(number)
        self._revocations[number] = published.bits
        cleared = [] if before is None else _cleared(before, published.bits)
        if not cleared:
            return []
        indexes = ", ".join(map(str, cleared[:_SHOWN_INDEXES]))
        message = f"status list {number} cleared {len(cleared)} revocation(s), at index {indexes}"
        return [("revocation_cleared", message)]


def _against_before(state: ListState, before: ListState) -> list[tuple[str, str]]:
    entry, old = state.entry, before.entry
    found = []
    now = (state.url, state.issuer, entry.purpose, entry.bits_per_entry, entry.length)
    if now != (before.url, before.issuer, old.purpose, old.bits_per_entry, old.length):
        found.append(("list_changed", f"status list {state.number} changed its URL, issuer, purpose or size"))
    if entry.version < old.version or (entry.version == old.version and entry.bits_root != old.bits_root):
        found.append(("version_not_rising", f"status list {state.number} changed without a higher version"))
    return found


def _cleared(before: bytes, now: bytes) -> list[int]:
    """Return the places of bits that were set and are not any more, 0 being the left-most bit."""
    return [
        position * 8 + bit
        for position, (old, new) in enumerate(zip(before, now, strict=False))
        if old & ~new
        for bit in range(8)
        if old & ~new & (0x80 >> bit)
    ]
