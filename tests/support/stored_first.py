"""What must hold after every step of a service, whatever went wrong (docs/protocol.md, Promises)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from eth_utils.crypto import keccak

from anchor.core.digest import Method
from anchor.core.entries import CredentialEntry, StatusSummary, identifier_hash, join_root
from anchor.core.merkle import leaf_hash, root_from_inclusion
from anchor.store.records import Accepted, Issuer
from tests.support.assembly import Running


def require_stored_before_broadcast(service: Running) -> Callable[[bytes], Awaitable[None]]:
    """Return a check for the chain: the store has every payload before the pool does (promise 4)."""

    async def check(raw: bytes) -> None:
        batches = await service.store.unfinished_batches()
        stored = {
            payload.hash: payload.raw
            for batch in batches
            for payload in await service.store.payloads(batch.id)
        }
        assert stored.get(keccak(raw)) == raw, "a payload was broadcast before it was stored"

    return check


async def check_everything(service: Running, issuer: Issuer, *accepted: Accepted) -> None:
    """
    Check that each accepted digest stands in one batch, and that every mined batch is what the chain holds.

    Each leaf leads to the credential root, each root is chained to the one before, and no sequence is anchored twice.
    """
    await check_versions_rise(service)
    roots = service.chain.roots_of_line(service.publisher)
    for item in accepted:
        (place,) = await service.store.find_digest(issuer.number, item.digest)
        assert (place.batch.id, place.accepted.leaf_index) == (item.batch, item.leaf_index)
        batch = place.batch
        if not batch.state.is_mined:
            continue
        assert batch.sequence is not None
        assert roots[batch.sequence] == batch.root
        leaf = leaf_hash(
            CredentialEntry(
                issuer_id=identifier_hash(issuer.identifier),
                method=Method(item.method_code),
                digest=item.digest,
                status=item.status,
            ).encode()
        )
        path = await service.store.inclusion_path(batch.id, item.leaf_index, batch.leaf_count)
        top = root_from_inclusion(leaf, index=item.leaf_index, tree_size=batch.leaf_count, path=path)
        states = await service.store.list_states_at(batch.id)
        assert [state.number for state in states] == list(range(len(states)))
        assert item.status is None or item.status.list_number < len(states), (
            "the root commits to the bound list"
        )
        status_root = StatusSummary.of([state.entry for state in states]).status_root()
        assert join_root(top, status_root) == batch.root
        if batch.sequence > 1:
            assert batch.previous_root == roots[batch.sequence - 1]


async def check_versions_rise(service: Running) -> None:
    """Check that no list's version falls, and none is missing, from one sequence on chain to the next of ours."""
    before: dict[int, int] = {}
    for sequence, root in sorted(service.chain.roots_of_line(service.publisher).items()):
        batch = await service.store.batch_by_sequence(sequence)
        if batch is None or batch.root != root:
            continue
        states = {item.number: item.entry.version for item in await service.store.list_states_at(batch.id)}
        assert all(states.get(number, -1) >= version for number, version in before.items())
        before = states
