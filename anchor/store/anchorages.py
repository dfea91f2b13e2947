"""What the service asks of a store about where it anchors, and as whom; the guarantees are those of `Store`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from anchor.store.records import Anchorage, NewAnchorage, Payload


class AnchorageStore(Protocol):
    """Where roots are anchored and by whom; the last anchorage is the present one."""

    async def begin_anchorage(self, place: NewAnchorage) -> Anchorage:
        """Store the first anchorage at the first call; return the last one at every call, whatever is given then."""
        ...

    async def anchorages(self) -> Sequence[Anchorage]:
        """Return all anchorages, oldest first; none before the first start."""
        ...

    async def former_head(self, anchorage: int) -> tuple[int, bytes] | None:
        """
        Return sequence and root of the last batch of an anchorage that was left; None where nothing was final there.

        One that was missing when the database was rebuilt counts: it is anchored, whoever has its files.
        """
        ...

    async def note_line(self, publishers: Sequence[str], *, contract: str, from_block: int) -> None:
        """Note the last anchorage's line of succession, oldest first, its contract as written, and its first block."""
        ...

    async def add_call(self, calldata: bytes, payload: Payload) -> None:
        """Store a signed call of the last anchorage's contract before it is broadcast; it costs as payloads do."""
        ...

    async def calls(self, sender: str, calldata: bytes) -> Sequence[Payload]:
        """Return the signed forms of such a call by an account, oldest first."""
        ...

    async def calls_from_nonce(self, sender: str, nonce: int) -> Sequence[Payload]:
        """Return every such call of an account that was signed with a nonce or a later one, oldest first."""
        ...

    async def move(self, place: NewAnchorage, *, abandons: bool) -> Anchorage:
        """
        Begin another anchorage, whose sequences start at 1; what is final in those before stays as it is.

        Conflict where a sealed batch is not final, unless the move `abandons` those: they are sealed for another
        anchorage then (`Batch.anchorage`), and wait to be sealed again.
        """
        ...
