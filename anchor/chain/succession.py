"""Lines of succession: a publisher and everyone who succeeded it, one after the other."""

from __future__ import annotations

from anchor.chain.protocol import AnchorRecord, ChainReader
from anchor.errors import ChainUnavailable

MAX_SUCCESSIONS = 64
"""The contract sees to it that a line of succession ends; an endpoint may say otherwise."""


async def line_of(reader: ChainReader, publisher: str, at: bytes) -> tuple[str, ...]:
    """
    Return a publisher and everyone who succeeded it by block hash `at`, oldest first.

    The line is followed forward only: whoever is in it was appointed by the one before. Raises ChainUnavailable where
    the endpoint fails, or names successors without end.
    """
    line = [publisher]
    while successor := await reader.successor(line[-1], at):
        line.append(successor)
        if len(line) > MAX_SUCCESSIONS:
            raise ChainUnavailable(f"the RPC endpoint names more than {MAX_SUCCESSIONS} successors in a row")
    return tuple(line)


async def first_of_line(reader: ChainReader, publisher: str, at: bytes) -> str:
    """
    Return the account that the line of an account began with, as of block hash `at`.

    Only for who holds the account's key, as a publisher who lost his database does: the line is followed backward, so
    everybody in it was chosen by the account itself, by accepting. Raises ChainUnavailable as `line_of`.
    """
    for _ in range(MAX_SUCCESSIONS + 1):
        before = await reader.predecessor(publisher, at)
        if before is None:
            return publisher
        publisher = before
    raise ChainUnavailable(f"the RPC endpoint names more than {MAX_SUCCESSIONS} predecessors in a row")


async def record_in_line(
    reader: ChainReader, line: tuple[str, ...], root: bytes, at: bytes
) -> tuple[str, AnchorRecord] | None:
    """
    Return who of a line anchored a root, and the record, as of block hash `at`; None where nobody did.

    A head that was taken over stands under two accounts with equal records: the one that anchored it is named.
    """
    for publisher in line:
        record = await reader.record(publisher, root, at)
        if record is not None:
            return publisher, record
    return None
