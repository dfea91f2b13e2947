"""
A small stand-in for the service, in a thread of its own, with the same HTTP contract and real proofs.

It anchors nothing: a batch counts as mined after a set number of looks. One issuer, one pair of lists.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.typedefs import Handler

from anchor.core.digest import SALTED, Method
from anchor.core.entries import (
    BatchHeader,
    CredentialEntry,
    Purpose,
    StatusEntry,
    StatusListEntry,
    StatusSummary,
    bits_root,
    identifier_hash,
    unbound_credential_leaves,
)
from anchor.core.merkle import Tree, leaf_hash
from anchor.core.promise import Promise, SignedPromise, request_tree
from anchor.core.proof import BatchDescription, CredentialProof, Inclusion
from anchor.documents import (
    AnchorClaim,
    BatchDocument,
    ListState,
    ProofDocument,
    PublisherDocument,
    batch_to_json,
    promise_to_json,
    proof_to_json,
    publisher_to_json,
)
from status_lists.keys import ListKey
from status_lists.multibase import decode_digest, encode_base64url, encode_digest

OPERATOR_KEY = "operator-key-of-the-fake"
ISSUER_KEY = "issuer-key-of-the-fake"
ISSUER_ID = "https://university.example"
TIME = "2026-05-01T12:00:00.000Z"
TIME_S = 1_777_636_800
EXPECTED = "2026-05-01T12:01:24.000Z"
RECEIPT_KEY = ListKey(bytes([7]) * 32)
LIST_LENGTH = 131_072
CONTRACT = "0x" + "c0" * 20
PUBLISHER = "0x" + "ab" * 20

Json = dict[str, object]


@dataclass(frozen=True)
class Canned:
    """An answer that is given to the next request, whatever it asks; without a status the connection is cut."""

    status: int | None
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def problem(cls, status: int, slug: str, detail: str, **headers: str) -> Canned:
        """Return a problem document as the service writes it."""
        body = {"type": f"https://credential-anchor.org/problems/{slug}", "status": status, "detail": detail}
        return cls(status, json.dumps(body).encode(), headers)


@dataclass(frozen=True)
class Seen:
    """A request that came."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


@dataclass
class Item:
    """A submitted digest: its entry and its place."""

    entry: CredentialEntry
    sequence: int
    leaf_index: int


@dataclass
class Batch:
    """A batch that is mined once it was looked at `looks_left` times."""

    header: BatchHeader
    tree: Tree
    lists: tuple[ListState, ...]
    looks_left: int


class FakeService:
    """The service's state and handlers; tests set what is public here, such as `canned`, and read `seen`."""

    def __init__(self) -> None:
        self.url = ""
        self.looks_before_mined = 0
        self.signs_receipts = True
        self.canned: deque[Canned] = deque()
        self.refused: set[bytes] = set()
        self.successors: tuple[str, ...] = ()
        self.seen: list[Seen] = []
        self.items: dict[tuple[bytes, Method, bool], Item] = {}
        self.batches: list[Batch] = []
        self.bits = {
            Purpose.REVOCATION: bytearray(LIST_LENGTH // 8),
            Purpose.SUSPENSION: bytearray(LIST_LENGTH // 8),
        }
        self.version = 1_777_636_800_000
        self.next_index = 100
        self.history: list[Json] = []
        self.issuers: list[Json] = []

    def app(self) -> web.Application:
        """Return the application."""
        app = web.Application(middlewares=[self._record])
        app.add_routes(
            [
                web.post("/v1/issuers", self._add_issuer),
                web.get("/v1/issuers", self._list_issuers),
                web.post("/v1/issuers/{number}/rotate-key", self._rotate_key),
                web.post("/v1/issuers/{number}/disable", self._disable),
                web.post("/v1/digests", self._submit),
                web.get("/v1/digests/{digest}", self._look_up),
                web.get("/v1/digests/{digest}/proof", self._proof),
                web.post("/v1/status-entries", self._allocate),
                web.get("/v1/status-entries/{list}/{index}", self._status_entry),
                web.post("/v1/status-changes", self._change),
                web.get("/v1/publisher", self._publisher),
                web.get("/v1/batches/{sequence}", self._batch),
                web.get("/v1/batches/{sequence}/leaves", self._leaves),
                web.get("/readyz", self._ready),
            ]
        )
        return app

    @web.middleware
    async def _record(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        body = await request.read()
        self.seen.append(Seen(request.method, request.path, dict(request.query), dict(request.headers), body))
        if self.canned:
            canned = self.canned.popleft()
            if canned.status is None:
                assert request.transport is not None
                request.transport.abort()
                return web.Response()
            return web.Response(status=canned.status, body=canned.body, headers=canned.headers)
        is_operator = request.path.startswith("/v1/issuers")
        is_public = request.path.startswith(("/v1/publisher", "/v1/batches", "/readyz"))
        wanted = OPERATOR_KEY if is_operator else ISSUER_KEY
        if not is_public and request.headers.get("Authorization") != f"Bearer {wanted}":
            return _problem(401, "unauthorized", "send your API key as 'Authorization: Bearer KEY'")
        return await handler(request)

    async def _add_issuer(self, request: web.Request) -> web.Response:
        body = await request.json()
        number = len(self.issuers) + 1
        did = "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK"
        self.issuers.append(
            {
                "number": number,
                "id": body.get("id", did),
                "name": body["name"],
                "listSigner": {
                    "type": body["listSigner"],
                    "did": did,
                    "verificationMethod": f"{did}#key",
                    "publicKeyMultibase": "z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK",
                },
                "disabled": False,
                "created": TIME,
            }
        )
        answer = self.issuers[-1] | {
            "apiKey": f"new-key-{number}",
            "warnings": ["some verifiers refuse this"],
        }
        return web.json_response(answer, status=201)

    async def _list_issuers(self, _request: web.Request) -> web.Response:
        return web.json_response({"issuers": self.issuers})

    async def _rotate_key(self, request: web.Request) -> web.Response:
        number = int(request.match_info["number"])
        if number > len(self.issuers):
            return _problem(404, "not-found", f"there is no issuer {number}")
        return web.json_response(self.issuers[number - 1] | {"apiKey": "rotated-key", "warnings": []})

    async def _disable(self, request: web.Request) -> web.Response:
        issuer = self.issuers[int(request.match_info["number"]) - 1]
        issuer["disabled"] = True
        return web.json_response(issuer)

    async def _submit(self, request: web.Request) -> web.Response:
        if request.content_type == "application/octet-stream":
            salted = SALTED if request.query.get("salted") == "true" else 0
            method_code = Method.from_label(request.query["method"]) | salted
            return web.json_response(self.packed_answer(await request.read(), method_code))
        body = await request.json()
        keys = [
            (decode_digest(item["digest"]), Method.from_label(item["method"]), item.get("salted", False))
            for item in body
        ]
        if any(digest in self.refused for digest, _method, _salted in keys):
            return _problem(409, "conflict", "a digest is bound to another status entry")
        known = [key in self.items for key in keys]
        self._seal(
            [(key, item.get("status")) for key, item, old in zip(keys, body, known, strict=True) if not old]
        )
        receipts = [self._receipt(key) | {"new": not old} for key, old in zip(keys, known, strict=True)]
        new = known.count(False)
        leaves = b"".join(leaf_hash(self.items[key].entry.encode()) for key in keys)
        answer = {"new": new, "known": len(keys) - new, "accepted": TIME, "items": receipts}
        return web.json_response(answer | self._promise(leaves))

    def packed_answer(self, digests: bytes, method_code: int) -> Json:
        """Return the answer to a packed request."""
        split = [digests[at : at + 32] for at in range(0, len(digests), 32)]
        leaves = unbound_credential_leaves(identifier_hash(ISSUER_ID), method_code, split)
        return {"new": len(split), "known": 0, "accepted": TIME} | self._promise(leaves)

    def _promise(self, leaves: bytes) -> Json:
        if not self.signs_receipts:
            return {}
        promise = Promise(
            chain_id=31337,
            genesis_hash=bytes(32),
            contract=CONTRACT,
            publisher=PUBLISHER,
            base_url=self.url,
            issuer=ISSUER_ID,
            entry_count=len(leaves) // 32,
            root=request_tree(leaves).root(),
            accepted_s=TIME_S,
            anchored_by_s=TIME_S + 86_400,
        )
        signature = RECEIPT_KEY.sign(promise.encode())
        return {"promise": promise_to_json(SignedPromise(promise, RECEIPT_KEY.public_key, signature))}

    def _seal(self, accepted: Sequence[tuple[tuple[bytes, Method, bool], object]]) -> None:
        """Put digests (or none) with the lists as they are into a batch of their own."""
        sequence = len(self.batches) + 1
        header = BatchHeader(sequence=sequence, previous_root=bytes(32), created_s=1_777_636_800)
        tree = Tree()
        tree.extend([leaf_hash(header.encode())])
        for (digest, method, salted), status in accepted:
            entry = CredentialEntry(
                issuer_id=identifier_hash(ISSUER_ID),
                method=method,
                digest=digest,
                salted=salted,
                status=self._bind(status),
            )
            self.items[digest, method, salted] = Item(entry, sequence, tree.size)
            tree.extend([leaf_hash(entry.encode())])
        self.batches.append(Batch(header, tree, self._lists(), self.looks_before_mined))

    def _bind(self, status: object) -> StatusEntry | None:
        if isinstance(status, dict):
            return StatusEntry(status["list"], status["index"])
        if status is None:
            return None
        self.next_index += 1
        return StatusEntry(0, self.next_index)

    def _lists(self) -> tuple[ListState, ...]:
        return tuple(
            ListState(
                number=number,
                url=f"{self.url}/status-lists/{number}",
                issuer=ISSUER_ID,
                entry=StatusListEntry(
                    issuer_id=identifier_hash(ISSUER_ID),
                    list_id=identifier_hash(f"{self.url}/status-lists/{number}"),
                    purpose=purpose,
                    bits_per_entry=1,
                    length=LIST_LENGTH,
                    version=self.version,
                    bits_root=bits_root(bits),
                ),
            )
            for number, (purpose, bits) in enumerate(self.bits.items())
        )

    def _find(self, request: web.Request) -> tuple[bytes, Method, bool] | None:
        digest = decode_digest(request.match_info["digest"])
        method, salted = request.query.get("method"), request.query.get("salted") == "true"
        return next(
            (
                key
                for key in self.items
                if key[0] == digest and key[2] == salted and method in (None, key[1].label)
            ),
            None,
        )

    def _receipt(self, key: tuple[bytes, Method, bool]) -> Json:
        item = self.items[key]
        status = item.entry.status
        is_mined = not self.batches[item.sequence - 1].looks_left
        return {
            "digest": encode_digest(key[0]),
            "method": key[1].label,
            "salted": key[2],
            "new": False,
            "state": "final" if is_mined else "sent",
            "expected": None if is_mined else {"mined": EXPECTED, "final": EXPECTED},
            "accepted": TIME,
            "status": None if status is None else {"list": status.list_number, "index": status.index},
            "credentialStatus": [] if status is None else self._credential_status(status),
            "sequence": item.sequence,
            "leafIndex": item.leaf_index,
        }

    def _credential_status(self, status: StatusEntry) -> list[Json]:
        return [
            {
                "type": "BitstringStatusListEntry",
                "statusPurpose": purpose.label,
                "statusListCredential": f"{self.url}/status-lists/{number}",
                "statusListIndex": str(status.index),
            }
            for number, purpose in enumerate(self.bits)
        ]

    async def _look_up(self, request: web.Request) -> web.Response:
        key = self._find(request)
        if key is None:
            return _problem(404, "not-found", "you did not submit this digest")
        batch = self.batches[self.items[key].sequence - 1]
        receipt = self._receipt(key)
        if batch.looks_left:
            batch.looks_left -= 1
            return web.json_response(receipt | {"anchor": None})
        claim = _claim(batch.header.sequence)
        anchor = {
            "sequence": claim.sequence,
            "root": encode_base64url(bytes(32)),
            "transaction": "0x" + claim.transaction.hex(),
            "blockNumber": claim.block_number,
            "blockTime": claim.block_time_s,
        }
        return web.json_response(receipt | {"anchor": anchor})

    async def _proof(self, request: web.Request) -> web.Response:
        key = self._find(request)
        if key is None:
            return _problem(404, "not-found", "you did not submit this digest")
        item = self.items[key]
        batch = self.batches[item.sequence - 1]
        if batch.looks_left:
            return _problem(409, "not-yet-mined", "the batch is not mined yet")
        path = tuple(batch.tree.inclusion_path(item.leaf_index))
        proof = CredentialProof(
            entry=item.entry,
            inclusion=Inclusion(index=item.leaf_index, tree_size=batch.tree.size, path=path),
            status_root=StatusSummary.of([state.entry for state in batch.lists]).status_root(),
        )
        document = ProofDocument(proof=proof, issuer=ISSUER_ID, salt=None, claim=_claim(item.sequence))
        return web.json_response(proof_to_json(document))

    async def _allocate(self, request: web.Request) -> web.Response:
        count = (await request.json())["count"]
        entries = []
        for _ in range(count):
            self.next_index += 1
            status = StatusEntry(0, self.next_index)
            entries.append(
                {"list": 0, "index": status.index, "credentialStatus": self._credential_status(status)}
            )
        return web.json_response({"entries": entries})

    async def _status_entry(self, request: web.Request) -> web.Response:
        index = int(request.match_info["index"])
        byte, bit = divmod(index, 8)
        revoked, suspended = (bool(bits[byte] & (0x80 >> bit)) for bits in self.bits.values())
        mine = [event for event in self.history if event["index"] == index]
        return web.json_response(
            {"list": 0, "index": index, "revoked": revoked, "suspended": suspended, "history": mine}
        )

    async def _change(self, request: web.Request) -> web.Response:
        changed = 0
        changes = (await request.json())["changes"]
        for change in changes:
            purpose = Purpose.from_label(change["purpose"])
            if purpose is Purpose.REVOCATION and not change["value"]:
                return _problem(409, "revocation-is-final", "a revocation cannot be lifted")
            if "digest" in change and not any(
                digest == decode_digest(change["digest"]) for digest, _method, _salted in self.items
            ):
                return _problem(
                    404, "not-found", f"the digest {change['digest']} was not submitted with your key"
                )
            index = change["index"] if "index" in change else self._index_of(change)
            byte, bit = divmod(index, 8)
            mask = 0x80 >> bit
            old = bool(self.bits[purpose][byte] & mask)
            changed += old != change["value"]
            self.bits[purpose][byte] = self.bits[purpose][byte] & ~mask | (mask if change["value"] else 0)
            event = {
                "time": TIME,
                "purpose": change["purpose"],
                "value": change["value"],
                "actor": "issuer 1",
            }
            self.history.append(event | {"reason": change["reason"], "index": index})
        self.version += 1
        self._seal([])
        lists = [{"list": state.number, "url": state.url, "version": self.version} for state in self._lists()]
        return web.json_response(
            {
                "changed": changed,
                "unchanged": len(changes) - changed,
                "published": TIME,
                "lists": lists,
                "anchoredBy": TIME,
            }
        )

    def _index_of(self, change: Json) -> int:
        digest = decode_digest(str(change["digest"]))
        status = next(item.entry.status for key, item in self.items.items() if key[0] == digest)
        assert status is not None
        return status.index

    async def _publisher(self, _request: web.Request) -> web.Response:
        return web.json_response(
            publisher_to_json(
                PublisherDocument(
                    chain_id=31337,
                    genesis_hash=bytes(32),
                    contract=CONTRACT,
                    publisher=PUBLISHER,
                    from_block=1,
                    base_url=self.url,
                    head_sequence=len(self.batches),
                    successors=self.successors,
                    head_root=self._description(self.batches[-1]).root() if self.batches else None,
                )
            )
        )

    def _description(self, batch: Batch) -> BatchDescription:
        return BatchDescription(
            header=batch.header,
            leaf_count=batch.tree.size,
            credential_root=batch.tree.root(),
            list_entries=tuple(state.entry for state in batch.lists),
        )

    async def _batch(self, request: web.Request) -> web.Response:
        batch = self.batches[int(request.match_info["sequence"]) - 1]
        description = self._description(batch)
        document = BatchDocument(
            description=description,
            root=description.root(),
            lists=batch.lists,
            claim=_claim(batch.header.sequence),
            is_final=True,
        )
        return web.json_response(batch_to_json(document))

    async def _leaves(self, request: web.Request) -> web.Response:
        batch = self.batches[int(request.match_info["sequence"]) - 1]
        return web.Response(body=bytes(batch.tree.levels[0]))

    async def _ready(self, _request: web.Request) -> web.Response:
        return web.json_response({"ready": True})


@contextmanager
def running_service() -> Iterator[FakeService]:
    """Run a fake service in a thread while the block lasts."""
    fake = FakeService()
    loop = asyncio.new_event_loop()
    runner = web.AppRunner(fake.app(), access_log=None)

    async def start() -> None:
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        fake.url = f"http://127.0.0.1:{runner.addresses[0][1]}"

    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(start(), loop).result(10)
        yield fake
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


def _claim(sequence: int) -> AnchorClaim:
    return AnchorClaim(
        chain_id=31337,
        contract=CONTRACT,
        publisher=PUBLISHER,
        sequence=sequence,
        transaction=bytes(31) + bytes([sequence]),
        block_number=10 + sequence,
        block_time_s=1_777_636_805,
    )


def _problem(status: int, slug: str, detail: str) -> web.Response:
    canned = Canned.problem(status, slug, detail)
    return web.Response(status=status, body=canned.body, content_type="application/problem+json")
