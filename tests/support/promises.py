"""What docs/protocol.md promises (Promises 1 to 7), held against a running service from outside: API, chain, files."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from eth_utils.crypto import keccak

from anchor.chain.client import Web3Chain
from anchor.chain.protocol import AnchoredEvent, Block
from anchor.chain.signer import LocalSigner
from anchor.core.digest import Method
from anchor.core.entries import CredentialEntry, StatusEntry, identifier_hash
from anchor.core.merkle import HASH_BYTES, leaf_hash
from anchor.documents import parse_proof
from anchor.fsck import check_everything
from anchor.verify import FileLocation, open_files
from tests.support.anvil import AnvilChain
from tests.support.running_service import IssuerAccess, RunningService

FSCK_RUNS = 2
"""What is anchored while fsck looks is told as unknown, and told right by a second run."""


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A digest that the service said it had, and the place in a pair of lists that it said was this digest's."""

    issuer: IssuerAccess
    digest: bytes
    status: StatusEntry | None = None

    @property
    def leaf(self) -> bytes:
        """The leaf that must stand in exactly one batch."""
        entry = CredentialEntry(
            issuer_id=identifier_hash(self.issuer.identifier),
            method=Method.RAW,
            digest=self.digest,
            status=self.status,
        )
        return leaf_hash(entry.encode())


def is_stored(database: Path, raw: str) -> bool:
    """Say whether the database holds a signed transaction, given as hex, at this moment."""
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
        octets = bytes.fromhex(raw[2:])
        row = connection.execute("select raw from payloads where hash = ?", (keccak(octets),)).fetchone()
    return row is not None and bytes(row[0]) == octets


def newest_version(database: Path, number: int) -> int:
    """Return a list's newest published version."""
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
        row = connection.execute(
            "select max(version) from list_versions where list = ?", (number,)
        ).fetchone()
    return int(row[0])


class PromiseCheck:
    """Reads a service's batches and its publisher's anchors, and names what is not as promised."""

    def __init__(self, *, service: RunningService, chain: AnvilChain) -> None:
        self._service = service
        self._anvil = chain
        self._publisher = LocalSigner(private_key=service.private_key).address
        self._leaves: dict[int, bytes] = {}

    async def violations(self, acknowledged: Sequence[Acknowledged]) -> list[str]:
        """
        Return what is broken, in words; nothing where every promise holds.

        Everything acknowledged must be final by now, and nothing under way.
        """
        chain = Web3Chain(rpc_url=self._anvil.rpc_url, contract=self._anvil.contract)
        try:
            latest = await _latest(chain)
            events = await self._events(chain, latest)
            found = [*_of_events(events)]
            await self._fetch_leaves(len(events))
            found += await self._of_digests(chain, events, acknowledged)
            found += await self._of_fsck(chain)
        finally:
            await chain.close()
        return [*found, *_of_entries(acknowledged), *self._of_outbox(), *self._of_log(acknowledged)]

    async def anchors_and_transactions(self) -> tuple[int, int]:
        """Return how many anchors the chain holds, and how many transactions of the publisher, as of one block."""
        chain = Web3Chain(rpc_url=self._anvil.rpc_url, contract=self._anvil.contract)
        try:
            latest = await _latest(chain)
            anchors = len(await self._events(chain, latest))
            nonce = await chain.nonce(self._publisher, latest.hash)
        finally:
            await chain.close()
        # Account 0 deployed the contract.
        deployments = 1 if self._service.private_key == self._anvil.development.private_key else 0
        return anchors, nonce - deployments

    def times_anchored(self, acknowledged: Sequence[Acknowledged]) -> list[int]:
        """Return in how many leaves of all batches each digest stands; precondition: `violations` was asked."""
        counts = Counter(leaf for leaves in self._leaves.values() for leaf in _cut(leaves))
        return [counts[item.leaf] for item in acknowledged]

    async def _events(self, chain: Web3Chain, latest: Block) -> Sequence[AnchoredEvent]:
        return await chain.anchored_events(
            self._publisher, from_block=self._anvil.deployed_at, to_block=latest.number
        )

    async def _fetch_leaves(self, newest: int) -> None:
        async with aiohttp.ClientSession() as session:
            for sequence in range(1, newest + 1):
                if sequence not in self._leaves:
                    url = f"{self._service.base_url}/v1/batches/{sequence}/leaves"
                    async with session.get(url) as response:
                        self._leaves[sequence] = await response.read() if response.status == 200 else b""

    async def _of_digests(
        self, chain: Web3Chain, events: Sequence[AnchoredEvent], acknowledged: Sequence[Acknowledged]
    ) -> list[str]:
        """Promises 1 and 3: in one leaf, final, and the proof leads to a root that a finalized block holds."""
        final = await chain.block("finalized")
        assert final is not None
        roots = {event.root for event in events if event.block_number <= final.number}
        found = []
        for item, times in zip(acknowledged, self.times_anchored(acknowledged), strict=True):
            name = f"digest {item.digest.hex()}"
            if times != 1:
                found.append(f"{name} stands in {times} leaves")
            path = f"/v1/digests/{item.digest.hex()}"
            status, receipt = await self._service.request("GET", path, headers=item.issuer.headers)
            if status != 200 or receipt["state"] != "final":
                found.append(f"{name} is not final: {status} {receipt}")
                continue
            status, body = await self._service.request("GET", f"{path}/proof", headers=item.issuer.headers)
            if status != 200:
                found.append(f"the proof of {name} is not given: {status} {body}")
                continue
            proof = parse_proof(json.dumps(body).encode()).proof
            if proof.root() not in roots or leaf_hash(proof.entry.encode()) != item.leaf:
                found.append(f"the proof of {name} leads to no finalized anchor of it")
        return found

    async def _of_fsck(self, chain: Web3Chain) -> list[str]:
        """Promise 6, and 5 with it: fsck compares lists, database, chain and what is published."""
        service = FileLocation(address=self._service.base_url, is_mirror=False)
        async with open_files(service) as files:
            for _ in range(FSCK_RUNS):
                report = await check_everything(
                    self._service.database,
                    chain=chain,
                    from_block=self._anvil.deployed_at,
                    confirmations=0,
                    files=files,
                )
                if report.is_sound:
                    return []
        return [f"fsck: {item.where}: {item.message}" for item in report.problems] + [
            f"fsck could not check: {reason}" for reason in report.unchecked
        ]

    def _of_outbox(self) -> Iterator[str]:
        """Promise 4: nonces follow each other without a gap."""
        with closing(sqlite3.connect(f"{self._service.database.as_uri()}?mode=ro", uri=True)) as connection:
            nonces = [row[0] for row in connection.execute("select distinct nonce from payloads order by 1")]
        if nonces and nonces != list(range(nonces[0], nonces[0] + len(nonces))):
            yield f"the nonces of stored transactions have a gap: {nonces}"

    def _of_log(self, acknowledged: Sequence[Acknowledged]) -> Iterator[str]:
        """Promise 7: no key in the log."""
        log = self._service.log
        keys = {item.issuer.api_key for item in acknowledged}
        for secret in {self._service.private_key.hex(), self._service.operator_key, *keys}:
            if secret in log:
                yield "a secret is in the log"


async def _latest(chain: Web3Chain) -> Block:
    latest = await chain.block("latest")
    assert latest is not None
    return latest


def _of_events(events: Sequence[AnchoredEvent]) -> Iterator[str]:
    """Promise 2: one anchor for each sequence, and for each root."""
    sequences = [event.sequence for event in events]
    if sequences != list(range(1, len(events) + 1)):
        yield f"the chain's sequences are {sequences}"
    if len({event.root for event in events}) != len(events):
        yield "a root is anchored twice"


def _of_entries(acknowledged: Sequence[Acknowledged]) -> Iterator[str]:
    """Promise 5: no status entry belongs to two digests."""
    entries = Counter(item.status for item in acknowledged if item.status is not None)
    for entry, count in entries.items():
        if count > 1:
            yield f"{entry} was handed out {count} times"


def _cut(leaves: bytes) -> list[bytes]:
    return [leaves[at : at + HASH_BYTES] for at in range(0, len(leaves), HASH_BYTES)]
