"""Which place of a publisher's files an anchorage has: a publisher that moved has one for each.

The publisher document is the source's own word. It decides where is looked, and nothing else: what a batch says
counts where its root is the one on chain.
"""

from __future__ import annotations

from anchor.documents import EarlierAnchorage, PublisherDocument, parse_publisher
from anchor.errors import InvalidInput, NotFound
from anchor.verify.sources import PublishedFiles
from anchor.verify.trust import Anchorage


def place_of(
    document: PublisherDocument, anchorage: Anchorage
) -> PublisherDocument | EarlierAnchorage | None:
    """Return what a publisher document says of an anchorage; None where it does not know it."""
    wanted = (anchorage.chain_id, anchorage.genesis_hash, anchorage.contract.lower())
    places: tuple[PublisherDocument | EarlierAnchorage, ...] = (document, *reversed(document.earlier))
    for place in places:
        if (place.chain_id, place.genesis_hash, place.contract.lower()) == wanted:
            return place
    return None


def files_of(files: PublishedFiles, document: PublisherDocument, anchorage: Anchorage) -> PublishedFiles:
    """Return where the batches of an anchorage are published, by a publisher document."""
    place = place_of(document, anchorage)
    return files.of_anchorage(place.number) if isinstance(place, EarlierAnchorage) else files


async def files_left(files: PublishedFiles, anchorage: Anchorage) -> PublishedFiles | None:
    """
    Return the files of an anchorage that the publisher has left; None where nothing says that it has.

    Raises ServiceUnavailable as the source does.
    """
    try:
        document = parse_publisher(await files.publisher())
    except (NotFound, InvalidInput):
        return None
    found = files_of(files, document, anchorage)
    return None if found is files else found
