"""What the running service publishes, held against the database."""

from __future__ import annotations

from anchor.documents import parse_batch, parse_publisher
from anchor.errors import AnchorError, ServiceUnavailable
from anchor.fsck.findings import Check
from anchor.service.proofs import earlier_anchorage
from anchor.store.records import Batch
from anchor.store.sqlite.anchorages import anchorages, former_head
from anchor.store.sqlite.lists import list_version
from anchor.store.sqlite.writer import Session
from anchor.verify import PublishedFiles


async def check_published(
    session: Session, batches: list[Batch], files: PublishedFiles, *, last_anchorage: int
) -> Check:
    """
    Fetch the publisher document, every mined batch and every list's newest anchored version, and compare them.

    A list that changes between the two looks is read again once: its version tells.
    """
    check = Check("published")
    await _check_publisher(session, check, files)
    for batch in batches:
        if batch.state.is_mined and batch.sequence is not None:
            place = files if batch.anchorage == last_anchorage else files.of_anchorage(batch.anchorage or 0)
            await _check_batch(check, batch, batch.sequence, place)
    for row in session.all("select number from lists order by number"):
        await _check_list(session, check, row["number"], files)
    return check


async def _check_publisher(session: Session, check: Check, files: PublishedFiles) -> None:
    """Catch a document from before a move, as a cache may keep it: whoever reads it looks for batches elsewhere."""
    try:
        document = parse_publisher(await files.publisher())
    except ServiceUnavailable as exc:
        check.leave_open(f"the publisher document cannot be fetched: {exc}")
        return
    except AnchorError as exc:
        check.fail("publisher document", f"it is not published as it should be: {exc}")
        return
    *left, last = anchorages(session)
    is_present = document.identity == (last.chain_id, last.genesis_hash, last.contract.lower())
    check.expect(is_present, "publisher document", "another anchorage is published as the present one")
    earlier = tuple(earlier_anchorage(place, former_head(session, place.number)) for place in left)
    check.expect(
        document.earlier == earlier,
        "publisher document",
        "other anchorages that were left, or other ends of them, are published",
    )


async def _check_batch(check: Check, batch: Batch, sequence: int, files: PublishedFiles) -> None:
    where = f"batch {sequence}"
    try:
        document = parse_batch(await files.batch(sequence))
    except ServiceUnavailable as exc:
        check.leave_open(f"{where} cannot be fetched: {exc}")
        return
    except AnchorError as exc:
        check.fail(where, f"it is not published as it should be: {exc}")
        return
    check.expect(document.root == batch.root, where, "another root is published")


async def _check_list(session: Session, check: Check, number: int, files: PublishedFiles) -> None:
    stored = list_version(session, number, None)
    if not check.expect(stored is not None, f"list {number}", "it was never published") or stored is None:
        return
    try:
        served = await files.status_list(number, stored.version)
    except ServiceUnavailable as exc:
        check.leave_open(f"list {number} cannot be fetched: {exc}")
        return
    except AnchorError as exc:
        check.fail(f"list {number}", f"its version {stored.version} is not published: {exc}")
        return
    check.expect(served == stored.document, f"list {number}", "another document is published than is stored")
