"""What the chain holds of a publisher: everything final, or nothing is rebuilt yet."""

from __future__ import annotations

from anchor.chain.protocol import ChainReader
from anchor.errors import ChainUnavailable, ConfigError, FatalError
from anchor.verify.audit_chain import AuditedAnchor, read_anchors
from anchor.verify.chain_view import open_final_view, open_view
from anchor.verify.trust import Anchorage


async def final_anchors(reader: ChainReader, anchorage: Anchorage) -> list[AuditedAnchor]:
    """
    Return every anchor of a publisher, in order of sequence, after checking that there is no other.

    Raises FatalError where there is none, ConfigError where the account is not the one that anchors now, and
    ChainUnavailable where the newest anchor is not final yet, or the endpoint's answers leave a gap.
    """
    view = await open_final_view(reader, anchorage)
    newest = await (await open_view(reader, anchorage)).head()
    head = await view.head()
    if len(view.publishers) > 1:
        raise ConfigError(
            f"{anchorage.publisher} was succeeded by {view.publishers[-1]}: use that account's key"
        )
    if newest is None:
        raise FatalError(
            f"{anchorage.publisher} never anchored on this chain: start a service, it makes a database"
        )
    if head is None or head.root != newest.root:
        raise ChainUnavailable(
            f"batch {newest.record.sequence} is not final yet: rebuild once it is, within about 15 minutes"
        )
    anchors, discrepancies = await read_anchors(view)
    if discrepancies:
        raise ChainUnavailable(
            f"the chain cannot be read whole: {discrepancies[0].message}; set chain.from_block to the block of the "
            "contract, or use another endpoint"
        )
    return anchors
