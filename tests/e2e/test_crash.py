"""How a service ends and starts again; tests/faults kills it at every point in turn."""

from __future__ import annotations

import asyncio
import secrets
import sys

import aiohttp
import pytest

from anchor.chain.client import Web3Chain
from anchor.chain.signer import LocalSigner
from anchor.core.digest import Method
from anchor.core.entries import CredentialEntry, identifier_hash
from anchor.core.merkle import HASH_BYTES, leaf_hash
from status_lists.multibase import decode_digest
from tests.support.anvil import AnvilChain
from tests.support.running_service import IssuerAccess, RunningService

pytestmark = pytest.mark.anvil


@pytest.fixture
def service(installed_service: RunningService) -> RunningService:
    """Return the service that the operator's own command starts."""
    return installed_service


async def _submit(service: RunningService, issuer: IssuerAccess) -> str:
    status, receipt = await service.request(
        "POST",
        "/v1/digests",
        headers=issuer.headers,
        json={"digest": secrets.token_bytes(32).hex(), "method": "raw"},
    )
    assert status == 201, receipt
    digest: str = receipt["digest"]
    return digest


async def _assert_anchored_once(
    anvil: AnvilChain, service: RunningService, issuer: IssuerAccess, digest: str
) -> None:
    """One final batch holds the digest, and the chain has one event for each sequence and root."""
    receipt = await service.wait_for_state(issuer, digest, "final")
    chain = Web3Chain(rpc_url=anvil.rpc_url, contract=anvil.contract)
    try:
        publisher = LocalSigner(private_key=anvil.development.private_key).address
        latest = await chain.block("latest")
        assert latest is not None
        events = await chain.anchored_events(publisher, from_block=0, to_block=latest.number)
    finally:
        await chain.close()

    leaf = leaf_hash(
        CredentialEntry(
            issuer_id=identifier_hash(issuer.identifier), method=Method.RAW, digest=decode_digest(digest)
        ).encode()
    )
    leaves = [await _leaves(service, event.sequence) for event in events]
    assert sum(batch.count(leaf) for batch in leaves) == 1
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    assert len({event.root for event in events}) == len(events)
    assert (
        events[receipt["anchor"]["sequence"] - 1].transaction_hash.hex()
        == receipt["anchor"]["transaction"][2:]
    )


async def _leaves(service: RunningService, sequence: int) -> list[bytes]:
    await service.wait_for_sequence(sequence)
    url = f"{service.base_url}/v1/batches/{sequence}/leaves"
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        octets = await response.read()
    return [octets[at : at + HASH_BYTES] for at in range(0, len(octets), HASH_BYTES)]


async def test_service_killed_right_after_acknowledging_digest_anchors_it_once(
    anvil: AnvilChain, service: RunningService
) -> None:
    """Fault 1: the acknowledgement is worth something even if the process dies in the next instant."""
    issuer = await service.add_issuer()
    digest = await _submit(service, issuer)
    await service.kill()
    await service.start()

    await _assert_anchored_once(anvil, service, issuer, digest)


async def test_service_restarts_with_sigterm_and_keeps_everything(
    anvil: AnvilChain, service: RunningService
) -> None:
    """Fault 11: SIGTERM ends the process cleanly, and the next start goes on where it was."""
    issuer = await service.add_issuer()
    digest = await _submit(service, issuer)
    assert await service.stop() == 0
    await service.start()

    await _assert_anchored_once(anvil, service, issuer, digest)


async def test_second_service_on_same_database_exits_with_message(service: RunningService) -> None:
    """Fault 7: two processes on one database."""
    second = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "anchor.cli",
        "serve",
        "--config",
        str(service.folder / "anchor.toml"),
        env=service.environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await second.communicate()

    assert second.returncode == 1
    assert b"another service is using" in errors
