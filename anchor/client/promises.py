"""From the one promise that answers a request to the receipt of each of its digests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from anchor.client.values import Receipt
from anchor.core.digest import DIGEST_BYTES, SALTED, Method
from anchor.core.entries import CredentialEntry, identifier_hash, unbound_credential_leaves
from anchor.core.merkle import Tree
from anchor.core.promise import PromisedEntry, SignedPromise, request_tree
from anchor.documents import ReceiptDocument, receipts_of
from anchor.errors import InvalidInput, InvalidProof


def with_documents(receipts: Sequence[Receipt], signed: SignedPromise) -> tuple[Receipt, ...]:
    """Return receipts with the signed documents that a promise makes of them; InvalidInput where it is about others."""
    issuer_id = identifier_hash(signed.promise.issuer)
    entries = [
        CredentialEntry(
            issuer_id=issuer_id,
            method=receipt.method,
            digest=receipt.digest,
            salted=receipt.salted,
            status=receipt.status,
        )
        for receipt in receipts
    ]
    try:
        documents = receipts_of(signed, entries)
    except InvalidProof as exc:
        raise InvalidInput(f"the promise is not about the digests that were sent: {exc}") from exc
    return tuple(
        replace(receipt, document=document) for receipt, document in zip(receipts, documents, strict=True)
    )


def receipts_of_packed(
    signed: SignedPromise, digests: bytes, *, method: Method, salted: bool = False, positions: Sequence[int]
) -> tuple[ReceiptDocument, ...]:
    """
    Return the receipts of the digests at some positions of a packed request, from the promise that answered it.

    `digests` is the request's body, the whole of it: keep it with the promise, and any receipt can be made whenever it
    is wanted. Hashes every digest once, so ask for many positions at once. Raises InvalidInput for a position outside
    the request, and InvalidProof where the promise is about other digests, or about another method.
    """
    tree = packed_tree(signed, digests, method=method, salted=salted)
    issuer_id = identifier_hash(signed.promise.issuer)
    receipts = []
    for position in positions:
        if not 0 <= position < tree.size:
            raise InvalidInput(f"there is no digest {position} in a request of {tree.size}")
        digest = digests[position * DIGEST_BYTES : (position + 1) * DIGEST_BYTES]
        entry = CredentialEntry(issuer_id=issuer_id, method=method, digest=digest, salted=salted)
        promised = PromisedEntry(entry=entry, index=position, path=tuple(tree.inclusion_path(position)))
        receipts.append(ReceiptDocument(signed=signed, promised=promised, salt=None))
    return tuple(receipts)


def packed_tree(signed: SignedPromise, digests: bytes, *, method: Method, salted: bool = False) -> Tree:
    """Return the tree of a packed request; InvalidProof where the promise is not about these digests, each of them."""
    split = (digests[at : at + DIGEST_BYTES] for at in range(0, len(digests), DIGEST_BYTES))
    issuer_id = identifier_hash(signed.promise.issuer)
    tree = request_tree(unbound_credential_leaves(issuer_id, method | (SALTED if salted else 0), split))
    if (tree.size, tree.root()) != (signed.promise.entry_count, signed.promise.root):
        raise InvalidProof("the promise is about other digests, or they were sent by another method")
    return tree
