"""Promises inclusion: one signature a request, given only for what is durable."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from pathlib import Path

from anchor.clock import Clock
from anchor.core.entries import encode_credential, identifier_hash
from anchor.core.lifecycle import BatchState
from anchor.core.merkle import leaf_hash, root_of
from anchor.core.promise import Promise, SignedPromise
from anchor.documents import ReceiptKeysDocument
from anchor.service.chain_status import ChainStatus
from anchor.service.keys import load_or_create
from anchor.store.protocol import Store
from anchor.store.records import Accepted, Anchorage, Issuer
from status_lists.keys import ListKey
from status_lists.multibase import decode_base64url, encode_base64url

RECEIPT_KEY_FILE = "receipts.key"


def open_receipt_key(data_dir: Path) -> ListKey:
    """Return the key that signs receipts, made at the first start; ConfigError as `load_or_create`."""
    seed = load_or_create(data_dir / RECEIPT_KEY_FILE, encode_base64url(secrets.token_bytes(32)))
    return ListKey(decode_base64url(seed, length=32))


class Receipts:
    """
    Signs promises of anchors in the last anchorage.

    A promise that is not kept is evidence against the service, so nothing is signed here before it is durable, and no
    key signs before its public half is.
    """

    def __init__(
        self,
        *,
        store: Store,
        key: ListKey,
        base_url: str,
        promise_s: int,
        status: ChainStatus,
        clock: Clock,
    ) -> None:
        self._store = store
        self._key = key
        self._base_url = base_url
        self._promise_s = promise_s
        self._status = status
        self._clock = clock
        self._is_recorded = False
        self._promises = True

    def stop(self) -> None:
        """Promise nothing from now on: the anchorage is about to be left, and what comes is anchored elsewhere."""
        self._promises = False

    async def promise_items(self, issuer: Issuer, accepted: Sequence[Accepted]) -> SignedPromise | None:
        """Promise the anchor of digests that were accepted one by one, in their order; None as `promise`."""
        issuer_id = identifier_hash(issuer.identifier)
        leaves = [
            leaf_hash(encode_credential(issuer_id, item.method_code, item.digest, item.status))
            for item in accepted
        ]
        return await self.promise(
            issuer,
            root=root_of(b"".join(leaves)),
            entry_count=len(leaves),
            known_batches={item.batch for item in accepted if not item.is_new},
        )

    async def promise(
        self, issuer: Issuer, *, root: bytes, entry_count: int, known_batches: Collection[int]
    ) -> SignedPromise | None:
        """
        Promise that every entry of a request, given by the root over their leaves, is anchored `promise_s` from now.

        None once promises are stopped, and where a known digest is final in an earlier anchorage: it is never anchored
        again, so a promise of it in the last one would be broken. `known_batches` are those of the known digests.

        Call it only once they are durable. The time runs from the clock or the newest block, whichever is later: a
        clock that is slow must not make promises that are due before they can be kept.
        """
        anchorage = (await self._store.anchorages())[-1]
        if not self._promises or await self._stays_elsewhere(known_batches, anchorage):
            return None
        await self._record_key()
        accepted_s = self._clock.now_ms() // 1000
        latest = self._status.latest
        since_s = accepted_s if latest is None else max(accepted_s, latest.timestamp_s)
        promise = Promise(
            chain_id=anchorage.chain_id,
            genesis_hash=anchorage.genesis_hash,
            contract=anchorage.contract,
            # The first of the line, as trust files name it: whoever succeeds it keeps its promises.
            publisher=anchorage.publishers[0],
            base_url=self._base_url,
            issuer=issuer.identifier,
            entry_count=entry_count,
            root=root,
            accepted_s=accepted_s,
            anchored_by_s=since_s + self._promise_s,
        )
        return SignedPromise(
            promise=promise, public_key=self._key.public_key, signature=self._key.sign(promise.encode())
        )

    async def _stays_elsewhere(self, batches: Collection[int], last: Anchorage) -> bool:
        """Whether one of some batches is final in an anchorage before the last; what was not is sealed again."""
        if len(await self._store.anchorages()) == 1:
            return False
        for number in batches:
            batch = await self._store.batch(number)
            if batch is not None and batch.state is BatchState.FINAL and batch.anchorage != last.number:
                return True
        return False

    async def keys(self) -> ReceiptKeysDocument:
        """Return the key that signs receipts, and those whose receipts may be around."""
        await self._record_key()
        current = self._key.public_key
        retired = tuple(key for key in await self._store.receipt_keys() if key != current)
        return ReceiptKeysDocument(current=current, retired=retired)

    async def _record_key(self) -> None:
        if not self._is_recorded:
            await self._store.add_receipt_key(self._key.public_key, now_ms=self._clock.now_ms())
            self._is_recorded = True
