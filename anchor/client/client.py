"""The service's API as methods, one an endpoint (OpenAPI description at `/openapi.json` of every service)."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Self, TypeVar

from anchor.client.base_url import check_base_url
from anchor.client.connection import Connection, Request, RetryPolicy
from anchor.client.problems import read_problem
from anchor.client.promises import packed_tree
from anchor.client.reading import (
    read_allocations,
    read_change_receipt,
    read_created_issuer,
    read_created_webhook,
    read_entry_state,
    read_issuers,
    read_packed_receipt,
    read_receipt,
    read_receipts,
    read_rotated_key,
    read_rotated_list_key,
    read_webhooks,
)
from anchor.client.values import (
    MAX_ITEMS,
    ChangeReceipt,
    CreatedIssuer,
    CreatedWebhook,
    DigestTarget,
    EntryState,
    Issuer,
    JsonObject,
    NewTokenKey,
    PackedReceipt,
    Receipt,
    RotatedKey,
    RotatedListKey,
    StatusAllocation,
    StatusChange,
    Submission,
    Webhook,
)
from anchor.client.writing import (
    change_to_json,
    digest_params,
    encode_json,
    submission_to_json,
    token_key_to_json,
)
from anchor.core.digest import DIGEST_BYTES, Method
from anchor.core.entries import StatusEntry
from anchor.core.strict_json import JsonValue, parse_strict_json
from anchor.documents import (
    BatchDocument,
    ProofDocument,
    PublisherDocument,
    parse_batch,
    parse_proof,
    parse_publisher,
)
from anchor.errors import InvalidInput, InvalidProof, ServiceUnavailable, TooLarge
from anchor.fields import Fields
from status_lists.multibase import encode_base64url, encode_digest

MAX_PACKED_BYTES = 64 * 1024 * 1024
MAX_LIST_BYTES = 32 * 1024 * 1024

T = TypeVar("T")


class ServiceClient:
    """Speaks to one service with one API key, an issuer's or the operator's, as an async context manager.

    Raises the errors of anchor.errors: InvalidInput, Unauthorized, NotFound, Conflict, TooLarge and
    Overloaded as the service's problems say, ServiceUnavailable where it does not answer, or answers what
    is no answer. What may be repeated without harm is repeated, at most `retry.attempts` times.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str | None = None,
        *,
        retry: RetryPolicy | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._connection = Connection(
            base_url=check_base_url(base_url),
            api_key=api_key,
            retry=retry or RetryPolicy(),
            sleep=sleep,
            jitter=jitter,
        )

    async def __aenter__(self) -> Self:
        await self._connection.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._connection.__aexit__(kind, exc, trace)

    async def create_issuer(
        self,
        *,
        name: str,
        list_signer: str,
        issuer_id: str | None = None,
        seed: bytes | None = None,
        hosted: str | None = None,
        token_key: NewTokenKey | None = None,
    ) -> CreatedIssuer:
        """Create an issuer (operator).

        `list_signer` is `managed`, `service` or `did-web`, `seed` a 32-byte Ed25519 seed, `hosted` the last
        part of a did:web whose document the service is to publish, `token_key` a P-256 key for a did:web. Not
        repeated where no answer comes: the issuer may exist then, and its key is lost; rotate it.
        """
        body: JsonObject = {"name": name, "listSigner": list_signer}
        if issuer_id is not None:
            body["id"] = issuer_id
        if seed is not None:
            body["seed"] = encode_base64url(seed)
        if hosted is not None:
            body["hosted"] = hosted
        if token_key is not None:
            body["tokenKey"] = token_key_to_json(token_key)
        return await self._post("/v1/issuers", body, read_created_issuer, repeatable=False)

    async def issuers(self) -> tuple[Issuer, ...]:
        """Return all issuers (operator)."""
        return await self._get("/v1/issuers", read_issuers)

    async def rotate_key(self, number: int) -> RotatedKey:
        """Replace an issuer's API key (operator); not repeated, since each call makes another key."""
        return await self._post(f"/v1/issuers/{number}/rotate-key", None, read_rotated_key, repeatable=False)

    async def rotate_list_key(self, number: int) -> RotatedListKey:
        """Let a new key sign the lists of a did:web issuer (operator); not repeated, since each call makes a key."""
        path = f"/v1/issuers/{number}/rotate-list-key"
        return await self._post(path, None, read_rotated_list_key, repeatable=False)

    async def rotate_token_key(self, number: int) -> RotatedListKey:
        """Let a new P-256 key sign the token forms of a did:web issuer's lists (operator); not repeated either."""
        path = f"/v1/issuers/{number}/rotate-token-key"
        return await self._post(path, None, read_rotated_list_key, repeatable=False)

    async def disable_issuer(self, number: int) -> None:
        """Refuse an issuer's key from now on (operator)."""
        await self._connection.fetch(Request(method="POST", path=f"/v1/issuers/{number}/disable"))

    async def submit(self, submissions: Sequence[Submission]) -> tuple[Receipt, ...]:
        """Submit 1 to MAX_ITEMS digests, all or none, and return their receipts in the same order.

        On return they are durable. Submitting again returns the first receipts. ServiceUnavailable where the answer is
        about others: another digest, or another status entry than was to be bound.
        """
        _require_count(len(submissions))
        body: JsonValue = [submission_to_json(item) for item in submissions]
        receipts = await self._post("/v1/digests", body, read_receipts)
        expected = [(item.digest, item.method, item.salted) for item in submissions]
        if [(item.digest, item.method, item.salted) for item in receipts] != expected:
            raise ServiceUnavailable(
                f"the service at {self._connection.host} gave receipts for other digests"
            )
        # A credential that is bound elsewhere, or nowhere, is one that its issuer cannot revoke.
        for submission, receipt in zip(submissions, receipts, strict=True):
            if not _is_bound_as_asked(submission, receipt):
                raise ServiceUnavailable(
                    f"the service at {self._connection.host} bound the digest {encode_digest(receipt.digest)} to "
                    "another status entry than it was sent with: look with `anchor status` before it is issued"
                )
        return receipts

    async def submit_packed(
        self, digests: bytes, *, method: Method, salted: bool = False, again: bool = False
    ) -> PackedReceipt:
        """Submit digests of 32 bytes each, one after the other, bound to no status entry; all or none.

        ServiceUnavailable where the answer is about others: another number of digests, or a promise of other leaves.
        """
        if not digests or len(digests) % DIGEST_BYTES:
            raise InvalidInput(
                f"packed digests have {DIGEST_BYTES} bytes each: {len(digests)} bytes are no whole number"
            )
        if len(digests) > MAX_PACKED_BYTES:
            raise TooLarge(f"a packed request has at most {MAX_PACKED_BYTES} bytes, not {len(digests)}")
        answer = await self._connection.fetch(
            Request(
                method="POST",
                path="/v1/digests",
                params=digest_params(method, salted=salted) | ({"again": "true"} if again else {}),
                body=digests,
                content_type="application/octet-stream",
            )
        )
        receipt = self._read(answer.body, read_packed_receipt)
        await self._require_about(receipt, digests, method=method, salted=salted)
        return receipt

    async def receipt(self, target: DigestTarget) -> Receipt:
        """Return the receipt of a digest; NotFound where this issuer did not submit it."""
        params = digest_params(target.method, salted=target.salted)
        return await self._get(f"/v1/digests/{encode_digest(target.digest)}", read_receipt, params=params)

    async def proof(self, target: DigestTarget) -> ProofDocument | None:
        """Return the proof of a digest, its hashes checked; None while its batch is not mined."""
        answer = await self._connection.send(
            Request(
                method="GET",
                path=f"/v1/digests/{encode_digest(target.digest)}/proof",
                params=digest_params(target.method, salted=target.salted),
            )
        )
        if answer.status >= 300:
            problem = read_problem(status=answer.status, body=answer.body, retry_after=answer.retry_after)
            if problem.slug == "not-yet-mined":
                return None
            raise self._connection.error(answer)
        document = self._document(answer.body, parse_proof)
        entry = document.proof.entry
        # Without a method the service looks under all of them, the salted ones too.
        is_same = target.method is None or (entry.method, entry.salted) == (target.method, target.salted)
        if entry.digest != target.digest or not is_same:
            raise ServiceUnavailable(
                f"the service at {self._connection.host} gave the proof of another digest, or of another method"
            )
        return document

    async def allocate_status_entries(
        self, count: int, *, idempotency_key: str | None = None
    ) -> tuple[StatusAllocation, ...]:
        """Allocate 1 to MAX_ITEMS status entries; repeated only under an idempotency key."""
        _require_count(count)
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        answer = await self._connection.fetch(
            Request(
                method="POST",
                path="/v1/status-entries",
                body=encode_json({"count": count}),
                headers=headers,
                repeatable=idempotency_key is not None,
            )
        )
        return self._read(answer.body, read_allocations)

    async def status_entry(self, status: StatusEntry) -> EntryState:
        """Return what one of this issuer's status entries says, and its history."""
        return await self._get(f"/v1/status-entries/{status.list_number}/{status.index}", read_entry_state)

    async def change_status(self, changes: Sequence[StatusChange]) -> ChangeReceipt:
        """Make 1 to MAX_ITEMS status changes, all or none; on return they are durable and public."""
        _require_count(len(changes))
        items: list[JsonValue] = [change_to_json(item) for item in changes]
        return await self._post("/v1/status-changes", {"changes": items}, read_change_receipt)

    async def apply_changes(self, body: bytes, *, content_type: str) -> ChangeReceipt:
        """Make the changes of a CSV (`text/csv`) or NDJSON (`application/x-ndjson`), all or none (see the API)."""
        if len(body) > MAX_PACKED_BYTES:
            raise TooLarge(
                f"a file of changes has at most {MAX_PACKED_BYTES} bytes, not {len(body)}: split it"
            )
        answer = await self._connection.fetch(
            Request(method="POST", path="/v1/status-changes", body=body, content_type=content_type)
        )
        return self._read(answer.body, read_change_receipt)

    async def create_webhook(self, url: str) -> CreatedWebhook:
        """Have a URL told of every new version of this issuer's lists; not repeated, since each call makes one."""
        return await self._post("/v1/webhooks", {"url": url}, read_created_webhook, repeatable=False)

    async def webhooks(self) -> tuple[Webhook, ...]:
        """Return this issuer's webhooks."""
        return await self._get("/v1/webhooks", read_webhooks)

    async def delete_webhook(self, webhook: int) -> None:
        """Stop the calls of a webhook; NotFound where this issuer has none of this id."""
        await self._connection.fetch(
            Request(method="DELETE", path=f"/v1/webhooks/{webhook}", repeatable=False)
        )

    async def publisher(self) -> PublisherDocument:
        """Return who publishes where (public)."""
        answer = await self._connection.fetch(Request(method="GET", path="/v1/publisher"))
        return self._document(answer.body, parse_publisher)

    async def batch(self, sequence: int) -> BatchDocument:
        """Return a mined batch, its hashes checked (public)."""
        answer = await self._connection.fetch(Request(method="GET", path=f"/v1/batches/{sequence}"))
        return self._document(answer.body, parse_batch)

    async def leaves(self, sequence: int, *, leaf_count: int) -> bytes:
        """Return the leaf hashes of a mined batch, 32 bytes each, the header's first (public)."""
        expected_bytes = leaf_count * DIGEST_BYTES
        answer = await self._connection.fetch(
            Request(method="GET", path=f"/v1/batches/{sequence}/leaves", max_bytes=expected_bytes)
        )
        if len(answer.body) != expected_bytes:
            raise ServiceUnavailable(
                f"batch {sequence} has {leaf_count} leaves, the service gave another number"
            )
        return answer.body

    async def status_list(self, number: int, *, version: int | None = None) -> bytes:
        """Return a status list's signed credential: the newest, or an anchored version (public)."""
        path = f"/status-lists/{number}" if version is None else f"/status-lists/{number}/versions/{version}"
        answer = await self._connection.fetch(Request(method="GET", path=path, max_bytes=MAX_LIST_BYTES))
        return answer.body

    async def is_ready(self) -> bool:
        """Whether the service answers and says that it can do its work (public)."""
        answer = await self._connection.send(Request(method="GET", path="/readyz", repeatable=False))
        return answer.status == 200

    async def _require_about(
        self, receipt: PackedReceipt, digests: bytes, *, method: Method, salted: bool
    ) -> None:
        other = f"the service at {self._connection.host} gave a receipt for other digests"
        if (receipt.new + receipt.known) * DIGEST_BYTES != len(digests):
            raise ServiceUnavailable(f"{other}: {receipt.new + receipt.known} of them")
        if receipt.promise is None:
            return
        try:
            # A million digests take a second or two to hash.
            await asyncio.to_thread(packed_tree, receipt.promise, digests, method=method, salted=salted)
        except InvalidProof as exc:
            raise ServiceUnavailable(f"{other}: {exc}") from exc

    async def _get(
        self, path: str, read: Callable[[Fields], T], *, params: dict[str, str] | None = None
    ) -> T:
        answer = await self._connection.fetch(Request(method="GET", path=path, params=params or {}))
        return self._read(answer.body, read)

    async def _post(
        self, path: str, body: JsonValue, read: Callable[[Fields], T], *, repeatable: bool = True
    ) -> T:
        content = None if body is None else encode_json(body)
        answer = await self._connection.fetch(
            Request(method="POST", path=path, body=content, repeatable=repeatable)
        )
        return self._read(answer.body, read)

    def _read(self, body: bytes, read: Callable[[Fields], T]) -> T:
        return self._document(body, lambda content: read(Fields(parse_strict_json(content), "the answer")))

    def _document(self, body: bytes, parse: Callable[[bytes], T]) -> T:
        try:
            return parse(body)
        except InvalidProof:
            raise
        except InvalidInput as exc:
            # Not the user's input that is invalid here, but the service's answer.
            raise ServiceUnavailable(
                f"the service at {self._connection.host} answered what this program cannot read ({exc}): "
                "is this the right address, and of the same version?"
            ) from exc


def _is_bound_as_asked(submission: Submission, receipt: Receipt) -> bool:
    if submission.status == "allocate":
        return receipt.status is not None
    return receipt.status == submission.status


def _require_count(count: int) -> None:
    if count < 1:
        raise InvalidInput("nothing to send: name at least one")
    if count > MAX_ITEMS:
        raise TooLarge(f"one request takes at most {MAX_ITEMS}, not {count}: send several")
