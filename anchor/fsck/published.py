"""What the running service publishes, held against the database."""

from __future__ import annotations

from anchor.documents import parse_batch
from anchor.errors import AnchorError, ServiceUnavailable
from anchor.fsck.findings import Check
from anchor.store.records import Batch
from anchor.store.sqlite.lists import list_version
from anchor.store.sqlite.writer import Session
from anchor.verify import PublishedFiles


async def check_published(
    session: Session, batches: list[Batch], files: PublishedFiles, *, last_anchorage: int
) -> Check:
    """
    Fetch every mined batch and every list's newest anchored version, and compare them with the database.

    A list that changes between the two looks is read again once: its version tells.
    """
    check = Check("published")
    for batch in batches:
        if batch.state.is_mined and batch.sequence is not None:
            place = files if batch.anchorage == last_anchorage else files.of_anchorage(batch.anchorage or 0)
            await _check_batch(check, batch, batch.sequence, place)
    for row in session.all("select number from lists order by number"):
        await _check_list(session, check, row["number"], files)
    return check


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
