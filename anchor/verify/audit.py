"""Everything that a publisher anchored, read from the chain and compared with what it published.

From the chain alone: every anchor up to the last final block, gapless, each event agreeing with its record.
With the published files beside it: every root computed again from leaves and lists. Withheld data is a failed
audit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from anchor.chain.presets import chain_name
from anchor.chain.protocol import Block
from anchor.core.strict_json import JsonValue
from anchor.documents import parse_publisher
from anchor.errors import ChainUnavailable, InvalidInput, NotFound
from anchor.fields import encode_hex
from anchor.verify.anchorage_files import files_of
from anchor.verify.audit_chain import AuditedAnchor, Discrepancy, read_anchors
from anchor.verify.audit_files import FileAudit, check_publisher
from anchor.verify.chain_view import ChainView, OpenChain, is_test_network, open_anchorage, open_final_view
from anchor.verify.report import EXIT_NO, EXIT_VALID
from anchor.verify.sources import PublishedFiles
from anchor.verify.times import utc_text
from anchor.verify.trust import Anchorage
from status_lists.multibase import encode_base64url

AUDIT_FORMAT = "credential-anchor/audit/v1"

OnProgress = Callable[[int, int], None]
"""Told after each batch: (batches checked, batches in all)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """What an audit found: every anchor up to `block`, the last final one, and everything that does not agree."""

    anchorage: Anchorage
    publishers: tuple[str, ...]
    block: Block
    anchors: tuple[AuditedAnchor, ...]
    discrepancies: tuple[Discrepancy, ...]
    has_files: bool
    # What could not be looked at, and is not counted as a discrepancy.
    unchecked: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """0 only if everything agrees."""
        return EXIT_NO if self.discrepancies else EXIT_VALID

    def to_json(self) -> dict[str, JsonValue]:
        """Return the report for programs; names and codes in it are stable."""
        chain_id = self.anchorage.chain_id
        return {
            "format": AUDIT_FORMAT,
            "agrees": not self.discrepancies,
            "chain": {
                "id": chain_id,
                "name": chain_name(chain_id),
                "isTestNetwork": is_test_network(chain_id),
            },
            "contract": self.anchorage.contract,
            "publishers": list(self.publishers),
            "toBlock": {"number": self.block.number, "hash": encode_hex(self.block.hash)},
            "filesChecked": self.has_files,
            "unchecked": list(self.unchecked),
            "anchors": [_anchor_json(anchor) for anchor in self.anchors],
            "discrepancies": [
                {"sequence": found.sequence, "code": found.code, "message": found.message}
                for found in self.discrepancies
            ],
        }


async def audit_publisher(
    anchorage: Anchorage,
    *,
    open_chain: OpenChain,
    files: PublishedFiles | None = None,
    before: Anchorage | None = None,
    on_progress: OnProgress | None = None,
) -> AuditReport:
    """Audit a publisher, and whoever succeeded it, up to the last final block.

    `files` is where the published files are had from; without them the chain is audited alone. `before` is
    the anchorage that the publisher moved here from: its lists may not have lost a revocation by the move.
    Guarantees that a report without discrepancies means: no anchor is missing, and every root is that of the
    published batch. Raises ChainUnavailable, and ServiceUnavailable where the files cannot be reached at all.
    """
    async with open_anchorage(anchorage, open_chain) as reader:
        view = await open_final_view(reader, anchorage)
        anchors, discrepancies = await read_anchors(view)
    unchecked: list[str] = []
    if files is not None:
        audit = FileAudit()
        found, place = await _published_by(view, files)
        discrepancies += found
        if before is not None:
            left = await _lists_left(audit, before, files, open_chain)
            discrepancies += left if isinstance(left, list) else []
            unchecked += [] if isinstance(left, list) else [left]
        discrepancies += await _audit_files(audit, anchors, place, on_progress)
    return AuditReport(
        anchorage=anchorage,
        publishers=view.publishers,
        block=view.block,
        anchors=tuple(anchors),
        discrepancies=tuple(discrepancies),
        has_files=files is not None,
        unchecked=tuple(unchecked),
    )


async def _published_by(view: ChainView, files: PublishedFiles) -> tuple[list[Discrepancy], PublishedFiles]:
    """Return what in the publisher document differs from the chain, and where this anchorage's files are."""
    try:
        document = parse_publisher(await files.publisher())
    except (NotFound, InvalidInput) as exc:
        return [Discrepancy(None, "publisher_missing", f"there is no publisher document: {exc}")], files
    return check_publisher(document, view), files_of(files, document, view.anchorage)


async def _lists_left(
    audit: FileAudit, before: Anchorage, files: PublishedFiles, open_chain: OpenChain
) -> list[Discrepancy] | str:
    """
    Begin with the lists of the last published root before a move.

    Returns what is wrong with them, or why nothing can be said. A last root that was abandoned is published by nobody;
    one that is withheld shows in the audit of its own anchorage.
    """
    try:
        async with open_anchorage(before, open_chain) as reader:
            view = await open_final_view(reader, before)
            anchors, _ = await read_anchors(view)
    except ChainUnavailable as exc:
        return f"whether a list lost anything by the move from {chain_name(before.chain_id)}: {exc}"
    _, place = await _published_by(view, files)
    for anchor in reversed(anchors):
        found = await audit.check(anchor, place)
        if not any(item.code == "batch_missing" for item in found):
            return found
    return f"whether a list lost anything by the move from {chain_name(before.chain_id)}: no batch of it is published"


async def _audit_files(
    audit: FileAudit,
    anchors: list[AuditedAnchor],
    files: PublishedFiles,
    on_progress: OnProgress | None,
) -> list[Discrepancy]:
    discrepancies: list[Discrepancy] = []
    for done, anchor in enumerate(anchors, start=1):
        discrepancies += await audit.check(anchor, files)
        if on_progress is not None:
            on_progress(done, len(anchors))
    return discrepancies


def _anchor_json(anchor: AuditedAnchor) -> dict[str, JsonValue]:
    event = anchor.event
    return {
        "sequence": event.sequence,
        "publisher": anchor.publisher,
        "root": encode_base64url(event.root),
        "leafCount": event.leaf_count,
        "blockNumber": event.block_number,
        "time": None if anchor.time_s is None else utc_text(anchor.time_s),
        "transaction": encode_hex(event.transaction_hash),
    }
