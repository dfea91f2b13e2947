"""A list key replaced and a webhook called by a running service, seen from outside."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from click.testing import CliRunner

from anchor.cli import main
from anchor.client import ServiceClient, StatusChange
from anchor.core.entries import Purpose, StatusEntry
from status_lists import get_entry, parse_json_object, parse_list_document, verify_list
from status_lists.key_selection import select_key
from tests.support.anvil import AnvilChain
from tests.support.did_documents import keys_of
from tests.support.running_service import RunningService
from tests.support.webhook_receiver import Receiver, receiving

pytestmark = pytest.mark.anvil

LIST_BYTES = 16_384


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """Run a receiver."""
    async with receiving() as started:
        yield started


@pytest_asyncio.fixture
async def service(
    tmp_path: Path, anvil: AnvilChain, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[RunningService]:
    """Run a service that may call the receiver."""
    monkeypatch.setenv("ANCHOR_LIMITS_WEBHOOK_HOSTS", receiver.authority)
    running = RunningService(folder=tmp_path / "service", chain=anvil)
    await running.start()
    yield running
    await running.stop()


async def anchor(service: RunningService, *arguments: str) -> str:
    """Run `anchor` as the operator and return what it printed."""
    environment = {"ANCHOR_SERVICE": service.base_url, "ANCHOR_API_KEY": service.operator_key}
    result = await asyncio.to_thread(CliRunner().invoke, main, arguments, env=environment)
    assert result.exit_code == 0, result.output
    return result.stdout


async def add_hosted(service: RunningService, folder: Path) -> ServiceClient:
    """Add an issuer whose DID document the service publishes, and return its client."""
    key_file = folder / "utopia.key"
    await anchor(
        service,
        *("issuer", "add", "--name", "Utopia", "--did-web-hosted", "utopia-university"),
        *("--key-file", str(key_file)),
    )
    return ServiceClient(service.base_url, key_file.read_text("ascii").strip())


async def did_document(service: RunningService) -> dict[str, Any]:
    """Return the DID document as it is served."""
    status, body = await service.request("GET", "/dids/utopia-university/did.json")
    assert status == 200
    document: dict[str, Any] = body
    return document


def verified_by(published: bytes, document: dict[str, Any]) -> str:
    """Verify a list with the DID document alone, and return the name of the key."""
    parsed = parse_json_object(published)
    key = select_key(parsed, keys_of(document))
    verify_list(parsed, public_key=key.public_key.key_bytes)
    return key.verification_method


async def revoke(client: ServiceClient, entry: StatusEntry) -> int:
    """Revoke an entry and return the version that shows it."""
    receipt = await client.change_status([StatusChange(entry, Purpose.REVOCATION, value=True, reason="test")])
    return receipt.lists[0].version


async def test_rotated_list_key_old_versions_verify_and_new_ones_by_the_new_key(
    service: RunningService, tmp_path: Path
) -> None:
    """Whoever holds an old version, or fetches a new one, verifies it by what the DID document names today."""
    async with await add_hosted(service, tmp_path) as client:
        (allocation,) = await client.allocate_status_entries(1)
        before = await revoke(client, allocation.status)
        (method,) = (await did_document(service))["assertionMethod"]

        printed = await anchor(service, "issuer", "rotate-list-key", "1")
        document = await did_document(service)
        old = await client.status_list(0, version=before)
        new = await client.status_list(0)

    present, retired = document["assertionMethod"]
    assert retired == method
    assert present in printed
    assert document["id"] == f"did:web:127.0.0.1%3A{service.port}:dids:utopia-university"
    assert (verified_by(old, document), verified_by(new, document)) == (retired, present)
    lists = [parse_list_document(item, max_bits_bytes=LIST_BYTES) for item in (old, new)]
    assert [get_entry(item.bits, allocation.status.index) for item in lists] == [1, 1]
    assert [item.issuer for item in lists] == [document["id"]] * 2


async def test_webhook_is_called_after_a_revocation_and_later_where_it_was_down(
    service: RunningService, receiver: Receiver, tmp_path: Path
) -> None:
    """Signed, in order, across a receiver that is down and a service that is killed meanwhile."""
    async with await add_hosted(service, tmp_path) as client:
        entries = [item.status for item in await client.allocate_status_entries(4)]
        created = await client.create_webhook(receiver.url)
        versions = [await revoke(client, entries[0])]
        (first,) = await receiver.wait_for(1)
        await receiver.stop()
        versions += [await revoke(client, entry) for entry in entries[1:]]
        await service.kill()
        await receiver.start()
        await service.start()
        told = await receiver.wait_for_ids(4)

    assert first.data == {
        "list": 0,
        "version": versions[0],
        "url": f"{service.base_url}/status-lists/0",
        "versionUrl": f"{service.base_url}/status-lists/0/versions/{versions[0]}",
    }
    assert [message.data["version"] for message in told] == versions
    assert all(message.is_signed_with(created.secret) for message in told)
    assert "s3cr3t" not in service.log
    assert created.secret not in service.log
