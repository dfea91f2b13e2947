"""What the chain holds of a publisher: everything final, or nothing is rebuilt yet."""

from __future__ import annotations

from dataclasses import dataclass, replace

from anchor.chain.protocol import ChainReader
from anchor.chain.succession import first_of_line, line_of
from anchor.errors import ChainUnavailable, ConfigError, FatalError
from anchor.verify.audit_chain import AuditedAnchor, read_anchors
from anchor.verify.chain_view import ChainView, open_final_view, open_view
from anchor.verify.trust import Anchorage


@dataclass(frozen=True, slots=True)
class FinalAnchors:
    """Every anchor of a line of publishers in order of sequence; the line oldest first."""

    publishers: tuple[str, ...]
    anchors: tuple[AuditedAnchor, ...]


async def final_anchors(reader: ChainReader, anchorage: Anchorage) -> FinalAnchors:
    """
    Return every anchor of a publisher and of those whom it succeeded, after checking that there is no other.

    `anchorage` names the account that anchors now, whose key the caller holds: the line is followed back from it, and
    forward again. Raises FatalError where nobody in it anchored, ConfigError where the account is not the one that
    anchors now, and ChainUnavailable where the newest anchor is not final yet, or the endpoint's answers leave a gap.
    """
    view = await open_final_view(reader, anchorage)
    newest_view = await open_view(reader, anchorage)
    if len(newest_view.publishers) > 1:
        raise ConfigError(
            f"{anchorage.publisher} was succeeded by {newest_view.publishers[-1]}: use that account's key"
        )
    newest, head = await newest_view.head(), await view.head()
    if newest is None:
        raise FatalError(
            f"{anchorage.publisher} never anchored on this chain: start a service, it makes a database"
        )
    if head is None or head.root != newest.root:
        raise ChainUnavailable(
            f"batch {newest.record.sequence} is not final yet: rebuild once it is, within about 15 minutes"
        )
    first = await first_of_line(reader, anchorage.publisher, view.block.hash)
    publishers = await line_of(reader, first, view.block.hash)
    whole = replace(view, anchorage=replace(anchorage, publisher=first), publishers=publishers)
    return FinalAnchors(publishers, await all_anchors(whole))


async def anchors_left(view: ChainView) -> tuple[AuditedAnchor, ...]:
    """Return every anchor of an anchorage that was left, as `all_anchors`; none where it was left before the first."""
    if len(view.publishers) == 1 and await view.head() is None:
        # The contract's own word: an endpoint that hides events cannot make it look so.
        return ()
    return await all_anchors(view)


async def all_anchors(view: ChainView) -> tuple[AuditedAnchor, ...]:
    """Return every anchor of a view's line; ChainUnavailable where the endpoint's answers leave a gap."""
    anchors, discrepancies = await read_anchors(view)
    if discrepancies:
        raise ChainUnavailable(
            f"the chain cannot be read whole: {discrepancies[0].message}; set chain.from_block to the block of the "
            "contract, or use another endpoint"
        )
    return tuple(anchors)
