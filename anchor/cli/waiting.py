"""Waits, within bounds, until the service has anchored something."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from anchor.cli.output import count_text
from anchor.client import DigestTarget, PublishedList, Receipt, ServiceClient
from anchor.core.lifecycle import BatchState
from anchor.documents import ProofDocument
from anchor.errors import Overloaded, ServiceUnavailable

_FIRST_PAUSE_S = 0.25
_LONGEST_PAUSE_S = 5.0
_PAUSE_GROWTH = 1.5
_FETCHES_AT_ONCE = 16
_MAX_FAILURES = 10
"""Failures in a row, each after the client's own attempts, for which a restarting service is waited for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to wait in all, and the clock to wait by (`now_s` is monotonic)."""

    limit_s: float
    now_s: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


@dataclass(frozen=True, slots=True)
class Fetched:
    """A digest's receipt and proof, once its batch has reached the wanted state."""

    target: DigestTarget
    receipt: Receipt
    proof: ProofDocument


async def fetch_proofs(
    client: ServiceClient,
    targets: Sequence[DigestTarget],
    *,
    wanted: BatchState,
    patience: Patience,
    on_fetched: Callable[[Fetched], None],
) -> None:
    """Fetch the proof of each digest once its batch is `wanted` (mined or final), telling each as it comes.

    Raises ServiceUnavailable when patience ends, or when the service stays away; what was told until then
    stands.
    """
    pending = list(targets)

    async def look() -> bool:
        nonlocal pending
        # Digests that were submitted together are anchored together: the first speaks for those behind it.
        if not pending or not has_reached((await client.receipt(pending[0])).state, wanted):
            return not pending
        left: list[DigestTarget] = []
        for start in range(0, len(pending), _FETCHES_AT_ONCE):
            some = pending[start : start + _FETCHES_AT_ONCE]
            results = await asyncio.gather(*(_fetch(client, target, wanted) for target in some))
            for target, fetched in zip(some, results, strict=True):
                if fetched is None:
                    left.append(target)
                else:
                    on_fetched(fetched)
        pending = left
        return not pending

    await _poll(
        look,
        patience=patience,
        what=lambda: (
            f"{len(pending):,} of {count_text(len(targets), 'digest')} "
            f"{'is' if len(pending) == 1 else 'are'} not yet {wanted.value}"
        ),
    )


async def wait_for_lists(client: ServiceClient, lists: Sequence[PublishedList], *, patience: Patience) -> int:
    """Wait until a mined batch commits to each list in the given version or a newer one; return its sequence.

    Raises ServiceUnavailable when patience ends, or when the service stays away.
    """
    sequence = 0

    async def look() -> bool:
        nonlocal sequence
        head = (await client.publisher()).head_sequence
        if head <= sequence:
            return False
        sequence = head
        versions = {state.number: state.entry.version for state in (await client.batch(head)).lists}
        return all(versions.get(item.number, -1) >= item.version for item in lists)

    await _poll(look, patience=patience, what=lambda: "the status change is not yet anchored")
    return sequence


def has_reached(state: BatchState, wanted: BatchState) -> bool:
    """Whether a state is the wanted one or one after it."""
    order = list(BatchState)
    return order.index(state) >= order.index(wanted)


async def _fetch(client: ServiceClient, target: DigestTarget, wanted: BatchState) -> Fetched | None:
    receipt = await client.receipt(target)
    proof = await client.proof(target) if has_reached(receipt.state, wanted) else None
    return None if proof is None else Fetched(target=target, receipt=receipt, proof=proof)


async def _poll(look: Callable[[], Awaitable[bool]], *, patience: Patience, what: Callable[[], str]) -> None:
    """Look again and again, more and more slowly, until it says that all is done."""
    give_up_s = patience.now_s() + patience.limit_s
    pause_s, failures = _FIRST_PAUSE_S, 0
    while True:
        try:
            if await look():
                return
            failures = 0
        except (ServiceUnavailable, Overloaded):
            failures += 1
            if failures == _MAX_FAILURES:
                raise
        left_s = give_up_s - patience.now_s()
        if left_s <= 0:
            raise ServiceUnavailable(
                f"{what()} after {patience.limit_s:g} s: nothing is lost, ask again later"
            )
        await patience.sleep(min(pause_s, left_s))
        pause_s = min(_LONGEST_PAUSE_S, pause_s * _PAUSE_GROWTH)
