"""Which place of a publisher's files an anchorage has: a publisher that moved has one for each.

The publisher document is the source's own word. It decides where is looked, and nothing else: what a batch says
counts where its root is the one on chain, and an anchorage where the trust set names it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from anchor.documents import EarlierAnchorage, PublisherDocument, parse_publisher
from anchor.errors import InvalidInput, NotFound
from anchor.verify.sources import ListSource, PublishedFiles
from anchor.verify.trust import Anchorage


@dataclass(frozen=True, slots=True)
class Departure:
    """That a publisher left an anchorage: where lists and batches of it are now, and where it anchored since."""

    lists: ListSource
    since: tuple[PublisherDocument | EarlierAnchorage, ...]

    def went_to(self, *, chain_id: int, contract: str) -> bool:
        """Whether the publisher anchored in a contract since it left."""
        wanted = (chain_id, contract.lower())
        return any((place.chain_id, place.contract.lower()) == wanted for place in self.since)


FindDeparture = Callable[[Anchorage], Awaitable[Departure | None]]
"""Tells whether the publisher left an anchorage; None where nothing says so. Raises ServiceUnavailable."""


def place_of(
    document: PublisherDocument, anchorage: Anchorage
) -> PublisherDocument | EarlierAnchorage | None:
    """Return what a publisher document says of an anchorage; None where it does not know it."""
    places: tuple[PublisherDocument | EarlierAnchorage, ...] = (document, *reversed(document.earlier))
    return next((place for place in places if place.identity == anchorage.identity), None)


def files_of(files: PublishedFiles, document: PublisherDocument, anchorage: Anchorage) -> PublishedFiles:
    """Return where the batches of an anchorage are published, by a publisher document."""
    place = place_of(document, anchorage)
    return files.of_anchorage(place.number) if isinstance(place, EarlierAnchorage) else files


async def find_files(files: PublishedFiles, anchorage: Anchorage) -> PublishedFiles:
    """Return where the batches of an anchorage are published: under the names of the last where nothing says more."""
    document = await _publisher(files)
    return files if document is None else files_of(files, document, anchorage)


async def find_departure(files: PublishedFiles, anchorage: Anchorage) -> Departure | None:
    """Return where the publisher went from an anchorage; None where nothing says that it left it."""
    document = await _publisher(files)
    left = None if document is None else place_of(document, anchorage)
    if document is None or not isinstance(left, EarlierAnchorage):
        return None
    later = [place for place in document.earlier if place.number > left.number]
    return Departure(files.of_anchorage(left.number), (*later, document))


async def _publisher(files: PublishedFiles) -> PublisherDocument | None:
    try:
        return parse_publisher(await files.publisher())
    except (NotFound, InvalidInput):
        return None
