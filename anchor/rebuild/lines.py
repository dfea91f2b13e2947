"""Where a publisher anchors and anchored: the present anchorage, those that were left, and what each of them holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from anchor.chain.presets import chain_name
from anchor.chain.protocol import AnchoredEvent, ChainReader
from anchor.config import Settings
from anchor.documents import BatchDocument, EarlierAnchorage, PublisherDocument, parse_publisher
from anchor.errors import ChainUnavailable, ConfigError, InvalidInput, NotFound, ServiceUnavailable
from anchor.rebuild.anchors import FinalAnchors, anchors_left
from anchor.rebuild.reading import Sources
from anchor.rebuild.report import RebuildReport
from anchor.store.records import NewAnchorage
from anchor.verify.audit_chain import AuditedAnchor
from anchor.verify.chain_view import OpenChain, open_anchorage, open_final_view
from anchor.verify.sources import PublishedFiles
from anchor.verify.trust import Anchorage

MAX_GAP = 8
"""After so many batches in a row that are published nowhere no more are looked for: only files tell of the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """An anchorage to rebuild; where `is_compared` is false its anchors are what files say of themselves."""

    place: NewAnchorage
    publishers: tuple[str, ...]
    anchors: tuple[AuditedAnchor, ...]
    sources: Sources
    is_compared: bool


@dataclass(frozen=True, slots=True)
class Place:
    """A place of published files, and what it says of who publishes; None where it says nothing."""

    files: PublishedFiles
    document: PublisherDocument | None

    def of_anchorage(self, anchorage: EarlierAnchorage, *, is_last: bool) -> PublishedFiles:
        """Return where this place has an anchorage's batches: what is the last for one may be left for another."""
        if self.document is None:
            return self.files if is_last else self.files.of_anchorage(anchorage.number)
        if self.document.identity == anchorage.identity:
            return self.files
        known = {earlier.identity: earlier.number for earlier in self.document.earlier}
        return self.files.of_anchorage(known.get(anchorage.identity, anchorage.number))


async def read_place(files: PublishedFiles) -> Place:
    """Read who publishes at a place, as far as it says so."""
    try:
        return Place(files, parse_publisher(await files.publisher()))
    except (NotFound, InvalidInput, ServiceUnavailable):
        return Place(files, None)


def earlier_anchorages(places: Sequence[Place], current: EarlierAnchorage) -> tuple[EarlierAnchorage, ...]:
    """
    Return the anchorages before the present one, oldest first, as the places tell them.

    A place that was written before a move knows less, and must fit those written after it. ConfigError where two of
    them contradict each other, or all are of another service than the settings.
    """
    accounts = [(*place.document.earlier, _present(place.document)) for place in places if place.document]
    if not accounts:
        return ()
    known = [[anchorage.identity for anchorage in account] for account in accounts]
    whole = next((at for at, account in enumerate(known) if current.identity in account), None)
    if whole is None:
        raise ConfigError(
            f"none of the places, the backup included, knows contract {current.contract} on chain {current.chain_id}: "
            "they are another service's, or older than its last move; correct the settings, or name a newer mirror"
        )
    end = known[whole].index(current.identity)
    for account in known:
        if account[: end + 1] != known[whole][: len(account)][: end + 1]:
            raise ConfigError(
                "the places named, the backup included, are of different services: name one's alone"
            )
    return accounts[whole][:end]


def current_line(
    settings: Settings, found: FinalAnchors, *, genesis_hash: bytes, places: Sequence[PublishedFiles]
) -> Line:
    """Return the anchorage of the settings."""
    return Line(
        place=NewAnchorage(
            chain_id=settings.chain_id,
            genesis_hash=genesis_hash,
            contract=settings.chain.contract,
            publisher=found.publishers[0],
            from_block=settings.chain.from_block,
        ),
        publishers=found.publishers,
        anchors=found.anchors,
        sources=Sources(places),
        is_compared=True,
    )


class EarlierLines:
    """Reads anchorages that were left: from their chain where it can be reached, else from what was published."""

    def __init__(
        self, *, current: Line, rpcs: Mapping[int, str], settings: Settings, open_chain: OpenChain
    ) -> None:
        self._current = current
        self._rpcs = rpcs
        self._settings = settings
        self._open_chain = open_chain

    async def read(
        self, earlier: EarlierAnchorage, places: Sequence[PublishedFiles], report: RebuildReport
    ) -> Line:
        """Return an anchorage; where its chain cannot be read the report says so, and its files speak alone."""
        place = NewAnchorage(
            chain_id=earlier.chain_id,
            genesis_hash=earlier.genesis_hash,
            contract=earlier.contract,
            publisher=earlier.publisher,
            from_block=earlier.from_block,
        )
        sources = Sources(places)
        try:
            publishers, anchors = await self._from_chain(earlier)
        except ChainUnavailable as exc:
            report.lose(
                None,
                "anchorage_unchecked",
                f"anchorage {earlier.number} ({chain_name(earlier.chain_id)}, {earlier.contract}) cannot be compared "
                f"with its chain: {exc}; its batches are held against each other alone",
            )
            anchors = await anchors_from_files(sources, report, earlier)
            line = (earlier.publisher, *(anchor.publisher for anchor in anchors))
            publishers = tuple(dict.fromkeys(line))
            return Line(
                place=place, publishers=publishers, anchors=anchors, sources=sources, is_compared=False
            )
        return Line(place=place, publishers=publishers, anchors=anchors, sources=sources, is_compared=True)

    async def _from_chain(
        self, earlier: EarlierAnchorage
    ) -> tuple[tuple[str, ...], tuple[AuditedAnchor, ...]]:
        current = self._current.place
        is_same = (earlier.chain_id, earlier.genesis_hash) == (current.chain_id, current.genesis_hash)
        chain = self._settings.chain
        own = chain.rpc_url.reveal() if is_same else ""
        anchorage = Anchorage(
            chain_id=earlier.chain_id,
            genesis_hash=earlier.genesis_hash,
            contract=earlier.contract,
            publisher=earlier.publisher,
            rpc=self._rpcs.get(earlier.number, own),
            from_block=earlier.from_block,
            confirmations=(chain.confirmations or None) if is_same else None,
        )
        async with AsyncExitStack() as stack:
            reader: ChainReader = await stack.enter_async_context(open_anchorage(anchorage, self._open_chain))
            view = await open_final_view(reader, anchorage)
            return view.publishers, await anchors_left(view)


async def anchors_from_files(
    sources: Sources, report: RebuildReport, earlier: EarlierAnchorage
) -> tuple[AuditedAnchor, ...]:
    """Return what published batches say of their anchors; each must name the root of the one before it."""
    anchors: list[AuditedAnchor] = []
    gap = 0
    for sequence in range(1, earlier.head_sequence + 1):
        if gap == MAX_GAP:
            message = f"batches {sequence} to {earlier.head_sequence} of anchorage {earlier.number} were not looked for"
            report.lose(None, "batch_missing", f"{message}: those before them are published nowhere")
            break
        before = anchors[-1].event if anchors else None
        follows = before is None if sequence == 1 else before is not None and before.sequence == sequence - 1
        previous = (before.root if before else bytes(32)) if follows else None
        document = await sources.unanchored_batch(sequence, previous)
        gap = gap + 1 if document is None else 0
        if document is None:
            message = f"batch {sequence} of anchorage {earlier.number} is published nowhere, and no chain tells of it"
            report.lose(sequence, "batch_missing", message)
        else:
            anchors.append(_said_anchor(document, previous))
    return tuple(anchors)


def _said_anchor(document: BatchDocument, previous: bytes | None) -> AuditedAnchor:
    claim = document.claim
    event = AnchoredEvent(
        sequence=document.description.header.sequence,
        root=document.root,
        leaf_count=document.description.leaf_count,
        block_number=claim.block_number,
        # No published file names it, and there is no chain to ask.
        block_hash=bytes(32),
        transaction_hash=claim.transaction,
    )
    return AuditedAnchor(
        publisher=claim.publisher, event=event, time_s=claim.block_time_s, previous_root=previous
    )


def _present(document: PublisherDocument) -> EarlierAnchorage:
    return EarlierAnchorage(
        number=len(document.earlier) + 1,
        chain_id=document.chain_id,
        genesis_hash=document.genesis_hash,
        contract=document.contract,
        publisher=document.publisher,
        from_block=document.from_block,
        head_sequence=document.head_sequence,
        head_root=document.head_root,
    )
