"""Receipts as a service gives them, for tests of what is made of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from anchor.core.entries import CredentialEntry
from anchor.core.merkle import leaf_hash
from anchor.core.promise import Promise, SignedPromise, request_tree
from anchor.documents import ReceiptDocument, receipt_to_json, receipts_of
from anchor.verify import PublishedFiles, TrustSet
from anchor.verify.folder_source import FolderSource
from anchor.verify.receipt_report import ReceiptReport
from anchor.verify.receipts import ReceiptFiles, check_receipt
from status_lists.keys import ListKey
from tests.support.fake_chain import CONTRACT, opener
from tests.support.publisher import BASE_URL
from tests.verify.world import PUBLISHER, RPC, World

KEY = ListKey(bytes([9]) * 32)
DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Promised:
    """A world, the entries of a request in it, and the promise that was given for them."""

    world: World
    signed: SignedPromise
    entries: tuple[CredentialEntry, ...]

    def receipt(self, index: int = 0) -> ReceiptDocument:
        """Return the receipt of one entry."""
        return receipts_of(self.signed, self.entries)[index]

    def trust(self, *keys: bytes) -> TrustSet:
        """Return a trust set that has the service's receipt key, or those given."""
        trust = self.world.trust()
        anchorage = replace(trust.current, receipt_keys=keys or (KEY.public_key,))
        return replace(trust, anchorages=(anchorage,))

    async def check(
        self,
        receipt: ReceiptDocument | bytes | None = None,
        *,
        trust: TrustSet | None = None,
        proof: bytes | None = None,
        credential: bytes | None = None,
        files: PublishedFiles | None = None,
        has_files: bool = True,
    ) -> ReceiptReport:
        """Check a receipt, the first entry's unless one is given."""
        given = self.receipt() if receipt is None else receipt
        source = files or FolderSource(self.world.folder)
        return await check_receipt(
            ReceiptFiles(
                receipt=given if isinstance(given, bytes) else to_bytes(given),
                proof=proof,
                credential=credential,
            ),
            trust=trust or self.trust(),
            files=source if has_files else None,
            open_chain=opener((RPC, self.world.chain)),
        )


def to_bytes(document: ReceiptDocument) -> bytes:
    """Return a receipt file."""
    return json.dumps(receipt_to_json(document)).encode()


def promise_for(
    world: World, contents: Sequence[bytes], *, due_in_s: int = DAY_S, submits: bool = True
) -> Promised:
    """Submit credentials and promise their anchor; with `submits` false the promise is given and forgotten."""
    before = len(world.publisher._pending)
    for content in contents:
        world.publisher.submit(world.issuer, content)
    entries = tuple(entry for _issuer, entry in world.publisher._pending[before:])
    if not submits:
        del world.publisher._pending[before:]
    now_s = world.publisher.now_s
    promise = Promise(
        chain_id=world.chain.chain_id,
        genesis_hash=world.chain.genesis_hash,
        contract=CONTRACT,
        publisher=PUBLISHER,
        base_url=BASE_URL,
        issuer=world.issuer.id,
        entry_count=len(entries),
        root=request_tree(b"".join(leaf_hash(entry.encode()) for entry in entries)).root(),
        accepted_s=now_s,
        anchored_by_s=now_s + due_in_s,
    )
    return Promised(world=world, signed=signed_by(KEY, promise), entries=entries)


def signed_by(key: ListKey, promise: Promise) -> SignedPromise:
    """Return a promise as a key signs it."""
    return SignedPromise(promise, key.public_key, key.sign(promise.encode()))
